/**
 * The cache of a loader: what each key was answered, or will be.
 *
 * A loader that asks all its keys in one bulk and is done needs no index, and most are like that. So keys join a bulk
 * unindexed; equal ones are found when it starts. They go into an index when someone needs it: the first load after that bulk,
 * `prime`, `clear`; or at once, and from then on each as it comes, when keys repeat, or the bulk is full.
 * @module
 */

import type { AnyBulk } from '../engine/bulk.ts'
import type { Keys } from '../engine/keys.ts'
import type { Outcomes } from '../engine/settle.ts'
import { asError, isError } from '../errors.ts'
import { drop, given, isThenable } from '../promises.ts'
import { registry } from '../registry.ts'
import { Answer } from './answer.ts'
import { allDiffer, placesOf } from '../engine/duplicates.ts'

/** Where a loader keeps the promise of each key. A `Map` is one; so is a store with a bound of its own. */
export interface CacheMap<C, P> {
  get(key: C): P | undefined
  set(key: C, promise: P): unknown
  delete(key: C): unknown
  clear(): unknown
}

/** Whether an Error that was given for one key alone is kept, so that the key is not asked again. */
export type CacheErrors = (error: Error) => boolean

/** The default: an Error that the command gave for a key is its answer. */
export const keepAll: CacheErrors = () => true
export const keepNone: CacheErrors = () => false

/** So many keys of a bulk are looked at for equal ones: if there are any, the others are looked up as they come. */
const sample = 64

/** The options of a cache, checked, complete, and the same for all loaders that have them. */
export interface CacheSettings<K, V, C> {
  /** What keys are compared by, or `null`: the keys themselves. */
  readonly keyOf: ((key: K) => C) | null
  readonly keeps: CacheErrors
  /** Whether answers stay in the index when their bulk has started. */
  readonly remembers: boolean
  /** Where the user keeps answers, or `null`. */
  readonly map: CacheMap<C, Promise<V>> | null
  /** How many keys may join a bulk unindexed: no more than it can have if all of them differ. */
  readonly most: number
}

export class Cache<K, V, C> implements Keys {
  protected readonly settings: CacheSettings<K, V, C>
  /** What is looked up by its key; `null` as long as that is nothing. */
  private known: Map<C, Answer<V>> | null = null
  /** The bulk whose keys are not in the index: the one that is open, or was the last to start. */
  private unindexed: AnyBulk | null = null
  /** What was cleared while it was pending. It has not been asked yet, so it is fresh all the same. */
  private cleared: Map<C, Answer<V>> | null = null

  constructor(settings: CacheSettings<K, V, C>) {
    this.settings = settings
  }

  /**
   * Whether one more key may join the bulk that is last, or open one, and nothing has to be known of it. Where nobody listens
   * and the user has no map.
   */
  protected takes(last: AnyBulk | null): boolean {
    return this.known === null && last === this.unindexed && (last === null || last.count + 1 !== sample)
  }

  /** The keys of a bulk that has just opened are in no index until someone needs them there. */
  protected leaveUnindexed(bulk: AnyBulk): void {
    if (this.settings.keyOf !== null) bulk.keys = []
    this.unindexed = bulk
  }

  /** Whether so many keys may join the bulk that is open, if one is, and none of them is known or has to be looked up. */
  knowsNone(keys: number, open: AnyBulk | null): boolean {
    if (this.known !== null) return false
    if (this.unindexed !== null) return this.unindexed === open && open.count + keys <= this.settings.most
    return keys <= this.settings.most && !this.indexesAtOnce
  }

  /** What a key was answered, or will be, as far as it has been seen; `open` is the bulk that the next key joins. */
  find(key: C, open: AnyBulk | null): Answer<V> | undefined {
    const unindexed = this.unindexed
    if (unindexed !== null && unindexed !== open) this.index(unindexed)
    const answer = this.known === null ? undefined : this.known.get(key)
    if (this.settings.map === null && (answer !== undefined || this.cleared === null)) return answer
    return this.findFor(key, answer ?? this.cleared?.get(key))
  }

  private findFor(key: C, answer: Answer<V> | undefined): Answer<V> | undefined {
    // A map of the user's may say null for what it does not hold.
    const kept = this.settings.map?.get(key) ?? null
    // A rejection that was primed is reported to those who load it.
    if (kept !== null) return new Answer<V>(null, 0, silenced.has(kept) ? kept.then(value => value) : kept)
    // Not kept, and yet pending: it was cleared, or forgotten. Its answer will be fresh, so it is not asked twice.
    if (answer !== undefined) this.put(key, answer)
    return answer
  }

