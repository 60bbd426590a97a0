/**
 * SEMANTICS.md and the tests agree: each promise has a test that names it, and nothing cites a promise that is not there.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

import { expect, it } from 'vitest'

const core = join(import.meta.dirname, '..')
const root = join(core, '../..')

const promised = [...read(join(core, 'SEMANTICS.md')).matchAll(/^- \*\*(S\d+)\*\*/gm)].map(match => match[1]!)
// All but this file, whose numbers prove nothing.
const tested = [
  join(root, 'test'),
  join(root, 'examples/servers/test'),
  ...readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'test')),
]
const tests = filesBelow(tested, /(?<!semantics)\.test(-d)?\.ts$/)
const named = new Set(tests.flatMap(file => namesIn(read(file)).flatMap(numbersIn)))

it('every promise has a number of its own', () => {
  expect(promised.length).toBeGreaterThan(0)
  expect(promised.filter((number, place) => promised.indexOf(number) !== place)).toEqual([])
})

it('every promise is named by a test', () => {
  expect(promised.filter(number => !named.has(number))).toEqual([])
})

it('tests, sources and pages cite only promises that there are', () => {
  const sources = filesBelow([join(core, 'src')], /\.ts$/)
  const site = ['guides', 'reference', 'coming-from'].map(folder => join(root, 'docs', folder))
  const pages = [join(core, 'SEMANTICS.md'), ...filesBelow(site, /\.md$/)]
  const unknown = [...tests, ...sources, ...pages].flatMap(file =>
    numbersIn(read(file))
      .filter(number => !promised.includes(number))
      .map(number => `${relative(root, file)}: ${number}`),
  )
  expect(unknown).toEqual([])
})

it('finds the names of tests, however they are written', () => {
  const source = `
    describe('S3 a bulk', () => {
      it("S4 isn't", () => expect('S5').toBe(call('x', 'S6')))
      it.each([['S7', 1]])(
        \`S8 and S9 are %s\`, () => {})
    })`
  expect(namesIn(source).flatMap(numbersIn)).toEqual(['S3', 'S4', 'S8', 'S9'])
})

/** The names of the tests in a source: the strings that come first in a call and begin with a number. */
function namesIn(source: string): string[] {
  return [...source.matchAll(/\(\s*(['"`])(S\d+\b(?:\\.|(?!\1).)*)\1\s*,/g)].map(match => match[2]!)
}

function numbersIn(text: string): string[] {
  return text.match(/\bS\d+\b/g) ?? []
}

function filesBelow(folders: readonly string[], pattern: RegExp): string[] {
  return folders.flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(path => pattern.test(path))
      .map(path => join(folder, path)),
  )
}

function read(file: string): string {
  return readFileSync(file, 'utf8')
}
