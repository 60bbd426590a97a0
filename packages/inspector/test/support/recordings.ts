/**
 * Recordings of any size, as a server could have made them.
 */

import type { RecordedBulk, RecordedDocument, RecordedOperation, Recording } from '../../src/index.ts'

const loaders = ['posts', 'authors', 'comments', 'orgs', 'tags'] as const
const document: RecordedDocument = {
  id: 1,
  lines: [
    [0, 'query Feed($first: Int!) {'],
    [1, 'posts(first: $first) {'],
    [2, 'title'],
    [2, 'author {'],
    [3, 'org {'],
    [4, 'name'],
    [3, '}'],
    [2, '}'],
    [2, 'comments {'],
    [3, 'tags {'],
    [4, 'name'],
    [3, '}'],
    [2, '}'],
    [1, '}'],
    [0, '}'],
  ],
}
const fields = ['Query.posts', 'Post.author', 'Post.comments', 'Author.org', 'Comment.tags'] as const
const lines = [2, 4, 9, 5, 10]

/** An operation with so many bulks, in levels that follow each other, two at a time of each loader. */
export function operationOf(count: number, more: Partial<RecordedOperation> = {}): RecordedOperation {
  const bulks: RecordedBulk[] = []
  const slotsFree = [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]
  for (let n = 0; n < count; n++) {
    const level = n === 0 ? 0 : 1 + ((n - 1) % 4)
    const source = n === 0 ? null : bulks[Math.floor((n - 1) / 4)]!
    const openedAt = (source?.settledAt ?? 0) + 0.2 + (n % 3) * 0.1
    const readyAt = openedAt + 0.5 + (n % 7) * 0.4
    const slots = slotsFree[level]!
    const slot = slots[0]! <= slots[1]! ? 0 : 1
    const startedAt = Math.max(readyAt, slots[slot]!)
    const settledAt = startedAt + 3 + (n % 11) * 0.7
    slots[slot] = settledAt
    bulks.push({
      id: n + 1,
      loader: loaders[level]!,
      size: 20,
      delay: 5,
      limiters: [level + 1],
      tasks: 3 + (n % 18),
      cause: n % 5 === 0 ? 'size' : n % 5 === 1 ? 'delay' : 'quiet',
      openedAt,
      readyAt,
      startedAt,
      settledAt,
      pending: 0,
      inFlight: 1,
      none: false,
      failed: n % 97 === 96 ? 3 : 0,
      error: n % 97 === 96 ? 'Error: a deadlock was found' : null,
      abandoned: false,
      busyOpen: (readyAt - openedAt) * (n % 4) * 0.2,
      busyRunning: 0.3,
      fields: [[fields[level]!, 3 + (n % 18), lines[level]!]],
      arrivals: [[source?.id ?? null, openedAt - (source?.settledAt ?? 0), 3 + (n % 18)]],
    })
  }
  const ends = Math.max(0, ...bulks.map(({ settledAt }) => settledAt!))
  return {
    id: 1,
    name: 'Feed',
    kind: 'query',
    at: Date.UTC(2026, 0, 15, 10, 20, 30),
    ms: ends + 1.5,
    errors: count > 96 ? 3 : 0,
    documents: [1],
    bulks,
    hits: [['authors', 12 * count]],
    fieldHits: [[4, 'authors', 12 * count]],
    limiters: loaders.map((_, n) => ({ id: n + 1, slots: 2 })),
    ...more,
  }
}

export function recordingOf(...operations: readonly RecordedOperation[]): Recording {
  return { version: 2, keeps: 200, operations, documents: [document] }
}
