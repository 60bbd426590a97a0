import DefaultTheme from 'vitepress/theme'
import type { Theme } from 'vitepress'
import BatchPicture from './batch-picture.vue'
import Playground from './playground/playground.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('BatchPicture', BatchPicture)
    app.component('BulkPlayground', Playground)
  },
} satisfies Theme
