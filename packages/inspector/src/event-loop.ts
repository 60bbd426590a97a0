/**
 * The event loop: which tick it is in, and for how long it had something to do.
 *
 * A batch that is open while the event loop is busy does not wait for more calls: nothing could start it. So a window is
 * charged only with the time in which the event loop was idle.
 * @module
 */

/** Where instants come from: the clock of the events. */
export interface Clock {
  now(): number
  /** What the clock showed in 1970. */
  readonly origin: number
  /** For how many ms until now the event loop had nothing to do; `null` where nobody counts that. */
  idle(): number | null
}

interface Counting {
  eventLoopUtilization?(): { readonly active: number; readonly idle: number }
}

export const realClock: Clock = {
  now: () => performance.now(),
  origin: performance.timeOrigin,
  idle() {
    // Node counts it in libuv. Other platforms have the method, and zeros.
    const { active, idle } = (performance as Counting).eventLoopUtilization?.() ?? { active: 0, idle: 0 }
    return active > 0 ? idle : null
  },
}

/** A tick of the event loop. */
export interface LoopTick {
  readonly number: number
  readonly startedAt: number
}

/** How many samples are kept: more than there are between the opening and the start of nearly all batches. */
const capacity = 1024

export class EventLoop {
  readonly #clock: Clock
  /** A ring of samples: when, and how long the loop had been idle by then. */
  readonly #at = new Float64Array(capacity)
  readonly #idle = new Float64Array(capacity)
  #samples = 0
  #tick: LoopTick | null = null
  #lastTick = 0
  #ends: ((endedAt: number) => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The tick that runs now. It is known from the first time on that anyone wants to know it. */
  tick(): LoopTick {
    if (this.#tick === null) {
      this.#tick = { number: ++this.#lastTick, startedAt: this.#clock.now() }
      this.sample()
      endOfTick(() => this.#end())
    }
    return this.#tick
  }

  /** Calls this at the end of the tick that runs now. */
  atEnd(job: (endedAt: number) => void): void {
    this.tick()
    this.#ends.push(job)
  }

  #end(): void {
    const jobs = this.#ends
    this.#ends = []
    this.#tick = null
    this.sample()
    const now = this.#clock.now()
    for (const job of jobs) job(now)
  }

  /** Remembers how long the loop has been idle until now; `null` where nobody counts that. */
  sample(): number | null {
    const idle = this.#clock.idle()
    if (idle === null) return null
    const place = this.#samples++ % capacity
    this.#at[place] = this.#clock.now()
    this.#idle[place] = idle
    return idle
  }

  /** For how long the loop was busy between two instants, of which the second is not to come; `null` if that is not known. */
  busyBetween(from: number, to: number): number | null {
    const [before, after] = [this.#idleAt(from), this.#idleAt(to)]
    if (before === null || after === null) return null
    return Math.min(Math.max(to - from - (after - before), 0), Math.max(to - from, 0))
  }

  /** How long the loop had been idle at an instant: between two samples it may have been at any moment. */
  #idleAt(instant: number): number | null {
    let next = -1
    for (let n = this.#samples - 1; n >= 0 && n >= this.#samples - capacity; n--) {
      const place = n % capacity
      const at = this.#at[place]!
      if (at <= instant) {
        if (next === -1) return this.#idle[place]!
        const part = (instant - at) / (this.#at[next]! - at)
        return this.#idle[place]! + part * (this.#idle[next]! - this.#idle[place]!)
      }
      next = place
    }
    // Before the first sample that is left: the loop is not known to have been busy then.
    return next === -1 ? null : this.#idle[next]! - Math.max(0, this.#at[next]! - instant)
  }
}

/** After the microtasks, where there is Node's next tick, which waits for them; else with the next timer. */
function endOfTick(job: () => void): void {
  if (globalThis.process?.nextTick === undefined) setTimeout(job, 0)
  else queueMicrotask(() => process.nextTick(job))
}
