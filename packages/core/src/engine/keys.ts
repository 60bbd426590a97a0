/**
 * Keys: what a bulk of a loader reports of them, and where they are answered.
 * @module
 */

import type { Outcomes } from './settle.ts'

/** A bulk, as far as its keys are concerned. */
interface Keyed {
  /** Where they are not the tasks themselves. */
  readonly keys: unknown[] | null
  /** Once they are looked up. */
  readonly answers: (Placed | null)[] | null
}

/** Where the key of a task is answered: by a bulk, at a place. */
export interface Placed {
  bulk: Keyed | null
  place: number
}

/** What a loader knows of its keys. A bulk reports what becomes of them. */
export interface Keys {
  /** The bulk is about to start, or to lose its first task to the one before: the last moment to merge equal keys. */
  sealing(bulk: Keyed): void
  /** The bulk has started: no key joins or leaves it any more. */
  started(bulk: Keyed): void
  /** Makes sure that each key of the bulk has an answer of its own. */
  index(bulk: Keyed): void
  /** The key at this place has left before the bulk started. */
  left(bulk: Keyed, place: number): void
  /** The key at this place has its outcome ahead of the others. */
  gave(bulk: Keyed, place: number, outcome: unknown): void
  /** All keys have their outcomes. */
  gaveAll(bulk: Keyed, outcomes: Outcomes): void
  /** All keys that were left have failed. */
  failed(bulk: Keyed): void
}
