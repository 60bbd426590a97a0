import { useData, type Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import { onMounted, watch } from 'vue'
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
  setup() {
    const { frontmatter } = useData()
    // For screen readers: the home page of the default theme has no main part.
    const markMain = (): void => {
      const content = document.querySelector('#VPContent')
      if (frontmatter.value['layout'] === 'home') content?.setAttribute('role', 'main')
      else content?.removeAttribute('role')
    }
    onMounted(markMain)
    watch(frontmatter, markMain, { flush: 'post' })
  },
} satisfies Theme
