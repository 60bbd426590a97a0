/**
 * The example over the embedded PostgreSQL: the program from its first start on, then its server, then GraphiQL.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { listen } from '../src/server.ts'
import { itServesAirports } from './behaviour.ts'
import { readTable, runProgram, startProgram } from './program.ts'
import { ask, serve, type Serving } from './serving.ts'

const base = mkdtempSync(join(tmpdir(), 'airports-embedded-'))
const folder = join(base, 'data')

/** A first start takes some seconds, and much longer on a machine that is busy. */
const patience = 120_000

afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('the program', { timeout: patience }, () => {
  it('loads the data on its first start, also after one that was ended in the middle, and compares', async () => {
    mkdirSync(join(folder, 'postgres'), { recursive: true })
    writeFileSync(join(folder, 'postgres/PG_VERSION'), '1')
    // A process that is no more.
    writeFileSync(join(folder, 'lock'), '4194305')
    const { code, stdout, stderr } = await runProgram(['--once', '--port', '0', '--database', folder])

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/Loaded 248 countries\nLoaded 3,901 regions\nLoaded 5,210 airports\n/)
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)

    const rows = readTable(stdout)
    const [single, dataloader, bulkcall] = [
      rows['a statement for each key']!,
      rows['DataLoader, by hand']!,
      rows['Bulkcall']!,
    ]
    expect(single.statements).toBeGreaterThan(dataloader.statements)
    expect(dataloader.statements).toBeGreaterThan(2 * bulkcall.statements)
    // All but the list of countries is asked by loaders.
    expect(bulkcall.bulks).toBe(bulkcall.statements - 1)
    const ratio = (dataloader.statements / bulkcall.statements).toFixed(1)
    expect(stdout).toMatch(new RegExp(`^DataLoader, by hand : Bulkcall +${ratio} : 1 `, 'm'))
  })

  it('has the data on its second start, serves until it is stopped, and lets nobody else use the files', async () => {
    const program = startProgram(['--database', folder, '--host', '127.0.0.1'], { PORT: '0' })
    const stdout = await program.printed(/Press Ctrl-C to stop/)
    const address = /^ {2}(?<address>http:\S+)\/graphql {2}Bulkcall$/m.exec(stdout)?.groups?.['address']
    const response = await fetch(`${address}/graphql?query={statistics{airports}}`)
    const other = await runProgram(['--once', '--port', '0', '--database', folder])
    program.signal('SIGINT')
    const { code, stderr } = await program.ended

    expect(stdout).not.toContain('Loaded')
    expect(await response.json()).toEqual({ data: { statistics: { airports: 5210 } } })
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/^The database in .+ is in use by another process \(\d+\)\.\n$/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('answers with 503 until its database is open', async () => {
    const listener = await listen({ port: 0, host: '127.0.0.1' })
    const response = await fetch(`${listener.address}/graphql`)
    await listener.close()

    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  })

  it('tells in one sentence that its port is in use', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { code, stdout, stderr } = await runProgram(['--port', String(port), '--database', folder])
    server.close()

    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `Port ${port} is in use. Choose another one with --port.\n`,
    })
  })

  it.each([
    [['--prot', '1'], 2, /^Unknown option '--prot'\. Try --help\.\n$/],
    [
      ['--database', 'mysql://root:s3cret@here/x'],
      2,
      /^--database must be a URL such as [^\n]+, or a folder\.\n$/,
    ],
    [
      ['--database', 'postgres://me:s3cret@127.0.0.1:1/x'],
      1,
      /^The database at 127\.0\.0\.1:1\/x cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1\.\n$/,
    ],
    [
      ['--database', '/dev/null/x'],
      1,
      /^The folder \/dev\/null\/x cannot be used for a database: [^\n]+\.\n$/,
    ],
    [['--host', '203.0.113.1'], 1, /^The server cannot listen on 203\.0\.113\.1, port 0: [^\n]+\.\n$/],
  ])('%j ends with %i and one sentence', async (args, expected, sentence) => {
    const { code, stdout, stderr } = await runProgram(['--once', '--port', '0', ...args])

    expect(code).toBe(expected)
    expect(stderr).toMatch(sentence)
    expect(stdout + stderr).not.toContain('s3cret')
  })
})

describe('the server', () => {
  let serving: Serving

  beforeAll(async () => {
    serving = await serve({ folder })
  }, patience)

  afterAll(() => serving?.close())

  itServesAirports(() => serving)

  describe('GraphiQL in Chromium, with no network but this server', () => {
    let browser: Browser
    let context: BrowserContext
    let page: Page
    let refused: string[]

    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
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
    })

    afterAll(() => browser?.close())

    beforeEach(async () => {
      refused = []
      context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
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

    it('shows the starting queries and runs the one that is chosen', async () => {
      const errors: string[] = []
      page.on('pageerror', error => errors.push(error.message))
      await choose('Europe')
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
      await choose('Watch')
      await page.getByRole('button', { name: /stop query/i }).waitFor()
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

    async function choose(operation: string): Promise<void> {
      await page.getByRole('button', { name: /execute query/i }).click()
      await page.getByRole('menuitem', { name: operation }).click()
    }
  })
})
