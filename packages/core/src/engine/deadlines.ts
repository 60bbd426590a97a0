/**
 * Deadlines: which batches in flight have run out of their time. Made only for a call with a `timeout`.
 * @module
 */

import type { AnyBulk } from './bulk.ts'

/** Whose batches they are. */
interface DeadlineOwner {
  /** The time of a batch is up: its callers have waited long enough. */
  timedOut(bulk: AnyBulk): void
  /** It was up as long ago again, and the command has still not settled. */
  abandoned(bulk: AnyBulk): void
}

export class Deadlines {
  private readonly timeout: number
  private readonly owner: DeadlineOwner
  // In the order of their deadlines, since all have the same time.
  private readonly running: Map<AnyBulk, number> = new Map()
  /** Those whose time is up, which keep their slots for as long again. */
  private readonly overdue: Map<AnyBulk, number> = new Map()

  constructor(timeout: number, owner: DeadlineOwner) {
    this.timeout = timeout
    this.owner = owner
  }

  started(bulk: AnyBulk, now: number): void {
    this.running.set(bulk, now + this.timeout)
  }

  ended(bulk: AnyBulk): void {
    if (!this.running.delete(bulk)) this.overdue.delete(bulk)
  }

  /** The earliest instant at which any time is up, or `Infinity`. */
  get next(): number {
    return Math.min(first(this.running), first(this.overdue))
  }

  expire(now: number): void {
    for (const [bulk, deadline] of this.overdue) {
      if (deadline > now) break
      this.owner.abandoned(bulk)
    }
    for (const [bulk, deadline] of this.running) {
      if (deadline > now) break
      this.running.delete(bulk)
      this.overdue.set(bulk, deadline + this.timeout)
      this.owner.timedOut(bulk)
    }
  }
}

function first(deadlines: ReadonlyMap<AnyBulk, number>): number {
  return deadlines.values().next().value ?? Infinity
}
