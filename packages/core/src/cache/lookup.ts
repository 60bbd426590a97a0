/**
 * A lookup: the keys of a loader on their way. What is known, or asked already, is a hit; the rest is asked in bulk.
 * @module
 */

import type { Queue } from '../engine/queue.ts'
import { BulkOptionError } from '../errors.ts'
import type { BulkCallSettings } from '../options.ts'
import { drop, eachOf } from '../promises.ts'
import type { Answer } from './answer.ts'
import { Callers } from './callers.ts'
import { Cache, type CacheSettings } from './cache.ts'
import { firstOf, placesOf } from '../engine/duplicates.ts'

/** The options of a loader, checked, complete, and the same for all loaders that have them. */
export interface LoaderSettings<K, V, C> extends BulkCallSettings, CacheSettings<K, V, C> {
  /** Whether keys are compared as they are, and no map of the user's has to be asked for each. */
  readonly isPlain: boolean
  /** Whether a key that is `null` gives `null`; else it is an error. */
  readonly givesNull: boolean
}

export class Lookup<K, V, C> extends Cache<K, V, C> {
  declare protected readonly settings: LoaderSettings<K, V, C>
  readonly queue: Queue<K, V>
  /** `null` as long as no load has had a signal. */
  private callers: Callers<C, V> | null = null

  constructor(queue: Queue<K, V>, settings: LoaderSettings<K, V, C>) {
    super(settings)
    this.queue = queue
    queue.keys = this
  }

  get waiting(): number {
    // Equal keys count once, so they must have been looked at.
    if (this.queue.pending > 0) this.indexAll()
    return this.queue.pending
  }

