import DefaultTheme from 'vitepress/theme'
import type { Theme } from 'vitepress'
import BatchPicture from './batch-picture.vue'
import BenchTable from './bench-table.vue'
import Playground from './playground/playground.vue'
import SizeTable from './size-table.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('BatchPicture', BatchPicture)
    app.component('BenchTable', BenchTable)
    app.component('SizeTable', SizeTable)
    app.component('BulkPlayground', Playground)
  },
} satisfies Theme
