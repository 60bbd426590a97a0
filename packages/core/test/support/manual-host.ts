/**
 * A host that is driven by hand: nothing happens before the test says so, and a test reads what is left.
 * @module
 */

import { AssertionError } from 'node:assert'
import type { AsyncContext, Host } from '../../src/host.ts'

interface Timer {
  readonly at: number
  readonly wake: () => void
}

/** The original, so that fake timers do not stop a drain. */
const nextTick = process.nextTick.bind(process)

const settled = Promise.resolve()

/** More than any test needs: a timer that is set again and again for this very instant must fail, not hang. */
const mostTimers = 10_000

const direct: AsyncContext = { runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }

/** A clock that stands still, timers that fire when told to, and turns that end when told to. */
export class ManualHost implements Host {
  /** What the clock shows. */
  time: number
  /** Timers that were set, ever. */
  timersSet = 0
  readonly #timers = new Set<Timer>()
  #endOfTick: (() => void)[] = []

  constructor(time = 0) {
    this.time = time
  }

  /** How many timers are set and have neither fired nor been taken back. */
  get timers(): number {
    return this.#timers.size
  }

  /** When the next timer fires; `Infinity` where none is set. */
  get nextTimerAt(): number {
    return Math.min(...[...this.#timers].map(timer => timer.at))
  }

  /** How many jobs wait for the end of the turn. */
  get jobs(): number {
    return this.#endOfTick.length
  }

  now(): number {
    return this.time
  }

  setTimer(wake: () => void, ms: number): unknown {
    // As in Node, where a longer wait would fire at once.
    if (!(ms >= 0 && ms <= 2 ** 31 - 1)) throw new AssertionError({ message: `a timer of ${ms} ms` })
    const timer = { at: this.time + ms, wake }
    this.#timers.add(timer)
    this.timersSet++
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  endOfTick(job: () => void): void {
    this.#endOfTick.push(job)
  }

  captureContext(): AsyncContext {
    return direct
  }

  /** Lets all promise jobs run, those that they add included. The turn goes on. */
  async drain(): Promise<void> {
    // What a promise job asks of Node's next tick waits until all promise jobs have run, and is the quickest that does.
    await settled
    await new Promise<void>(resolve => nextTick(resolve))
  }

  /** Ends the turn: promise jobs, then what waits for the end of the turn, until nothing of both is left. */
  async turn(): Promise<void> {
    await this.drain()
    while (this.#endOfTick.length > 0) {
      const jobs = this.#endOfTick
      this.#endOfTick = []
      for (const job of jobs) job()
      await this.drain()
    }
  }

  /**
   * Lets time pass: the timers that are due fire in order, each at its instant, with the promise jobs drained before the
   * first and after each. What waits for the end of the turn goes on waiting; say `turn()` for that.
   */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms
    let left = mostTimers
    await this.drain()
    for (let timer = this.#due(until); timer !== undefined; timer = this.#due(until)) {
      if (left-- === 0)
        throw new AssertionError({ message: `${mostTimers} timers have fired, and one more is due` })
      this.time = Math.max(this.time, timer.at)
      this.#fire(timer)
      await this.drain()
    }
    this.time = until
  }

  /** Fires the next timer whatever the clock shows: a host may be too early. False where there is none. */
  fireNext(): boolean {
    const timer = this.#due(Infinity)
    if (timer !== undefined) this.#fire(timer)
    return timer !== undefined
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    timer.wake()
  }

  /** The first timer that fires no later than this; of several at one instant the one that was set first. */
  #due(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers)
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
}