  load(key: K): Promise<V> {
    const { settings, queue } = this
    // Most keys are what they are compared by, and then nothing here is the user's, and nothing throws.
    if (settings.isPlain && key !== null && key !== undefined) {
      const { last } = queue
      if (!this.takes(last) || !queue.isUsual(settings.most)) return this.lookUp(key, key as unknown as C)
      if (last !== null) return queue.join(last, key)
      const bulk = queue.openBulk()
      this.leaveUnindexed(bulk)
      return queue.join(bulk, key)
    }
    if (this.isNothing(key)) return Promise.resolve(null as V)
    try {
      return this.lookUp(key, this.keyFor(key))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private lookUp(key: K, cacheKey: C): Promise<V> {
    const answer = this.find(cacheKey, this.queue.last)
    return answer === undefined ? this.ask(key, cacheKey) : this.giveHit(answer)
  }

  /** Loads a key for a caller who may go. */
  loadUntil(signal: AbortSignal | undefined, key: K): Promise<V> {
    if (signal === undefined) return this.load(key)
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.isNothing(key)) return Promise.resolve(null as V)
    try {
      const cacheKey = this.keyFor(key)
      const callers = (this.callers ??= new Callers(this, this.queue))
      // A key has to be found again by those who come later.
      this.indexAll()
      const known = this.find(cacheKey, this.queue.last)
      if (known !== undefined) return callers.waits(known, this.give(known), signal)
      const promise = this.ask(key, cacheKey)
      const asked = this.pending(cacheKey)
      if (asked !== undefined) callers.asked(cacheKey, asked)
      return callers.waits(asked, promise, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  loadMany(keys: Iterable<K>): Promise<(V | Error)[]> {
    try {
      const asked = [...keys]
      const cacheKeys = this.settings.map !== null ? null : this.cacheKeys(asked)
      if (cacheKeys === null) return eachOf(asked.map(key => this.load(key)))
      return this.knowsNone(asked.length, this.queue.last)
        ? this.askMany(asked, cacheKeys)
        : this.lookUpMany(asked, cacheKeys)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  loadManyUntil(signal: AbortSignal | undefined, keys: Iterable<K>): Promise<(V | Error)[]> {
    if (signal === undefined) return this.loadMany(keys)
    return eachOf(Array.from(keys, key => this.loadUntil(signal, key)))
  }

  primeKey(key: K, value: V | PromiseLike<V> | Error): void {
    if (this.isNothing(key)) return drop(value)
    const cacheKey = this.keyFor(key)
    const answer = this.pending(cacheKey)
    if (answer === undefined) this.prime(cacheKey, value)
    else {
      answer.bulk!.giveEarly(answer.place, value)
      this.put(cacheKey, answer)
    }
  }

  clearKey(key: K): void {
    if (this.isNothing(key)) return
    this.delete(this.keyFor(key))
  }

  /** Whether a key is a foreign key that points nowhere, of which nothing is asked or kept. */
  private isNothing(key: K): boolean {
    return key === null && this.settings.givesNull
  }

  private keyFor(key: K): C {
    if (key === null || key === undefined) {
      const hint = key === null ? ` (nullKeys: 'null' gives null for it)` : ''
      throw new BulkOptionError(`a key of ${this.queue.name}`, 'neither null nor undefined', key, hint)
    }
    // A function of the user's, which must not get the settings as its `this`.
    const { keyOf } = this.settings
    return keyOf === null ? (key as unknown as C) : keyOf(key)
  }

  /** Whether a hit is given with the bulk that is open, so that what follows from it goes out in one bulk as well. */
  private get aligns(): boolean {
    return this.settings.delay === 0 || this.queue.tracker !== null
  }

  /** `null` where one of them is wrong, which is an Error at its place in a `loadMany`. */
  private cacheKeys(keys: readonly K[]): readonly C[] | null {
    try {
      // The keys as they are, after the quickest of looks, where they can be.
      const anyKeys: readonly unknown[] = keys
      return this.settings.keyOf === null && !anyKeys.includes(null) && !anyKeys.includes(undefined)
        ? (anyKeys as readonly C[])
        : keys.map(key => this.keyFor(key))
    } catch {
      return null
    }
  }

  private ask(key: K, cacheKey: C): Promise<V> {
    const queue = this.queue
    const refusal = queue.refusal()
    if (refusal !== null) return Promise.reject(refusal.reason)
    const promise = queue.accept(key)
    const bulk = queue.last!
    this.joined(bulk, cacheKey, promise)
    queue.emitJoined(bulk, 1)
    return promise
  }

  private askMany(keys: K[], cacheKeys: readonly C[]): Promise<(V | Error)[]> {
    return this.queue.callMany(keys, undefined, (bulk, from, to) => {
      this.joinedMany(bulk, cacheKeys, from, to)
    })
  }

  /**
   * A hit. While a bulk is open, or held, it is given with that bulk (one promise a key): if it ran ahead, whatever is
   * loaded in consequence would leave in a bulk of its own, before what follows from the others.
   */
  private giveHit(answer: Answer<V>): Promise<V> {
    this.callers?.stays(answer)
    return this.give(answer)
  }

  private give(answer: Answer<V>): Promise<V> {
    const { queue } = this
    queue.hit(1)
    const bulk = queue.last ?? queue.held
    if (bulk === null || !this.aligns) return answer.promise
    const isItsOwn = answer.bulk === bulk
    const hit = isItsOwn ? answer.promise : answer.alignedWith(bulk)
    queue.tracker?.called(queue, bulk, hit)
    // It waits for its own bulk as well, and for that alone where the one that it is given with loses all its tasks.
    if (!isItsOwn && answer.bulk?.isParked === true) queue.tracker?.called(queue, answer.bulk, hit)
    return hit
  }

  /** Asks those of many keys that are not known, each once, and puts their answers together with the others. */
  private lookUpMany(asked: readonly K[], cacheKeys: readonly C[]): Promise<(V | Error)[]> {
    // They may go into several bulks, and a key of one must not be in the next.
    this.indexAll()
    const missing: K[] = []
    const missingKeys: C[] = []
    const hits: Promise<V>[] = []
    /** Which of all keys are hits; the others are the missing ones, in their order. */
    const isHit = cacheKeys.map((cacheKey, i) => {
      const answer = this.find(cacheKey, this.queue.last)
      if (answer !== undefined) hits.push(this.giveHit(answer))
      else {
        missing.push(asked[i]!)
        missingKeys.push(cacheKey)
      }
      return answer !== undefined
    })
    const places = placesOf(missingKeys)
    if (places === null && hits.length === 0) return this.askMany(missing, missingKeys)
    if (places !== null) this.queue.hit(missing.length - new Set(places).size)
    const answers = this.askMany(firstOf(missing, places), firstOf(missingKeys, places))
    return Promise.all([answers, eachOf(hits)]).then(([found, known]) => {
      let [hit, miss] = [0, 0]
      return isHit.map(is => {
        if (is) return known[hit++]
        const place = miss++
        return found[places === null ? place : places[place]!]
      }) as (V | Error)[]
    })
  }
}
