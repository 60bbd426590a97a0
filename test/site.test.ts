/**
 * The site as it was built (`npm run docs:build`), in a real browser, with no network but this server.
 */

import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const dist = join(import.meta.dirname, '../docs/.vitepress/dist')
const executablePath = '/usr/bin/chromium'
const missing = [dist, executablePath].find(path => !existsSync(path))
if (missing !== undefined)
  console.warn(
    `SKIPPED: there is no ${missing}. npm run docs:build makes the site; Chromium is Debian's package.`,
  )

/** What is wrong in these is the default theme's: its sidebar, its search button and its second footer. */
const notOurs = [
  'nested-interactive',
  'label-content-name-mismatch',
  'landmark-no-duplicate-contentinfo',
  'landmark-unique',
]

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

function serve(): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const path = join(dist, decodeURI(url!.split('?')[0]!))
    const file = [path, `${path}.html`, join(path, 'index.html')].find(
      each => /\.\w+$/.test(each) && existsSync(each),
    )
    if (file === undefined)
      return void response
        .writeHead(404, { 'content-type': 'text/html' })
        .end(readFileSync(join(dist, '404.html')))
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
    return void response.end(readFileSync(file))
  })
  return new Promise(resolve => void server.listen(0, '127.0.0.1', () => resolve(server)))
}

