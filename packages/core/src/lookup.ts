/**
 * Lookup: looks the keys of a loader up. What is known, or asked already, is a hit; the rest is asked in bulk.
 * @module
 */

import { Cache, type CacheMap } from './cache.ts'
import type { Command } from './command.ts'
import type { Engine } from './engine.ts'
import { firstOf, placesOf } from './equals.ts'
import { asError, BulkOptionError } from './errors.ts'
import { habitOf, type Habit } from './habit.ts'
import type { BulkCallSettings } from './options.ts'
import type { Answer, CacheErrors } from './page.ts'

/** The options of a loader after the door: complete, known to be good, and the same for all loaders that have them. */
export interface LoaderSettings<K, V, C> extends BulkCallSettings {
  readonly keyOf: ((key: K) => C) | null
  readonly keeps: CacheErrors
  readonly store: CacheMap<C, Promise<V>> | 'own' | 'none'
  /** `null`: that of the command. */
  readonly habit: Habit | null
}

export class Lookup<K, V, C> {
  readonly #engine: Engine<K, V>
  readonly #cache: Cache<C, V>
  readonly #keyOf: ((key: K) => C) | null
  /** Whether a map of the user's must be asked for each key, and have a promise for each. */
  readonly #hasMap: boolean
  /** Whether a hit is given with the bulk that is open, so that what follows from it goes out in one bulk as well. */
  readonly #aligns: boolean

