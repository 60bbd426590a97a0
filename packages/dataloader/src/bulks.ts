/**
 * The bulks of a loader, as the engine sees them: it says when a batch may leave, bounds how many do, and tells of them.
 *
 * A batch is one bulk. The engine's tasks are the batch itself, once for each key, so it counts right and knows no key.
 * That a batch stays one holds because both close at the same instant: when it has `size` keys, or when it starts.
 * @module
 */

import {
  AsyncBulkCall,
  BulkOverflowError,
  host,
  type BulkCallOptions,
  type CommandContext,
} from '@bulkcall/core'
import { isError } from '@bulkcall/core'
import type { Batch } from './batch.ts'

/** Who owns the batches. */
export interface Owner<K, V> {
  /** Calls the batch function; gives a promise where that gave one. It settles the batch, and does not reject. */
  run(batch: Batch<K, V>, context: CommandContext): Promise<void> | void
  /** The engine gave up a batch: its time was over, or it was refused a slot. */
  fail(batch: Batch<K, V>, reason: unknown): void
}

export class Bulks<K, V> {
  readonly #owner: Owner<K, V>
  readonly #call: AsyncBulkCall<Batch<K, V>, unknown>
  readonly #delayed: boolean
  readonly #maxPending: number
  /** Keys that have come and that the engine has not heard of. */
  #collected = 0
  #tick: (() => void) | null = null

  constructor(owner: Owner<K, V>, options: BulkCallOptions) {
    this.#owner = owner
    this.#delayed = (options.delay ?? 0) > 0
    this.#maxPending = options.maxPending ?? Infinity
    this.#call = new AsyncBulkCall((tasks, context) => this.#execute(tasks[0]!, context), {
      ...options,
      host: {
        ...host,
        // The loader knows the moment, and has reached it when it sends a batch.
        endOfTurn: job => {
          this.#tick = job
        },
        // A batch remembers a context of its own.
        captureContext: () => ({ run: (work, a, b) => work(a, b) }),
      },
    })
  }

  /** Why no key is taken now, or `null`. */
  refusal(): BulkOverflowError | null {
    const pending = this.#collected + this.#call.pending
    return pending < this.#maxPending ? null : new BulkOverflowError(this.#call.name, this.#maxPending)
  }

  /** Follows a batch that has just opened. With a `delay` the engine times it, and hears of it from its first key on. */
  follow(batch: Batch<K, V>): void {
    batch.context = host.captureContext()
    batch.joined = this.#delayed ? () => this.send(batch) : () => this.#collected++
  }

  /** Sends a batch off: it starts at once, or goes on filling until there is a slot. */
  send(batch: Batch<K, V>): void {
    const { length } = batch.keys
    if (!this.#delayed && batch.joined !== null) this.#collected -= length
    batch.joined = () => void this.#call.callMany([batch])
    void this.#call.callMany(new Array<Batch<K, V>>(length).fill(batch)).then(([answer]) => {
      if (!batch.settled) this.#owner.fail(batch, answer)
    })
    this.#tick?.()
  }

  #execute(batch: Batch<K, V>, context: CommandContext): unknown[] | Promise<unknown[]> {
    const done =
      batch.context === null
        ? this.#owner.run(batch, context)
        : batch.context.run(
            (own: Batch<K, V>, given: CommandContext) => this.#owner.run(own, given),
            batch,
            context,
          )
    return done === undefined ? told(batch) : done.then(() => told(batch))
  }
}

/** What the engine hears of a batch: who failed. The values have gone to their callers. */
function told(batch: Batch<any, any>): unknown[] {
  if (batch.outcomes === null) throw batch.reason
  return batch.outcomes.map(outcome => (isError(outcome) ? outcome : undefined))
}