describe.skipIf(missing !== undefined)('the site in Chromium', { timeout: 120_000 }, () => {
  let server: Server
  let address: string
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let wrong: string[]
  /** What is wrong in the page for whoever does not see it. */
  const violations = async (): Promise<unknown[]> => {
    await page.addScriptTag({ path: fileURLToPath(import.meta.resolve('axe-core')) })
    const rules = Object.fromEntries(notOurs.map(rule => [rule, { enabled: false }]))
    return page.evaluate<unknown[]>(
      `axe.run(${JSON.stringify({ rules })}).then(({ violations }) =>
        violations.map(({ id, nodes }) => [id, ...nodes.map(node => node.html)]))`,
    )
  }

  beforeAll(async () => {
    server = await serve()
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  })

  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  beforeEach(async () => {
    wrong = []
    context = await browser.newContext({ viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' })
    page = await context.newPage()
    page.on('request', request => {
      if (!request.url().startsWith(address) && !request.url().startsWith('data:')) wrong.push(request.url())
    })
    page.on('response', response => {
      if (response.status() >= 400) wrong.push(`${response.status()} ${response.url()}`)
    })
    page.on('pageerror', error => wrong.push(error.message))
    return () => context.close()
  })

  it.each([
    '',
    'start',
    'guides/',
    'guides/pagination',
    'how-it-works',
    'compared',
    'playground',
    'reference/promises',
  ])(
    'shows /%s on a phone, also to a screen reader, without a request to anywhere else or scrolling to the side',
    async path => {
      await page.goto(`${address}/${path}`, { waitUntil: 'networkidle' })
      const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')

      expect(tooWide).toBeLessThanOrEqual(0)
      expect(await page.locator('h1').first().innerText()).not.toBe('')
      expect(await page.getByRole('main').count()).toBe(1)
      expect(wrong).toEqual([])
      expect(await violations()).toEqual([])
    },
  )

  it('says where nothing is that there is no page, also to a screen reader, and leads to the first', async () => {
    await page.goto(`${address}/nowhere`, { waitUntil: 'networkidle' })
    await page.getByRole('main').getByRole('link', { name: 'To the first page' }).waitFor()

    expect(await violations()).toEqual([])
    expect(wrong).toEqual([`404 ${address}/nowhere`])
    await page.getByRole('link', { name: 'To the first page' }).click()
    await page.waitForURL(`${address}/`)
  })

  it.each([
    ['N+1', 'start'],
    ['batch', 'how-it-works'],
    ['dataloader', 'coming-from/dataloader'],
    ['dataloader is slow', 'coming-from/dataloader'],
    ['deduplicate', 'reference/bulk-loader'],
    ['connection pool', 'guides/limits'],
    ['too many connections', 'guides/limits'],
    ['subscription stale', 'guides/subscriptions'],
    ['jest esm', 'guides/testing'],
    ['tick', 'how-it-works'],
    ['idle', 'how-it-works'],
    ['pagination', 'guides/pagination'],
    ['drizzle', 'guides/drizzle'],
    ['prisma', 'guides/prisma'],
    ['retry failed batch', 'reference/questions'],
    ['memory leak', 'reference/questions'],
    ['first 10 comments of each post', 'guides/pagination'],
    ['composite key dataloader', 'guides/composite-keys'],
    ['authorization viewer', 'guides/authorization'],
    ['aws lambda', 'guides/serverless'],
    ['timeout batch function', 'guides/cancellation'],
    ['slow query debug batches', 'guides/inspector'],
    ['dataloader batch not working async await', 'reference/questions'],
    ['batchScheduleFn setTimeout', 'coming-from/dataloader-drop-in'],
    ['prisma findUnique batch', 'coming-from/prisma'],
    ['limit concurrency database pool graphql', 'guides/limits'],
    ['dataloader nestjs', 'guides/nestjs'],
    ['dataloader opentelemetry', 'guides/traces'],
  ])('finds %s among the first three: %s', async (word, wanted) => {
    await page.goto(address)
    await page
      .getByRole('button', { name: /search/i })
      .first()
      .click()
    await page.locator('.search-input').fill(word)
    // The results of a part of the word may come first.
    const results = page.locator('.VPLocalSearchBox .result')
    await page
      .locator(`.VPLocalSearchBox .results > :nth-child(-n+3) .result[href*="/${wanted}.html"]`)
      .first()
      .waitFor()

    expect(await results.count()).toBeGreaterThan(0)
    expect(wrong).toEqual([])
  })

  it('keeps the time in sight on a phone while the pictures are', async () => {
    await page.goto(`${address}/playground`)
    await page.getByRole('img', { name: /^Bulkcall: / }).scrollIntoViewIfNeeded()
    const transport = await page.locator('.transport').boundingBox()

    expect(await page.evaluate<number>('scrollY')).toBeGreaterThan(300)
    expect(transport!.y).toBe(0)
  })

  it('plays by the keyboard, and tells a screen reader what it shows', async () => {
    await page.goto(`${address}/playground`)
    const pictures = page.getByRole('img', { name: /batches in/ })
    await pictures.first().waitFor()
    const before = await pictures.last().getAttribute('aria-label')
    const delay = page.getByRole('slider', { name: /^delay/ })
    await delay.focus()
    for (let press = 0; press < 9; press++) await page.keyboard.press('ArrowLeft')
    await page.waitForFunction(
      `document.querySelectorAll('.waterfall')[2].getAttribute('aria-label') !== ${JSON.stringify(before)}`,
    )

    expect(await pictures.count()).toBe(3)
    expect(await delay.getAttribute('aria-valuetext')).toBe('1 ms')
    expect(await page.locator('[aria-live=polite]').innerText()).toMatch(
      /^End of the tick: \d+ batches, [\d.]+ ms\. Fixed window: .+ Bulkcall: /,
    )

    await page.getByRole('button', { name: 'Play slowly' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.waitForFunction(`parseFloat(document.querySelector('.clock').textContent) > 1`)
    await page.keyboard.press('Enter')
    const paused = await page.locator('.clock').innerText()

    expect(parseFloat(paused)).toBeLessThan(30)
    await page.getByRole('button', { name: 'no I/O between' }).click()
    const [tick, , scope] = await page
      .locator('.panel dd')
      .allInnerTexts()
      .then(texts => [texts.slice(0, 2), [], texts.slice(4)])
    expect(scope).toEqual(tick)
    expect(wrong).toEqual([])
  })
})
