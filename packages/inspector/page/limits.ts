/**
 * Several limits at once, for a replay: a slot of each is needed, and they are taken in their order.
 * @module
 */

import type { Limiter, Slot, Waiter } from '@bulkcall/core'

export function allOf(limits: readonly Limiter[]): Limiter | null {
  if (limits.length < 2) return limits[0] ?? null
  return {
    acquire: waiter => new Claim(limits, waiter).proceed(),
    // No task of a replay is given up, so no bulk in line ever loses all its tasks.
    leave() {},
  }
}

/** One waiter's way to its slots. */
class Claim implements Waiter {
  readonly #limits: readonly Limiter[]
  readonly #waiter: Waiter
  readonly #slots: Slot[] = []

  constructor(limits: readonly Limiter[], waiter: Waiter) {
    this.#limits = limits
    this.#waiter = waiter
  }

  proceed(): Slot | null {
    for (const limit of this.#limits.slice(this.#slots.length)) {
      const slot = limit.acquire(this)
      if (slot === null) return null
      this.#slots.push(slot)
    }
    return { release: () => this.#slots.toReversed().forEach(slot => slot.release()) }
  }

  granted(slot: Slot): void {
    this.#slots.push(slot)
    const all = this.proceed()
    if (all !== null) this.#waiter.granted(all)
  }

  refused(error: unknown): void {
    this.#waiter.refused(error)
  }
}
