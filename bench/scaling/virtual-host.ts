/**
 * A host whose time is virtual: it goes from one timer to the next as fast as the program runs. Microtasks are real, so
 * the engine that runs on it is the real one.
 */

import type { AsyncContext, Host } from '@bulkcall/core'
import { Heap } from './heap.ts'

interface Timer {
  readonly at: number
  wake: (() => void) | null
}

/**
 * The grains of a ms. A power of two, so that instants add and subtract without rounding: a window of 5 ms that were short
 * by a rounding would ask for a timer of 0 ms, and then for another, while no time passes.
 */
const grain = 1024

const direct: AsyncContext = { runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }

export class VirtualHost implements Host {
  #time = 0
  readonly #timers = new Heap<Timer>()
  #jobs: (() => void)[] = []

  now(): number {
    return this.#time
  }

  setTimer(wake: () => void, ms: number): unknown {
    const timer: Timer = { at: this.#time + Math.ceil(ms * grain) / grain, wake }
    this.#timers.push(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    ;(timer as Timer).wake = null
  }

  endOfTick(job: () => void): void {
    this.#jobs.push(job)
  }

  captureContext(): AsyncContext {
    return direct
  }

  sleep(ms: number): Promise<void> {
    return new Promise(done => void this.setTimer(done, ms))
  }

  /** Runs all that happens up to this instant. */
  async runTo(instant: number): Promise<void> {
    await this.#endTurn()
    for (let next = this.#next(); next !== undefined && next.at <= instant; next = this.#next()) {
      this.#time = next.at
      // What happens at one instant is one turn.
      for (let due = this.#next(); due?.at === this.#time; due = this.#next()) {
        this.#timers.pop()
        due.wake!()
      }
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other
      await this.#endTurn()
    }
    this.#time = instant
  }

  /** The timer that is due next. Most are taken back before they are due: for these no turn is spent. */
  #next(): Timer | undefined {
    for (let next = this.#timers.peek(); next !== undefined; next = this.#timers.peek()) {
      if (next.wake !== null) return next
      this.#timers.pop()
    }
    return undefined
  }

  async #endTurn(): Promise<void> {
    do {
      const jobs = this.#jobs
      this.#jobs = []
      for (const job of jobs) job()
      // By then the microtasks have drained.
      // oxlint-disable-next-line no-await-in-loop -- the same
      await new Promise<void>(done => void setImmediate(done))
    } while (this.#jobs.length > 0)
  }
}
