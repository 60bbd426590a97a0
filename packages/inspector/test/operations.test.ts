/**
 * Operations, rather than bulks: their groups, what their fields cost, and the differences of two runs.
 */

import { parse, type DocumentNode, type OperationDefinitionNode } from 'graphql'
import { describe, expect, it } from 'vitest'

import { compare, type Row } from '../page/differences.ts'
import { costsOf, isNPlusOne, type LoaderCost } from '../page/field-costs.ts'
import { groupsOf, quantile } from '../page/groups.ts'
import { heads, layoutOf, mostDrawn } from '../page/layout.ts'
import { print } from '../src/document.ts'
import { Documents } from '../src/documents.ts'
import { EventLoop } from '../src/event-loop.ts'
import type { RecordedBulk } from '../src/index.ts'
import { operationOf, recordingOf } from './support/recordings.ts'

const everything = { text: '', onlyFailed: false, slowestFirst: false }
const { documents } = recordingOf()
const known = new Map(documents.map(document => [document.id, document]))

/** What differs in two runs. */
function names(rows: readonly Row[]): string[] {
  return rows.filter(row => row.differs).map(row => row.what)
}

function bulksOf(count: number, size: number | null = 20): RecordedBulk[] {
  return Array.from({ length: count }, () => ({ ...operationOf(1).bulks[0]!, size }))
}

function cost(asked: number, bulks: RecordedBulk[]): LoaderCost {
  return { loader: 'users', asked, cached: 0, bulks }
}

function shown(text: string, values = false): string {
  const { definitions } = parse(text)
  return print(definitions, definitions[0]!, values)
    .lines.map(([depth, line]) => '  '.repeat(depth) + line)
    .join('\n')
}

/** The first field of a document. */
function field(document: DocumentNode): object {
  const [operation] = document.definitions as readonly OperationDefinitionNode[]
  return operation!.selectionSet.selections[0]!
}

