import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { UsageError } from '../src/failure.ts'
import { readOptions } from '../src/options.ts'
import { showProgress } from '../src/progress.ts'
import { runProgram } from './program.ts'

describe('the options', () => {
  it('are these if nothing is said', () => {
    expect(readOptions([], {})).toEqual({
      port: 4000,
      host: '127.0.0.1',
      database: { folder: join(import.meta.dirname, '../.data') },
      pool: 4,
      once: false,
      metrics: false,
      trace: false,
      help: false,
    })
  })

  it('come from flags before they come from the environment', () => {
    const environment = {
      PORT: '1',
      HOST: 'here',
      DATABASE_URL: 'postgresql://there/name',
      INIT_CWD: '/home',
    }

    expect(readOptions([], environment)).toMatchObject({
      port: 1,
      host: 'here',
      database: { url: 'postgresql://there/name' },
    })
    expect(
      readOptions(['--port', '2', '--host', '::1', '--database', 'data', '--pool', '8'], environment),
    ).toMatchObject({ port: 2, host: '::1', database: { folder: '/home/data' }, pool: 8 })
  })

  it.each([
    [['--port', '65536'], {}, "--port must be a whole number from 0 to 65535, got '65536'."],
    [[], { PORT: '4e3' }, "PORT must be a whole number from 0 to 65535, got '4e3'."],
    [['--pool', '0'], {}, "--pool must be a whole number from 1 to 100, got '0'."],
    [['--host', ' '], {}, "--host must be the name or address of this machine, got ' '."],
    [
      [],
      { DATABASE_URL: 'http://here/x' },
      'DATABASE_URL must be a URL such as postgres://user:password@host:5432/name, or a folder.',
    ],
    [
      ['--database', ''],
      {},
      '--database must be a URL such as postgres://user:password@host:5432/name, or a folder.',
    ],
    [['--port'], {}, "Option '--port <value>' argument missing. Try --help."],
    [['here'], {}, "Unexpected argument 'here'. Try --help."],
  ])('%j and %j: %s', (args, environment, message) => {
    expect(() => readOptions(args, environment)).toThrow(new UsageError(message))
  })

  it('are listed by --help', async () => {
    const { code, stdout } = await runProgram(['--help'])

    expect(code).toBe(0)
    for (const flag of ['port', 'host', 'database', 'pool', 'once', 'metrics', 'trace', 'help'])
      expect(stdout).toContain(`  --${flag} `)
  })
})

describe('the progress of loading', () => {
  it.each([
    [
      'on a terminal',
      true,
      '\r\u001B[KLoading rows ████████░░░░░░░░░░░░░░░░░░░░░░ 500 of 2,000\r\u001B[KLoaded 2,000 rows\n',
    ],
    ['elsewhere', false, 'Loaded 2,000 rows\n'],
  ])('%s', (_, isTTY, expected) => {
    let written = ''
    const screen = { isTTY, write: (text: string) => (written += text) }
    showProgress(screen, 'rows', 500, 2_000)
    showProgress(screen, 'rows', 2_000, 2_000)

    expect(written).toBe(expected)
  })
})

it('the README shows the code as it is', () => {
  const shown = Array.from(
    read('README.md').matchAll(/```ts\n(?<code>[^]*?)```/g),
    match => match.groups!['code']!,
  )
  const sources = ['src/with-bulkcall.ts', 'src/resolvers.ts'].map(read).join('').replaceAll(/^ +/gm, '')

  expect(shown).toHaveLength(3)
  for (const code of shown) expect(sources).toContain(code)
})

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', path), 'utf8')
}
