/**
 * The documentation holds: its programs compile and print what they say, its links lead somewhere, and the files of the
 * packages are in the order in which ARCHITECTURE.md lists them.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { format } from 'node:util'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { snippetFolder, snippetsOf } from './support/snippets.ts'

const root = join(import.meta.dirname, '..')
const packages = readdirSync(join(root, 'packages'))

describe('the programs in the documentation', () => {
  const readmes = ['README.md', ...packages.map(name => `packages/${name}/README.md`)]
  const snippets = [...readmes, ...pagesBelow(join(root, 'docs'))].flatMap(snippetsOf)
  const titled = snippets.map(snippet => [snippet.title, snippet] as const)
  const run = titled.filter(([, { info }]) => info === 'ts')
  const compiled = titled.filter(([, { info }]) => info !== 'ts')
  let folder: string

  beforeAll(() => {
    folder = snippetFolder()
    for (const { file, code } of snippets) writeFileSync(join(folder, file), code)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('are there', () => {
    expect(run.length).toBeGreaterThan(0)
  })

  it('compile under the rules of this repository', () => {
    const rules = { noUnusedLocals: false, moduleDetection: 'force', types: ['node'] }
    const config = { extends: '../../tsconfig.json', compilerOptions: rules, include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder], {
      cwd: folder,
      encoding: 'utf8',
    })

    expect(stdout + stderr).toBe('')
  })

  it.each(run)('%s prints what it says', async (_, { file, prints }) => {
    const printed: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((...args) => void printed.push(format(...args)))
    try {
      await import(join(folder, file))
    } finally {
      log.mockRestore()
    }

    expect(prints).not.toEqual([])
    expect(printed).toEqual(prints)
  })

  it.each(compiled)('%s is only compiled, and says so', (_, { info, prints }) => {
    expect(info).toBe('ts compile')
    expect(prints).toEqual([])
  })
})

describe('the pages', () => {
  it.each(pagesBelow(root))('%s has only links that lead somewhere', page => {
    expect(linksOf(page).filter(link => !leadsSomewhere(page, link))).toEqual([])
  })

  it('tells a broken link from a good one', () => {
    const links = ['LICENSE', 'CONTRIBUTING.md#set-up', '#packages', 'NOWHERE.md', 'CONTRIBUTING.md#nowhere']
    expect(links.filter(link => leadsSomewhere('README.md', link))).toEqual(links.slice(0, 3))
  })
})

describe('the badges', () => {
  it('say what the packages say', () => {
    const badges = readdirSync(join(root, 'docs/public/badges'))
    const texts = badges.map(name => /<title>(.*)<\/title>/.exec(read(`docs/public/badges/${name}`))![1]!)
    const core = manifestOf('core')
    const yoga = manifestOf('yoga')
    const majors = [...yoga['peerDependencies'].graphql.matchAll(/\^(\d+)/g)].map(([, major]) => major)

    expect(new Set(texts)).toEqual(
      new Set([
        `dependencies of the core: ${core['dependencies'] === undefined ? 'none' : 'some'}`,
        `graphql: ${majors.join(' and ')}`,
        `license: ${core['license']}`,
        `node: ${core['engines'].node.slice(2)}+`,
      ]),
    )
    for (const [place, name] of badges.entries())
      expect(read('README.md')).toContain(`![${texts[place]}](docs/public/badges/${name})`)
  })
})

describe('the figures of the first pages', () => {
  const measured = rowsOf('docs/how-it-works.md')

  it('are those of the page that says how they were measured', () => {
    const quoted = rowsOf('docs/index.md').slice(1)
    expect(quoted).toHaveLength(3)
    expect(quoted.filter(row => !measured.includes(row))).toEqual([])
    const [, dataloader, , here] = measured.find(row => row.startsWith('four levels, some'))!.split(' | ')
    const [bulks, time] = here!.split(' / ')
    expect(read('README.md').replaceAll(/\s+/g, ' ')).toContain(
      `is ${dataloader} batches with DataLoader and ${bulks} here, in ${time} of the [time]`,
    )
  })
})

describe('the words', () => {
  /** Each of these has puzzled a reader, who looks for batch, tick, microtask, caller, others, can take, ignored and the like. */
  const puzzling =
    /\b(askers?|bears?|belongs? into|company|dear|elsewhere|heard|hears?|in vain|mates?|once a (bulk|result)|passed over|promise jobs?|strange|told|torn|whom|(of|in) (a|one|the) turn)\b/gi

  it.each(pagesBelow(root))('%s has none that puzzle', page => {
    expect(
      proseOf(page)
        .replaceAll(/`[^`]+`/g, '')
        .match(puzzling),
    ).toBeNull()
  })

  it('nor have the titles of tests', () => {
    const tests = ['packages', 'examples', 'test'].flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(file => /^(?!.*node_modules).*\.test\.ts$/.test(file))
        .map(file => join(folder, file)),
    )
    const titles = tests.flatMap(file =>
      Array.from(read(file).matchAll(/^ *(?:it|test|describe)\b.*?\('(.*)'/gm), ([, title]) => title!),
    )
    expect(titles.length).toBeGreaterThan(1_000)
    expect(titles.filter(title => title.match(puzzling) !== null)).toEqual([])
  })
})

/** The folders that have sources of their own. */
const folders = [...packages.map(name => `${name}/src`), 'inspector/page']

describe.each(folders)('ARCHITECTURE.md, of packages/%s,', folder => {
  const sources = join(root, 'packages', folder)
  const [, section = ''] = read('ARCHITECTURE.md').split(`\n### \`packages/${folder}\`\n`)
  // What stands before the colon: the names of files, and behind it what they are.
  const entries = section.split(/^##/m)[0]!.matchAll(/^- ([^:\n]+)/gm)
  const listed = [...entries].flatMap(([, names]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!),
  )

  it('lists every file, once', () => {
    expect(listed.toSorted()).toEqual(
      readdirSync(sources, { recursive: true, encoding: 'utf8' })
        .filter(file => /\.tsx?$/.test(file))
        .toSorted(),
    )
  })

  it('lists each file above those that it imports', () => {
    const upwards = listed.flatMap((file, place) =>
      importsOf(sources, file)
        .filter(other => listed.indexOf(other) <= place)
        .map(other => `${file} imports ${other}`),
    )
    expect(upwards).toEqual([])
  })
})

describe('the core', () => {
  const sources = join(root, 'packages/core/src')
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  const below = new Map<string, Set<string>>()
  for (const file of files) {
    const room = below.get(roomOf(file)) ?? new Set()
    for (const other of importsOf(sources, file).map(roomOf)) if (other !== roomOf(file)) room.add(other)
    below.set(roomOf(file), room)
  }

  /** The longest way down from a room, itself included; endless in a circle. */
  function floorsOf(room: string, above: readonly string[] = []): number {
    if (above.includes(room)) return Infinity
    return 1 + Math.max(0, ...Array.from(below.get(room)!, other => floorsOf(other, [...above, room])))
  }

  it('has folders that import each other in one direction only, and no more than nine floors', () => {
    expect(floorsOf('index.ts')).toBeLessThanOrEqual(9)
  })
})

/** Folders that hold nothing of ours. */
const foreign = new Set([
  'node_modules',
  'dist',
  'coverage',
  'reports',
  '.git',
  '.turbo',
  '.vitepress',
  'api',
])

function pagesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return foreign.has(entry.name) ? [] : pagesBelow(path)
    return entry.name.endsWith('.md') ? [relative(root, path)] : []
  })
}

