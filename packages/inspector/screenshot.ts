/** Takes the picture of the page that the READMEs and the site show. */

import { join } from 'node:path'

import { launch } from './test/support/chromium.ts'
import { serve } from './test/support/server.ts'

const comments = 'comments { text author { name } }'
const operations = [
  'query Author { post(id: 3) { author { name org { name } } } }',
  `query Profile { posts(first: 6) { id author { name } ${comments} } }`,
  'query Report { posts(first: 4) { id broken { name } author { name } } }',
  'mutation Touch { touch { id author { name } } }',
  `query Search { posts(first: 24) { id ${comments} } }`,
  `query Feed { posts(first: 40) { id author { name org { name } } ${comments} } }`,
]

const server = await serve({ pace: 6 })
const feed = operations.at(-1)!
// One after the other: the last one is on top, and the first ones warm the server up.
// oxlint-disable-next-line no-await-in-loop -- that is why
for (const operation of [...Array<string>(11).fill(feed), ...operations]) await server.ask(operation)

const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1360, height: 960 }, colorScheme: 'light' })
await page.goto(server.page)
await page.getByLabel('Loader to change').selectOption('authors')
const size = page.getByRole('slider', { name: 'size' })
await size.focus()
for (const key of ['ArrowRight', 'ArrowRight']) {
  // oxlint-disable-next-line no-await-in-loop -- a key is pressed after the other
  await size.press(key)
}
await page.getByRole('group', { name: 'Predicted bulks' }).waitFor()
await page.screenshot({ path: join(import.meta.dirname, 'screenshot.png') })
await browser.close()
await server.close()
