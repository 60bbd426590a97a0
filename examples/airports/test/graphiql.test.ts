/**
 * GraphiQL, as the example serves it, in a real browser.
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { ask, serve, type Serving } from './serving.ts'

const executablePath = '/usr/bin/chromium'
const isInstalled = existsSync(executablePath)
const folder = mkdtempSync(join(tmpdir(), 'airports-graphiql-'))

/** The page is large, and a first start takes some seconds; much longer on a machine that is busy. */
const patience = 300_000

describe('GraphiQL in Chromium, with no network but this server', { timeout: patience }, () => {
  let serving: Serving
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let refused: string[]

  beforeAll(async () => {
    if (!isInstalled) return
    serving = await serve({ folder })
    browser = await chromium.launch({
      executablePath,
      timeout: patience,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  }, patience)

  afterAll(async () => {
    await browser?.close()
    await serving?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  beforeEach(async ctx => {
    if (!isInstalled) ctx.skip(`There is no ${executablePath}`)
    refused = []
    context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
    context.setDefaultTimeout(patience / 3)
    await context.route('**/*', route => {
      const url = route.request().url()
      if (url.startsWith(serving.address) || /^(blob|data):/.test(url)) return route.continue()
      refused.push(url)
      return route.abort()
    })
    page = await context.newPage()
    await page.goto(serving.address)
    await page.getByRole('button', { name: /execute query/i }).waitFor()
    return () => context.close()
  })

  it('shows the starting queries, and its button runs the first', async () => {
    const errors: string[] = []
    page.on('pageerror', error => errors.push(error.message))
    await page.getByRole('button', { name: /execute query/i }).click()
    await page.locator('.graphiql-response', { hasText: /"Albania"/ }).waitFor()

    expect(page.url()).toContain(`${serving.address}/graphql`)
    expect(await page.title()).toBe('Airports: Bulkcall')
    const screenshot = await page.screenshot(
      process.env['BULKCALL_SCREENSHOT'] === undefined ? {} : { path: process.env['BULKCALL_SCREENSHOT'] },
    )
    expect(screenshot.length).toBeGreaterThan(10_000)
    expect({ refused, errors }).toEqual({ refused: [], errors: [] })
  })

  it('shows the events of a subscription', async () => {
    await page.getByRole('button', { name: 'Watch', exact: true }).click()
    await page.locator('.graphiql-query-editor', { hasText: 'subscription' }).waitFor()
    const stop = page.getByRole('button', { name: /stop query/i })
    // GraphiQL asks for the operation of the tab before until it has read this one, and then finds none.
    await vi.waitFor(
      async () => {
        if (!(await stop.isVisible())) await page.getByRole('button', { name: /execute query/i }).click()
        await stop.waitFor({ timeout: 1000 })
      },
      { timeout: patience / 3 },
    )
    const shown = page.locator('.graphiql-response', { hasText: /"Klagenfurt!"/ }).waitFor()
    // The button changes before the server has heard of the subscription, so the event is repeated until it is shown.
    const timer = setInterval(() => {
      void ask(serving, 'mutation { renameAirport(ident: "LOWK", name: "Klagenfurt!") { name } }')
    }, 200)
    await shown.finally(() => clearInterval(timer))

    expect(refused).toEqual([])
  })

  it('runs a query that is typed', async () => {
    const editor = page.locator('.graphiql-query-editor')
    await editor.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText('query Typed { airport(code: "VIE") { name municipality } }')
    await page.getByRole('button', { name: 'Typed', exact: true }).waitFor()
    await page.getByRole('button', { name: /execute query/i }).click()
    await page.locator('.graphiql-response', { hasText: /"municipality":\s"Vienna"/ }).waitFor()

    expect(refused).toEqual([])
  })

  it('shows the answer below the query on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: /execute query/i }).click()
    await page.locator('.graphiql-response', { hasText: /"Albania"/ }).waitFor()
    const [query, answer] = await Promise.all(
      ['.graphiql-query-editor', '.graphiql-response'].map(part => page.locator(part).boundingBox()),
    )

    expect(answer!.y).toBeGreaterThan(query!.y + query!.height)
    for (const { width } of [query!, answer!]) expect(width).toBeGreaterThan(330)
    // A finger finds the link.
    const link = await page.getByRole('link', { name: 'Inspector' }).boundingBox()
    expect(link!.height).toBeGreaterThanOrEqual(28)
  })

  it.each([360, 1280])(
    'shows the comments as a whole on a screen of %d pixels, and the button beside them',
    async width => {
      await page.setViewportSize({ width, height: 640 })
      const comments = page.locator('.graphiql-query-editor .view-line > span > span', { hasText: /^#/ })
      const button = await page.getByRole('button', { name: /execute query/i }).boundingBox()
      const editor = await page.locator('.graphiql-query-editor .overflow-guard').first().boundingBox()
      const ends = await comments.evaluateAll(lines => lines.map(line => line.getBoundingClientRect()))

      expect(ends.length).toBeGreaterThan(5)
      for (const { right, bottom } of ends) {
        expect(right).toBeLessThan(editor!.x + editor!.width)
        expect(right < button!.x || bottom < button!.y).toBe(true)
      }
    },
  )
})
