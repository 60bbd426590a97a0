/**
 * A seat: one task of a batch with a promise of its own, because it may settle before the others, or leave.
 * @module
 */

import { isError } from '../errors.ts'
import { drop, given, isThenable } from '../promises.ts'
import type { Work } from '../scope/work.ts'
import { leaversOf } from './abort.ts'

/** The batch that a seat is in. */
export interface SeatOwner {
  /** The caller of this seat has aborted. */
  aborted(seat: Seat, reason: unknown): void
}

/** Settles one task, once. */
export class Seat {
  readonly promise: Promise<unknown>
  private resolve!: (value: unknown) => void
  private reject!: (reason: unknown) => void
  /** The batch that it is in, which may become the one before, where another task has left. */
  owner: SeatOwner
  /** Its place there. */
  place: number
  /** The work that waits for it. Only where it may leave: else its batch knows who waits. */
  work: Work | null = null
  /** Whether the batch is done with the task. */
  settled = false
  private signal: AbortSignal | undefined

  constructor(owner: SeatOwner, place: number) {
    this.owner = owner
    this.place = place
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Whether its caller has aborted, noticed or not. */
  get aborted(): boolean {
    return this.signal?.aborted ?? false
  }

  /** Its batch starts, or it has left: nobody waits any more for that batch to start. */
  starts(): void {
    this.work?.unpark()
    this.work = null
  }

  /** Leaves when this signal aborts. */
  follow(signal: AbortSignal): void {
    this.signal = signal
    leaversOf(signal).add(this)
  }

  /** The signal has aborted. */
  leave(): void {
    const reason: unknown = this.signal?.reason
    if (!this.settled) this.owner.aborted(this, reason)
    this.settled = true
    this.end(this.reject, reason)
  }

  /** Settles the task with its outcome: an Error rejects it. */
  give(outcome: unknown): void {
    if (this.settled) return drop(outcome)
    this.settled = true
    if (isError(outcome)) this.end(this.reject, outcome)
    else if (this.signal === undefined || !isThenable(outcome)) this.end(this.resolve, outcome)
    else {
      // The batch is done with the task, but its caller still waits, and may still abort.
      given(outcome).then(
        value => this.end(this.resolve, value),
        (error: unknown) => this.end(this.reject, error),
      )
    }
  }

  /** Rejects the task with whatever the command threw. */
  fail(reason: unknown): void {
    if (this.settled) return
    this.settled = true
    this.end(this.reject, reason)
  }

  private end(settle: (value: unknown) => void, value: unknown): void {
    if (this.signal !== undefined) leaversOf(this.signal).delete(this)
    settle(value)
  }
}
