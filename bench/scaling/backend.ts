/**
 * What all instances share: a database with some cores, and a Redis. Both are models, and simple ones.
 */

import { Heap } from './heap.ts'
import type { Random } from './random.ts'
import type { VirtualHost } from './virtual-host.ts'

/** What a database does to those who ask it. */
export interface Weather {
  /** How much longer a command takes now. */
  slowness(now: number): number
  /** What part of the commands fails. */
  readonly failing: number
}

/** A command that runs: it is done when each of those that run has done so much since the beginning. */
interface Running {
  readonly at: number
  readonly done: () => void
}

/**
 * A database of so many cores, which all commands that run share evenly. More commands than cores also get in each other's
 * way: each one too many costs a little of the whole.
 */
export class Database {
  commands = 0
  keys = 0
  /** The most commands that ran at once. */
  most = 0
  readonly #host: VirtualHost
  readonly #chance: Random
  readonly #weather: Weather
  readonly #cores = 16
  readonly #running = new Heap<Running>()
  /** What a command that had run from the beginning would have done by now, in ms of work. */
  #progress = 0
  #since = 0
  #timer: unknown = null

  constructor(host: VirtualHost, chance: Random, weather: Weather) {
    this.#host = host
    this.#chance = chance
    this.#weather = weather
  }

  /** Runs one command: 0.8 ms and 0.01 ms a key, on a core of its own. */
  async run(keys: number): Promise<void> {
    this.commands++
    this.keys += keys
    const work = (0.8 + 0.01 * keys) * this.#weather.slowness(this.#host.now())
    await new Promise<void>(done => {
      this.#advance()
      this.#running.push({ at: this.#progress + work, done })
      this.most = Math.max(this.most, this.#running.size)
      this.#wakeAtNext()
    })
    if (this.#chance() < this.#weather.failing) throw new Error('the database has failed')
  }

  /** How much of its work each command does in a ms. */
  get #speed(): number {
    const running = this.#running.size
    if (running <= this.#cores) return 1
    return this.#cores / running / (1 + 0.002 * (running - this.#cores))
  }

  #advance(): void {
    const now = this.#host.now()
    this.#progress += (now - this.#since) * this.#speed
    this.#since = now
  }

  #wakeAtNext(): void {
    if (this.#timer !== null) this.#host.clearTimer(this.#timer)
    const next = this.#running.peek()
    this.#timer =
      next === undefined
        ? null
        : this.#host.setTimer(() => this.#finish(), Math.max((next.at - this.#progress) / this.#speed, 0))
  }

  #finish(): void {
    this.#advance()
    // What is due by less than one can count is due.
    while ((this.#running.peek()?.at ?? Infinity) <= this.#progress + 1e-6) this.#running.pop()!.done()
    this.#wakeAtNext()
  }
}

/** A Redis: half a ms away, and never the bottleneck. It counts what it is asked. */
export class Redis {
  calls = 0
  readonly #host: VirtualHost
  readonly #values = new Map<string, number>()
  #inUse = 0

  constructor(host: VirtualHost) {
    this.#host = host
  }

  /** A slot of a limit, if one is free. */
  async take(limit: number): Promise<boolean> {
    await this.#call()
    if (this.#inUse >= limit) return false
    this.#inUse++
    return true
  }

  async giveBack(): Promise<void> {
    await this.#call()
    this.#inUse--
  }

  /** Which of the keys are known now. */
  async known(keys: readonly string[]): Promise<boolean[]> {
    await this.#call()
    return keys.map(key => (this.#values.get(key) ?? 0) > this.#host.now())
  }

  async keep(keys: readonly string[], ms: number): Promise<void> {
    await this.#call()
    for (const key of keys) this.#values.set(key, this.#host.now() + ms)
  }

  async #call(): Promise<void> {
    this.calls++
    await this.#host.sleep(0.5)
  }
}
