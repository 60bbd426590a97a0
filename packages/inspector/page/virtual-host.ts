/**
 * A virtual host: a clock that leaps from timer to timer, so that an engine plays a second in a few milliseconds.
 * @module
 */

import type { AsyncContext, Host } from '@bulkcall/core'
import { countUntil } from './sorted.ts'

interface Timer {
  at: number
  readonly wake: () => void
  /** Whether it waits while the event loop is busy. */
  readonly patient: boolean
}

/** More instants than any operation has; a play that goes on beyond them would go on for ever. */
const mostInstants = 100_000

const direct: AsyncContext = { runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }

export class VirtualHost implements Host {
  #time = 0
  readonly #timers = new Set<Timer>()
  #stalls: (readonly [from: number, to: number])[] = []
  #jobs: (() => void)[] = []
  #idle = 0
  /** When it was how long idle, instant by instant. */
  readonly #instants: number[] = [0]
  readonly #idles: number[] = [0]

  now(): number {
    return this.#time
  }

  /** For how long until now there was nothing to do. */
  get idle(): number {
    return this.#idle
  }

  /** For how long there was something to do between two instants of the past. */
  busyBetween(from: number, to: number): number {
    return Math.max(0, to - from - (this.#idleAt(to) - this.#idleAt(from)))
  }

  #idleAt(instant: number): number {
    const next = countUntil(this.#instants, instant, each => each)
    const [at, idle] = [this.#instants[next], this.#idles[next]!]
    const [before, then] = [this.#instants[next - 1] ?? 0, this.#idles[next - 1] ?? 0]
    return at === undefined ? then : then + ((idle - then) * (instant - before)) / (at - before)
  }

  #remember(): void {
    this.#instants.push(this.#time)
    this.#idles.push(this.#idle)
  }

  setTimer(wake: () => void, ms: number): Timer {
    return this.#set(this.#time + ms, wake, true)
  }

  /** The event loop is busy from then to then, in ms from now: timers wait, what is asleep is what keeps it busy. */
  stall(from: number, to: number): void {
    this.#stalls.push([this.#time + from, this.#time + to])
  }

  /** The tick goes on until then: timers that come due are late. */
  elapse(to: number): void {
    this.#time = Math.max(this.#time, to)
    this.#remember()
  }

  #set(at: number, wake: () => void, patient: boolean): Timer {
    const timer = { at, wake, patient }
    this.#timers.add(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  endOfTick(job: () => void): void {
    this.#jobs.push(job)
  }

  captureContext(): AsyncContext {
    return direct
  }

  /** Resolves after so many milliseconds of this clock. */
  sleep(ms: number): Promise<void> {
    return new Promise(wake => void this.#set(this.#time + ms, wake, false))
  }

  /** Lets time pass until nothing more can happen. */
  async play(): Promise<void> {
    const { port1, port2 } = new MessageChannel()
    // A message comes when no microtask is left, and browsers do not hold it back as they do timers.
    const microtasks = (): Promise<void> =>
      new Promise(done => {
        port1.onmessage = () => done()
        port2.postMessage(null)
      })
    try {
      for (let instants = 0; instants < mostInstants; instants++) {
        // oxlint-disable-next-line no-await-in-loop -- one instant after the other
        await this.#tick(microtasks)
        if (this.#timers.size === 0) return
        this.#leap()
      }
      throw new Error('The replay does not end.')
    } finally {
      port1.close()
    }
  }

  #pass(to: number): void {
    const stalled = this.#stalls.reduce(
      (sum, [from, until]) => sum + Math.max(0, Math.min(until, to) - Math.max(from, this.#time)),
      0,
    )
    this.#idle += Math.max(0, to - this.#time - stalled)
    this.#time = to
    this.#remember()
    if (this.#stalls.length > 0) this.#stalls = this.#stalls.filter(([, until]) => until > to)
  }

  async #tick(microtasks: () => Promise<void>): Promise<void> {
    await microtasks()
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs
      this.#jobs = []
      for (const job of jobs) job()
      // oxlint-disable-next-line no-await-in-loop -- what these jobs bring about comes before the next
      await microtasks()
    }
  }

  /** To the next timer. What is due at one instant is one tick. */
  #leap(): void {
    let next = Infinity
    for (const { at } of this.#timers) next = Math.min(next, at)
    this.#pass(Math.max(this.#time, next))
    // What is set now, for this very instant too, is a tick of its own.
    const set = [...this.#timers]
    for (const timer of set) {
      if (timer.at > next || !this.#timers.has(timer)) continue
      this.#timers.delete(timer)
      const stall = timer.patient ? this.#stalls.find(([from, to]) => from <= next && next < to) : undefined
      if (stall === undefined) timer.wake()
      else this.#timers.add(Object.assign(timer, { at: stall[1] }))
    }
  }
}
