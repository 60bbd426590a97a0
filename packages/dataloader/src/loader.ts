/**
 * What a loader does: which batch a key joins, what the cache knows of it, and what comes of a batch.
 * @module
 */

// `_batchLoadFn` is the original's name, which instrumentations read.
// oxlint-disable no-underscore-dangle

import { isError, type CommandContext } from '@bulkcall/core'
import { Caller, endOfTick, readSignal, watched } from '@bulkcall/core/kit'
import { Answers, asReason, oneJobLater } from './answers.ts'
import { Batch, isThenable, Place, type Keeper } from './batch.ts'
import { Bulks, type Owner } from './bulks.ts'
import { contract, type BatchLoadFn, type CacheMap, type LoadOptions, type Settings } from './options.ts'
import { Seat, seatOf } from './seat.ts'

/** The loader as its user sees it. */
export interface Face<K, V> {
  readonly name: string | null
  clear(key: K): unknown
  _batchLoadFn: BatchLoadFn<K, V>
}

type Entry<K, V> = PromiseLike<V> | Place<K, V>

export class Loader<K, V, C> implements Owner<K, V>, Keeper<K, V> {
  /** The batch that opened last. */
  batch: Batch<K, V> | null = null

  readonly #face: Face<K, V>
  readonly #settings: Settings<K, C>
  readonly #size: number
  readonly #keyOf: ((key: K) => C) | null
  /** The answers; `null` without a cache. */
  readonly #cache: CacheMap<C, Entry<K, V>> | null
  /** Whether nobody else sees the cache, so that it may hold places instead of promises. */
  readonly #ownsCache: boolean
  /** Whether a hit is given with the batch of its turn. */
  readonly #aligns: boolean
  /** The way through the engine, where an option needs it; else it is made when somebody listens. */
  readonly #bounds: Bulks<K, V> | null
  #bulks: Bulks<K, V> | null

  constructor(face: Face<K, V>, settings: Settings<K, C>) {
    const { size, keyOf, cacheMap, bounds } = settings
    this.#face = face
    this.#settings = settings
    this.#size = size
    this.#keyOf = keyOf
    this.#cache = cacheMap === undefined ? new Map<C, Entry<K, V>>() : cacheMap
    this.#ownsCache = cacheMap === undefined || cacheMap === null
    this.#aligns = settings.delay === 0
    this.#bounds = this.#bulks = bounds === null ? null : this.#makeBulks()
  }