  /** A key that was not found has joined this bulk. */
  joined(bulk: AnyBulk, key: C, promise: Promise<V>): void {
    const isIndexed = this.opens(bulk)
    if (bulk.keys !== null) bulk.keys.push(key)
    if (isIndexed) this.add(bulk, key, promise)
    else if (bulk.count >= this.settings.most || (bulk.count === sample && !allDiffer(keysOf(bulk))))
      this.index(bulk)
  }

  /** The keys from `from` to before `to`, that were not found and all differ if any are known, have joined this bulk. */
  joinedMany(bulk: AnyBulk, keys: readonly C[], from: number, to: number): void {
    const isIndexed = this.opens(bulk)
    if (bulk.keys !== null) for (let i = from; i < to; i++) bulk.keys.push(keys[i]!)
    if (isIndexed) for (let i = from; i < to; i++) this.add(bulk, keys[i]!, null)
    else if (bulk.count >= this.settings.most) this.index(bulk)
  }

  /** The first keys of a bulk have joined it, or more. Returns whether it is indexed. */
  private opens(bulk: AnyBulk): boolean {
    if (bulk === this.unindexed) return false
    if (bulk.answers !== null) return true
    if (!this.indexesAtOnce) {
      this.leaveUnindexed(bulk)
      return false
    }
    if (this.settings.keyOf !== null) bulk.keys ??= []
    this.known ??= new Map()
    bulk.answers = []
    return true
  }

  private add(bulk: AnyBulk, key: C, promise: Promise<V> | null): void {
    const answer = new Answer<V>(bulk, bulk.answers!.length, promise)
    bulk.answers!.push(answer)
    this.known!.set(key, answer)
    try {
      this.settings.map?.set(key, answer.promise)
    } catch (error) {
      // The load rejects with this, and nobody gets the promise of its answer.
      drop(answer.promise)
      throw error
    }
  }

  /** What a key will be answered that has not been asked yet. */
  pending(key: C): Answer<V> | undefined {
    this.indexAll()
    const answer = this.known?.get(key) ?? this.cleared?.get(key)
    return answer?.pending ? answer : undefined
  }

  /** Keeps an answer. */
  put(key: C, answer: Answer<V>): void {
    if (this.settings.remembers) this.known!.set(key, answer)
    else this.settings.map?.set(key, answer.promise)
    this.cleared?.delete(key)
  }

  /** Keeps what is known, unless there is an answer. */
  prime(key: C, value: V | PromiseLike<V> | Error): void {
    if (this.settings.map !== null) {
      if (this.settings.map.get(key) === undefined) this.settings.map.set(key, silent(value))
    } else if (this.settings.remembers && this.known?.get(key) === undefined) {
      // Reported to those who load it, and only to them.
      drop(value)
      ;(this.known ??= new Map()).set(key, new Answer(null, 0, null, value))
    }
  }

  /** Clears the answer of one key. */
  delete(key: C): void {
    this.settings.map?.delete(key)
    if (!this.settings.remembers) return
    this.indexAll()
    const answer = this.known?.get(key)
    this.known?.delete(key)
    if (answer?.pending) (this.cleared ??= new Map()).set(key, answer)
  }

  /** A key that has not been asked yet is not to be asked any more, and nothing is known of it. */
  takeOut(key: C, answer: Answer<V>): void {
    answer.bulk!.giveEarly(answer.place, undefined)
    this.cleared?.delete(key)
    this.forget(key, answer)
  }

  /** Clears all answers. */
  clear(): void {
    this.settings.map?.clear()
    if (!this.settings.remembers) return
    if (this.unindexed?.pending) this.indexAll()
    this.unindexed = null
    for (const [key, answer] of this.known ?? [])
      if (answer.pending) (this.cleared ??= new Map()).set(key, answer)
    // With nothing pending it is as new, and the next keys need not be looked up.
    this.known = this.cleared === null ? null : new Map()
  }

  /** From now on all keys can be looked up, and equal ones are one. */
  indexAll(): void {
    if (this.unindexed !== null) this.index(this.unindexed)
  }

  // ---- What becomes of bulks

  index(bulk: AnyBulk): void {
    if (bulk.answers !== null) return
    if (bulk === this.unindexed) this.unindexed = null
    if (bulk.pending) mergeEqual(bulk)
    const index = (this.known ??= new Map())
    const answers: Answer<V>[] = []
    for (const key of keysOf(bulk)) {
      const answer = new Answer<V>(bulk, answers.length, null)
      answers.push(answer)
      index.set(key, answer)
    }
    bulk.answers = answers
  }

