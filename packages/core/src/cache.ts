/**
 * The cache of a loader: what each key was answered, or will be.
 *
 * A loader that asks all its keys in one bulk and is done needs no index, and most are like that. So keys join the first
 * bulk unseen; equal ones are found when it starts. They are entered into an index, and from then on seen one by one, when
 * someone looks one up: a second bulk, `prime`, `clear`; or when the bulk is full. Where earlier loaders had many equal
 * keys, they are seen from the first on.
 * @module
 */

import type { AnyBulk } from './bulk.ts'
import { isError } from './errors.ts'
import { watchesCalls, watchesHits } from './events.ts'
import type { Habit } from './habit.ts'
import { KeyIndex } from './key-index.ts'
import { Answer, Page, type CacheErrors, type Entry, type PageKeeper } from './page.ts'
import { drop } from './settle.ts'

/** Where a loader keeps the promise of each key. A `Map` is one; so is a store with a bound of its own. */
export interface CacheMap<C, P> {
  get(key: C): P | undefined
  set(key: C, promise: P): unknown
  delete(key: C): unknown
  clear(): unknown
}

export class Cache<C, V> implements PageKeeper<C, V> {
  readonly keeps: CacheErrors
  /** Whether answers stay in the index when their bulk has started. */
  readonly #remembers: boolean
  readonly #store: CacheMap<C, Promise<V>> | null
  /** Whether the tasks of a bulk are its keys. */
  readonly #tasksAreKeys: boolean
  /** How many keys may join a bulk unseen: no more than it can have if all of them differ. */
  readonly #most: number
  readonly #habit: Habit
  /** How many loads of the bulk that is open were of a key in it. */
  #repeats = 0
  /** What is looked up by its key; `null` as long as that is nothing. */
  #index: KeyIndex<C, Entry<C, V>> | null = null
  /** The page whose keys are not in the index: that of the bulk that is open, or was the last to start. */
  #unseen: Page<C, V> | null = null
  /** What was cleared while it was pending. It has not been asked yet, so it is fresh all the same. */
  #cleared: Map<C, Entry<C, V>> | null = null
  /** Errors in a map of the user's that were primed and are not to be reported before someone loads them. */
  #silenced: WeakSet<Promise<V>> | null = null

  constructor(
    store: CacheMap<C, Promise<V>> | 'own' | 'none',
    keeps: CacheErrors,
    tasksAreKeys: boolean,
    most: number,
    habit: Habit,
  ) {
    this.keeps = keeps
    this.#remembers = store === 'own'
    this.#store = typeof store === 'string' ? null : store
    this.#tasksAreKeys = tasksAreKeys
    this.#most = most
    this.#habit = habit
  }

