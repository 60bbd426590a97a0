/**
 * Two limits at once: a loader's own, and the one over all loaders.
 * @module
 */

import type { Limiter, Slot, Waiter } from '@bulkcall/core'

/** A limiter that grants a slot only with one of each. The own slot is taken first by all, so nobody waits in a circle. */
export function both(own: Limiter | null, overall: Limiter | null): Limiter | null {
  if (own === null || overall === null || own === overall) return own ?? overall
  return new Both(own, overall)
}

class Both implements Limiter {
  readonly #own: Limiter
  readonly #overall: Limiter
  readonly #claims = new Map<Waiter, Claim>()

  constructor(own: Limiter, overall: Limiter) {
    this.#own = own
    this.#overall = overall
  }

  /** For those who watch. */
  get parts(): readonly Limiter[] {
    return [this.#own, this.#overall]
  }

  acquire(waiter: Waiter): Slot | null {
    const claim = new Claim(waiter, this.#overall, () => this.#claims.delete(waiter))
    const own = this.#own.acquire(claim)
    const slot = own === null ? null : claim.proceed(own)
    if (slot === null && !claim.over) this.#claims.set(waiter, claim)
    return slot
  }

  leave(waiter: Waiter): void {
    const claim = this.#claims.get(waiter)
    if (claim === undefined) return
    this.#claims.delete(waiter)
    claim.leave(this.#own)
  }
}

/** One waiter's way to its two slots. */
class Claim implements Waiter {
  over = false
  readonly #waiter: Waiter
  readonly #overall: Limiter
  readonly #end: () => void
  #own: Slot | null = null

  constructor(waiter: Waiter, overall: Limiter, end: () => void) {
    this.#waiter = waiter
    this.#overall = overall
    this.#end = end
  }

  /** With the own slot in hand, asks for the other one. */
  proceed(own: Slot): Slot | null {
    this.#own = own
    try {
      const other = this.#overall.acquire(this)
      return other === null ? null : this.#pair(other)
    } catch (error) {
      // The own slot must not be lost with it.
      this.refused(error)
      return null
    }
  }

  granted(slot: Slot): void {
    if (this.over) return slot.release()
    if (this.#own === null) {
      const pair = this.proceed(slot)
      if (pair !== null) this.#waiter.granted(pair)
    } else this.#waiter.granted(this.#pair(slot))
  }

  refused(error: unknown): void {
    if (this.over) return
    this.#finish()
    try {
      this.#own?.release()
    } finally {
      this.#waiter.refused(error)
    }
  }

  leave(own: Limiter): void {
    this.over = true
    if (this.#own === null) return own.leave(this)
    try {
      this.#overall.leave(this)
    } finally {
      this.#own.release()
    }
  }

  #pair(other: Slot): Slot {
    this.#finish()
    const own = this.#own!
    return {
      release() {
        try {
          other.release()
        } finally {
          own.release()
        }
      },
    }
  }

  #finish(): void {
    this.over = true
    this.#end()
  }
}
