/**
 * What the page says of an operation: where its time went, and why.
 */

import { describe, expect, it } from 'vitest'

import { endOf, loadersIn, savedBy, sharesOf, spansOf } from '../page/facts.ts'
import { ticksOf } from '../page/numbers.ts'
import { readRecording } from '../page/recorded-file.ts'
import { verdictOn } from '../page/verdict.ts'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'

let lastId = 0

/** A bulk that opened, was ready, started and settled at these instants. */
function bulk(
  [openedAt, readyAt, startedAt, settledAt]: readonly [number, number, number, number],
  more: Partial<RecordedBulk> = {},
): RecordedBulk {
  return {
    id: ++lastId,
    loader: 'users',
    size: 10,
    delay: 5,
    limiters: [1],
    tasks: 4,
    cause: 'quiet',
    openedAt,
    readyAt,
    startedAt,
    settledAt,
    pending: 0,
    inFlight: 1,
    none: false,
    failed: 0,
    error: null,
    abandoned: false,
    askers: [],
    arrivals: [],
    ...more,
  }
}

function operation(ms: number | null, ...bulks: RecordedBulk[]): RecordedOperation {
  return {
    id: 1,
    name: 'Feed',
    kind: 'query',
    at: 0,
    ms,
    errors: 0,
    bulks,
    hits: [['users', 3]],
    limiters: [],
  }
}

function shares(...bulks: RecordedBulk[]): Record<string, number> {
  return Object.fromEntries(sharesOf(operation(100, ...bulks)).map(({ doing, ms }) => [doing, ms]))
}

describe('where the time went', () => {
  it('is told of every moment once: first for who waits for a slot, then for who runs', () => {
    expect(shares(bulk([10, 20, 20, 60]), bulk([15, 30, 40, 70]), bulk([75, 80, 80, 90]))).toEqual({
      waiting: 10,
      running: 10 + 20 + 10 + 10,
      late: 0,
      collecting: 10 + 5,
      elsewhere: 10 + 5 + 10,
    })
  })

  it('is late where a bulk should have started and its timer did not come', () => {
    const late = bulk([10, 40, 40, 50], { cause: 'delay' })

    expect(spansOf(late, 100).map(({ phase, from, to }) => [phase, from, to])).toEqual([
      ['collecting', 10, 15],
      ['late', 15, 40],
      ['running', 40, 50],
    ])
    expect(verdictOn(operation(42, bulk([0, 38, 38, 42], { cause: 'delay' })))).toMatch(
      /^Late: for 33\.0 ms of 42\.0 ms/,
    )
  })

  it.each<[string, readonly [number, number, number, number]]>([
    [
      'Short of slots: for 80.0 ms of 100 ms, bulks stood in line, 1 bulk of users among them',
      [0, 5, 85, 100],
    ],
    [
      'Busy with commands: for 80.0 ms of 100 ms. Most of it was users: 1 bulk, the longest 80.0 ms.',
      [0, 5, 20, 100],
    ],
    ['Waiting for company: for 80.0 ms of 100 ms', [0, 80, 80, 100]],
    ['Busy elsewhere: for 80.0 ms of 100 ms', [80, 85, 85, 100]],
  ])('has a verdict: %s', (verdict, instants) => {
    expect(verdictOn(operation(100, bulk(instants)))).toContain(verdict)
  })

  it('goes on while the operation does, and never divides by nothing', () => {
    const open = { ...bulk([5, 0, 0, 0]), cause: null, readyAt: null, startedAt: null, settledAt: null }

    expect(endOf(operation(null, open, bulk([0, 1, 2, 30])))).toBe(30)
    expect(spansOf(open, 30)).toEqual([{ phase: 'collecting', from: 5, to: 30 }])
    expect(endOf(operation(0))).toBeGreaterThan(0)
    expect(verdictOn(operation(1))).toBe('Everything that it loaded was known already.')
  })
})

describe('what was saved', () => {
  it('counts what was known already as loads, and a loader of hits alone as a loader', () => {
    const { hits, ...rest } = operation(10, bulk([0, 1, 1, 5]), bulk([5, 6, 6, 8], { tasks: 2 }))
    const both = { ...rest, hits: [...hits, ['orgs', 7] as [string, number]] }

    expect(savedBy(both)).toEqual({ loads: 16, hits: 10, bulks: 2 })
    expect(loadersIn(both, 10).map(({ loader, loads, running }) => [loader, loads, running])).toEqual([
      ['users', 9, 3],
      ['orgs', 7, 0],
    ])
  })
})

describe('a file', () => {
  const good = { version: 1, keeps: 1, operations: [operation(10, bulk([0, 1, 1, 5]))] }
  const [{ bulks }] = good.operations as [RecordedOperation]
  const withBulk = (more: object): object => ({
    ...good,
    operations: [{ ...operation(1), bulks: [{ ...bulks[0], ...more }] }],
  })

  it('that was saved is read', () => {
    expect(readRecording(JSON.stringify(good))).toEqual(good)
  })

  it.each<[unknown, string]>([
    ['no', 'The file is not JSON.'],
    [null, 'the recording is not an object'],
    [{ ...good, version: 2 }, 'version 2; this page reads version 1'],
    [{ ...good, operations: {} }, 'the recording.operations is not a list'],
    [withBulk({ loader: 7 }), 'the recording.operations[0].bulks[0].loader is not a string'],
    [withBulk({ tasks: null }), 'bulks[0].tasks is not a number'],
    [withBulk({ arrivals: [[null, 'soon', 1]] }), 'bulks[0].arrivals[0].1 is not a number'],
  ])('such as %j is refused', (value, message) => {
    expect(() => readRecording(value === 'no' ? 'no' : JSON.stringify(value))).toThrow(message)
  })
})

it.each([
  [0.004, [0, 0.001, 0.002, 0.003]],
  [47, [0, 10, 20, 30, 40]],
  [1200, [0, 200, 400, 600, 800, 1000]],
])('the time of %f ms has round numbers along it', (width, ticks) => {
  expect(ticksOf(width)).toEqual(ticks)
})
