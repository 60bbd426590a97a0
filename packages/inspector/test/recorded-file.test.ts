/**
 * Files with recordings come from anywhere: what no server records is refused, in words, and in no time.
 */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { readFile, readRecording } from '../page/recorded-file.ts'

const bulk = {
  id: 1,
  loader: 'users',
  size: 10,
  delay: 5,
  limiters: [1],
  tasks: 2,
  cause: 'quiet',
  openedAt: 0,
  readyAt: 1,
  startedAt: 2,
  settledAt: 3,
  pending: 0,
  inFlight: 1,
  none: false,
  failed: 0,
  error: null,
  abandoned: false,
  fields: [['Query.user', 2, 3]],
  arrivals: [[null, 0, 2]],
}
const operation = {
  id: 1,
  name: 'Feed',
  kind: 'query',
  at: 1_700_000_000_000,
  ms: 4,
  errors: 0,
  bulks: [bulk],
  hits: [['users', 3]],
  fieldHits: [],
  limiters: [{ id: 1, slots: 2 }],
}
const file = (...operations: unknown[]) =>
  JSON.stringify({
    version: 2,
    keeps: 200,
    operations,
    documents: [
      {
        id: 1,
        lines: [
          [0, 'query Feed {'],
          [1, 'posts'],
        ],
      },
    ],
  })
const withBulk = (more: object) => file({ ...operation, bulks: [{ ...bulk, ...more }] })
const listOf = <T>(length: number, make: (n: number) => T): T[] => Array.from({ length }, (_, n) => make(n))

describe('S115 a file', () => {
  it('that a server has recorded is read, also of an operation that goes on or had no room', () => {
    const open = { ...bulk, id: 2, cause: null, readyAt: null, startedAt: null, settledAt: null, size: null }
    const text = file({ ...operation, ms: null, omitted: 70, bulks: [bulk, open] })

    expect(readRecording(text)).toEqual(JSON.parse(text))
  })

  it.each([
    ...Object.keys(bulk).map(name => [`bulks[0].${name}`, withBulk({ [name]: undefined })]),
    ...Object.keys(operation).map(name => [name, file({ ...operation, [name]: undefined })]),
    ['limiters[0].slots', file({ ...operation, limiters: [{ id: 1 }] })],
  ])('without %s is refused: what is not known there is null', (path, text = '') => {
    expect(() => readRecording(text)).toThrow(
      `The file is no recording of this page: the recording.operations[0].${path} is not`,
    )
  })

  it.each<[string, string, string]>([
    ['an object for a list', withBulk({ arrivals: [{ 0: null, 1: 0, 2: 2 }] }), 'arrivals[0] is not a list'],
    ['null where something may be missing', withBulk({ busyOpen: null }), 'busyOpen is not a number'],
    ['a billion tasks', withBulk({ tasks: 1e9 }), 'bulks[0].tasks is not from 0 to 1000000'],
    ['a billion arrivals in one', withBulk({ arrivals: [[null, 0, 1e9]] }), 'arrivals[0].2 is not from 0'],
    [
      'many tasks in sum',
      file({ ...operation, bulks: [bulk, { ...bulk, id: 2, tasks: 1_000_000 }] }),
      'has more than 1,000,000 tasks',
    ],
    ['half a task', withBulk({ tasks: 0.5 }), 'tasks is not a whole number'],
    ['fewer tasks than none', withBulk({ tasks: -1 }), 'tasks is not from 0'],
    [
      'a time without end',
      withBulk({}).replace('"settledAt":3', '"settledAt":1e999'),
      'settledAt is not from 0',
    ],
    ['no time', withBulk({}).replace('"settledAt":3', '"settledAt":"NaN"'), 'settledAt is not a number'],
    ['bulks of no task', withBulk({ size: 0 }), 'size is not from 1'],
    [
      'limiters without slots',
      file({ ...operation, limiters: [{ id: 1, slots: 0 }] }),
      'slots is not from 1',
    ],
    ['a date that is none', file({ ...operation, at: 1e300 }), 'at is not from 0'],
    ['a bulk that ended before it began', withBulk({ startedAt: 2, settledAt: 1 }), 'not in their order'],
    ['a bulk that ended and never began', withBulk({ startedAt: null }), 'has ended before it began'],
    ['a bulk that ended without a cause', withBulk({ cause: null }), 'has ended before it began'],
    ['one bulk twice', file({ ...operation, bulks: [bulk, bulk] }), 'bulks has a number twice'],
    ['one operation twice', file(operation, operation), 'operations has a number twice'],
    [
      'a name without end',
      file({ ...operation, name: 'x'.repeat(20_000) }),
      'name has more than 10,000 letters',
    ],
    [
      'too many operations',
      file(...listOf(10_001, id => ({ ...operation, id, bulks: [] }))),
      'operations has more than 10,000 entries',
    ],
    [
      'too many bulks',
      file({ ...operation, bulks: listOf(20_001, id => ({ ...bulk, id })) }),
      'bulks has more than 20,000 entries',
    ],
    [
      'too many loaders',
      file({ ...operation, bulks: listOf(1_001, id => ({ ...bulk, id, loader: `${id}` })) }),
      'has more than 1,000 loaders',
    ],
    [
      'too much of all',
      file(
        ...listOf(80, id => ({
          ...operation,
          id,
          bulks: [{ ...bulk, arrivals: listOf(20_000, () => [null, 0, 1]) }],
        })),
      ),
      'it has more than 1,000,000 entries in its lists',
    ],
    ['a list that says that it is long', withBulk({ arrivals: { length: 1e9 } }), 'arrivals is not a list'],
    ['a prototype', `{"__proto__":{"version":2,"operations":[]},"version":2}`, 'operations is not a list'],
    ['an array instead of an object', '[]', 'version is not a number'],
  ])('with %s is refused', (_, text, message) => {
    expect(() => readRecording(text)).toThrow(message)
  })

  it('that was cut off anywhere is refused, and never half shown', () => {
    const text = file(operation)
    for (let length = 0; length < text.length; length++)
      expect(() => readRecording(text.slice(0, length))).toThrow(
        'The file is not JSON. Was it saved to its end?',
      )
  })

  it('that is nested without end is refused', () => {
    expect(() => readRecording('['.repeat(1_000_000))).toThrow('The file is not JSON')
    expect(() => readRecording(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)).toThrow('is not a number')
  })

  it('that is too large is not read', async () => {
    const huge = { size: 2e9, text: () => Promise.reject(new Error('read')) } as unknown as Blob

    await expect(readFile(huge)).rejects.toThrow(
      'The file has 2,000,000,000 bytes; this page reads up to 200,000,000.',
    )
    expect(await readFile(new Blob([file(operation)]))).toEqual(JSON.parse(file(operation)))
    // Where files are of another kind.
    await expect(readFile(new Blob([readFileSync(import.meta.filename)]))).rejects.toThrow('not JSON')
  })
})
