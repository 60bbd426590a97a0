/**
 * The program in a process of its own, as its users run it.
 */

import { fork, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { afterAll, describe, expect, it, vi } from 'vitest'

import { readOptions } from '../src/options.ts'

/** Many processes start here, and on a machine that is busy that takes its time. */
const patience = 180_000

const hasPostgres = existsSync('/usr/lib/postgresql')
const hasRedis = process.env['PATH']!.split(delimiter).some(folder =>
  ['redis-server', 'valkey-server'].some(name => existsSync(join(folder, name))),
)
if (!hasPostgres || !hasRedis)
  console.warn('SKIPPED: no PostgreSQL or no Redis. On Debian, apt-get install postgresql redis-server.')

/** Where the program makes its folders. PostgreSQL must be able to look into it. */
const folder = mkdtempSync(join(tmpdir(), 'cluster-test-'))
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function start(...args: string[]) {
  const { NODE_OPTIONS: _options, ...env } = process.env
  const child = spawn(
    process.execPath,
    ['--conditions=@bulkcall/source', '--import', 'tsx', 'src/main.ts', ...args],
    {
      cwd: join(import.meta.dirname, '..'),
      env: { ...env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const said = { stdout: '', stderr: '' }
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const printed = new Promise<void>(resolve => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text
      if (said.stdout.includes('Ctrl-C')) resolve()
    })
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>(resolve => {
    child.once('close', code => resolve({ code, ...said }))
  })
  return { ended, serving: Promise.race([printed, ended]).then(() => said.stdout), child }
}

function rowsOf(stdout: string) {
  const rows = stdout.matchAll(
    /^(?<way>\w[\w, ]*?) +(?<perSecond>[\d,]+) +[\d.]+ ms +[\d.]+ ms +(?<statements>[\d,]+) +(?<most>[\d,]+|-) +(?<calls>[\d,]+)$/gm,
  )
  return Array.from(rows, ({ groups }) => ({
    way: groups!['way'],
    perSecond: number(groups!['perSecond']!),
    statements: number(groups!['statements']!),
    most: number(groups!['most']!),
    calls: number(groups!['calls']!),
  }))
}

function number(text: string): number {
  return Number(text.replaceAll(',', ''))
}

/** What the program has made and not taken away. */
function remains(): string[] {
  return readdirSync(folder).filter(name => name.startsWith('bulkcall-cluster-'))
}

/** The processes that work in a folder within this one. */
function processesIn(place: string): string[] {
  return readdirSync('/proc').filter(name => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`).startsWith(place)
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false
    }
  })
}

function flat(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', path), 'utf8').replaceAll(/^ +/gm, '')
}

describe('the cluster', { timeout: patience }, () => {
  it.skipIf(!hasPostgres || !hasRedis)(
    'shares bulks, has one limit for all, and a cache that spares statements, over PostgreSQL and Redis (needs both)',
    async () => {
      const { code, stdout, stderr } = await start('--once', '--requests', '100', '--limit', '2').ended
      const [each, shared, all, cached] = rowsOf(stdout)

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(
        /^2 processes over PostgreSQL, started for this on port \d+,\nand Redis, started/,
      )
      expect([each, shared, all, cached].map(row => row?.way)).toEqual([
        'a limit for each process',
        'the same, with shared bulks',
        'one limit for all',
        'one limit, and a cache',
      ])
      // Two of each of two processes, or two of all.
      expect(each!.most).toBeLessThanOrEqual(4)
      expect(shared!.most).toBeLessThanOrEqual(4)
      expect(all!.most).toBeLessThanOrEqual(2)
      expect(cached!.most).toBeLessThanOrEqual(2)
      // Pages, authors and companies: three bulks a request, a few more on a machine that is busy.
      expect(each!.statements).toBeGreaterThanOrEqual(300)
      // Sixteen requests at a time ask each process, and two statements at once are few: many share one.
      expect(shared!.statements).toBeLessThan(each!.statements / 2)
      expect(cached!.statements).toBeLessThan(each!.statements / 2)
      expect([each!.calls, shared!.calls]).toEqual([0, 0])
      expect(all!.calls).toBeGreaterThan(0)
      expect(remains()).toEqual([])
    },
  )

  it('works without either, and serves until it is stopped', async () => {
    const program = start('--database', 'embedded', '--redis', 'none', '--requests', '40', '--processes', '2')
    const stdout = await program.serving
    const addresses = Array.from(stdout.matchAll(/^ {2}(\S+)$/gm), ([, address]) => address!)
    const answers = await Promise.all(addresses.map(async address => (await fetch(address)).json()))
    program.child.kill('SIGINT')
    const { code, stderr } = await program.ended

    expect(stdout).toContain('no Redis: the ways that need one are left out')
    expect(rowsOf(stdout).map(({ way }) => way)).toEqual([
      'a limit for each process',
      'the same, with shared bulks',
    ])
    expect(answers).toHaveLength(2)
    for (const { data } of answers) {
      expect(data.posts).toHaveLength(10)
      expect(data.posts[0].author.company.name).toMatch(/^Company \d+$/)
    }
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it.runIf(hasPostgres && hasRedis)('leaves nothing behind where it is stopped while it starts', async () => {
    const { child, ended } = start('--processes', '2', '--requests', '40')
    await vi.waitFor(() => expect(remains()).not.toEqual([]), { timeout: 60_000 })
    child.kill('SIGTERM')
    await ended

    expect(remains()).toEqual([])
    await vi.waitFor(() => expect(processesIn(folder)).toEqual([]), { timeout: 60_000 })
  })

  it.runIf(hasPostgres && hasRedis)('leaves no process behind where it is killed', async () => {
    const { child, ended } = start('--processes', '2', '--requests', '40')
    await vi.waitFor(() => expect(processesIn(folder)).not.toEqual([]), { timeout: 60_000 })
    child.kill('SIGKILL')
    await ended

    await vi.waitFor(() => expect(processesIn(folder)).toEqual([]), { timeout: 60_000 })
    // Their files it could not take away.
    for (const name of remains()) rmSync(join(folder, name), { recursive: true })
  })

  it('a process ends with its parent, even if that has gone before it listens', async () => {
    const server = join(import.meta.dirname, '../src/server.ts')
    const task = {
      way: 'a limit for each process',
      limit: 1,
      database: null,
      redis: 'redis://127.0.0.1:1',
      pause: 0,
    }
    const execArgv = ['--conditions=@bulkcall/source', '--import', 'tsx']
    const child = fork(server, [JSON.stringify(task)], { execArgv, stdio: 'ignore' })
    child.disconnect()

    expect(await new Promise(resolve => child.once('exit', resolve))).toBe(0)
  })

  it.each([
    [['--processes', '0'], "--processes must be a whole number from 1 to 16, got '0'."],
    [['--limit', 'x'], "--limit must be a whole number from 1 to 100, got 'x'."],
    [
      ['--database', 'mysql://me:secret@here'],
      '--database must be a URL such as postgres://user:password@host:5432/name, or embedded.',
    ],
    [['--redis', 'here'], '--redis must be a URL such as redis://host:6379, or none.'],
    [['--port', '1'], "Unknown option '--port'. Try --help."],
  ])('%j: %s', (args, message) => {
    expect(() => readOptions(args)).toThrow(message)
  })

  it('tells in one sentence that Redis is not there, and leaves nothing behind', async () => {
    const { code, stderr } = await start('--once', '--database', 'embedded', '--redis', 'redis://127.0.0.1:1')
      .ended

    expect(code).toBe(1)
    expect(stderr).toMatch(/^Redis at 127\.0\.0\.1:1 cannot be used: .+\.\n$/)
    expect(remains()).toEqual([])
  })
})

it('the README shows the code as it is', () => {
  const shown = Array.from(
    flat('README.md').matchAll(/```ts\n(?<code>[^]*?)```/g),
    match => match.groups!['code']!,
  )

  expect(shown).toHaveLength(2)
  for (const code of shown) expect(flat('src/ways.ts')).toContain(code)
})
