/**
 * What the page says of an operation: where its time went, and why.
 */

import { describe, expect, it } from 'vitest'

import { durationOf, endOf, limiterName, loadersIn, savedBy, sharesOf, spansOf } from '../page/facts.ts'
import { short, ticksOf } from '../page/numbers.ts'
import { ongoing } from '../page/ongoing.ts'
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
    fields: [],
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
    fieldHits: [],
    limiters: [],
  }
}

/** A bulk that is still open, of which only its loader is known and when it opened. */
function opened(openedAt: number): RecordedBulk {
  const unknown = { size: null, delay: null, limiters: [], cause: null }
  return { ...bulk([openedAt, 0, 0, 0], unknown), readyAt: null, startedAt: null, settledAt: null }
}

/** Each share that is more than nothing. */
function shares(all: RecordedOperation, end?: number): Record<string, number> {
  return Object.fromEntries(sharesOf(all, end).flatMap(({ doing, ms }) => (ms > 0 ? [[doing, ms]] : [])))
}

type Case = readonly [what: string, bulks: readonly RecordedBulk[], expected: Record<string, number>]

/** Each operation took 100 ms. Bulks: opened, ready, started, settled. */
const cases: readonly Case[] = [
  ['nothing is loaded', [], { resolvers: 100 }],
  [
    'the window waits the whole delay while the loop is idle',
    [bulk([0, 5, 5, 100], { cause: 'delay', busyOpen: 0 })],
    { window: 5, command: 95 },
  ],
  [
    'the window waits for resolvers, and closes before its time',
    [bulk([0, 4, 4, 100], { cause: 'quiet', busyOpen: 0 })],
    { window: 4, command: 96 },
  ],
  [
    '52 ms of collecting with a delay of 5, of which the loop was busy for 50',
    [bulk([0, 52, 52, 100], { cause: 'quiet', busyOpen: 50 })],
    { loop: 50, window: 2, command: 48 },
  ],
  [
    'the same, started by size, by a flush',
    [
      bulk([0, 52, 52, 100], { cause: 'size', busyOpen: 50 }),
      bulk([0, 52, 52, 100], { cause: 'flush', busyOpen: 52 }),
    ],
    { loop: 52, command: 48 },
  ],
  [
    'the timer was late: first the window, then the loop',
    [bulk([0, 60, 60, 100], { cause: 'delay', busyOpen: 55 })],
    { window: 5, loop: 55, command: 40 },
  ],
  [
    'a timer that is a moment late by nature, while the loop is idle, is the window',
    [bulk([0, 6, 6, 100], { cause: 'delay', busyOpen: 0 })],
    { window: 6, command: 94 },
  ],
  [
    'nobody counts how busy the loop is: only the late timer says so',
    [bulk([0, 60, 60, 100], { cause: 'quiet' })],
    { window: 5, loop: 55, command: 40 },
  ],
  [
    'with delay 0 a bulk waits for the end of the tick and for nothing else',
    [bulk([0, 30, 30, 100], { cause: 'tick', delay: 0 })],
    { loop: 30, command: 70 },
  ],
  [
    'the window has no end: what it waited while the loop was idle is the window',
    [bulk([0, 60, 60, 100], { cause: 'quiet', delay: null, busyOpen: 10 })],
    { loop: 10, window: 50, command: 40 },
  ],
  [
    'a slot is waited for, whatever else goes on',
    [bulk([0, 0, 0, 80]), bulk([0, 10, 80, 100], { busyOpen: 10 })],
    { command: 30, slot: 70 },
  ],
  [
    'a command that runs comes before a window that is open and a loop that is busy',
    [bulk([0, 0, 0, 60]), bulk([10, 70, 70, 100], { delay: null, busyOpen: 20 })],
    { command: 90, window: 10 },
  ],
  [
    'resolvers come before, between and after',
    [bulk([10, 15, 15, 30], { busyOpen: 0 }), bulk([50, 55, 55, 90], { busyOpen: 0 })],
    { resolvers: 40, window: 10, command: 50 },
  ],
  [
    'a command goes on after the operation has ended: that is no part of it',
    [bulk([0, 5, 5, 260], { busyOpen: 0, timedOut: true, failed: 4 })],
    { window: 5, command: 95 },
  ],
]

