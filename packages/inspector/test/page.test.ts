/**
 * The page in a real browser: what it shows, what its controls do, and what it does not let in.
 */

import { readFileSync } from 'node:fs'

import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { TraceEvent } from '../page/trace.ts'
import type { RecordedOperation, Recording } from '../src/index.ts'
import { executablePath, isInstalled, launch } from './support/chromium.ts'
import { operationOf, recordingOf } from './support/recordings.ts'
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
    if (!isInstalled) return
    browser = await launch()
    // It is made of its sources when someone asks for it: not while a test is waiting.
    await import('#page')
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

  const rows = (): Locator =>
    page.getByRole('group', { name: 'Bulks', exact: true }).getByRole('button', { name: /, bulk \d/ })
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
      /^posts, bulk 1: 40 loads of 50, opened at [\d.]+ ms, .*batch function: [\d.]+ ms, (quiet|delay): .*\., Query\.posts ×40$/,
    )
    expect(await page.getByRole('table').getByRole('row').count()).toBe(1 + 4)
    await expectText(page.getByRole('region', { name: 'At a glance' }), /\d+ loads\? became \d+ bulks/)
    expect(await page.locator('.bulk .command').count()).toBe(names.length)
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
      .filter({ hasText: /Slow.*p50 [\d.]+ ms/ })
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
    await page.getByRole('searchbox').fill('QUERY A')
    await expectText(heading, 'A')
    await page.getByRole('searchbox').fill('')
    await page.keyboard.press('Escape')

    await page.keyboard.press('n')
    await rows().first().focus()
    await page.keyboard.press('ArrowDown')
    await expectText(details(), /authors bulk 1.*10 of 10 \(100\s%\).*Post\.author ×10.*posts, bulk 1 ×10/s)
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
    const slowest = await list().locator('.numbers').allTextContents()
    const times = slowest.map(text => Number(/p95 ([\d.]+) ms/.exec(text)![1]))
    expect(times).toHaveLength(3)
    expect(times).toEqual(times.toSorted((a, b) => b - a))

    await page.getByLabel('only failed').check()
    expect(await list().count()).toBe(1)
    await page
      .getByRole('button', { name: /^broken, bulk 1: .*✕ 3 failed: Error: relation .*, Post\.broken ×3$/ })
      .click()
    await page.locator('.note').getByText('✕ 3 failed').waitFor()
    await expectText(
      details(),
      /3 loads failed\. Error: relation "<script>alert\(1\)<\/script>" does not exist/,
    )
    expect(await page.locator('.bulk .failed').count()).toBe(1)
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
    const calibration = page.locator('.calibration')
    await expectText(calibration, /^Error of the replay: [0-4](\.\d)? % /)
    await expectText(
      calibration,
      new RegExp(`As recorded it comes to [\\d.]+ ms and ${real} bulks; it was [\\d.]+ ms and ${real}`),
    )
    expect(await predicted().count()).toBe(0)

    await page.getByLabel('Loader to change').selectOption('authors')
    const size = page.getByRole('slider', { name: 'size' })
    expect(await size.getAttribute('aria-valuetext')).toBe('10')
    await size.focus()
    await page.keyboard.press('End')
    expect(await size.getAttribute('aria-valuetext')).toBe('no limit')
    await expectText(status(), new RegExp(`instead of [\\d.]+ ms( \\(.*\\))?, \\d+ bulks instead of ${real}`))
    await expect.poll(() => predicted().count(), patience).toBeLessThan(real)
    const authors = await predicted().evaluateAll(all => all.map(each => each.getAttribute('aria-label')!))
    expect(authors.find(name => name.startsWith('authors'))).toMatch(/^authors, bulk 1: [34]\d loads, /)

    await page.getByRole('button', { name: 'As recorded', exact: true }).click()
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
      buffer: Buffer.from('{"version":2}'),
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
      expect(events.filter(({ ph }) => ph === 'b').map(({ name }) => name)).toContain('command')
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
      expect.stringMatching(/^authors: 2 slots, all in use \d+\s% of the time$/),
      expect.stringMatching(/^orgs: 1 slot, all in use \d+\s% of the time$/),
    ])
    expect(await lanes.first().locator('path.own').getAttribute('d')).toMatch(/^M0 2(H[\d.]+V[012])+Z$/)
  })

  it('S117 groups the runs of one operation, and opens one of them', async () => {
    const other = feed.replace('org { name }', '')
    await open({}, feed, feed, feed, other, 'query Bad { posts(first: 3) { broken { name } } }', feed)

    // Two documents of one name are two operations.
    expect((await list().allTextContents()).map(text => /^(\w+?)(\d+) run/.exec(text)!.slice(1))).toEqual([
      ['Feed', '4'],
      ['Bad', '1'],
      ['Feed', '1'],
    ])
    await expectText(list().nth(0), /p50 [\d.]+ msp95 [\d.]+ ms\d+ bulks$/)
    await expectText(list().nth(1), /✕ 1 failed$/)
    const runs = page.getByRole('region', { name: 'Runs' })
    const bars = runs.getByRole('button', { name: /^Run at/ })
    expect(await bars.count()).toBe(4)
    await bars.first().click()
    await expectText(runs, /run 1 of 4/)
    await page.keyboard.press('l')
    await expectText(runs, /run 2 of 4/)
    const operations = await recorded()
    const chosen = operations[1]!
    await expectText(
      page.getByRole('region', { name: 'At a glance' }),
      new RegExp(`^${chosen.ms! >= 100 ? chosen.ms!.toFixed(0) : chosen.ms!.toFixed(1)} ms`),
    )
    // The run that is open stays, whatever comes.
    await server.ask(feed)
    await expectText(runs, /run 2 of 5/)
    expect(complaints).toEqual([])
  })

  it('S117 has two runs side by side, with the differences marked', async () => {
    await open({}, feed, feed)
    await page.getByRole('button', { name: 'compare' }).click()
    const comparison = page.getByRole('region', { name: 'Comparison' })
    const row = (what: string): Locator => comparison.getByRole('row', { name: new RegExp(`^${what} `) })
    const [left, right] = (await recorded()).toReversed()

    expect(await comparison.getByRole('group').count()).toBe(2)
    expect(await row('bulks').getByRole('cell').allTextContents()).toEqual([
      `${left!.bulks.length}`,
      `${right!.bulks.length}`,
      differenceOf(left!.bulks.length, right!.bulks.length),
    ])
    const different = await comparison
      .locator('.differs')
      .evaluateAll(all => all.map(each => each.textContent))
    expect(different.every(text => /[+−][\d.]+( m?s)?$/.test(text))).toBe(true)
    await page.getByRole('button', { name: 'end of comparison' }).click()
    await rows().first().waitFor()
    expect(complaints).toEqual([])
  })

  it('S114 has the document, with what each field loaded, and shows the bulks of a field', async () => {
    await open({}, feed)
    const document = page.getByRole('region', { name: 'Document' })
    const field = (name: RegExp): Locator => document.getByRole('button', { name })

    expect(await document.getByRole('listitem').locator('code').allTextContents()).toEqual([
      'query Feed($n: Int) {',
      'posts(first: $n) {',
      'id',
      'author {',
      'name',
      'org {',
      'name',
      '}',
      '}',
      'comments {',
      'author {',
      'name',
      '}',
      '}',
      '}',
      '}',
    ])
    await field(/^Query\.posts: 40 keys of posts in 1 bulk, 0 cached; waited [\d.]+ ms$/).waitFor()
    await field(/^Author\.org: 3 keys of orgs in 1 bulk, 37 cached; waited [\d.]+ ms$/).waitFor()
    await field(/^author \{: 0 keys of authors in 0 bulks, 120 cached; waited 0 ms$/).waitFor()
    await field(/^Post\.author: 40 keys of authors in 4 bulks, 0 cached/).click()
    expect(await page.locator('.bulk:not(.dim)').count()).toBe(4)
    await field(/^Post\.author/).click()
    expect(await page.locator('.bulk.dim').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('S118 zooms, folds, and shows what followed from the chosen bulk', async () => {
    await open({}, feed)
    const all = await rows().count()
    const strip = (await page.locator('.strip').boundingBox())!
    await page.mouse.move(strip.x + 1, strip.y + 5)
    await page.mouse.down()
    await page.mouse.move(strip.x + strip.width * 0.1, strip.y + 5, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => rows().count(), patience).toBeLessThan(all)
    await page.keyboard.press('0')
    await expect.poll(() => rows().count(), patience).toBe(all)
    await page.keyboard.press('+')
    await expect.poll(() => page.locator('.window-of').count(), patience).toBe(1)
    await page.keyboard.press('-')
    await expect.poll(() => page.locator('.window-of').count(), patience).toBe(0)

    await page.getByRole('button', { name: /authors 4 bulks/ }).click()
    await expect.poll(() => rows().count(), patience).toBe(all - 4)
    await page.getByRole('button', { name: 'fold all' }).click()
    await expect.poll(() => rows().count(), patience).toBe(0)
    await page.getByRole('button', { name: 'unfold all' }).click()
    await rows().first().click()
    const [posts, ...others] = (await recorded())[0]!.bulks
    const followed = others.filter(({ arrivals }) => arrivals.some(([after]) => after === posts!.id))
    expect(followed.length).toBeGreaterThan(0)
    expect(await page.locator('.links .follower').count()).toBe(followed.length)
    expect(await page.locator('.links .source').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('S118 says in a sentence what its words mean, and what a bar is, to the pointer and to the keyboard', async () => {
    await open({}, feed)
    const tip = page.getByRole('tooltip')
    await page
      .getByRole('button', { name: /^About slot: / })
      .first()
      .hover()
    await expectText(tip, /^A bulk is ready, and all slots of its limit/)
    await rows().first().hover()
    await expectText(tip, /^posts, bulk 140 loads of 50, opened at .*batch function: .*Query\.posts ×40$/)
    await page.keyboard.press('Escape')
    await tip.waitFor({ state: 'detached' })
    await page
      .getByRole('button', { name: /^About bulk: / })
      .first()
      .focus()
    await expectText(tip, /^A batch: the keys of many loads/)
    const unnamed = await page
      .locator('.help')
      .evaluateAll(
        buttons => buttons.filter(each => !/^About \w+: [A-Z].*\.$/.test(each.ariaLabel ?? '')).length,
      )
    expect(unnamed).toBe(0)
    expect(complaints).toEqual([])
  })

  const bounds: readonly [number, number][] = [
    [1, 60],
    [30, 600],
    [500, 3_600],
    [10_000, 900],
  ]
  it.each(process.env.BULKCALL_ALL ? bounds : bounds.slice(0, 2))(
    'S115 draws %i bulks, with a bounded number of elements, and says how far the replay is off',
    async (count, most) => {
      await open()
      const buffer = Buffer.from(JSON.stringify(recordingOf(operationOf(count))))
      await page
        .getByLabel('Open a recording')
        .setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer })
      await page.getByRole('region', { name: 'Waterfall' }).waitFor()
      const drawn = (await page.evaluate(`document.querySelectorAll('.waterfall *').length`)) as number
      const high = (await page.locator('.waterfall').boundingBox())!.height

      expect(drawn).toBeLessThan(most)
      // Hundreds of them are seen without a long scroll.
      expect(high).toBeLessThan(1_000)
      await page.getByText(/^Error of the replay/).waitFor({ timeout: 60_000 })
      // However many there are, those in a small part of the time are told apart.
      for (let zoom = 0; zoom < 6; zoom++) await page.getByRole('button', { name: 'Zoom in' }).click()
      await rows().first().waitFor()
      expect(await rows().count()).toBeLessThan(5 * 700)
      expect(complaints).toEqual([])
    },
  )

  it('S115 says that the server has gone, keeps what it had, and goes on when it is back', async () => {
    await open({}, feed)
    const port = Number(new URL(server.page).port)
    await server.close()
    await page.getByText('server lost').waitFor()
    await expectText(page.getByRole('alert'), /^The server has been away since \d\d:\d\d:\d\d\.\d/)
    expect(await rows().count()).toBeGreaterThan(3)

    server = await serve({ port })
    await page.getByRole('button', { name: 'Try now' }).click()
    await page.getByText('live', { exact: true }).waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    // It has another recording, which is empty.
    await page.getByRole('heading', { name: 'Nothing has been loaded yet.' }).waitFor()
  })

  it('S115 lets the time of a run stand still of which nothing more can come', async () => {
    await open()
    server.shut()
    server.ask('query Slow { posts(first: 3) { id } }').catch(() => {})
    await page.getByText('running …').waitFor()
    await server.close()
    await page.getByText('server lost').waitFor()
    await standsStill()

    const buffer = Buffer.from(JSON.stringify(recordingOf(operationOf(3, { ms: null }))))
    await page
      .getByLabel('Open a recording')
      .setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer })
    await page.getByRole('heading', { name: 'Feed' }).waitFor()
    await standsStill()

    async function standsStill(): Promise<void> {
      const time = page.getByRole('region', { name: 'At a glance' }).locator('strong').first()
      const before = await time.textContent()
      await page.waitForTimeout(500)
      expect(before).toMatch(/ …$/)
      expect(await time.textContent()).toBe(before)
    }
  })

  it.each([
    ['no JSON', 'event: recording\ndata: {"version":2,"keeps":20\n\n', /no recording of this page/],
    [
      'what no server records',
      `event: recording\ndata: ${JSON.stringify(recordingOf({ ...operationOf(3), ms: -1 }))}\n\n`,
      /no recording of this page/,
    ],
    ['another version', 'event: recording\ndata: {"version":9}\n\n', /no recording of this page/],
  ])('S115 shows nothing of a stream with %s, and says so', async (_, body, message) => {
    await open({}, feed)
    await page.route(server.page, (route, request) =>
      request.headers()['accept'] === 'text/event-stream'
        ? route.fulfill({ contentType: 'text/event-stream', body })
        : route.continue(),
    )
    await page.reload()
    await expectText(page.getByRole('alert'), message)
    await page.getByText('unreadable').waitFor()
    expect(await rows().count()).toBe(0)
  })

  it('S115 says that the server refuses, and tries again', async () => {
    let allowed = true
    await open({ inspector: { enabled: () => allowed } }, feed)
    allowed = false
    server.drop()
    await page.getByText('refused').waitFor()
    await expectText(page.getByRole('alert'), /^The server answers, but not with a recording/)
    allowed = true
    await page.getByText('live', { exact: true }).waitFor()
    expect(await rows().count()).toBeGreaterThan(3)
  })

  it('S111 has one duration of a run everywhere, and says what timed out', async () => {
    await open({ timeout: 20, pace: 20 }, 'query Slow { posts(first: 3) { id } }')
    const [operation] = await recorded()
    const time = `${operation!.ms! >= 100 ? operation!.ms!.toFixed(0) : operation!.ms!.toFixed(1)} ms`

    await expectText(page.getByRole('region', { name: 'At a glance' }), new RegExp(`^${time}`))
    await expectText(list().first(), new RegExp(`p50 ${time}p95 ${time}`))
    await expectText(page.getByRole('region', { name: 'At a glance' }), /1 bulk of posts timed out\./)
    await page.locator('.note').getByText('✕ timed out').waitFor()
    await page.getByText(/^A bulk went on for [\d.]+ ms after the operation had ended/).waitFor()
    expect(complaints).toEqual([])
  })

  it('S116 leads to GraphiQL, which leads back', async () => {
    await open({}, feed)
    expect(await page.getByRole('link', { name: 'GraphiQL' }).getAttribute('href')).toBe('/graphql')
    const graphiql = await (
      await fetch(`${server.address}/graphql`, { headers: { accept: 'text/html' } })
    ).text()

    expect(graphiql).toMatch(/<a href="\/graphql\/bulk"[^>]*>Inspector<\/a><\/body>/)
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

  it.each([390, 1024, 1440])(
    'S111 fits %i pixels, light and dark, with nothing clipped and all controls named',
    async width => {
      await open({}, feed)
      await page.setViewportSize({ width, height: 800 })
      const backs: unknown[] = []
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        backs.push(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor'))
      }
      if (width < 640) await list().first().click()
      await rows().first().click()
      await details().waitFor()
      await page.getByRole('slider', { name: 'size' }).press('End')
      await predicted().first().waitFor()
      const wide = (await page.evaluate(
        `Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll('.content > *, .rail > *')].map(each => each.getBoundingClientRect().right))`,
      )) as number
      const nameless = await page.locator('button, input, select').evaluateAll(
        all =>
          all.filter(each => {
            const text = each.getAttribute('aria-label') ?? each.textContent ?? ''
            return text.trim() === '' && each.closest('label')?.textContent?.trim() === undefined
          }).length,
      )

      const clipped = await page
        .locator(
          'h1, h2, h3, p, a, button, label, b, small, code, td, th, dt, dd, .name, .when, .note, .labels > span',
        )
        .evaluateAll(all =>
          all
            .filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
            .filter(each => each.textContent !== '' && !each.matches('.bulk > button'))
            .map(each => each.textContent),
        )

      expect(clipped).toEqual([])
      expect(backs).toEqual(['rgb(255, 255, 255)', 'rgb(18, 22, 28)'])
      expect(wide).toBeLessThanOrEqual(width)
      expect(nameless).toBe(0)
      expect(complaints).toEqual([])
    },
  )

  /** Where what a button saves has been saved. */
  async function saved(button: string): Promise<string> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button, exact: true }).click(),
    ])
    return download.path()
  }
})

/** A difference of two numbers, as the comparison has it. */
function differenceOf(left: number, right: number): string {
  return left === right ? '' : `${right < left ? '−' : '+'}${Math.abs(right - left)}`
}

async function expectText(locator: Locator, text: string | RegExp): Promise<void> {
  await expect.poll(() => locator.textContent(), patience).toMatch(text)
}
