/**
 * The room of a partition: where bulks of many units of work become shared ones.
 * @module
 */

import { AsyncBulkCall } from './bulk-call.ts'
import type { Command } from './command.ts'
import type { Slot, Waiter } from './limiter.ts'
import type { BulkCallOptions } from './options.ts'

/** The shared bulk of one partition, and the line of those who have keys for it. */
export class Room<K, V> {
  readonly call: AsyncBulkCall<K, V>
  /** How many bulks of units of work are asked here. A command that goes on for nobody needs no room. */
  asking = 0
  readonly #size: number
  readonly #line = new Set<Waiter>()

  constructor(command: Command<K, V>, options: BulkCallOptions) {
    this.#size = options.size ?? Infinity
    this.call = new AsyncBulkCall<K, V>((keys, context) => {
      this.advance()
      return command(keys, context)
    }, options)
  }

  get isIdle(): boolean {
    return this.asking === 0 && this.#line.size === 0
  }

  /** One bulk of keys a tick, and none while the next shared bulk is full: a caller with thousands waits with its own. */
  enter(waiter: Waiter): Slot | null {
    if (this.#line.size === 0 && this.#hasRoom) return entered
    this.#line.add(waiter)
    return null
  }

  leave(waiter: Waiter): void {
    this.#line.delete(waiter)
  }

  advance(): void {
    for (const waiter of this.#line) {
      if (!this.#hasRoom) return
      this.#line.delete(waiter)
      waiter.granted(entered)
    }
  }

  get #hasRoom(): boolean {
    return this.call.pending < this.#size
  }
}

/** Nothing is occupied by entering: the shared bulk has slots of its own. */
const entered: Slot = { release() {} }
