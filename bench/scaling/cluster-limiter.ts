/**
 * The limit of all instances, as `redisLimiter` keeps it: waiters in turn within the instance, one question at a time to
 * Redis, another try after some 10 ms where no slot was free, and a slot that serves the line of its instance for 50 ms.
 */

import type { Limiter, Slot, Waiter } from '@bulkcall/core'
import type { Redis } from './backend.ts'
import type { Random } from './random.ts'
import type { VirtualHost } from './virtual-host.ts'

const retry = 10
const turn = 5 * retry

export class ClusterLimiter implements Limiter {
  readonly #host: VirtualHost
  readonly #redis: Redis
  readonly #limit: number
  readonly #chance: Random
  readonly #line = new Set<Waiter>()
  #asking = false

  constructor(host: VirtualHost, redis: Redis, limit: number, chance: Random) {
    this.#host = host
    this.#redis = redis
    this.#limit = limit
    this.#chance = chance
  }

  acquire(waiter: Waiter): Slot | null {
    this.#line.add(waiter)
    void this.#ask()
    return null
  }

  leave(waiter: Waiter): void {
    this.#line.delete(waiter)
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    while (this.#line.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one question after the other
      const taken = await this.#redis.take(this.#limit)
      if (taken) this.#handOn(this.#host.now() + turn)
      // oxlint-disable-next-line no-await-in-loop -- the same
      else await this.#host.sleep(retry * (0.5 + this.#chance()))
    }
    this.#asking = false
  }

  /** Gives a slot to the next in line, until its turn is over or nobody waits. */
  #handOn(until: number): void {
    const [next] = this.#line
    if (next === undefined || this.#host.now() >= until) return void this.#redis.giveBack()
    this.#line.delete(next)
    next.granted({ release: () => this.#handOn(until) })
  }
}
