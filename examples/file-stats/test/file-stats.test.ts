/**
 * The program as its users run it: on a real repository, in a process of its own.
 */

import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readBytes, readLastCommit, readTextAttribute } from '../src/commands.ts'
import { readOptions } from '../src/options.ts'
import { Progress } from '../src/progress.ts'

const packageFolder = join(import.meta.dirname, '..')
const strange = [
  'a b.txt',
  'two\nlines',
  '\nfirst',
  '--size',
  '-',
  ':(top)x',
  '*.txt',
  'größe ☃',
  'deep/er/x.bin',
]
const plain = Array.from({ length: 240 }, (_, i) => `many/${i}.txt`)
const changed = 'a b.txt'
const committed = [...strange, ...plain, '.gitattributes']
const uncommitted = ['new.txt']
const files = [...committed, ...uncommitted]
const textOf = (path: string): string =>
  path === '.gitattributes' ? '* text=auto\n*.bin -text\n' : `<${path}>`
const bytesOf = (path: string): number => Buffer.byteLength(textOf(path))

// A git hook that runs the tests points git to its own repository, and each user's settings differ.
for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name]
Object.assign(process.env, { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' })

let base: string
let repository: string

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'file-stats-'))
  // The folder of temporary files may itself be in a checkout.
  process.env['GIT_CEILING_DIRECTORIES'] = base
  repository = join(base, 'repository')
  writeAll(repository, committed)
  git('init', '-q')
  commit('2020-02-20')
  writeFileSync(join(repository, changed), textOf(changed).toUpperCase())
  commit('2021-03-30')
  writeAll(repository, [...uncommitted, 'ignored.log'])
  writeFileSync(join(repository, '.git/info/exclude'), 'ignored.log\n')
})

afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('on a repository', () => {
  it('answers three questions about each file with one process for each bulk', async () => {
    const { path, started } = countingTools()
    const { code, stdout, stderr } = await run(['--size', '50'], { path })

    const bytes = files.reduce((sum, file) => sum + bytesOf(file), 0).toLocaleString('en')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`Asking about ${files.length} files below repository\n`)
    expect(stdout).toContain(`${bytes} bytes, most in .gitattributes (${bytesOf('.gitattributes')})\n`)
    expect(stdout).toMatch(/^text attribute {2}(auto 250, unset 1|unset 1, auto 250)$/m)
    expect(stdout).toMatch(/^last commit {5}from 2020-02-20 to 2021-03-30, none of 1$/m)
    expect(stdout).not.toContain('no answer')

    const rows = readTable(stdout)
    const bulks = Math.ceil(files.length / 50)
    for (const name of ['size', 'text attribute', 'last commit']) {
      expect(rows[name]).toEqual([files.length, bulks, files.length - bulks])
    }
    expect(rows['all']).toEqual([3 * files.length, 3 * bulks, 3 * (files.length - bulks)])
    // What it says is true: it started these, and two more to look around.
    expect(started()).toHaveLength(3 * bulks + 2)
  })

  it('a file that is missing fails alone', async () => {
    const { code, stdout } = await run(['--missing', 'no\nwhere', '--size', '50'])

    expect(code).toBe(0)
    expect(stdout).toContain('1 file has no answer:\n  "no\\nwhere": No such file or directory\n')
    const rows = readTable(stdout)
    expect(rows['size']?.[0]).toBe(files.length + 1)
    expect(rows['last commit']?.[0]).toBe(files.length)
    expect(rows['all']?.[1]).toBeLessThanOrEqual(3 * Math.ceil((files.length + 1) / 50))
  })

  it('writes whole lines and no control characters where nobody watches', async () => {
    const { stdout } = await run(['--folder', join(repository, 'deep')])

    expect(stdout).toMatch(/^Asking about 1 file below deep\n/)
    expect(stdout).toMatch(/ s\n$/)
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })

  it('compares with one process for each question', async () => {
    const { stdout } = await run(['--compare', '--folder', join(repository, 'deep')])

    expect(stdout).toMatch(/^one for each question +3 +\d+\.\d\d s$/m)
    expect(stdout).toMatch(/^in bulk +3 +\d+\.\d\d s$/m)
    expect(stdout).toMatch(/^ratio +1\.0 : 1 +\d+\.\d : 1$/m)
  })
})

describe('where something is missing', () => {
  it('walks a folder that is no git checkout, and tells sizes only', async () => {
    const folder = join(base, 'plain')
    writeAll(folder, ['a', 'b/c', 'node_modules/d'])
    const { code, stdout } = await run(['--folder', folder])

    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Only sizes are known, since git cannot help here \(fatal: not a git repository.*\)\.$/m,
    )
    expect(stdout).toContain('Asking about 2 files below plain\n')
    expect(Object.keys(readTable(stdout))).toEqual(['size', 'all'])
  })

  it('tells what git knows where there is no GNU stat', async () => {
    const { code, stdout } = await run([], { path: toolsIn('git') })

    expect(code).toBe(0)
    expect(stdout).toContain('Sizes are not known, since GNU stat was not found.\n')
    expect(Object.keys(readTable(stdout))).toEqual(['text attribute', 'last commit', 'all'])
  })

  it('ends with one sentence where there is neither', async () => {
    const { code, stdout, stderr } = await run([], { path: toolsIn() })

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe('There is neither GNU stat nor a git checkout to ask.\n')
  })

  it('a repository without commits has no last commit', async () => {
    const folder = mkdtempSync(join(base, 'empty-'))
    execFileSync('git', ['init', '-q'], { cwd: folder })

    expect(await readLastCommit(['a', 'b'], { folder })).toEqual(new Map())
  })
})

