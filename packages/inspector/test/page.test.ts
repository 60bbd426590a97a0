/**
 * The page in a real browser: what it shows, what its controls do, and what it does not let in.
 */

import { readFileSync } from 'node:fs'

import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { TraceEvent } from '../page/trace.ts'
import type { RecordedOperation, Recording } from '../src/index.ts'
import { executablePath, isInstalled, launch } from './support/chromium.ts'
import { serve, type Serving, type ServingOptions } from './support/server.ts'

const feed = `query Feed($n: Int = 40) {
  posts(first: $n) { id author { name org { name } } comments { author { name } } }
}`
/** How long something may take on a machine that is busy. */
const patience = { timeout: 10_000 }
const hostile = '<script>alert("orgs")</script>'

describe('in Chromium', () => {
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let server: Serving
  /** What the browser has complained of, and what it has asked of anyone but the server. */
  let complaints: string[]

  beforeAll(async () => {
    if (isInstalled) browser = await launch()
  })
  afterAll(() => browser?.close())
  beforeEach(ctx => {
    if (!isInstalled) ctx.skip(`There is no ${executablePath}`)
  })
  afterEach(async () => {
    await context?.close()
    await server?.close()
  })

  async function open(options: ServingOptions = {}, ...operations: readonly string[]): Promise<void> {
    server = await serve(options)
    // One after the other, so that their order is known.
    for (const operation of operations) await server.ask(operation)
    context = await browser.newContext({ viewport: { width: 1400, height: 900 }, reducedMotion: 'reduce' })
    complaints = []
    page = await context.newPage()
    page.setDefaultTimeout(10_000)
    page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('dialog', dialog => complaints.push(`dialog: ${dialog.message()}`))
    page.on('request', request => {
      if (!/^(data:|blob:)/.test(request.url()) && request.url() !== server.page)
        complaints.push(request.url())
    })
    await page.goto(server.page)
    await page.getByText('live', { exact: true }).waitFor()
  }

  async function recorded(): Promise<readonly RecordedOperation[]> {
    const response = await fetch(server.page, { headers: { accept: 'application/json' } })
    return ((await response.json()) as Recording).operations
  }

  const rows = (): Locator => page.getByRole('group', { name: 'Bulks', exact: true }).getByRole('button')
  const list = (): Locator => page.getByRole('navigation', { name: 'Operations' }).getByRole('button')
  const predicted = (): Locator => page.getByRole('group', { name: 'Predicted bulks' }).getByRole('img')
  const status = (): Locator => page.locator('.outcome')
  const details = (): Locator => page.getByRole('complementary', { name: 'Details of the bulk' })

  it('has a row for each bulk, grouped by loader, and a row of the table for each loader', async () => {
    await open({}, feed)
    const [operation] = await recorded()
    const names = await rows().evaluateAll(all => all.map(row => row.getAttribute('aria-label')))

    expect(names).toHaveLength(operation!.bulks.length)
    expect(names.filter(name => name!.startsWith('authors, bulk ')).length).toBeGreaterThanOrEqual(4)
    expect(names[0]).toMatch(
      /^posts, bulk 1: 40 loads of 50, opened at [\d.]+ ms, .*running [\d.]+ ms, started by (quiet|delay)$/,
    )
    expect(await page.getByRole('table').getByRole('row').count()).toBe(1 + 4)
    await expectText(page.getByRole('region', { name: 'At a glance' }), /\d+ loads became \d+ bulks/)
    expect(await page.locator('.row .running').count()).toBe(names.length)
    expect(complaints).toEqual([])
  })

  it('says what to do while there is nothing, then shows an operation while it runs, and its end', async () => {
    await open()
    await page.getByRole('heading', { name: 'Nothing has been loaded yet.' }).waitFor()
    server.shut()
    const answer = server.ask('query Slow { posts(first: 3) { id } }')
    await list().filter({ hasText: 'Slow' }).filter({ hasText: 'running …' }).waitFor()
    // Its bulk goes on while we look.
    const time = page.getByRole('region', { name: 'At a glance' }).locator('strong').first()
    const before = await time.textContent()
    await expect.poll(() => time.textContent(), patience).not.toBe(before)

    server.open()
    await answer
    await list()
      .filter({ hasText: /Slow.* ms/ })
      .waitFor()
    expect(await rows().count()).toBe(1)
    expect(complaints).toEqual([])
  })

  it('is read with the keyboard', async () => {
    await open({}, 'query A { post(id: 1) { id } }', 'query B { post(id: 2) { id } }', feed)
    const heading = page.getByRole('main').getByRole('heading', { level: 1 })

    for (const [key, name] of [
      ['j', 'B'],
      ['j', 'A'],
      ['j', 'A'],
      ['k', 'B'],
      ['n', 'Feed'],
    ] as const) {
      await page.keyboard.press(key)
      await expectText(heading, name)
    }
    await page.evaluate(async () => {
      for (const key of ['j', 'j', 'k']) {
        dispatchEvent(new KeyboardEvent('keydown', { key }))
        // Long enough to draw the page anew, and no frame.
        for (let jobs = 0; jobs < 20; jobs++) await Promise.resolve()
      }
    })
    await expectText(heading, 'B')
    await page.keyboard.press('/')
    await page.keyboard.type('jb')
    await page.getByText('No operation fits the filter.').waitFor()
    await page.getByRole('searchbox').fill('a')
    await expectText(heading, 'A')
    await page.getByRole('searchbox').fill('')
    await page.keyboard.press('Escape')

    await page.keyboard.press('n')
    await rows().first().focus()
    await page.keyboard.press('ArrowDown')
    await expectText(details(), /authors bulk 1.*10 of 10 \(100 %\).*Post\.author ×10.*posts, bulk 1 ×10/s)
    await page.keyboard.press('End')
    await expectText(details(), /orgs bulk 1/)
    await page.keyboard.press('Escape')
    await details().waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })

  it('shows only what failed, or the slowest first, and why a bulk failed', async () => {
    await open(
      { orgs: hostile },
      feed,
      'query Bad { posts(first: 3) { broken { name } } }',
      'query C { post(id: 1) { id } }',
    )
    await page.keyboard.press('s')
    const slowest = await list().locator('.ms').allTextContents()
    const times = slowest.map(text => Number.parseFloat(text) * (text.endsWith(' ms') ? 1 : 1000))
    expect(times).toHaveLength(3)
    expect(times).toEqual(times.toSorted((a, b) => b - a))

    await page.getByLabel('only failed').check()
    expect(await list().count()).toBe(1)
    await rows().filter({ hasText: '✕ 3 failed' }).click()
    await expectText(
      details(),
      /3 loads failed\. Error: relation "<script>alert\(1\)<\/script>" does not exist/,
    )
    expect(await page.locator('.row .failed').count()).toBe(1)
    expect(complaints).toEqual([])
  })

  it('shows hostile names as they are', async () => {
    await open({ orgs: hostile }, feed)
    await page.getByRole('region', { name: hostile, exact: true }).waitFor()
    await rows().last().click()
    await expectText(details(), hostile)

    expect(await page.locator('script').count()).toBe(1)
    expect(complaints).toEqual([])
  })

  it('predicts what other settings would do', async () => {
    await open({}, feed)
    const real = await rows().count()
    await expectText(status(), /As recorded, the replay comes to [\d.]+ ms and \d+ bulks; it really was/)
    expect(await predicted().count()).toBe(0)

    await page.getByLabel('Loader to change').selectOption('authors')
    const size = page.getByRole('slider', { name: 'size' })
    expect(await size.getAttribute('aria-valuetext')).toBe('10')
    await size.focus()
    await page.keyboard.press('End')
    expect(await size.getAttribute('aria-valuetext')).toBe('no limit')
    await expectText(status(), new RegExp(`instead of [\\d.]+ ms \\(.*, \\d+ bulks instead of ${real}`))
    await expect.poll(() => predicted().count(), patience).toBeLessThan(real)
    const authors = await predicted().evaluateAll(all => all.map(each => each.getAttribute('aria-label')!))
    expect(authors.find(name => name.startsWith('authors'))).toMatch(/^authors, bulk 1: [34]\d loads, /)

    await page.getByRole('button', { name: 'As recorded' }).click()
    await predicted().first().waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })

  it('saves a recording, and opens it again', async () => {
    await open({ orgs: hostile }, feed)
    const before = await rows().evaluateAll(all => all.map(row => row.getAttribute('aria-label')))
    const file = await saved('JSON')
    await server.ask('query Later { post(id: 1) { id } }')
    await list().filter({ hasText: 'Later' }).waitFor()

    const picker = page.getByLabel('Open a recording')
    await picker.setInputFiles({
      name: 'a.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"version":1}'),
    })
    await expectText(
      page.getByRole('alert'),
      'The file is no recording of this page: the recording.operations is not a list.',
    )
    await picker.setInputFiles(file)
    await page.getByRole('button', { name: 'Back to live' }).waitFor()

    expect(await list().count()).toBe(1)
    expect(await rows().evaluateAll(all => all.map(row => row.getAttribute('aria-label')))).toEqual(before)
    await page.getByRole('button', { name: 'Back to live' }).click()
    await expect.poll(() => list().count(), patience).toBe(2)
    expect(complaints).toEqual([])
  })

  it('saves a Chrome trace: for each bulk a span with its phases in it', async () => {
    await open({}, feed)
    const [operation] = await recorded()
    const { traceEvents } = JSON.parse(readFileSync(await saved('Chrome trace'), 'utf8')) as {
      traceEvents: TraceEvent[]
    }

    for (const bulk of operation!.bulks) {
      const events = traceEvents.filter(({ ph, id }) => ph !== 'M' && id === bulk.id)
      const depths = events.map((_, n) =>
        events.slice(0, n + 1).reduce((depth, { ph }) => depth + (ph === 'b' ? 1 : -1), 0),
      )
      expect(events.filter(({ ph }) => ph === 'b').map(({ name }) => name)).toContain('running')
      expect(Math.min(...depths.slice(0, -1))).toBe(1)
      expect(depths.at(-1)).toBe(0)
      expect(events.map(({ ts }) => ts)).toEqual(events.map(({ ts }) => ts!).toSorted((a, b) => a - b))
      expect(events[0]!.ts).toBeCloseTo(bulk.openedAt * 1000, 3)
      expect(events.at(-1)!.ts).toBeCloseTo(bulk.settledAt! * 1000, 3)
    }
    const tracks = traceEvents.filter(({ name }) => name === 'thread_name').map(({ args }) => args!['name'])
    expect(tracks).toEqual(['Feed', 'posts', 'authors', 'comments', 'orgs'])
  })

  it('shows how many slots were in use', async () => {
    await open({}, feed)
    const lanes = page.getByRole('region', { name: 'Slots in use' }).getByRole('img')

    expect(await lanes.evaluateAll(all => all.map(lane => lane.getAttribute('aria-label')))).toEqual([
      expect.stringMatching(/^authors: 2 slots, all in use \d+ % of the time$/),
      expect.stringMatching(/^orgs: 1 slot, all in use \d+ % of the time$/),
    ])
    expect(await lanes.first().locator('path.own').getAttribute('d')).toMatch(/^M0 2(H[\d.]+V[012])+Z$/)
  })

  it('lets no other program in', async () => {
    await open()
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'window.other = 1' }))`,
    )
    const fetched = await page.evaluate(`fetch('https://example.com').then(() => 'fetched', () => 'refused')`)

    expect(await page.evaluate('window.other')).toBeUndefined()
    expect(fetched).toBe('refused')
    expect(complaints.filter(text => text.includes('Content Security Policy'))).not.toEqual([])
  })

  it.each([360, 800, 1400])('fits %i pixels, light and dark, with all controls named', async width => {
    await open({ orgs: hostile }, feed)
    await page.setViewportSize({ width, height: 800 })
    const backs: unknown[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      backs.push(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor'))
    }
    await rows().first().click()
    await details().waitFor()
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    const nameless = await page.locator('button, input, select').evaluateAll(
      all =>
        all.filter(each => {
          const text = each.getAttribute('aria-label') ?? each.textContent ?? ''
          return text.trim() === '' && each.closest('label')?.textContent?.trim() === undefined
        }).length,
    )

    expect(backs).toEqual(['rgb(255, 255, 255)', 'rgb(18, 22, 28)'])
    expect(wide).toBeLessThanOrEqual(width)
    expect(nameless).toBe(0)
    expect(complaints).toEqual([])
  })

  /** Where what a button saves has been saved. */
  async function saved(button: string): Promise<string> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button, exact: true }).click(),
    ])
    return download.path()
  }
})

async function expectText(locator: Locator, text: string | RegExp): Promise<void> {
  await expect.poll(() => locator.textContent(), patience).toMatch(text)
}
