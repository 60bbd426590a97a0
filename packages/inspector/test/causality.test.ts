/**
 * What the loads of a bulk may have followed from, by the document, and what that makes of a prediction.
 */

import { describe, expect, it } from 'vitest'

import { Causality } from '../page/causality.ts'
import type { Documents } from '../page/groups.ts'
import { replay } from '../page/replay.ts'
import { timelineOf } from '../page/timeline.ts'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { operationOf } from './support/recordings.ts'

const [like] = operationOf(1).bulks as [RecordedBulk]
const known = (title: string): Documents =>
  new Map([
    [
      10,
      {
        id: 10,
        lines: [
          [0, title],
          [1, 'posts {'],
          [2, 'author {'],
          [3, 'org {'],
          [4, 'name'],
          [3, '}'],
          [2, '}'],
          [2, 'comments {'],
          [3, '...Said'],
          [2, '}'],
          [1, '}'],
          [0, '}'],
          [0, 'fragment Said on Comment {'],
          [1, 'author {'],
          [2, 'name'],
        ],
      },
    ],
  ])
const [posts, author, org, comments, authorInFragment] = [11, 12, 13, 17, 23]
let lastId = 0

/** A bulk of the field on a line, open and in flight between these instants. */
function bulkOf(line: number | undefined, loader: string, openedAt = 0, settledAt = 2): RecordedBulk {
  const times = { openedAt, readyAt: openedAt, startedAt: openedAt, settledAt }
  const fields: RecordedBulk['fields'] = [line === undefined ? ['a.b', 4] : ['a.b', 4, line]]
  return { ...like, id: ++lastId, loader, tasks: 4, fields, arrivals: [], ...times }
}

function keyIn(bulks: readonly [RecordedBulk, ...RecordedBulk[]]): string | null {
  const operation = operationOf(0, { documents: [10], fieldHits: [], bulks: [...bulks] })
  return new Causality(operation, known('query Feed {')).keyOf(bulks[0])
}

function mayFollow(
  bulk: RecordedBulk,
  before: RecordedBulk,
  more: Partial<RecordedOperation> = {},
  title = 'query Feed {',
): boolean {
  const bulks = [before, bulk, ...(more.bulks ?? [])]
  const operation = operationOf(0, { documents: [10], fieldHits: [], ...more, bulks })
  return new Causality(operation, known(title)).mayFollow(bulk, before)
}

describe('S112 the loads of a field', () => {
  it('follow from those of the fields above it, and of no others', () => {
    expect(mayFollow(bulkOf(author, 'users'), bulkOf(posts, 'posts'))).toBe(true)
    expect(mayFollow(bulkOf(org, 'orgs'), bulkOf(posts, 'posts'))).toBe(true)
    expect(mayFollow(bulkOf(posts, 'posts'), bulkOf(author, 'users'))).toBe(false)
    expect(mayFollow(bulkOf(comments, 'comments'), bulkOf(author, 'users'))).toBe(false)
    expect(mayFollow(bulkOf(org, 'orgs'), bulkOf(comments, 'comments'))).toBe(false)
  })

  it('follow from a bulk from whose loader a field above them had a key in the cache', () => {
    const cached = { fieldHits: [[author, 'users', 3]] satisfies RecordedOperation['fieldHits'] }

    expect(mayFollow(bulkOf(org, 'orgs'), bulkOf(comments, 'users'))).toBe(false)
    expect(mayFollow(bulkOf(org, 'orgs'), bulkOf(comments, 'users'), cached)).toBe(true)
  })

  it('follow from other loads of the same resolver, unless their bulks are open or run at once', () => {
    const busy = { bulks: [bulkOf(author, 'orgs', 4, 7)] }
    expect(mayFollow(bulkOf(author, 'orgs', 3, 5), bulkOf(author, 'users'), busy)).toBe(true)
    expect(mayFollow(bulkOf(author, 'users', 2, 4), bulkOf(author, 'users'))).toBe(true)
    expect(mayFollow(bulkOf(author, 'users', 1, 4), bulkOf(author, 'users'))).toBe(false)
    expect(
      mayFollow(bulkOf(author, 'users', 5, 7), bulkOf(author, 'users'), {
        bulks: [bulkOf(author, 'users', 6, 9)],
      }),
    ).toBe(false)
  })

  it.each<[string, RecordedBulk, RecordedBulk, string?]>([
    ['the line of a field is not known', bulkOf(undefined, 'comments'), bulkOf(author, 'users')],
    ['the line before it is not known', bulkOf(comments, 'comments'), bulkOf(99, 'users')],
    ['a fragment is used in several places', bulkOf(authorInFragment, 'users', 1), bulkOf(org, 'orgs')],
    [
      'not all of its loads are of fields',
      { ...bulkOf(comments, 'comments'), tasks: 5 },
      bulkOf(author, 'users'),
    ],
    [
      'the fields of a mutation wait for each other',
      bulkOf(comments, 'comments'),
      bulkOf(author, 'users'),
      'mutation Feed {',
    ],
  ])('may follow from anything where %s', (_, bulk, before, title) => {
    expect(mayFollow(bulk, before, {}, title)).toBe(true)
  })
})

