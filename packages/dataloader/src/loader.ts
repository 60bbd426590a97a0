/**
 * What a loader does: which batch a key joins, what the cache knows of it, and what comes of a batch.
 * @module
 */

// `_batchLoadFn` is the original's name, which instrumentations read.
// oxlint-disable no-underscore-dangle

import { isError, type CommandContext } from '@bulkcall/core'
import { Caller, endOfTick, isThenable, readSignal, watched } from '@bulkcall/core/kit'
import { Batch, Place, Seat, seatOf, type Owner } from './batch.ts'
import { Bulks } from './bulks.ts'
import { broken, checkKey, listOf, shown, valuesIn } from './contract.ts'
import type { BatchLoadFn, CacheMap, LoadOptions, Settings } from './options.ts'

/** The loader as its user sees it. */
export interface Face<K, V> {
  readonly name: string | null
  clear(key: K): unknown
  _batchLoadFn: BatchLoadFn<K, V>
}

type Entry<K, V> = PromiseLike<V> | Place<K, V>
type Load<K, V> = (key: K, options?: LoadOptions) => Promise<V>
type Answers<V> = Promise<(V | Error)[]>

export class Loader<K, V, C> implements Owner<K, V> {
  /** The batch that opened last. */
  batch: Batch<K, V> | null = null

  readonly #face: Face<K, V>
  readonly #settings: Settings<K, C>
  /** The answers; `null` without a cache. */
  readonly #cache: CacheMap<C, Entry<K, V>> | null
  /** The way through the engine, where an option needs it; else it is made when somebody listens. */
  readonly #bounds: Bulks<K, V> | null
  #bulks: Bulks<K, V> | null

  constructor(face: Face<K, V>, settings: Settings<K, C>) {
    const { cacheMap, bounds } = settings
    this.#face = face
    this.#settings = settings
    this.#cache = cacheMap === undefined ? new Map<C, Entry<K, V>>() : cacheMap
    this.#bounds = this.#bulks = bounds === null ? null : this.#makeBulks()
  }

  load(key: K, options: LoadOptions | undefined): Promise<V> {
    checkKey(key)
    const signal = options === undefined ? undefined : signalIn(options)
    return signal instanceof Promise ? signal : this.#load(key, signal)
  }

  /** @param own how one key is loaded, where that is not by `load` above */
  loadMany(keys: ArrayLike<K>, options: LoadOptions | undefined, own: Load<K, V> | null): Answers<V> {
    const asked = listOf(keys)
    const signal = signalIn(options)
    if (signal instanceof Promise) return signal
    if (own !== null) {
      const load: Load<K, V> = signal === undefined ? key => own(key) : key => own(key, options)
      return Promise.all(asked.map(key => load(key).catch(asReason)))
    }
    // Before any is asked: what is asked for a call that throws, nobody waits for.
    asked.forEach(checkKey)
    // Only where nobody else sees the cache may it hold places instead of promises.
    const { cacheMap = null, bounds } = this.#settings
    if (signal === undefined && cacheMap === null && bounds === null) return this.#loadRanges(asked)
    return Promise.all(asked.map(key => this.#load(key, signal).catch(asReason)))
  }

  clear(key: K): void {
    this.#cache?.delete(this.#cacheKey(key))
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
    if (batch.isIdle) return batch.give([])
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
        broken(`the function errored synchronously: ${shown(error)}.`, { cause: error }),
      )
    }
    if (!isThenable(given))
      return this.fail(batch, broken(`the function did not return a Promise: ${shown(given)}.`))
    return Promise.resolve(given)
      .then(values => batch.give(valuesIn(values, length)))
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
    bounds?.left(batch, seat, reason)
    // Whoever asks for it next asks anew.
    if (this.#cache !== null) this.#evict(batch.keys[seat.place]!, batch.entries[seat.place])
  }

  #cacheKey(key: K): C {
    const { keyOf } = this.#settings
    return keyOf === null ? (key as unknown as C) : keyOf.call(this.#face, key)
  }

  /** The batch that takes the next key. */
  #current(): Batch<K, V> {
    const batch = this.batch
    if (batch === null || !batch.hasRoom(this.#settings.size)) return this.#open()
    return this.#bounds?.isFollowed(batch) ? this.#open() : batch
  }

  #open(): Batch<K, V> {
    const batch = new Batch<K, V>()
    this.batch = batch
    this.#bounds?.follow(batch)
    if (this.#settings.delay !== 0) return batch
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
    const bulks = this.#bounds ?? (watched() && !batch.isIdle ? (this.#bulks ??= this.#makeBulks()) : null)
    if (bulks === null) void this.run(batch)
    else bulks.send(batch)
  }

  /** @param signal that of a caller who may go: that one has a promise of its own, and its key a seat */
  #load(key: K, signal: AbortSignal | undefined): Promise<V> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const cache = this.#cache
    // Opened by a hit too: it waits for the end of its tick, and for whatever is asked until then. With a window it does not.
    const open = this.#settings.delay === 0 ? this.#current() : null
    const cacheKey = cache === null ? null : this.#cacheKey(key)
    const entry = cache === null ? null : cache.get(cacheKey!)
    // By truth, as in dataloader: a cache of the user's may give null for nothing.
    if (entry) return this.#hit(entry, open, signal)
    const refusal = this.#bounds === null ? null : this.#bounds.refusal()
    if (refusal !== null) return Promise.reject(refusal)
    const batch = open ?? this.#current()
    const seat = signal === undefined ? null : new Seat(batch, this)
    const promise = seat === null ? batch.join(key) : batch.joinAt(seat, key)
    if (cache !== null) {
      batch.entries.push(promise)
      seat?.label(promise)
      cache.set(cacheKey!, promise)
    }
    return seat === null ? promise : seat.take(promise, signal!)
  }

  #hit(entry: Entry<K, V>, open: Batch<K, V> | null, signal: AbortSignal | undefined): Promise<V> {
    const known = promiseOf(entry)
    const seat = seatOf(known)
    const answer = open === null ? ownOf(known) : open.align(known)
    if (signal !== undefined) return seat?.take(answer, signal) ?? new Caller(answer, signal, null).promise
    seat?.keep()
    return answer
  }

