/** Takes the picture of the inspector that is in the README, over a PostgreSQL server that is installed. */

import { join } from 'node:path'

import { chromium } from 'playwright-core'

import { revealing, startingQueries } from '../src/starting-queries.ts'
import { postgresPrograms, startPostgres } from './postgres-server.ts'
import { ask, serve } from './serving.ts'

const postgres = await startPostgres(postgresPrograms!)
const serving = await serve({ url: postgres.url }, 1, 5)
const queries = startingQueries.filter(query => !/subscription|@defer/.test(query))
// One after the other; the first ones warm the server up, and the last one is on top.
// oxlint-disable-next-line no-await-in-loop -- that is why
for (const query of [revealing, revealing, revealing, ...queries, revealing]) await ask(serving, query)

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, colorScheme: 'dark' })
await page.goto(`${serving.address}/graphql/bulk`)
await page.getByRole('slider', { name: 'concurrent' }).press('ArrowRight')
await page.getByRole('group', { name: 'Predicted bulks' }).waitFor()
await page.screenshot({ path: join(import.meta.dirname, '../inspector.png') })

await browser.close()
await serving.close()
await postgres.stop()
