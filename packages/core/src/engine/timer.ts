/**
 * One timer, for the earliest instant that anything waits for, and none while nothing does.
 * @module
 */

import { timerMaker, type Host } from '../host.ts'

/** The longest that the timers of most hosts can wait. A longer wait is made of several. */
const longest = 2 ** 31 - 1

export class Timer {
  private readonly host: Host
  private readonly fired: () => void
  private handle: unknown = undefined
  private instant = Infinity
  private firedAt = -Infinity
  private maker: unknown = undefined

  /** @param fired looks at the clock itself, so that a timer which is early, or for nothing, is harmless */
  constructor(host: Host, fired: () => void) {
    this.host = host
    this.fired = fired
  }

  /** A timer that has fired is proof of its instant: some fire a little early, and fake ones leave the clock behind. */
  now(): number {
    return Math.max(this.host.now(), this.firedAt)
  }

  /** Whether it may never fire, since fake timers have come or gone. */
  get isLost(): boolean {
    return this.handle !== undefined && this.maker !== timerMaker()
  }

  /** Fires at this instant, and at none that was set before; `Infinity` is never. */
  set(instant: number): void {
    if (instant === this.instant && !this.isLost) return
    if (this.handle !== undefined) this.host.clearTimer(this.handle)
    this.handle = undefined
    this.instant = instant
    if (instant === Infinity) return
    const now = this.now()
    const wait = Math.min(Math.max(Math.ceil(instant - now), 0), longest)
    const due = Math.min(instant, now + wait)
    this.maker = timerMaker()
    this.handle = this.host.setTimer(() => {
      this.handle = undefined
      this.instant = Infinity
      this.firedAt = due
      this.fired()
    }, wait)
  }
}