  /** Whether so many keys may join the bulk that is open, if one is, and none of them can be known. */
  knowsNone(keys: number, open: AnyBulk | null): boolean {
    if (this.#index !== null || this.#seesAtOnce) return false
    if (this.#unseen === null) return keys <= this.#most
    return this.#unseen.bulk === open && open !== null && open.tasks.length + keys <= this.#most
  }

  /** What a key was answered, or will be, as far as it has been seen; `open` is the bulk that the next key joins. */
  find(key: C, open: AnyBulk | null): Answer<V> | undefined {
    const unseen = this.#unseen
    if (unseen !== null && (unseen.bulk !== open || open === null)) this.#enter(unseen)
    const entry = this.#index === null ? undefined : this.#index.get(key)
    // The usual hit: it has been looked up before, and nothing is in doubt. And the usual miss.
    if (entry instanceof Answer && this.#remembers) return entry
    if (entry === undefined && this.#store === null && this.#cleared === null) return undefined
    return this.#findFor(key, entry)
  }

  #findFor(key: C, entry: Entry<C, V> | undefined): Answer<V> | undefined {
    const store = this.#store
    // A map of the user's may say null for what it does not hold.
    const kept = store === null ? null : (store.get(key) ?? null)
    if (kept !== null) return new Answer<V>(null, 0, this.#reporting(kept))
    const answer = this.#answerIn(entry ?? this.#cleared?.get(key), key)
    // Not kept, and yet pending: it was cleared, or forgotten. Its answer will be fresh, so it is not asked twice.
    if (answer !== undefined && (store !== null || this.#cleared !== null)) this.put(key, answer)
    return answer
  }

  /** So many more loads were of keys of the bulk that is open. */
  repeated(loads: number): void {
    this.#repeats += loads
  }

  /** A key that was not found has joined this bulk. */
  joined(bulk: AnyBulk, key: C, promise: Promise<V>): void {
    const page = this.#pageOf(bulk)
    page.keep(key)
    if (page !== this.#unseen) this.#add(page, key, promise)
    else if (bulk.tasks.length >= this.#most) this.#enter(page)
  }

  /** The keys from `from` to before `to`, that were not found and all differ if any are known, have joined this bulk. */
  joinedMany(bulk: AnyBulk, keys: readonly C[], from: number, to: number): void {
    const page = this.#pageOf(bulk)
    if (!this.#tasksAreKeys) for (let i = from; i < to; i++) page.keep(keys[i]!)
    if (page !== this.#unseen) for (let i = from; i < to; i++) this.#add(page, keys[i]!, null)
    else if (bulk.tasks.length >= this.#most) this.#enter(page)
  }

  /** What a key will be answered that has not been asked yet. */
  pending(key: C): Answer<V> | undefined {
    this.see()
    const answer = this.#answerOf(key)
    return answer?.pending ? answer : undefined
  }

  /** Keeps an answer. */
  put(key: C, answer: Answer<V>): void {
    if (this.#remembers) this.#index!.set(key, answer)
    else this.#store?.set(key, answer.promise)
    this.#cleared?.delete(key)
  }

  /** Keeps what is known, unless there is an answer. */
  prime(key: C, value: V | PromiseLike<V> | Error): void {
    if (this.#store !== null) {
      if (this.#store.get(key) === undefined) this.#store.set(key, this.#silent(value))
    } else if (this.#remembers && this.#index?.get(key) === undefined) {
      const page = new Page<C, V>(this, null, [key])
      page.outcomes = [value]
      // Reported to those who load it, and only to them.
      drop(value)
      ;(this.#index ??= new KeyIndex()).set(key, new Answer(page, 0, null))
    }
  }

  /** Clears the answer of one key. */
  delete(key: C): void {
    this.#store?.delete(key)
    if (!this.#remembers) return
    this.see()
    const entry = this.#index?.get(key)
    this.#index?.delete(key)
    if (entry?.pending) (this.#cleared ??= new Map()).set(key, entry)
  }

  /** Clears all answers. */
  clear(): void {
    this.#store?.clear()
    if (!this.#remembers) return
    if (this.#unseen?.pending) this.see()
    this.#unseen = null
    for (const [key, entry] of this.#index ?? []) {
      if (entry.pending) (this.#cleared ??= new Map()).set(key, entry)
    }
    // With nothing pending it is as new, and the next keys need not be looked up.
    this.#index = this.#cleared === null ? null : new KeyIndex()
  }

  /** Sees what has not been seen: equal keys are one, and all keys can be looked up. */
  see(): void {
    if (this.#unseen !== null) this.#enter(this.#unseen)
  }

  started(page: Page<C, V>): void {
    this.#habit.saw(page.keys.length, this.#repeats)
    this.#repeats = 0
    if (this.#cleared !== null) {
      for (const key of page.keys) this.#cleared.delete(key)
      if (this.#cleared.size === 0) this.#cleared = null
    }
    if (this.#remembers) return
    if (page === this.#unseen) this.#unseen = null
    else if (this.#index !== null) for (const key of page.keys) this.#index.delete(key)
  }

  detailed(page: Page<C, V>, answers: readonly Answer<V>[]): void {
    if (page === this.#unseen) this.#enter(page)
    for (const map of [this.#index, this.#cleared]) {
      if (map === null) continue
      for (const [place, key] of page.keys.entries()) if (map.get(key) === page) map.set(key, answers[place]!)
    }
  }

  left(key: C): void {
    if (!this.#remembers) this.#index?.delete(key)
  }

  forget(key: C, entry: Entry<C, V>): void {
    if (this.#store !== null) {
      if (this.#store.get(key) === (entry as Answer<V>).promise) this.#store.delete(key)
    } else if (this.#index?.get(key) === entry) this.#index.delete(key)
  }

  forgetAll(page: Page<C, V>): void {
    if (page === this.#unseen) this.#unseen = null
    else for (const key of page.keys) this.forget(key, page)
  }

  /** Whether each key is looked up as it comes. A map of the user's has a promise of each. */
  get #seesAtOnce(): boolean {
    return this.#store !== null || this.#habit.repeats || isWatched()
  }

  #pageOf(bulk: AnyBulk): Page<C, V> {
    return (bulk.follower as Page<C, V> | null) ?? this.#open(bulk)
  }

  #add(page: Page<C, V>, key: C, promise: Promise<V> | null): void {
    const answer = page.add(promise)
    this.#index!.set(key, answer)
    this.#store?.set(key, answer.promise)
  }

  #open(bulk: AnyBulk): Page<C, V> {
    const page = new Page<C, V>(this, bulk, this.#tasksAreKeys ? null : [])
    bulk.follower = page
    if (this.#seesAtOnce) {
      this.#index ??= new KeyIndex()
      page.answers = []
    } else {
      this.#unseen = page
    }
    return page
  }

  /** Enters a page into the index: the page itself, until someone looks closer, if it takes no more keys. */
  #enter(page: Page<C, V>): void {
    if (page === this.#unseen) this.#unseen = null
    if (page.pending) page.merge()
    const index = (this.#index ??= new KeyIndex())
    for (const key of page.keys) index.set(key, page)
    if (page.pending && page.keys.length < this.#most) page.detail()
  }

  #answerOf(key: C): Answer<V> | undefined {
    return this.#answerIn(this.#index?.get(key) ?? this.#cleared?.get(key), key)
  }

  #answerIn(entry: Entry<C, V> | undefined, key: C): Answer<V> | undefined {
    if (!(entry instanceof Page)) return entry
    // Which puts an answer in the place of the page.
    entry.detail()
    return this.#answerOf(key)
  }

  /** For a map of the user's: the promise of a value that nobody waits for yet. */
  #silent(value: V | PromiseLike<V> | Error): Promise<V> {
    const promise: Promise<V> = isError(value) ? Promise.reject(value) : Promise.resolve(value)
    promise.catch(() => {})
    ;(this.#silenced ??= new WeakSet()).add(promise)
    return promise
  }

  /** A promise that reports its rejection again, for who loads what was primed. */
  #reporting(promise: Promise<V>): Promise<V> {
    return this.#silenced?.has(promise) ? promise.then(value => value) : promise
  }
}

/** Who listens hears of each key whether it was known, so it must be seen at once. */
function isWatched(): boolean {
  return watchesCalls() || watchesHits()
}