/** The rows of the tables of a page, whatever the widths of their columns. */
function rowsOf(page: string): string[] {
  const rows = read(page).matchAll(/^\| (.*[^-\s|].*) \|$/gm)
  return Array.from(rows, ([, cells]) => cells!.replaceAll(/\s*\|\s*/g, ' | ').trim())
}

/** The links of a page that stay in this repository. */
function linksOf(page: string): string[] {
  const links = proseOf(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)
  return [...links].map(([, inline, defined]) => inline ?? defined!).filter(link => !/^[a-z]+:/.test(link))
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path, anchor] = link.split('#') as [string, string?]
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, target))) return false
  return anchor === undefined || anchorsOf(target).includes(anchor)
}

/** The anchors of the headings of a page, made as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>()
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const anchor = heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

/** The page without its programs, and with the pages that it includes. */
function proseOf(page: string): string {
  return read(page)
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/^<!--@include: (.*)-->$/gm, (_, path: string) => proseOf(join(dirname(page), path)))
}

/** What a file imports of its own folder of sources, or those below. */
function importsOf(sources: string, file: string): string[] {
  const imports = readFileSync(join(sources, file), 'utf8').matchAll(/ from '(\.\.?\/[\w./-]+\.tsx?)'/g)
  return Array.from(imports, ([, path]) => join(dirname(file), path!)).filter(path => !path.startsWith('..'))
}

/** A folder with all that is in it, or a file that is in none. */
function roomOf(file: string): string {
  return file.split('/')[0]!
}

function manifestOf(name: string): Record<string, any> {
  return JSON.parse(read(`packages/${name}/package.json`)) as Record<string, any>
}

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}