it('S115 nothing is taken for known of a file with more kinds of bulks, or fields in one, than anything has', () => {
  const kinds = Array.from({ length: 100 }, (_, n) => bulkOf(author, `loader ${n}`))
  const wide = bulkOf(author, 'users')
  const same = Array.from({ length: 51 }, (): [string, number, number] => ['a.b', 1, author])

  expect(keyIn([bulkOf(author, 'users'), ...kinds.slice(1)])).toBe('12 users')
  expect(keyIn([bulkOf(author, 'users'), ...kinds])).toBeNull()
  expect(keyIn([{ ...wide, fields: same.slice(1) }])).not.toBeNull()
  expect(keyIn([{ ...wide, fields: same }])).toBeNull()
})

it('S118 the sources of a bulk are those from which it may have followed', () => {
  const [parent, other, child] = [
    bulkOf(posts, 'posts', 0, 2),
    bulkOf(comments, 'comments', 2, 4),
    bulkOf(author, 'users', 4, 6),
  ]
  child.arrivals.push([other.id, 0.5, 3], [parent.id, 1, 1])
  const operation = operationOf(0, { documents: [10], fieldHits: [], bulks: [parent, other, child] })

  expect(timelineOf(operation, known('query Feed {')).sourcesOf(child)).toEqual([
    { after: parent.id, ms: 2.5, tasks: 3 },
    { after: parent.id, ms: 1, tasks: 1 },
  ])
  expect(timelineOf(operation, new Map()).sourcesOf(child)).toEqual([
    { after: other.id, ms: 0.5, tasks: 3 },
    { after: parent.id, ms: 1, tasks: 1 },
  ])
})

it('S112 loads that came after a bulk of their own siblings do not wait for it in a prediction', async () => {
  const first: RecordedBulk = {
    ...bulkOf(author, 'users', 1, 5),
    size: 4,
    delay: 10,
    limiters: [],
    cause: 'size',
    readyAt: 2,
    startedAt: 2,
    arrivals: [[null, 1, 4, 1]],
  }
  const second: RecordedBulk = {
    ...first,
    id: first.id + 1,
    openedAt: 4.5,
    readyAt: 6,
    startedAt: 6,
    settledAt: 9,
    arrivals: [
      [null, 4.5, 1],
      [first.id, 1, 3],
    ],
  }
  const operation = operationOf(0, {
    ms: 9,
    documents: [10],
    fieldHits: [],
    limiters: [],
    bulks: [first, second],
  })
  const larger = { loader: null, size: 50 }
  const asRecorded = await replay(operation, { loader: null }, known('query Feed {'))
  const blind = await replay(operation, larger)
  const { ms, bulks } = await replay(operation, larger, known('query Feed {'))

  expect(asRecorded.bulks.map(({ tasks }) => tasks)).toEqual([4, 4])
  expect(asRecorded.ms).toBeCloseTo(9, 6)
  expect(bulks.map(({ tasks }) => tasks)).toEqual([8])
  // It runs for as long as the longest of those that were recorded, from the last of its loads on.
  expect(ms).toBeCloseTo(6 + 3, 6)
  expect(blind.bulks.length).toBe(2)
})
