/**
 * Callers of a loader who may go. A key that nobody else waits for leaves its bulk with the last of them, or, where its bulk is
 * in flight, lets the command know when nobody waits for any of its keys.
 * @module
 */

import type { AnyBulk } from '../engine/bulk.ts'
import { Caller, type Chair } from '../engine/caller.ts'
import type { Queue } from '../engine/queue.ts'
import type { Answer } from './answer.ts'
import type { Cache } from './cache.ts'

export class Callers<C, V> {
  readonly #cache: Cache<any, V, C>
  readonly #queue: Queue<any, V>
  /** The keys that only callers with a signal wait for, by the promises of their answers. */
  readonly #asked = new Map<Promise<V>, Asked<C, V>>()
  /** How many keys of a bulk in flight nobody waits for. */
  readonly #forsaken = new WeakMap<AnyBulk, number>()

  constructor(cache: Cache<any, V, C>, queue: Queue<any, V>) {
    this.#cache = cache
    this.#queue = queue
  }

  /** A key has been asked by a caller with a signal. */
  asked(key: C, answer: Answer<V>): void {
    const { promise } = answer
    this.#asked.set(promise, new Asked(this, key, answer))
    const over = (): void => this.stays(answer)
    promise.then(over, over)
  }

  /** A caller without a signal waits for an answer as well, or it is there. */
  stays(answer: Answer<V>): void {
    const asked = this.#asked.get(answer.promise)
    if (asked === undefined) return
    if (asked.count === 0) this.#count(answer.bulk, -1)
    this.#asked.delete(answer.promise)
  }

  /** What one more caller gets, of an answer that is given by this promise. */
  waits(answer: Answer<V> | undefined, promise: Promise<V>, signal: AbortSignal): Promise<V> {
    const asked = answer === undefined ? undefined : this.#asked.get(answer.promise)
    if (asked !== undefined && asked.count++ === 0) this.#count(asked.answer.bulk, -1)
    return new Caller(promise, signal, asked ?? null).promise
  }

  /** All callers of a key have gone. */
  left(asked: Asked<C, V>, reason: unknown): void {
    const { key, answer } = asked
    if (this.#asked.get(answer.promise) !== asked) return
    const { bulk } = answer
    if (answer.pending) {
      this.#asked.delete(answer.promise)
      this.#cache.takeOut(key, answer)
    } else if (bulk !== null && this.#count(bulk, 1) >= bulk.waiting && this.#isForsaken(bulk)) {
      this.#queue.forsake(bulk, reason)
    }
  }

  /** Counted, so that each key of a bulk is looked at when all may have gone, and not with each that goes. */
  #count(bulk: AnyBulk | null, change: number): number {
    if (bulk === null || bulk.pending) return 0
    const count = Math.max(0, (this.#forsaken.get(bulk) ?? 0) + change)
    this.#forsaken.set(bulk, count)
    return count
  }

  #isForsaken({ answers }: AnyBulk): boolean {
    // What has been given already is out of the list.
    return answers!.every(
      answer => answer === null || this.#asked.get((answer as Answer<V>).promise)?.count === 0,
    )
  }
}

/** A key that only callers with a signal wait for. */
class Asked<C, V> implements Chair {
  readonly key: C
  readonly answer: Answer<V>
  /** How many of them are there. */
  count = 0
  readonly #callers: Callers<C, V>

  constructor(callers: Callers<C, V>, key: C, answer: Answer<V>) {
    this.#callers = callers
    this.key = key
    this.answer = answer
  }

  left(_: Caller<V>, reason: unknown): void {
    if (--this.count === 0) this.#callers.left(this, reason)
  }
}