describe('the commands', () => {
  it('give each file, whatever its name, its own answer', async () => {
    const where = { folder: repository }
    const asked = [...strange, 'missing', ...uncommitted]
    const bytes = await readBytes(asked, where)
    const text = await readTextAttribute(asked, where)
    const commits = await readLastCommit(asked, where)

    expect(bytes).toEqual(
      asked.map(path => (path === 'missing' ? new Error('No such file or directory') : bytesOf(path))),
    )
    expect(text).toEqual(asked.map(path => (path.endsWith('.bin') ? 'unset' : 'auto')))
    expect(commits).toEqual(
      new Map(strange.map(path => [path, new Date(path === changed ? '2021-03-30' : '2020-02-20')])),
    )
    for (const path of strange) {
      expect((await readLastCommit([path], where)).get(path)).toEqual(commits.get(path))
    }
  })
})

describe('the command line', () => {
  it('answers a flag that is wrong with one sentence, and no stack', async () => {
    const { code, stdout, stderr } = await run(['--siez', '3'])

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe("Unknown option '--siez'. Try --help.\n")
  })

  it.each([
    [['--size', '0'], "--size must be a whole number from 1 to 1000, got '0'."],
    [['--size', '1e2'], "--size must be a whole number from 1 to 1000, got '1e2'."],
    [['--delay=-1'], "--delay must be a whole number from 0 to 60000, got '-1'."],
    [['--concurrent', 'many'], "--concurrent must be a whole number from 1 to 64, got 'many'."],
    [['--size'], "Option '--size <value>' argument missing. Try --help."],
    [['--size', '--delay', '3'], "Option '--size' argument is ambiguous. Try --help."],
    [['here'], "Unexpected argument 'here'. Try --help."],
    [['--folder', '/no/such/folder'], "--folder must be a folder that exists, got '/no/such/folder'."],
    [['--missing', '../x'], "--missing must be a file below the folder, got '../x'."],
  ])('%j: %s', (args, message) => {
    expect(() => readOptions(args)).toThrow(new Error(message))
  })

  it('shows its flags with --help', async () => {
    const { code, stdout } = await run(['--help'])

    expect(code).toBe(0)
    for (const flag of ['folder', 'size', 'delay', 'concurrent', 'missing', 'compare', 'help']) {
      expect(stdout).toContain(`  --${flag} `)
    }
  })
})

describe('progress', () => {
  it.each([
    [true, ['\r\u001B[K1 of 2', '\r\u001B[K']],
    [false, []],
  ])('on a terminal (%s) is one line, gone at the end', (isTTY, expected) => {
    const written: string[] = []
    const progress = new Progress({ isTTY, write: text => written.push(text) })
    progress.show('1 of 2')
    progress.clear()

    expect(written).toEqual(expected)
  })
})

it('the README shows the code as it is', () => {
  const code = /```ts\n(?<code>[^]*?)```/.exec(readFileSync(join(packageFolder, 'README.md'), 'utf8'))
    ?.groups?.['code']
  const source = readFileSync(join(packageFolder, 'src/questions.ts'), 'utf8')

  expect(code).toBeTruthy()
  expect(source).toContain(code)
})

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: repository })
}

function commit(day: string): void {
  process.env['GIT_COMMITTER_DATE'] = `${day}T00:00:00Z`
  git('add', '.')
  git('-c', 'user.name=Test', '-c', 'user.email=test@localhost', 'commit', '-q', '-m', day)
}

interface Ended {
  code: number
  stdout: string
  stderr: string
}

function run(args: string[], { path = process.env['PATH'] } = {}): Promise<Ended> {
  const main = ['--conditions=@bulkcall/source', '--import', 'tsx', 'src/main.ts', '--folder', repository]
  const options = { cwd: packageFolder, env: { ...process.env, PATH: path } }
  return new Promise(resolve => {
    execFile(process.execPath, [...main, ...args], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

function writeAll(folder: string, paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), textOf(path))
  }
}

/** The rows of the table of questions, by their names. */
function readTable(stdout: string): Record<string, number[]> {
  const rows = stdout.matchAll(/^(?<name>\w+(?: \w+)?) +(?<numbers>[\d,]+ +[\d,]+ +[\d,]+)$/gm)
  return Object.fromEntries(
    Array.from(rows, ({ groups }) => [
      groups!['name']!,
      groups!['numbers']!.split(/ +/).map(number => Number(number.replaceAll(',', ''))),
    ]),
  )
}

/** A folder for PATH in which these tools are found, and nothing else. */
function toolsIn(...tools: string[]): string {
  const folder = mkdtempSync(join(base, 'tools-'))
  for (const tool of tools) symlinkSync(whereIs(tool), join(folder, tool))
  return folder
}

/** A PATH on which `git` and `stat` note each start of theirs. */
function countingTools(): { path: string; started: () => string[] } {
  const folder = mkdtempSync(join(base, 'counting-'))
  const log = join(folder, 'log')
  for (const tool of ['git', 'stat']) {
    const script = `#!/bin/sh\necho ${tool} >> '${log}'\nexec '${whereIs(tool)}' "$@"\n`
    writeFileSync(join(folder, tool), script)
    chmodSync(join(folder, tool), 0o755)
  }
  return {
    path: `${folder}:${process.env['PATH']}`,
    started: () => readFileSync(log, 'utf8').trimEnd().split('\n'),
  }
}

function whereIs(tool: string): string {
  return execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim()
}
