/**
 * The example over the embedded PostgreSQL: the program from its first start on, then its server.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { queriesOf } from '../src/queries.ts'
import { startingQueries } from '../src/starting-queries.ts'
import { waysOf } from '../src/ways.ts'
import { itServesAirports } from './behaviour.ts'
import { readTable, runProgram, startProgram } from './program.ts'
import { serve, type Serving } from './serving.ts'

const base = mkdtempSync(join(tmpdir(), 'airports-embedded-'))
const folder = join(base, 'data')

/** A first start takes some seconds, and much longer on a machine that is busy. */
const patience = 300_000

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
      rows['DataLoader']!,
      rows['Bulkcall']!,
    ]
    expect(single.statements).toBeGreaterThan(dataloader.statements)
    expect(dataloader.statements).toBeGreaterThan(2 * bulkcall.statements)
    const ratio = (dataloader.statements / bulkcall.statements).toFixed(1)
    expect(stdout).toMatch(new RegExp(`^DataLoader +${dataloader.statements} +${ratio} × `, 'm'))

    // The README shows the same table, and GraphiQL tells the statements of the README.
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
    const shown = readTable(readme)
    expect(Object.keys(shown)).toEqual(Object.keys(rows))
    for (const [name, { statements }] of Object.entries(shown))
      expect(Math.abs(statements - rows[name]!.statements)).toBeLessThanOrEqual(2 + statements / 5)
    const heading = /^ +SQL statements .+$/m
    expect(heading.exec(readme)![0].split(/ {2,}/)).toEqual(heading.exec(stdout)![0].split(/ {2,}/))
    const comment = startingQueries[0]!.split('\nquery')[0]!
    const commented = Array.from(comment.matchAll(/(\d+) {2}(\/\S+)/g), ([, statements, path]) => ({
      path,
      statements: Number(statements),
    }))
    const inReadme = waysOf(queriesOf({} as never), 1).map(({ name, path }) => ({
      path,
      statements: shown[name]!.statements,
    }))
    expect(commented).toEqual(inReadme.toReversed())
  })

  it('has the data on its second start, serves until it is stopped, and lets nobody else use the files', async () => {
    const program = startProgram(['--database', folder, '--host', '127.0.0.1'], { PORT: '0' })
    const stdout = await program.printed(/Press Ctrl-C to stop/)
    const address = /^ {2}(?<address>http:\S+)\/graphql {2}Bulkcall$/m.exec(stdout)?.groups?.['address']
    const answer = await (await fetch(`${address}/graphql?query={statistics{airports}}`)).json()
    const inspector = /^ {2}(?<address>http:\S+\/graphql\/bulk) {2}/m.exec(stdout)?.groups?.['address']
    const page = await (await fetch(inspector!)).text()
    const other = await runProgram(['--once', '--port', '0', '--database', folder])
    program.signal('SIGINT')
    const { code, stderr } = await program.ended

    expect(stdout).not.toContain('Loaded')
    expect(answer).toEqual({ data: { statistics: { airports: 5210 } } })
    expect(page).toContain('<title>Bulks</title>')
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/^The database in .+ is in use by another process \(\d+\)\.\n$/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('serves metrics and prints a trace of each operation, where it is asked to', async () => {
    const program = startProgram(['--database', folder, '--port', '0', '--metrics', '--trace'])
    const stdout = await program.printed(/Press Ctrl-C to stop/)
    const metrics = /^ {2}(?<url>http:\S+\/metrics)$/m.exec(stdout)!.groups!['url']!
    const query = encodeURIComponent('{ airport(code: "VIE") { country { name } } }')
    const answer = await (await fetch(metrics.replace('/metrics', `/graphql?query=${query}`))).json()
    const printed = await program.printed(/GET \/graphql {2}[\d.]+ ms\n(?: {2}\S.*\n){2}/)
    const text = await (await fetch(metrics)).text()
    program.signal('SIGINT')
    const { code, stderr } = await program.ended

    expect(answer).toEqual({ data: { airport: { country: { name: 'Austria' } } } })
    expect(printed.slice(stdout.length)).toMatch(
      /^ {2}GraphQL DataLoader Batch airportsByCode {2}.*\n {2}GraphQL DataLoader Batch countries {2}[\d.]+ ms, 1 keys, because of \w+ \(/m,
    )
    expect(text).toMatch(/^bulkcall_size_count\{loader="countries"\} [1-9]/m)
    expect(text).toMatch(/^graphql_yoga_http_duration_count/m)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('the server', () => {
  let serving: Serving

  beforeAll(async () => {
    serving = await serve({ folder })
  }, patience)

  afterAll(() => serving?.close())

  itServesAirports(() => serving)
})