  load(key: K): Promise<V> {
    if (key === null || key === undefined) throw noKey(key)
    if (this.#bounds !== null) return this.#loadBounded(this.#bounds, key)
    // Opened by a hit too: it waits for the end of its turn, and for whatever is asked until then.
    const batch = this.#current()
    const cache = this.#cache
    if (cache === null) return batch.join(key)
    const cacheKey = this.#cacheKey(key)
    const entry = cache.get(cacheKey)
    // By truth, as in dataloader: a cache of the user's may give null for nothing.
    return entry ? batch.align(promiseOf(entry)) : this.#ask(cache, cacheKey, batch, key)
  }

  /** The same with what was said beside the key, which may be no options at all. */
  loadWith(key: K, options: LoadOptions): Promise<V> {
    if (key === null || key === undefined) throw noKey(key)
    let signal
    try {
      signal = readSignal(options)
    } catch (error) {
      return Promise.reject(error)
    }
    return signal === undefined ? this.load(key) : this.#loadUntil(signal, key)
  }

  /** @param load how one key is loaded, where that is not by `load` above */
  loadMany(keys: ArrayLike<K>, load: ((key: K) => Promise<V>) | null): Promise<(V | Error)[]> {
    const asked = listOf(keys)
    if (load !== null) return Promise.all(asked.map(key => load(key).catch(asReason)))
    // Before any is asked: what is asked for a call that throws, nobody waits for.
    checkKeys(asked)
    return this.#ownsCache && this.#bounds === null
      ? this.#loadRanges(asked)
      : Promise.all(asked.map(key => this.load(key).catch(asReason)))
  }

  /** The same with what was said beside the keys. */
  loadManyWith(
    keys: ArrayLike<K>,
    options: LoadOptions,
    load: ((key: K, options?: LoadOptions) => Promise<V>) | null,
  ): Promise<(V | Error)[]> {
    const asked = listOf(keys)
    let signal: AbortSignal | undefined
    try {
      signal = readSignal(options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (signal === undefined) return this.loadMany(asked, load === null ? null : key => load(key))
    if (load !== null) return Promise.all(asked.map(key => load(key, options).catch(asReason)))
    checkKeys(asked)
    return Promise.all(asked.map(key => this.#loadUntil(signal, key).catch(asReason)))
  }

  clear(key: K): void {
    const cache = this.#cache
    if (cache !== null) cache.delete(this.#cacheKey(key))
  }

  clearAll(): void {
    this.#cache?.clear()
  }

  prime(key: K, value: V | PromiseLike<V> | Error): void {
    const cache = this.#cache
    if (cache === null) return
    const cacheKey = this.#cacheKey(key)
    if (cache.get(cacheKey) !== undefined) return
    const promise: Promise<V> = isError(value) ? Promise.reject(value) : Promise.resolve(value)
    // Whoever loads it gets the error; until then nobody has to.
    promise.catch(() => {})
    cache.set(cacheKey, promise)
  }

  /** Calls the batch function with the keys of a batch, which settles with what it gives. */
  run(batch: Batch<K, V>, context?: CommandContext): Promise<void> | void {
    if (batch.seats !== null) for (const seat of batch.seats.values()) seat.dismiss()
    if (batch.isIdle) return this.#drop(batch)
    batch.sealed = true
    // A copy: sorted or emptied, it would give values to the wrong callers, or to none.
    const keys = batch.asked()
    const { length } = keys
    let given: unknown
    try {
      // As a method of the loader, which is its `this`.
      given = this.#bounds === null ? this.#face._batchLoadFn(keys) : this.#face._batchLoadFn(keys, context)
    } catch (error) {
      return this.fail(
        batch,
        new TypeError(`${contract}, but the function errored synchronously: ${String(error)}.`, {
          cause: error,
        }),
      )
    }
    if (!isThenable(given))
      return this.fail(
        batch,
        new TypeError(`${contract}, but the function did not return a Promise: ${String(given)}.`),
      )
    return Promise.resolve(given)
      .then(values => this.#give(batch, length, values))
      .catch((error: unknown) => this.fail(batch, error))
  }

  /** Takes what a batch has put into the cache out again, no newer answers, and rejects its callers. */
  fail(batch: Batch<K, V>, reason: unknown): void {
    if (batch.settled) return
    // The engine may have refused it before it started: no key joins it any more.
    batch.sealed = true
    batch.keys.forEach((key, place) => {
      if (!batch.hasLeft(place)) this.#evict(key, batch.entries[place])
    })
    batch.fail(reason)
  }

  /** Nobody waits for a key any more. It leaves its batch, or, where it has been asked for, its answer is kept. */
  emptied(batch: Batch<K, V>, seat: Seat, reason: unknown): void {
    const bounds = this.#bounds
    if (batch.sealed) {
      // A function whose signal aborts may give up, so whoever comes now must not be given what comes of that.
      if (!batch.isIdle || bounds === null) return
      this.fail(batch, reason)
      bounds.abandon(batch, reason)
      return
    }
    // Of a full batch that others stand behind the engine would fill the gap from the next.
    seat.counted = bounds !== null && (batch !== this.batch || bounds.isFollowed(batch))
    const isSent = bounds?.left(seat, reason) ?? false
    if (batch.isIdle && isSent) {
      this.#drop(batch)
      bounds!.abandon(batch, reason)
    }
    // Whoever asks for it next asks anew.
    if (this.#cache !== null) this.#evict(batch.keys[seat.place]!, batch.entries[seat.place])
  }

  #cacheKey(key: K): C {
    return this.#keyOf === null ? (key as unknown as C) : this.#keyOf.call(this.#face, key)
  }

  /** The batch that takes the next key. */
  #current(): Batch<K, V> {
    const batch = this.batch
    if (batch === null || !batch.hasRoom(this.#size)) return this.#open()
    return this.#bounds?.isFollowed(batch) ? this.#open() : batch
  }

  #open(): Batch<K, V> {
    const batch = new Batch<K, V>()
    this.batch = batch
    this.#bounds?.follow(batch)
    if (!this.#aligns) return batch
    let opened = false
    try {
      // One that calls back at once would send a batch off before its first key is in.
      this.#settings.schedule.call(this.#face, () =>
        opened ? this.#dispatch(batch) : endOfTick(() => this.#dispatch(batch)),
      )
    } catch (error) {
      // Nobody would ever send it off.
      this.batch = null
      throw error
    }
    opened = true
    return batch
  }

  /** The moment of a batch has come. */
  #dispatch(batch: Batch<K, V>): void {
    if (batch.due) return
    batch.due = true
    if (this.#bounds === null) this.#send(batch)
    else this.#bounds.inTurn(() => this.#send(batch))
  }

  #send(batch: Batch<K, V>): void {
    if (batch.isIdle) {
      this.#bounds?.drop(batch)
      this.#drop(batch)
    } else if (this.#bounds !== null || watched()) {
      this.#bulks ??= this.#makeBulks()
      this.#bulks.send(batch)
    } else void this.run(batch)
  }

  /** A batch that nobody waits for does not leave. Hits that wait for it are given. */
  #drop(batch: Batch<K, V>): void {
    if (batch.settled) return
    batch.sealed = true
    batch.give([])
  }

  #ask(cache: CacheMap<C, Entry<K, V>>, cacheKey: C, batch: Batch<K, V>, key: K): Promise<V> {
    const promise = batch.join(key)
    batch.entries.push(promise)
    cache.set(cacheKey, promise)
    return promise
  }

  /** The same where there are bounds: a key may be refused, and with a window a hit does not wait. */
  #loadBounded(bulks: Bulks<K, V>, key: K): Promise<V> {
    const cache = this.#cache
    const aligned = this.#aligns ? this.#current() : null
    const cacheKey = cache === null ? null : this.#cacheKey(key)
    const entry = cache?.get(cacheKey!)
    // In a promise of its own, as each hit of dataloader: a rejection that this caller does not handle is reported.
    if (entry) return aligned === null ? ownOf(promiseOf(entry)) : aligned.align(promiseOf(entry))
    const refusal = bulks.refusal()
    if (refusal !== null) return Promise.reject(refusal)
    const batch = aligned ?? this.#current()
    return cache === null ? batch.join(key) : this.#ask(cache, cacheKey!, batch, key)
  }

  /** The same with a signal: the caller has a promise of his own, and his key a seat. */
  #loadUntil(signal: AbortSignal, key: K): Promise<V> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const cache = this.#cache
    const aligned = this.#aligns ? this.#current() : null
    const cacheKey = cache === null ? null : this.#cacheKey(key)
    const entry = cache?.get(cacheKey!)
    if (entry) {
      const known = entry instanceof Place ? entry.promise : entry
      const answer = aligned === null ? known : aligned.align(known)
      return seatOf(known)?.take(answer, signal) ?? new Caller(answer, signal, null).promise
    }
    const refusal = this.#bounds?.refusal() ?? null
    if (refusal !== null) return Promise.reject(refusal)
    const batch = aligned ?? this.#current()
    const seat = new Seat(batch.keys.length, batch)
    const promise = batch.joinAt(seat, key, this)
    if (cache !== null) {
      batch.entries.push(promise)
      seat.label(promise)
      cache.set(cacheKey!, promise)
    }
    return seat.take(promise, signal)
  }

  /** Many keys at once: one promise for those that stand together in a batch, not one a key. */
  #loadRanges(keys: readonly K[]): Promise<(V | Error)[]> {
    if (keys.length === 0) return Promise.resolve([])
    const cache = this.#cache
    const cacheKeys = cache === null ? null : keys.map(key => this.#cacheKey(key))
    const answers = new Answers<V>(keys.length)
    for (let i = 0; i < keys.length;) {
      const batch = this.#current()
      const from = batch.keys.length
      const asked: number[] = []
      for (; i < keys.length && batch.hasRoom(this.#size); i++) {
        const entry = cache?.get(cacheKeys![i]!)
        if (entry) {
          answers.one(i, batch.align(promiseOf(entry)))
          continue
        }
        if (cache !== null) {
          const place = new Place(batch, batch.keys.length)
          batch.entries.push(place)
          cache.set(cacheKeys![i]!, place)
        }
        batch.keys.push(keys[i]!)
        asked.push(i)
      }
      if (asked.length === keys.length) return oneJobLater(oneJobLater(batch.range(from)))
      if (asked.length > 0) answers.many(asked, batch.range(from))
    }
    return answers.promise
  }

  /** @param length for how many keys it was asked */
  #give(batch: Batch<K, V>, length: number, values: unknown): void {
    if (!isArrayLike(values))
      throw new TypeError(
        `${contract}, but the function did not return a Promise of an Array: ${String(values)}.`,
      )
    // Numbers, where dataloader prints every key and value: an error goes to logs, and to clients.
    if (values.length !== length)
      throw new TypeError(
        `${contract}, but the function did not return a Promise of an Array of the same length as the Array of keys.` +
          `\n\nKeys: ${length}\nValues: ${values.length}`,
      )
    // A copy: the function may keep its array and change it before the last caller has looked.
    if (!batch.settled) batch.give(Array.prototype.slice.call(values) as V[])
  }

  #evict(key: K, entry: unknown): void {
    const cache = this.#cache
    try {
      // By the method, as in dataloader: a subclass with a second cache is called too.
      if (cache === null || cache.get(this.#cacheKey(key)) === entry) this.#face.clear(key)
    } catch {
      // A cacheKeyFn, or a cache, that throws now must not leave the callers waiting.
    }
  }

  #makeBulks(): Bulks<K, V> {
    const { name, _batchLoadFn } = this.#face
    return new Bulks(this, {
      ...this.#settings.bounds,
      size: this.#size,
      name: name ?? (_batchLoadFn.name || 'anonymous'),
    })
  }
}

/** The answer that stands in the cache, for a caller who stays. */
function promiseOf<K, V>(entry: Entry<K, V>): PromiseLike<V> {
  if (entry instanceof Place) return entry.promise
  seatOf(entry)?.keep()
  return entry
}

function ownOf<V>(known: PromiseLike<V>): Promise<V> {
  return new Promise(resolve => resolve(known))
}

function listOf<K>(keys: ArrayLike<K>): K[] {
  if (isArrayLike(keys)) return Array.from(keys)
  throw new TypeError(
    `The loader.loadMany() function must be called with Array<key> but got: ${String(keys)}.`,
  )
}

function checkKeys(keys: readonly unknown[]): void {
  for (const key of keys) if (key === null || key === undefined) throw noKey(key)
}

function noKey(key: unknown): TypeError {
  return new TypeError(`The loader.load() function must be called with a value, but got: ${String(key)}.`)
}

/** An array, or what can be read as one: with an element at the end. */
function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const { length } = value as { length?: unknown }
  return typeof length === 'number' && (length === 0 || (length > 0 && Object.hasOwn(value, length - 1)))
}
