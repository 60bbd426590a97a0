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
    const { frontmatter, page } = useData()
    // For screen readers: in the default theme the home page, and that of an address where nothing is, have no main part.
    const markMain = (): void => {
      const content = document.querySelector('#VPContent')
      if (frontmatter.value['layout'] === 'home' || page.value.isNotFound)
        content?.setAttribute('role', 'main')
      else content?.removeAttribute('role')
    }
    onMounted(markMain)
    watch(page, markMain, { flush: 'post' })
  },
} satisfies Theme