  sealing(bulk: AnyBulk): void {
    // Once indexed they are known to differ.
    if (bulk === this.unindexed) mergeEqual(bulk)
  }

  started(bulk: AnyBulk): void {
    const cleared = this.cleared
    if (cleared !== null) {
      for (const key of keysOf(bulk)) cleared.delete(key)
      if (cleared.size === 0) this.cleared = null
    }
    if (this.settings.remembers) return
    if (bulk === this.unindexed) this.unindexed = null
    else if (this.known !== null) {
      for (const key of keysOf(bulk)) this.known.delete(key)
      if (this.known.size === 0) this.known = null
    }
  }

  left(bulk: AnyBulk, place: number): void {
    this.index(bulk)
    const answer = bulk.answers![place] as Answer<V>
    // Its place is known here for the last time.
    void answer.promise
    answer.bulk = null
    if (!this.settings.remembers) this.known?.delete(keysOf(bulk)[place])
  }

  gave(bulk: AnyBulk, place: number, outcome: unknown): void {
    if (this.settings.keeps !== keepAll) this.judge(bulk, place, outcome)
    // What has been given stays when the rest of the bulk fails.
    this.answersOf(bulk)[place] = null
  }

  gaveAll(bulk: AnyBulk, outcomes: Outcomes): void {
    if (this.settings.keeps === keepAll || outcomes === null) return
    for (const [place, outcome] of outcomes.entries())
      if (isError(outcome) || isThenable(outcome)) this.judge(bulk, place, outcome)
  }

  failed(bulk: AnyBulk): void {
    if (bulk === this.unindexed) this.unindexed = null
    else if (bulk.answers !== null)
      for (const place of bulk.answers.keys())
        this.forgetAt(bulk, place, bulk.answers[place] as Answer<V> | null)
  }

  /** Forgets an outcome that is an Error and not kept. */
  private judge(bulk: AnyBulk, place: number, outcome: unknown): void {
    const answer = this.answersOf(bulk)[place] as Answer<V> | null
    const judge = (error: unknown): void => {
      if (!this.isKept(asError(error))) this.forgetAt(bulk, place, answer)
    }
    if (isError(outcome)) judge(outcome)
    else if (isThenable(outcome)) void Promise.resolve(outcome).then(undefined, judge)
  }

  private isKept(error: Error): boolean {
    const { keeps } = this.settings
    try {
      return keeps(error)
    } catch {
      // It has not said so, and what it throws at one key must not reach the others.
      return false
    }
  }

  private forgetAt(bulk: AnyBulk, place: number, answer: Answer<V> | null): void {
    if (answer !== null) this.forget(keysOf(bulk)[place], answer)
  }

  /** A key has this answer no more: it is to be asked again, unless it has been already. */
  private forget(key: C, answer: Answer<V>): void {
    const { map } = this.settings
    try {
      if (map !== null && map.get(key) === answer.promise) map.delete(key)
    } catch {
      // A map of the user's that throws when a bulk has failed must not leave its callers waiting.
    }
    if (this.known?.get(key) === answer) this.known.delete(key)
  }

  /** Where nothing is remembered, its keys are in no index once it has started. */
  private answersOf(bulk: AnyBulk): (Answer<V> | null)[] {
    if (this.settings.remembers) this.index(bulk)
    else bulk.answers ??= keysOf(bulk).map((_, place) => new Answer<V>(bulk, place, null))
    return bulk.answers as (Answer<V> | null)[]
  }

  /** Whether each key is looked up as it comes: a map of the user's has a promise of each, and listeners are called for each hit. */
  private get indexesAtOnce(): boolean {
    return this.settings.map !== null || registry.called || registry.hit
  }
}

/** What was primed in maps of users', and is not to be reported before someone loads it. */
const silenced = new WeakSet<Promise<unknown>>()

function silent<V>(value: V | PromiseLike<V> | Error): Promise<V> {
  const promise = given<V>(value)
  drop(promise)
  silenced.add(promise)
  return promise
}

function keysOf(bulk: AnyBulk): readonly any[] {
  return bulk.keys ?? bulk.tasks
}

function mergeEqual(bulk: AnyBulk): void {
  const places = placesOf(keysOf(bulk))
  if (places !== null) bulk.merge(places)
}