describe('S110 where the time went', () => {
  it.each(cases)('has its true cause: %s', (_, bulks, expected) => {
    const found = shares(operation(100, ...bulks))

    expect(found).toEqual(expected)
    expect(Object.values(found).reduce((sum, ms) => sum + ms, 0)).toBe(100)
  })

  it('is the whole of it, whatever its bulks are', () => {
    let seed = 7
    const random = (most: number): number => (seed = (seed * 16_807) % 2_147_483_647) % most
    for (let round = 0; round < 300; round++) {
      const bulks = Array.from({ length: random(12) }, () => {
        const openedAt = random(120)
        const readyAt = openedAt + random(40)
        const startedAt = readyAt + random(40)
        return bulk([openedAt, readyAt, startedAt, startedAt + random(40)], {
          delay: [0, 5, null][random(3)]!,
          ...(random(2) === 0 && { busyOpen: random(50) }),
        })
      })
      const all = sharesOf(operation(100, ...bulks))

      expect(all.every(({ ms }) => ms >= 0)).toBe(true)
      expect(all.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(100, 9)
    }
  })

  it('follows one after the other, to the last digit', () => {
    for (let n = 0; n < 3_000; n++) {
      const [openedAt, readyAt, busyOpen] = [
        25_529 + 137 * n,
        30_731 + 2_117 * n + (n % 7),
        5_202 + 1_980 * n,
      ].map(each => each / 1000) as [number, number, number]
      const spans = spansOf(bulk([openedAt, readyAt, readyAt, 9_000], { busyOpen }), 9_000)

      expect(spans[0]!.from).toBe(openedAt)
      for (const [place, { from }] of spans.entries()) expect(from).toBe(spans[place - 1]?.to ?? openedAt)
    }
  })

  it.each<[string, RecordedBulk[]]>([
    [
      'Short of slots: for 80.0 ms of 100 ms, bulks were ready and had no slot, 1 bulk of users among them',
      [bulk([0, 5, 85, 100])],
    ],
    [
      'Batch functions ran for 80.0 ms of 100 ms. Most of it was users: 1 bulk, the longest 80.0 ms.',
      [bulk([0, 5, 20, 100])],
    ],
    [
      'The event loop was busy for 70.0 ms of its 80.0 ms: that is computing, not waiting for a backend.',
      [bulk([0, 5, 20, 100], { busyRunning: 70 })],
    ],
    [
      'Waiting for more calls: for 80.0 ms of 100 ms, windows were open and nothing ran; 1 bulk of users waited the whole delay. Try a shorter delay.',
      [bulk([0, 80, 80, 100], { cause: 'delay', delay: 80, busyOpen: 0 })],
    ],
    ['Waiting for resolvers: for 80.0 ms of 100 ms', [bulk([0, 80, 80, 100], { delay: 90, busyOpen: 0 })]],
    [
      'The event loop was busy: for 80.0 ms of 100 ms, bulks were open and nothing could start them, most of all users. No setting changes that',
      [bulk([0, 80, 80, 100], { busyOpen: 80 })],
    ],
    ['Resolvers: for 80.0 ms of 100 ms', [bulk([80, 85, 85, 100])]],
    ['1 bulk of users timed out. Batch functions', [bulk([0, 5, 5, 200], { timedOut: true })]],
  ])('has a verdict: %s', (verdict, bulks) => {
    expect(verdictOn(operation(100, ...bulks))).toContain(verdict)
  })

  it('never names a shorter delay where the loop was busy', () => {
    const busy = bulk([0, 52, 52, 60], { cause: 'delay', delay: 5, busyOpen: 50 })

    expect(verdictOn(operation(60, busy))).toMatch(/^The event loop was busy: for 47\.0 ms|50\.0 ms of/)
    expect(verdictOn(operation(60, busy))).not.toContain('shorter delay')
  })

  it('goes on while the operation does, and never divides by nothing', () => {
    const open = opened(5)

    expect(endOf(operation(null, open, bulk([0, 1, 2, 30])))).toBe(30)
    expect(spansOf(open, 30)).toEqual([{ phase: 'window', from: 5, to: 30 }])
    expect(endOf(operation(0))).toBeGreaterThan(0)
    expect(verdictOn(operation(1))).toBe('Everything that it loaded was cached.')
  })
})

describe('S110 a bulk that is still open', () => {
  const limiters = [{ id: 1, slots: 1 }]
  const run = operation(null, opened(10))
  const before = { ...operation(9, bulk([0, 1, 2, 3])), limiters }
  const running = { ...bulk([0, 1, 2, 0]), settledAt: null }
  const phasesOf = (others: readonly RecordedOperation[], now: number): object[] =>
    spansOf(ongoing(run, [run, ...others]).bulks[0]!, now).map(({ phase, from, to }) => [phase, from, to])

  it('has its window open while nothing is known of its loader', () => {
    expect(phasesOf([], 100)).toEqual([['window', 10, 100]])
  })

  it('waits for the event loop after the delay that its loader had last', () => {
    expect(phasesOf([before], 13)).toEqual([['window', 10, 13]])
    expect(phasesOf([before], 100)).toEqual([
      ['window', 10, 15],
      ['loop', 15, 100],
    ])
    expect(ongoing(run, [run, before]).bulks[0]!.size).toBe(10)
  })

  it('waits for a slot after that, where others have them all', () => {
    const busy = { ...operation(null, running), limiters }

    expect(phasesOf([before, busy], 13)).toEqual([['window', 10, 13]])
    expect(phasesOf([before, busy], 100)).toEqual([
      ['window', 10, 15],
      ['slot', 15, 100],
    ])
    expect(
      phasesOf(
        [
          { ...before, limiters: [{ id: 1, slots: 2 }] },
          { ...busy, limiters: [] },
        ],
        100,
      ),
    ).toEqual([
      ['window', 10, 15],
      ['loop', 15, 100],
    ])
  })
})

/** An operation whose loaders share a limiter. */
function limited(...loaders: string[]): RecordedOperation {
  return operation(9, ...loaders.map(loader => bulk([0, 1, 2, 3], { loader, limiters: [1] })))
}

describe('S111 an operation', () => {
  it('takes as long as it took, although a bulk went on after its end', () => {
    const late = operation(35.4, bulk([0, 1, 1, 63.7]))

    expect([durationOf(late), endOf(late)]).toEqual([35.4, 63.7])
    expect(verdictOn(late)).toContain('of 35.4 ms')
    expect(durationOf(operation(null, bulk([0, 1, 1, 63.7])))).toBe(63.7)
  })

  it('has limiters by the loaders that share them', () => {
    expect(limiterName(1, limited('users'))).toBe('users')
    expect(limiterName(1, limited('users', 'posts', 'users'))).toBe('users, posts')
    expect(limiterName(1, limited('a', 'b', 'c', 'd', 'e'))).toBe('all loaders')
    const some = limited('a', 'b', 'c', 'd', 'e')
    some.bulks.push(bulk([0, 1, 2, 3], { loader: 'f', limiters: [2] }))
    expect(limiterName(1, some)).toBe('a, b and 3 more')
  })
})

describe('what was saved', () => {
  it('counts what was known already as loads, and a loader of hits alone as a loader', () => {
    const { hits, ...rest } = operation(10, bulk([0, 1, 1, 5]), bulk([5, 6, 6, 8], { tasks: 2 }))
    const both = { ...rest, hits: [...hits, ['orgs', 7] as [string, number]] }

    expect(savedBy(both)).toEqual({ loads: 16, hits: 10, bulks: 2 })
    expect(loadersIn(both, 10).map(({ loader, loads, command }) => [loader, loads, command])).toEqual([
      ['users', 9, 3],
      ['orgs', 7, 0],
    ])
  })
})

describe('a file', () => {
  const good = { version: 2, keeps: 1, documents: [], operations: [operation(10, bulk([0, 1, 1, 5]))] }
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
    [{ ...good, version: 1 }, 'version 1; this page reads version 2'],
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
  [47, [0, 10, 20, 30]],
  [48, [0, 10, 20, 30, 40]],
  [1200, [0, 200, 400, 600, 800, 1000]],
])('the time of %f ms has round numbers along it', (width, ticks) => {
  expect(ticksOf(width)).toEqual(ticks)
})

it('a time has as many digits as say something', () => {
  expect([0, 0.004, 0.0051, 0.5, 9.96, 99.94, 100.4].map(short)).toEqual([
    '0',
    '0',
    '0.01',
    '0.50',
    '10.0',
    '99.9',
    '100',
  ])
})
