/**
 * A place in line for the slots of a limiter. Made only for a call with `concurrent`.
 * @module
 */

import { guarded, watched } from '../events.ts'
import type { Limiter, Slot, Waiter } from '../limiter.ts'

/** Who has batches that need slots. */
interface LineOwner {
  now(): number
  /** A slot is at hand. */
  pump(): void
  /** No slot will come for the batch that is ready. */
  denied(error: unknown): void
}

export class Line implements Waiter {
  /** Whether it stands in line now. */
  isWaiting = false
  /** For events: since when it has stood in line, or had when the present pump began; else `null`. */
  since: number | null = null
  private readonly limiter: Limiter
  private readonly owner: LineOwner
  private slot: Slot | null = null

  constructor(limiter: Limiter, owner: LineOwner) {
    this.limiter = limiter
    this.owner = owner
  }

  /** Whether a slot is at hand. If not, it stands in line for one. */
  hasSlot(): boolean {
    if (this.slot !== null) return true
    if (this.isWaiting) return false
    this.isWaiting = true
    try {
      const slot = this.limiter.acquire(this)
      if (slot === null) {
        if (watched()) this.since ??= this.owner.now()
      } else {
        this.isWaiting = false
        this.slot = slot
      }
    } catch (error) {
      this.refused(error)
    }
    return this.slot !== null
  }

  /** The slot that is at hand, for a batch that starts. */
  take(): Slot | null {
    const { slot } = this
    this.slot = null
    return slot
  }

  /** A slot, or a place in line, for which there is no batch any more goes to the next. */
  leave(isReady: boolean): void {
    if (this.slot !== null) guarded(() => this.take()?.release())
    if (!this.isWaiting || isReady) return
    this.isWaiting = false
    guarded(() => this.limiter.leave(this))
  }

  granted(slot: Slot): void {
    this.isWaiting = false
    this.slot = slot
    this.owner.pump()
  }

  refused(error: unknown): void {
    // It has left the line since then: the refusal is for tasks that are gone.
    if (!this.isWaiting) return
    this.isWaiting = false
    this.owner.denied(error)
  }
}