describe('S117 groups', () => {
  const runs = [10, 20, 30, 40, 1000].map((ms, n) =>
    operationOf(3, { id: n + 1, at: 1000 + n, ms, errors: n === 4 ? 1 : 0 }),
  )
  const other = operationOf(1, { id: 9, at: 1002, ms: 50, documents: [] })
  const running = operationOf(1, { id: 10, at: 999, ms: null, name: 'Slow' })

  it('are of one name and one document, the one that ran last first', () => {
    const groups = groupsOf([...runs, other, running], known, everything)

    expect(
      groups.map(({ title, runs: all, p50, p95, bulks, failures }) => [
        title,
        all.length,
        p50,
        p95,
        bulks,
        failures,
      ]),
    ).toEqual([
      ['Feed', 5, 30, 1000, 3, 1],
      ['Feed', 1, 50, 50, 1, 0],
      ['Slow', 1, null, null, 1, 0],
    ])
    expect(groups[0]!.runs.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(groups[0]!.latest.id).toBe(5)
  })

  function found(filter: object): unknown[] {
    return groupsOf([other, ...runs, running], known, { ...everything, ...filter }).map(
      ({ runs: all }) => all.length,
    )
  }

  it('are found by what is in their documents, by their failures, and by how slow they are', () => {
    expect(found({ text: 'COMMENTS {' })).toEqual([5, 1])
    expect(found({ text: 'slow' })).toEqual([1])
    expect(found({ text: 'nowhere' })).toEqual([])
    expect(found({ onlyFailed: true })).toEqual([1])
    expect(found({ slowestFirst: true })).toEqual([5, 1, 1])
  })

  it.each([
    [[], 0.5, null],
    [[7], 0.95, 7],
    [[1, 2], 0.5, 1],
    [Array.from({ length: 100 }, (_, n) => n + 1), 0.95, 95],
    [Array.from({ length: 100 }, (_, n) => n + 1), 0.5, 50],
  ])('of the times %j have at %d the quantile %s', (times, part, expected) => {
    expect(quantile(times, part)).toBe(expected)
  })

  it('have the differences of two runs, and not what always differs', () => {
    const [left, right] = [operationOf(30), operationOf(30, { ms: 42 })]
    const slower = operationOf(60, { ms: 200, errors: 2 })
    expect(names(compare(left, right))).toEqual([])
    expect(names(compare(left, slower))).toEqual(
      expect.arrayContaining([
        'time',
        'waiting for a slot',
        'loads',
        'bulks',
        'errors',
        'authors: bulks',
        'authors: keys',
      ]),
    )
    expect(compare(left, slower).find(({ what }) => what === 'bulks')).toMatchObject({ left: 30, right: 60 })
    expect(names(compare(left, slower))).not.toContain('posts: bulks')
  })
})

describe('S114 the cost of a field', () => {
  it('has what it asked and what was cached by loader, and how long any of its bulks was open or ran', () => {
    const operation = operationOf(2, { ms: 20 })
    const [first, second] = operation.bulks
    const costs = costsOf({
      ...operation,
      bulks: [
        {
          ...first!,
          openedAt: 0,
          readyAt: 5,
          startedAt: 8,
          settledAt: 10,
          busyOpen: 2,
          fields: [['Query.posts', 3, 2]],
        },
        {
          ...second!,
          openedAt: 9,
          readyAt: 12,
          startedAt: 12,
          settledAt: 20,
          busyOpen: 0,
          fields: [
            ['Post.author', 4, 4],
            ['Query.posts', 1, 2],
            ['Lost.field', 1],
          ],
        },
      ],
      fieldHits: [
        [4, 'authors', 30],
        [9, 'comments', 2],
      ],
    })

    expect(
      costs.map(({ line, name, waited, loaders }) => [
        line,
        name,
        waited,
        loaders.map(({ loader, asked, cached, bulks }) => [loader, asked, cached, bulks.length]),
      ]),
    ).toEqual([
      [
        2,
        'Query.posts',
        20,
        [
          ['posts', 3, 0, 1],
          ['authors', 1, 0, 1],
        ],
      ],
      [4, 'Post.author', 11, [['authors', 4, 30, 1]]],
      [9, null, 0, [['comments', 0, 2, 0]]],
      [null, 'Lost.field', 11, [['authors', 1, 0, 1]]],
    ])
    expect(costs[0]!.shares).toEqual([
      { doing: 'command', ms: 10 },
      { doing: 'slot', ms: 3 },
      { doing: 'loop', ms: 2 },
      { doing: 'window', ms: 5 },
    ])
  })

  it('is N+1 where keys go out nearly one by one, although they could go together', () => {
    expect(isNPlusOne(cost(60, bulksOf(49)))).toBe(true)
    expect(isNPlusOne(cost(60, bulksOf(6)))).toBe(false)
    expect(isNPlusOne(cost(3, bulksOf(3)))).toBe(false)
    expect(isNPlusOne(cost(49, bulksOf(49, 1)))).toBe(false)
  })
})

describe('S113 a document', () => {
  it('is shown without what clients ask for: numbers and strings', () => {
    const text = `mutation M($id: [ID!]! = ["v-1"]) @live(every: 5) {
      a: add(id: $id, n: 1.5, s: "secret", b: """secret""", on: true, no: null, sort: BY_NAME, in: [1, 2], mixed: [1, $id], where: {name: "secret", tags: ["x"], deep: {n: 3}}) @include(if: true) { ... on Post @skip(if: false) { id } ...F }
    }
    fragment F on Post { id ...F }`

    expect(shown(text)).toBe(`mutation M($id: [ID!]!) @live(every: …) {
  a: add(id: $id, n: …, s: …, b: …, on: true, no: null, sort: BY_NAME, in: …, mixed: […, $id], where: { name: …, tags: …, deep: { n: … } }) @include(if: true) {
    ... on Post @skip(if: false) {
      id
    }
    ...F
  }
}
fragment F on Post {
  id
  ...F
}`)
    expect(shown(text)).not.toMatch(/secret|v-1|1\.5/)
    expect(shown(text, true)).toContain('n: 1.5, s: "secret", b: "secret"')
  })

  it('is bounded, whatever a client sends or an executor is given', () => {
    const wide = `{ ${Array.from({ length: 3_000 }, (_, n) => `f${n}`).join(' ')} }`
    const deep = `${'{ a '.repeat(300)}${'}'.repeat(300)}`
    expect(shown(wide).split('\n')).toHaveLength(1_000)
    expect(shown(deep).split('\n').length).toBeLessThan(120)
    expect(shown(`{ f(a: ${'['.repeat(300)}${']'.repeat(300)}) }`).length).toBeLessThan(500)

    const documentsOf = new Documents(false)
    for (const definitions of [
      [],
      [null],
      [{ kind: 'OperationDefinition', operation: 'query', selectionSet: 7 }],
      [{ operation: {} }],
    ])
      expect(() => documentsOf.of({ document: { definitions } })).not.toThrow()
    expect(documentsOf.of({ document: null } as never)).toBeNull()
  })

  it('finds the line of each field, also where two documents have one text', () => {
    const all = new Documents(false)
    const [one, two] = ['{ a(n: 1) { b } }', '{ a(n: 2) { b } }'].map(text => parse(text))
    const first = all.of({ document: one! })!
    all.keep(first)
    const second = all.of({ document: two! })!
    expect(second).toBe(first)
    expect([all.placeOf(field(one!)), all.placeOf(field(two!))]).toEqual([first.id + 1, first.id + 1])
    all.drop(first)
    expect(all.get(first.id)).toBeUndefined()
  })
})

describe('S110 the event loop', () => {
  it('was busy for as long as it was not idle between two instants', () => {
    let [now, idle] = [0, 0]
    const loop = new EventLoop({ now: () => now, origin: 0, idle: () => idle })
    for (const [at, total] of [
      [0, 0],
      [10, 2],
      [20, 12],
      [30, 12],
    ] as const) {
      ;[now, idle] = [at, total]
      loop.sample()
    }

    expect(loop.busyBetween(0, 10)).toBe(8)
    expect(loop.busyBetween(10, 20)).toBe(0)
    expect(loop.busyBetween(0, 30)).toBe(18)
    // Within one sample it may have been at any moment.
    expect(loop.busyBetween(5, 10)).toBe(4)
    expect(loop.busyBetween(25, 25)).toBe(0)
  })

  it('is not known to have been busy where nobody counts', () => {
    const loop = new EventLoop({ now: () => 1, origin: 0, idle: () => null })

    expect(loop.sample()).toBeNull()
    expect(loop.busyBetween(0, 1)).toBeNull()
  })
})

describe('S115 the layout', () => {
  it.each([0, 1, 11, 500, 10_000])('of %i bulks is bounded', count => {
    const { bulks, ms } = operationOf(count)
    const whole = { from: 0, to: ms! }
    const { sections, height, middles } = layoutOf(bulks, ms!, whole, new Set())

    expect(height).toBeLessThan(5 * 260)
    expect(middles.size).toBe(count)
    for (const { placed, bulks: all, row } of sections) {
      expect(placed.length).toBeLessThanOrEqual(mostDrawn)
      expect(placed.length).toBe(all.length <= mostDrawn ? all.length : 0)
      for (const each of placed) expect(each.top + row).toBeLessThanOrEqual(height)
    }
  })

  it('has a row for each of a few bulks, and lanes in which none hides another for more', () => {
    const { bulks, ms } = operationOf(120)
    const { sections } = layoutOf(bulks, ms!, { from: 0, to: ms! }, new Set(['tags']))
    const [posts, authors] = sections
    const lanes = new Map<number, number>()
    for (const { bulk, top } of authors!.placed) {
      expect(bulk.openedAt).toBeGreaterThanOrEqual(lanes.get(top) ?? 0)
      lanes.set(top, bulk.settledAt!)
    }

    expect([posts!.single, authors!.single]).toEqual([true, false])
    expect(sections.find(({ loader }) => loader === 'tags')!.placed).toEqual([])
  })

  it('has no empty lanes where most bulks only wait', () => {
    const { bulks, ms } = operationOf(10_000)
    const { sections, middles } = layoutOf(bulks, ms!, { from: ms! / 2, to: ms! / 2 + 50 }, new Set())
    const busy = sections.filter(({ placed }) => placed.length > 0)

    expect(busy.length).toBeGreaterThan(1)
    for (const { placed, row, waiting, height } of busy) {
      expect(waiting).toBeGreaterThan(700)
      const lanes = new Set(placed.map(({ top }) => Math.round(top / row)))
      expect([...lanes].toSorted((a, b) => a - b)).toEqual([...lanes.keys()].map((_, n) => n))
      expect(height).toBeLessThanOrEqual(heads.full + lanes.size * row)
    }
    expect(middles.size).toBe(10_000)
  })
})
