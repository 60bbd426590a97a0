/**
 * The cache of a loader: what each key was answered, and which of it a failed bulk takes away again.
 * @module
 */

import type { AnyBulk, Follower } from './bulk.ts'
import { asError, isError } from './errors.ts'
import { isThenable, type Outcomes } from './settle.ts'

/** Where a loader keeps the promise of each key. A `Map` is one; so is a store with a bound of its own. */
export interface CacheMap<C, P> {
  get(key: C): P | undefined
  set(key: C, promise: P): unknown
  delete(key: C): unknown
  clear(): unknown
}

/** Whether an Error that was given for one key alone is kept, so that the key is not asked again. */
export type CacheErrors = (error: Error) => boolean

/**
 * What the tasks of one bulk put into the cache. It takes away its own entries only: after a `clear` the key may have been
 * asked anew, and a bulk that fails late must not take the newer answer with it.
 */
export class Entries<C> implements Follower {
  readonly keys: C[] = []
  readonly #entries: unknown[] = []
  readonly #cache: CacheMap<C, any>
  readonly #keeps: CacheErrors

  constructor(cache: CacheMap<C, any>, keeps: CacheErrors) {
    this.#cache = cache
    this.#keeps = keeps
  }

  add(key: C, entry: unknown): void {
    this.keys.push(key)
    this.#entries.push(entry)
  }

  at(place: number): unknown {
    return this.#entries[place]
  }

  /** Where a key is; -1 if it is not here. As a Map compares, for which NaN equals itself. */
  placeOf(key: C): number {
    return this.keys.findIndex(other => other === key || (Number.isNaN(other) && Number.isNaN(key)))
  }

  started(): void {}

  takeFrom(behind: Entries<C>): void {
    const key = behind.keys[0]!
    const entry = behind.#entries[0]
    // Its place is known here for the last time.
    if (entry instanceof Range) void entry.of(key)
    behind.keys.shift()
    behind.#entries.shift()
    this.add(key, entry)
  }

  left(place: number): void {
    this.keys.splice(place, 1)
    this.#entries.splice(place, 1)
  }

  gave(place: number, outcome: unknown): void {
    const entry = this.#entries[place]
    const evict = (error: unknown): void => {
      if (!this.#keeps(asError(error))) this.#evict(place, entry)
    }
    if (isError(outcome)) evict(outcome)
    else if (this.#keeps !== keepAll && isThenable(outcome))
      void Promise.resolve(outcome).then(undefined, evict)
    // What has been given stays when the rest of the bulk fails.
    this.#entries[place] = undefined
  }

  gaveAll(outcomes: Outcomes): void {
    if (this.#keeps === keepAll || outcomes === null) return
    outcomes.forEach((outcome, place) => this.gave(place, outcome))
  }

  failed(): void {
    this.#entries.forEach((entry, place) => this.#evict(place, entry))
  }

  #evict(place: number, entry: unknown): void {
    const key = this.keys[place]!
    if (entry !== undefined && this.#cache.get(key) === entry) this.#cache.delete(key)
  }
}

/**
 * The same for a loader without a cache, or with one of the user's, which may forget: until the bulk starts, its keys are
 * remembered beside the cache, so that none is asked twice.
 */
export class RememberedEntries<C> extends Entries<C> {
  readonly #pending: Map<C, unknown>

  constructor(pending: Map<C, unknown>, cache: CacheMap<C, any>, keeps: CacheErrors) {
    super(cache, keeps)
    this.#pending = pending
  }

  override add(key: C, entry: unknown): void {
    super.add(key, entry)
    this.#pending.set(key, entry)
  }

  override started(): void {
    for (const key of this.keys) this.#pending.delete(key)
  }

  override left(place: number): void {
    this.#pending.delete(this.keys[place]!)
    super.left(place)
  }
}

/** The default: an Error that the command gave for a key is its answer. */
export const keepAll: CacheErrors = () => true
export const keepNone: CacheErrors = () => false

/**
 * The keys that one `loadMany` put into one bulk. They share one promise, and one entry in the cache; a promise of its own
 * is made for a key when someone loads it.
 */
export class Range<C, V> {
  /** A range of one key whose answer is known. A promise is made when someone loads it, and reports to him alone. */
  static of<C, V>(key: C, value: V | PromiseLike<V> | Error): Range<C, V> {
    const range = new Range<C, V>()
    range.add(key)
    range.answers = Promise.resolve(value).then(
      answer => [answer],
      (error: unknown) => [asError(error)],
    )
    return range
  }

  readonly keys: C[] = []
  answers: Promise<(V | Error)[]> = Promise.resolve([])
  /** The bulk, while it has not settled: a key may be answered before the others. */
  bulk: AnyBulk | null = null
  #places: Map<C, number> | null = null
  #promises: Map<C, Promise<V>> | null = null

  /** Adds a key and tells its place. */
  add(key: C): number {
    this.#places?.set(key, this.keys.length)
    return this.keys.push(key) - 1
  }

  placeOf(key: C): number {
    this.#places ??= new Map(this.keys.map((other, place) => [other, place]))
    return this.#places.get(key)!
  }

  /** The answer of one key. */
  of(key: C): Promise<V> {
    this.#promises ??= new Map()
    let promise = this.#promises.get(key)
    if (promise === undefined) this.#promises.set(key, (promise = this.#promiseOf(key)))
    return promise
  }

  #promiseOf(key: C): Promise<V> {
    if (this.bulk !== null && !this.bulk.settled) {
      const place = (this.bulk.follower as Entries<C>).placeOf(key)
      if (place !== -1) return this.bulk.promiseAt(place) as Promise<V>
    }
    const own = this.placeOf(key)
    return this.answers.then(answers => {
      const answer = answers[own] as V | Error
      return isError(answer) ? Promise.reject(answer) : answer
    })
  }
}
