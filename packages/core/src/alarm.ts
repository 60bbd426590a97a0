/**
 * An alarm: one timer, for the earliest instant that anything waits for, and none while nothing does.
 * @module
 */

import type { Host } from './host.ts'

/** The longest that timers of most hosts can wait. A longer one is waited for in steps. */
const longest = 2 ** 31 - 1

export class Alarm {
  readonly #host: Host
  readonly #ring: () => void
  #timer: unknown = undefined
  #ringsAt = Infinity
  #rangAt = -Infinity

  /** @param ring looks what time it is, so that an alarm which comes too early, or for nothing, is harmless */
  constructor(host: Host, ring: () => void) {
    this.#host = host
    this.#ring = ring
  }

  /** A timer that has fired is proof of its instant: some fire a little early, and fake ones leave the clock behind. */
  now(): number {
    return Math.max(this.#host.now(), this.#rangAt)
  }

  /** Rings at this instant, and at none that was set before; `Infinity` is never. */
  set(instant: number): void {
    if (instant === this.#ringsAt) return
    if (this.#timer !== undefined) this.#host.clearTimer(this.#timer)
    this.#timer = undefined
    this.#ringsAt = instant
    if (instant === Infinity) return
    const now = this.now()
    const wait = Math.min(Math.max(Math.ceil(instant - now), 0), longest)
    const rang = Math.min(instant, now + wait)
    this.#timer = this.#host.setTimer(() => {
      this.#timer = undefined
      this.#ringsAt = Infinity
      this.#rangAt = rang
      this.#ring()
    }, wait)
  }
}
