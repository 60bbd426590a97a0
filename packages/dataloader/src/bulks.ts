/**
 * The bulks of a loader, as the engine sees them: it says when a batch may leave, bounds how many do, and tells of them.
 *
 * A batch is one bulk. The engine's tasks are the batch itself, once for each key, so it counts right and knows no key.
 * That a batch stays one holds because both close at the same instant: when it has `size` keys, or when it starts; what is
 * sent after it waits until then. A key that leaves takes its task along, but for one of a full batch that others stand
 * behind: there the engine would fill the gap from the next.
 * @module
 */

import {
  AsyncBulkCall,
  BulkOverflowError,
  host,
  type BulkCallOptions,
  type CommandContext,
} from '@bulkcall/core'
import type { Batch, Owner, Seat } from './batch.ts'

export class Bulks<K, V> {
  readonly #owner: Owner<K, V>
  readonly #call: AsyncBulkCall<Batch<K, V>, unknown>
  readonly #options: BulkCallOptions
  readonly #isDelayed: boolean
  /** The batch that was sent last, which the engine may have yet to fill. */
  #latest: Batch<K, V> | null = null
  /** Those that are to be sent after it. */
  readonly #behind: Batch<K, V>[] = []
  /** Keys that have come and that the engine does not know of yet. */
  #collected = 0
  #tick: (() => void) | null = null

  constructor(owner: Owner<K, V>, options: BulkCallOptions) {
    this.#owner = owner
    this.#options = options
    this.#isDelayed = (options.delay ?? 0) > 0
    this.#call = new AsyncBulkCall((tasks, context) => this.#execute(tasks[0]!, tasks.length, context), {
      ...options,
      host: {
        ...host,
        // The loader knows the moment, and has reached it when it sends a batch.
        endOfTick: job => {
          this.#tick = job
        },
        // A batch remembers a context of its own.
        captureContext: () => ({ runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }),
      },
    })
  }

  /** Why no key is taken now, or `null`. */
  refusal(): BulkOverflowError | null {
    const { maxPending = Infinity } = this.#options
    const pending = this.#collected + this.#call.pending
    return pending < maxPending ? null : new BulkOverflowError(this.#call.name, maxPending)
  }

  /** Follows a batch that has just opened. With a `delay` the engine times it, and knows of it from its first key on. */
  follow(batch: Batch<K, V>): void {
    batch.context = host.captureContext()
    batch.joined = this.#isDelayed ? () => this.#send(batch) : () => this.#collected++
  }

  /**
   * Sends a batch when it is its turn. A `batchScheduleFn` may call back for a later batch first: while that one waits for a
   * slot and may still be joined, the engine would fill it from this one.
   */
  send(batch: Batch<K, V>): void {
    this.#behind.push(batch)
    this.#next()
  }

  /** A batch has started, is full, or will not start: the next may be sent. */
  #next(): void {
    while (this.#behind.length > 0 && !this.#latest?.hasRoom(this.#options.size ?? Infinity))
      this.#send(this.#behind.shift()!)
  }

  /** Whether another batch stands behind it in the engine, which would take what joins, and fill what leaves. */
  isFollowed(batch: Batch<K, V>): boolean {
    return batch.sent && batch !== this.#latest
  }

  /** Sends a batch off: it starts at once, or goes on filling until there is a slot. One that nobody waits for is not sent. */
  #send(batch: Batch<K, V>): void {
    if (!this.#isDelayed && batch.joined !== null) this.#collected -= tasksOf(batch)
    if (batch.isIdle) return batch.give([])
    batch.joined = () => {
      this.#enterAt(batch, batch.keys.length - 1)
      this.#next()
    }
    this.#latest = batch
    batch.sent = true
    if (batch.seats === null) this.#enter(batch, batch.keys.length)
    else batch.keys.forEach((_, place) => isTask(batch, place) && this.#enterAt(batch, place))
    this.#tick?.()
  }

  /** A key has left a batch that has not started. */
  left(batch: Batch<K, V>, { counted, controller }: Seat, reason: unknown): void {
    if (!counted && controller === null) this.#collected--
    if (!counted) controller?.abort(reason)
    if (controller === null || !batch.isIdle) return
    batch.give([])
    this.abandon(batch, reason)
  }

  /** Nobody waits for any key of a batch that was sent. It leaves the engine, or, if it runs, its signal aborts. */
  abandon(batch: Batch<K, V>, reason: unknown): void {
    for (const seat of batch.seats!.values()) seat.controller?.abort(reason)
    this.#next()
  }

  /** So many keys become tasks, whose callers stay. */
  #enter(batch: Batch<K, V>, keys: number): void {
    void this.#call.callMany(new Array<Batch<K, V>>(keys).fill(batch)).then(([answer]) => {
      this.#failed(batch, answer)
    })
  }

  /** The key at this place becomes a task. */
  #enterAt(batch: Batch<K, V>, place: number): void {
    // What becomes of the batch is known by its first key, unless that one may leave.
    if (batch.seats === null) return void this.#call.callMany([batch])
    const seat = batch.seats.get(place)
    if (seat === undefined) return this.#enter(batch, 1)
    const { signal } = (seat.controller = new AbortController())
    this.#call.call(batch, { signal }).catch((reason: unknown) => {
      if (!signal.aborted) this.#failed(batch, reason)
    })
  }

  /** The engine gave a task up, or its batch has settled. */
  #failed(batch: Batch<K, V>, reason: unknown): void {
    this.#owner.fail(batch, reason)
    this.#next()
  }

  #execute(batch: Batch<K, V>, tasks: number, context: CommandContext): unknown[] | Promise<unknown[]> {
    const done =
      batch.context === null
        ? this.#owner.run(batch, context)
        : batch.context.runInAsyncScope(() => this.#owner.run(batch, context), undefined, undefined)
    this.#next()
    return done === undefined ? batch.report(tasks) : done.then(() => batch.report(tasks))
  }
}

/** Whether the key at this place is a task: also one that has left, where its gap must not be filled. */
function isTask(batch: Batch<any, any>, place: number): boolean {
  return batch.seats?.get(place)?.counted ?? true
}

function tasksOf(batch: Batch<any, any>): number {
  const { keys, seats } = batch
  return seats === null ? keys.length : keys.filter((_, place) => isTask(batch, place)).length
}
