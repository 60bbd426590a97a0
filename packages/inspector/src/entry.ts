/**
 * An entry: an operation while it is recorded, with what only the recorder needs to know of it.
 * @module
 */

import type { BulkScope } from '@bulkcall/core'
import type { Arrival, RecordedBulk, RecordedDocument, RecordedOperation } from './recording.ts'
import { copied, cut } from './words.ts'

/** Names come from clients too, and have no bound of their own. */
export const longestName = 200

/** What the parts of an operation take in memory, in bytes: about, and rather too much. */
export const weights = { operation: 800, bulk: 750, pair: 120, arrival: 130, limiter: 100 } as const

/** A tick of the event loop in which tasks came, and when. */
interface Tick {
  readonly number: number
  readonly after: number | null
  readonly ms: number
  /** The tasks that came in it. */
  readonly arrivals: Arrival[]
}

/** An operation that goes on, or has ended and is kept. */
export interface Entry {
  readonly operation: RecordedOperation
  startedAt: number
  /** The bulk that has settled last, and when. */
  lastSettled: number | null
  lastSettledAt: number
  /** The latest tick in which tasks came, and when the first of them did. */
  tick: Tick | null
  /** Its bulks that have not started, by their numbers. */
  readonly open: Map<number, RecordedBulk>
  readonly documents: RecordedDocument[]
  /** How many executions share it: those of one HTTP batch. */
  running: number
  /** Whether it is one of this server: a bulk may come before its operation is known. */
  claimed: boolean
  /** Whether it has its place among those that are kept. */
  kept: boolean
  /** Whether it has lost that place: nothing more is written of it. */
  lost: boolean
  /** What it takes in memory. */
  bytes: number
  /** The number of its latest change, among those of all operations. */
  change: number
}

export function entryOf(id: number, scope: BulkScope, startedAt: number, at: number): Entry {
  const operation: RecordedOperation = {
    id,
    name: scope.name === undefined ? null : copied(cut(scope.name, longestName)),
    kind: null,
    at,
    ms: null,
    errors: 0,
    bulks: [],
    hits: [],
    fieldHits: [],
    limiters: [],
  }
  return {
    operation,
    startedAt,
    lastSettled: null,
    lastSettledAt: startedAt,
    tick: null,
    open: new Map(),
    documents: [],
    running: 0,
    claimed: false,
    kept: false,
    lost: false,
    bytes: weights.operation,
    change: 0,
  }
}

export function loadedNothing({ bulks, hits }: RecordedOperation): boolean {
  return bulks.length === 0 && hits.length === 0
}

export function openBulk(id: number, loader: string, openedAt: number): RecordedBulk {
  return {
    id,
    loader,
    size: null,
    delay: null,
    limiters: [],
    tasks: 0,
    cause: null,
    openedAt,
    readyAt: null,
    startedAt: null,
    settledAt: null,
    pending: 0,
    inFlight: 0,
    none: false,
    failed: 0,
    error: null,
    abandoned: false,
    fields: [],
    arrivals: [],
  }
}
