/**
 * A seat: one task of a bulk that has a promise of its own, because it may settle apart from its mates.
 * @module
 */

import { isError } from './errors.ts'
import { followersOf } from './followers.ts'
import { drop, isThenable } from './settle.ts'
import type { Work } from './tracker.ts'

/** Who is told that the caller of a seat has aborted. */
export interface Bench {
  aborted(seat: Seat, reason: unknown): void
}

/** Settles one task, once. */
export class Seat {
  readonly promise: Promise<unknown>
  /** The bulk that it sits in; it may be moved to the bulk before, to fill the place of one who left. */
  bench: Bench
  /** The work that waits for it, until its bulk starts. Only where it may leave: else the bulk knows who waits. */
  work: Work | null = null
  /** Whether the bulk is done with the task. */
  settled = false
  #resolve!: (value: unknown) => void
  #reject!: (reason: unknown) => void
  #signal: AbortSignal | undefined

  constructor(bench: Bench) {
    this.bench = bench
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Whether its caller has gone, heard or unheard. */
  get aborted(): boolean {
    return this.#signal?.aborted ?? false
  }

  /** Its bulk starts, or it has left: nobody waits any more for that bulk to start. */
  starts(): void {
    this.work?.unpark()
    this.work = null
  }

  /** Gives the seat up when this signal aborts. */
  follow(signal: AbortSignal): void {
    this.#signal = signal
    followersOf(signal).add(this)
  }

  /** The signal has aborted. */
  leave(): void {
    const reason: unknown = this.#signal?.reason
    if (!this.settled) this.bench.aborted(this, reason)
    this.settled = true
    this.#end(this.#reject, reason)
  }

  /** Settles the task with its outcome: an Error rejects it. */
  give(outcome: unknown): void {
    if (this.settled) return drop(outcome)
    this.settled = true
    if (isError(outcome)) this.#end(this.#reject, outcome)
    else if (this.#signal === undefined || !isThenable(outcome)) this.#end(this.#resolve, outcome)
    else {
      // The bulk is done with the task, but its caller still waits, and may still abort.
      Promise.resolve(outcome).then(
        value => this.#end(this.#resolve, value),
        (error: unknown) => this.#end(this.#reject, error),
      )
    }
  }

  /** Rejects the task with whatever the command threw. */
  fail(reason: unknown): void {
    if (this.settled) return
    this.settled = true
    this.#end(this.#reject, reason)
  }

  #end(settle: (value: unknown) => void, value: unknown): void {
    if (this.#signal !== undefined) followersOf(this.#signal).delete(this)
    settle(value)
  }
}
