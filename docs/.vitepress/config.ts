import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type DefaultTheme } from 'vitepress'

const docs = fileURLToPath(new URL('..', import.meta.url))
const root = join(docs, '..')
const source = 'https://github.com/bulkcall/bulkcall/blob/main/'

export default defineConfig({
  title: 'Bulkcall',
  description:
    'Bulkcall turns many single calls into few bulk calls: batching and deduplication against N+1 queries.',
  lang: 'en',
  cleanUrls: false,
  srcExclude: ['node_modules/**'],
  head: [
    ['link', { rel: 'icon', href: '/icon.svg', type: 'image/svg+xml' }],
    ['meta', { name: 'theme-color', content: '#6d5ae6' }],
  ],
  themeConfig: {
    logo: '/icon.svg',
    search: {
      provider: 'local',
      options: {
        // Who searches wants a page that explains: first those that explain the words themselves, last the reference of the API.
        miniSearch: {
          searchOptions: {
            boostDocument: (id: string) =>
              id.includes('/reference/api/') ? 0.3 : /\/(start|how-it-works)\b/.test(id) ? 1.5 : 1,
          },
        },
      },
    },
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Guides', link: '/guides/', activeMatch: '/guides/' },
      { text: 'Reference', link: '/reference/', activeMatch: '/reference/' },
      { text: 'Compared', link: '/compared' },
      { text: 'Playground', link: '/playground' },
    ],
    sidebar: sidebar(),
    socialLinks: [{ icon: 'github', link: 'https://github.com/bulkcall/bulkcall' }],
    outline: [2, 3],
    footer: { message: 'MIT' },
    notFound: {
      title: 'There is no such page',
      quote: 'It may have moved: the search finds it by its words.',
      linkText: 'To the first page',
      linkLabel: 'To the first page',
    },
  },
  markdown: {
    anchor: { slugify: anchorOf },
    // Those whose words all stand out enough from their ground.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
    config(md) {
      // Pages link to files of the repository as GitHub does; here such a link leads there.
      const render =
        md.renderer.rules.link_open ??
        ((tokens, at, options, _, self) => self.renderToken(tokens, at, options))
      md.core.ruler.after('inline', 'links to sources', ({ tokens, env }) => {
        for (const token of tokens.flatMap(block => block.children ?? [])) {
          if (token.type !== 'link_open') continue
          const href = token.attrGet('href') ?? ''
          if (/^[a-z]+:|^[#/]/.test(href)) continue
          const [path = '', anchor] = href.split('#')
          const target = resolve(dirname(join(docs, (env as { relativePath: string }).relativePath)), path)
          if (target.startsWith(docs)) continue
          token.attrSet('href', source + relative(root, target) + (anchor === undefined ? '' : `#${anchor}`))
        }
      })
      md.renderer.rules.link_open = render
    },
  },
  vite: {
    resolve: { alias: { '@bulkcall/core': join(root, 'packages/core/src/index.ts') } },
    server: { fs: { allow: [root] } },
    build: { chunkSizeWarningLimit: 1_500 },
  },
})

/** As GitHub makes it, where the same pages are read. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

function sidebar(): DefaultTheme.Sidebar {
  return [
    {
      text: 'Start',
      items: [
        { text: 'The N+1 problem, solved', link: '/start' },
        { text: 'Playground', link: '/playground' },
        { text: 'How it works', link: '/how-it-works' },
        { text: 'Compared', link: '/compared' },
      ],
    },
    ...['Guides', 'Coming from', 'Reference'].map(text => {
      const folder = text.toLowerCase().replace(' ', '-')
      return { text, collapsed: text !== 'Guides', items: pagesOf(folder) }
    }),
    { text: 'API', collapsed: true, items: apiPages() },
  ]
}

/** The pages of a folder in their `order`, each with its title. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  return readdirSync(join(docs, folder))
    .filter(name => name.endsWith('.md') && name !== 'index.md')
    .map(name => {
      const text = readFileSync(join(docs, folder, name), 'utf8')
      const order = Number(/^order: (\d+)$/m.exec(text)?.[1] ?? 100)
      return {
        text: /^(?:title:|#) (.+)$/m.exec(text)![1]!.replaceAll('`', ''),
        link: `/${folder}/${name.slice(0, -3)}`,
        order,
      }
    })
    .toSorted((a, b) => a.order - b.order || a.text.localeCompare(b.text))
}

/** TypeDoc writes them. */
function apiPages(): DefaultTheme.SidebarItem[] {
  const folder = join(docs, 'reference/api/@bulkcall')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).map(entry => {
    const name = entry.name.replace(/\.md$/, '')
    const link = `/reference/api/@bulkcall/${name}${entry.isDirectory() ? '/' : ''}`
    return { text: `@bulkcall/${name}`, link }
  })
}