  /** Many keys at once: one promise for those that stand together in a batch, not one a key. */
  #loadRanges(keys: readonly K[]): Answers<V> {
    const cache = this.#cache
    const cacheKeys = cache === null ? null : keys.map(key => this.#cacheKey(key))
    const parts: Promise<unknown>[] = []
    /** Which of the keys each part answers: one that is known, or some of a batch. */
    const places: (number | number[])[] = []
    for (let i = 0; i < keys.length;) {
      const batch = this.#current()
      const from = batch.keys.length
      const asked: number[] = []
      for (; i < keys.length && batch.hasRoom(this.#settings.size); i++) {
        const entry = cache?.get(cacheKeys![i]!)
        if (entry) {
          const known = promiseOf(entry)
          seatOf(known)?.keep()
          places.push(i)
          parts.push(batch.align(known))
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
      if (asked.length === 0) continue
      const part = batch.waitMany<V>(batch.keys.length - from, asReason)
      // As many microtasks as in dataloader, where each answer goes through a promise that catches its error before it reaches
      // that of all: whoever loads one key and many is answered in the same order.
      if (asked.length === keys.length) return part.then(same).then(same)
      places.push(asked)
      parts.push(part)
    }
    return Promise.allSettled(parts).then(settled => {
      const answers = new Array<V | Error>(keys.length)
      settled.forEach((outcome, i) => {
        const at = places[i]!
        const given: any = outcome.status === 'fulfilled' ? outcome.value : outcome.reason
        if (typeof at === 'number') answers[at] = given
        else at.forEach((place, nth) => (answers[place] = given[nth]))
      })
      return answers
    })
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
    const { size, bounds } = this.#settings
    return new Bulks(this, { ...bounds, size, name: name ?? (_batchLoadFn.name || 'anonymous') })
  }
}

/** The signal among the options, or a rejection. */
function signalIn(options: LoadOptions | undefined): AbortSignal | undefined | Promise<never> {
  try {
    return readSignal(options)
  } catch (error) {
    return Promise.reject(error)
  }
}

function promiseOf<K, V>(entry: Entry<K, V>): PromiseLike<V> {
  return entry instanceof Place ? entry.promise : entry
}

/** As each hit of dataloader: a rejection that this caller does not handle is reported. */
function ownOf<V>(known: PromiseLike<V>): Promise<V> {
  return new Promise(resolve => resolve(known))
}

function same<T>(value: T): T {
  return value
}

function asReason(reason: Error): Error {
  return reason
}