  constructor(
    engine: Engine<K, V>,
    settings: LoaderSettings<K, V, C>,
    command: Command<K, V>,
    isScoped: boolean,
  ) {
    const { size, maxPending, delay, keyOf, keeps, store, habit } = settings
    this.#engine = engine
    this.#cache = new Cache(
      store,
      keeps,
      keyOf === null,
      Math.min(size, maxPending),
      habit ?? habitOf(command),
    )
    this.#keyOf = keyOf
    this.#hasMap = typeof store !== 'string'
    this.#aligns = delay === 0 || isScoped
  }

  get pending(): number {
    // Equal keys count once, so they must have been looked at.
    if (this.#engine.pending > 0) this.#cache.see()
    return this.#engine.pending
  }

  get inFlight(): number {
    return this.#engine.inFlight
  }

  load(key: K): Promise<V> {
    // Most keys are what they are compared by, and then nothing here is the user's, and nothing throws.
    if (this.#keyOf === null && !this.#hasMap && key !== null && key !== undefined)
      return this.#load(key, key as unknown as C)
    try {
      return this.#load(key, this.#cacheKey(key))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #load(key: K, cacheKey: C): Promise<V> {
    const answer = this.#cache.find(cacheKey, this.#engine.last)
    return answer === undefined ? this.#ask(key, cacheKey) : this.#hit(answer)
  }

  loadMany(keys: Iterable<K>): Promise<(V | Error)[]> {
    try {
      const asked = [...keys]
      if (this.#hasMap) return Promise.all(asked.map(key => this.load(key).catch(asError)))
      const cacheKeys = this.#cacheKeys(asked)
      const areGood = cacheKeys === asked || !cacheKeys.some(isWrong)
      return areGood && this.#cache.knowsNone(asked.length, this.#engine.last)
        ? this.#askMany(asked, cacheKeys as readonly C[])
        : this.#lookUpMany(asked, cacheKeys)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  prime(key: K, value: V | PromiseLike<V> | Error): void {
    const cacheKey = this.#cacheKey(key)
    const answer = this.#cache.pending(cacheKey)
    if (answer === undefined) this.#cache.prime(cacheKey, value)
    else {
      answer.bulk!.giveEarly(answer.place, value)
      this.#cache.put(cacheKey, answer)
    }
  }

  clear(key: K): void {
    this.#cache.delete(this.#cacheKey(key))
  }

  clearAll(): void {
    this.#cache.clear()
  }

  flush(): Promise<void> {
    return this.#engine.flush()
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  #cacheKey(key: K): C {
    if (key === null || key === undefined)
      throw new BulkOptionError(`a key of ${this.#engine.name}`, 'neither null nor undefined', key)
    return this.#keyOf === null ? (key as unknown as C) : this.#keyOf(key)
  }

  /** A key that is wrong is an Error at its place in a `loadMany`. */
  #cacheKeys(keys: readonly K[]): readonly (C | Wrong)[] {
    // The keys as they are, after the quickest of looks, where they can be.
    const anyKeys: readonly unknown[] = keys
    if (this.#keyOf === null && !anyKeys.includes(null) && !anyKeys.includes(undefined))
      return anyKeys as readonly C[]
    return keys.map(key => {
      try {
        return this.#cacheKey(key)
      } catch (error) {
        return new Wrong(asError(error))
      }
    })
  }

  #ask(key: K, cacheKey: C): Promise<V> {
    const refusal = this.#engine.refusal()
    if (refusal !== null) return Promise.reject(refusal.reason)
    const promise = this.#engine.accept(key)
    const bulk = this.#engine.last!
    this.#cache.joined(bulk, cacheKey, promise)
    this.#engine.tellJoined(bulk, 1)
    return promise
  }

  #askMany(keys: K[], cacheKeys: readonly C[]): Promise<(V | Error)[]> {
    return this.#engine.callMany(keys, undefined, (bulk, from, to) => {
      this.#cache.joinedMany(bulk, cacheKeys, from, to)
    })
  }

  /**
   * A hit. While a bulk is open, or held, it is given with that bulk (one promise a key): if it ran ahead, whatever is
   * loaded in consequence would leave in a bulk of its own, before what follows from its mates.
   */
  #hit(answer: Answer<V>): Promise<V> {
    this.#engine.hit(1)
    const bulk = this.#engine.last ?? this.#engine.held
    if (bulk === null) return answer.promise
    const isItsOwn = answer.bulk === bulk
    if (isItsOwn) this.#cache.repeated(1)
    if (!this.#aligns) return answer.promise
    const hit = isItsOwn ? answer.promise : answer.alignedWith(bulk)
    this.#engine.visited(bulk, hit)
    // It waits for its own bulk as well, and for that alone where the one that it is given with loses all its tasks.
    if (!isItsOwn && answer.bulk?.isParked === true) this.#engine.visited(answer.bulk, hit)
    return hit
  }

  /** Asks those of many keys that are not known, each once, and puts their answers together with the others. */
  #lookUpMany(asked: K[], cacheKeys: readonly (C | Wrong)[]): Promise<(V | Error)[]> {
    // They may go into several bulks, and a key of one must not be in the next.
    this.#cache.see()
    const missing: K[] = []
    const missingKeys: C[] = []
    const hits: Promise<V | Error>[] = []
    /** Which of all keys are hits; the others are the missing ones, in their order. */
    const isHit = cacheKeys.map((cacheKey, i) => {
      const answer = isWrong(cacheKey) ? undefined : this.#cache.find(cacheKey, this.#engine.last)
      if (isWrong(cacheKey)) hits.push(Promise.resolve(cacheKey.error))
      else if (answer !== undefined) hits.push(this.#hit(answer).catch(asError))
      else {
        missing.push(asked[i]!)
        missingKeys.push(cacheKey)
        return false
      }
      return true
    })
    const places = placesOf(missingKeys)
    if (places !== null) {
      const repeats = missing.length - new Set(places).size
      this.#engine.hit(repeats)
      this.#cache.repeated(repeats)
    }
    const answers =
      places === null
        ? this.#askMany(missing, missingKeys)
        : this.#askMany(firstOf(missing, places), firstOf(missingKeys, places))
    if (places === null && hits.length === 0) return answers
    return Promise.all([answers, Promise.all<unknown>(hits)]).then(([found, known]) => {
      const asWanted = places === null ? found : places.map(place => found[place])
      return woven<unknown>(isHit, known, asWanted) as (V | Error)[]
    })
  }
}

/** One list of two, each in its order. */
function woven<X>(isFirst: readonly boolean[], first: readonly X[], second: readonly X[]): X[] {
  let [i, j] = [0, 0]
  return isFirst.map(is => (is ? first[i++]! : second[j++]!))
}

/** What a key that is wrong has in place of a cache key. */
class Wrong {
  readonly #error: Error
  constructor(error: Error) {
    this.#error = error
  }
  get error(): Error {
    return this.#error
  }
  /** By a private name: a key may be a proxy, which `instanceof` would ask for its prototype. */
  static is(this: void, cacheKey: unknown): cacheKey is Wrong {
    return typeof cacheKey === 'object' && cacheKey !== null && #error in cacheKey
  }
}

const isWrong: (cacheKey: unknown) => cacheKey is Wrong = Wrong.is
