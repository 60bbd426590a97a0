/**
 * `BulkLoader`: a loader over a call. Equal keys are asked once.
 * @module
 */

import type { Bulk } from './bulk.ts'
import {
  Entries,
  keepAll,
  keepNone,
  Range,
  RememberedEntries,
  type CacheErrors,
  type CacheMap,
} from './cache.ts'
import type { Command, CommandContext, ResultOf, Results } from './command.ts'
import { check, checkNames, hasMethods } from './door.ts'
import { Engine } from './engine.ts'
import { asError, BulkOptionError, isError } from './errors.ts'
import { bulkCallOptions, readOptions, type BulkCallOptions } from './options.ts'

/** The options of a `BulkLoader`: those of its calls, and those of its cache. */
export interface BulkLoaderOptions<K, V, C = K> extends BulkCallOptions {
  /**
   * Whether answers are kept, until they are cleared. Without a cache, equal keys are still asked once within a bulk.
   * @default true
   */
  readonly cache?: boolean | undefined
  /**
   * What two keys must have in common to be equal. Needed where keys are objects; a string is a good choice.
   * @default the key itself, compared as a `Map` compares
   */
  readonly cacheKeyFn?: ((key: K) => C) | undefined
  /**
   * Where answers are kept; `null` is the same as `cache: false`.
   * @default a new `Map`
   */
  readonly cacheMap?: CacheMap<C, Promise<V>> | null | undefined
  /**
   * Whether an Error that the command gave for one key is kept as its answer, or which ones are. What a failed bulk
   * throws is never kept.
   * @default true
   */
  readonly cacheErrors?: boolean | ((error: Error) => boolean) | undefined
}

/** All options that a loader knows. */
const bulkLoaderOptions: readonly string[] = [
  ...bulkCallOptions,
  'cache',
  'cacheKeyFn',
  'cacheMap',
  'cacheErrors',
]

/**
 * Loads values by their keys: `load(key)` one by one, asked in bulk, each key once.
 *
 * The contract is that of `dataloader`, method for method; what is different has a number in SEMANTICS.md. A loader that
 * keeps its answers belongs to one request: answers are kept for whoever asks, whatever they may see.
 */
class BulkLoader<K, V, C = K> {
  readonly #engine: Engine<K, V>
  readonly #keyOf: ((key: K) => C) | null
  readonly #keeps: CacheErrors
  /** The answers; `null` without a cache. */
  readonly #cache: CacheMap<C, Entry<C, V>> | null
  /**
   * The keys that are pending, where the cache cannot tell: there is none, or it is the user's and may forget. Our own
   * holds them itself, and may hold the answers of many keys behind one promise.
   */
  readonly #pending: Map<C, Entry<C, V>> | null
  /** Whether a hit is given with the bulk that is open, so that what follows from it goes out in one bulk as well. */
  readonly #aligns: boolean
  /** The aligned hits of one bulk, by the answers that they give: one promise an answer. */
  #aligned: { readonly bulk: Bulk<K, V>; readonly hits: Map<Promise<V>, Promise<V>> } | null = null
  /** Errors that were primed and are not to be reported before someone loads them. */
  readonly #silenced = new WeakSet<Promise<V>>()
  /** Whether a key was cleared while it was pending: then it may be pending without being in the cache. */
  #clearedPending = false

  constructor(command: Command<K, V>, options: BulkLoaderOptions<K, V, C> = {}) {
    checkNames(options, bulkLoaderOptions)
    const { cache = true, cacheKeyFn, cacheMap, cacheErrors = true } = options
    check('cache', typeof cache === 'boolean', 'true or false', cache)
    check(
      'cacheKeyFn',
      cacheKeyFn === undefined || typeof cacheKeyFn === 'function',
      'a function',
      cacheKeyFn,
    )
    check(
      'cacheMap',
      cacheMap == null || hasMethods(cacheMap, cacheMapMethods),
      `null or an object with ${cacheMapMethods.join(', ')}`,
      cacheMap,
    )
    check(
      'cacheErrors',
      typeof cacheErrors === 'boolean' || typeof cacheErrors === 'function',
      'true, false or a function',
      cacheErrors,
    )
    const settings = readOptions(command, options)
    this.#engine = new Engine(command, settings)
    this.#keyOf = cacheKeyFn ?? null
    this.#keeps = typeof cacheErrors === 'function' ? cacheErrors : cacheErrors ? keepAll : keepNone
    this.#cache = cache && cacheMap !== null ? ((cacheMap ?? new Map()) as CacheMap<C, Entry<C, V>>) : null
    this.#pending = this.#cache !== null && cacheMap === undefined ? null : new Map()
    this.#aligns = settings.delay === 0 || settings.ledger !== null
  }

  /** The name in errors, events and metrics. */
  get name(): string {
    return this.#engine.settings.name
  }

  /** How many keys are accepted and not yet asked. */
  get pending(): number {
    return this.#engine.pending
  }

  /** How many bulks are in flight. */
  get inFlight(): number {
    return this.#engine.inFlight
  }

  /**
   * Loads the value of one key; `null` if the command gave none. Never throws: a key that is `null` or `undefined`, or
   * that `cacheKeyFn` throws at, gives a promise that rejects.
   */
  load(key: K): Promise<V> {
    try {
      const cacheKey = this.#cacheKey(key)
      const entry = this.#known(cacheKey)
      return entry === undefined ? this.#ask(key, cacheKey) : this.#hit(cacheKey, entry)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Loads many keys: one value or Error for each, in their order. One promise for all of them, not one a key. */
  loadMany(keys: Iterable<K>): Promise<(V | Error)[]> {
    try {
      const asked = [...keys]
      return this.#pending === null
        ? this.#loadRange(asked)
        : Promise.all(asked.map(key => this.load(key).catch(asError)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Tells the loader a value, or an Error, that is known already. Pending loads of the key settle with it and the command
   * is not asked; a key that has an answer, or is in flight, keeps it (`clear(key).prime(key, value)` replaces it).
   */
  prime(key: K, value: V | PromiseLike<V> | Error): this {
    const cacheKey = this.#cacheKey(key)
    const found = this.#findPending(cacheKey)
    if (found !== null) {
      // Its place is known here for the last time.
      if (found.entry instanceof Range) void found.entry.of(cacheKey)
      found.bulk.giveEarly(found.place, value)
      this.#cache?.set(cacheKey, found.entry)
    } else if (this.#cache !== null && this.#cache.get(cacheKey) === undefined) {
      this.#cache.set(cacheKey, this.#pending === null ? Range.of(cacheKey, value) : this.#silent(value))
    }
    return this
  }

  /** Forgets the answer of one key. Loads that wait for it get it all the same. */
  clear(key: K): this {
    this.#cache?.delete(this.#cacheKey(key))
    this.#clearedPending = this.#engine.pending > 0
    return this
  }

  /** Forgets all answers. Loads that wait get theirs all the same. */
  clearAll(): this {
    this.#cache?.clear()
    this.#clearedPending = this.#engine.pending > 0
    return this
  }

  /** Starts what is pending, as slots allow, and resolves when everything that was asked before has settled. */
  flush(): Promise<void> {
    return this.#engine.flush()
  }

  /** Refuses new keys, starts what is pending and resolves when everything has settled. Answers can still be had. */
  close(): Promise<void> {
    return this.#engine.close()
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#engine.close()
  }

  #cacheKey(key: K): C {
    if (key === null || key === undefined)
      throw new BulkOptionError(`a key of ${this.name}`, 'neither null nor undefined', key)
    return this.#keyOf === null ? (key as unknown as C) : this.#keyOf(key)
  }

  /** What a key was answered, or will be. */
  #known(cacheKey: C): Entry<C, V> | undefined {
    const kept = this.#cache?.get(cacheKey)
    // A cache of the user's may say null for what it does not hold.
    if (kept !== undefined && kept !== null) return kept
    if (this.#engine.pending === 0) this.#clearedPending = false
    // Not in the cache, and yet it may be pending: it was cleared, or forgotten. It has not been asked, so its answer will
    // be fresh: no second asking.
    const pending =
      this.#pending?.get(cacheKey) ?? (this.#clearedPending ? this.#findPending(cacheKey)?.entry : undefined)
    if (pending !== undefined) this.#cache?.set(cacheKey, pending)
    return pending
  }

  #ask(key: K, cacheKey: C): Promise<V> {
    const refusal = this.#engine.refusal()
    if (refusal !== null) return Promise.reject(refusal.reason)
    const answer = this.#engine.call(key)
    this.#entriesOf(this.#engine.last!).add(cacheKey, answer)
    this.#cache?.set(cacheKey, answer)
    return answer
  }

  /**
   * A hit. While a bulk is open, or held, it is given with that bulk (one promise a key): if it ran ahead, whatever is
   * loaded in consequence would leave in a bulk of its own, before what follows from its mates.
   */
  #hit(cacheKey: C, entry: Entry<C, V>): Promise<V> {
    const answer = entry instanceof Range ? entry.of(cacheKey) : this.#reporting(entry)
    const bulk = this.#engine.last ?? this.#engine.held
    this.#engine.hit(1)
    if (bulk === null || !this.#aligns) return answer
    if (entry instanceof Range && entry.bulk === bulk) {
      this.#engine.visited(bulk, answer)
      return answer
    }
    if (this.#aligned?.bulk !== bulk) this.#aligned = { bulk, hits: new Map() }
    const { hits } = this.#aligned
    let hit = hits.get(answer)
    if (hit === undefined) hits.set(answer, (hit = bulk.align(answer)))
    this.#engine.visited(bulk, hit)
    return hit
  }

  /** For a cache of the user's: the promise of a value that nobody waits for yet. */
  #silent(value: V | PromiseLike<V> | Error): Promise<V> {
    const answer: Promise<V> = isError(value) ? Promise.reject(value) : Promise.resolve(value)
    answer.catch(() => {})
    this.#silenced.add(answer)
    return answer
  }

  /** A promise that reports its rejection again, for who loads what was primed. */
  #reporting(answer: Promise<V>): Promise<V> {
    return this.#pending !== null && this.#silenced.has(answer) ? answer.then(value => value) : answer
  }

  #loadRange(asked: readonly K[]): Promise<(V | Error)[]> {
    const range = new Range<C, V>()
    const missing: K[] = []
    // Where each key's answer comes from: a place in the range, or, as -1, the next of the hits.
    const places: number[] = []
    const hits: Promise<V | Error>[] = []
    for (const key of asked) {
      try {
        const cacheKey = this.#cacheKey(key)
        const entry = this.#known(cacheKey)
        if (entry === undefined) {
          this.#cache!.set(cacheKey, range)
          missing.push(key)
          places.push(range.add(cacheKey))
        } else if (entry === range) {
          this.#engine.hit(1)
          places.push(range.placeOf(cacheKey))
        } else {
          hits.push(this.#hit(cacheKey, entry).catch(asError))
          places.push(-1)
        }
      } catch (error) {
        hits.push(Promise.resolve(asError(error)))
        places.push(-1)
      }
    }
    const answers = this.#askRange(range, missing)
    if (missing.length === asked.length) return answers
    return Promise.all([answers, Promise.all(hits)]).then(([found, known]) => {
      let hit = 0
      return places.map(place => (place === -1 ? known[hit++]! : found[place]!))
    })
  }

  /** Asks the keys of a range. Where they do not fit into one bulk, each part becomes a range of its own. */
  #askRange(range: Range<C, V>, missing: readonly K[]): Promise<(V | Error)[]> {
    const parts: Range<C, V>[] = []
    let accepted = 0
    const answers = this.#engine.callMany(missing, undefined, (bulk, from, to, answered) => {
      const whole = to - from === missing.length
      const part = whole ? range : new Range<C, V>()
      const entries = this.#entriesOf(bulk)
      for (let place = from; place < to; place++) {
        const cacheKey = range.keys[place]!
        entries.add(cacheKey, part)
        if (whole) continue
        part.add(cacheKey)
        this.#cache!.set(cacheKey, part)
      }
      part.answers = answered
      part.bulk = bulk
      parts.push(part)
      accepted = to
    })
    // What was refused is not an answer.
    for (const cacheKey of range.keys.slice(accepted)) this.#cache!.delete(cacheKey)
    return answers.then(found => {
      for (const part of parts) part.bulk = null
      // A copy: what the caller does to his array must not change anyone's answer.
      return [...found]
    })
  }

  /** What this bulk has put into the cache. */
  #entriesOf(bulk: Bulk<K, V>): Entries<C> {
    bulk.follower ??=
      this.#pending === null
        ? new Entries(this.#cache!, this.#keeps)
        : new RememberedEntries(this.#pending, this.#cache ?? none, this.#keeps)
    return bulk.follower as Entries<C>
  }

  #findPending(cacheKey: C): { bulk: Bulk<K, V>; place: number; entry: Entry<C, V> } | null {
    for (const bulk of this.#engine.queue()) {
      const entries = this.#entriesOf(bulk)
      const place = entries.placeOf(cacheKey)
      if (place !== -1) return { bulk, place, entry: entries.at(place) as Entry<C, V> }
    }
    return null
  }
}

/** The cache of a loader without one. */
const none: CacheMap<any, any> = { get() {}, set() {}, delete() {}, clear() {} }

/** What the cache holds for a key: the promise of its answer, or that of all keys of one `loadMany`. */
type Entry<C, V> = Promise<V> | Range<C, V>

const cacheMapMethods = ['get', 'set', 'delete', 'clear'] as const

/** Makes a {@link BulkLoader}; what its loads give is read off the command's type. */
export interface BulkLoaderConstructor {
  // `_V` and `_R` are there so that type arguments written by hand, `<K, V>` or `<K, V, C>`, mean the other signature.
  new <
    K,
    G extends Results<K, unknown> | PromiseLike<Results<K, unknown>>,
    _V extends ResultOf<G>,
    _R,
    C = K,
  >(
    command: (keys: K[], context: CommandContext) => G,
    options?: BulkLoaderOptions<K, ResultOf<G>, C>,
  ): BulkLoader<K, ResultOf<G>, any>
  new <K, V, C = K>(command: Command<K, V>, options?: BulkLoaderOptions<K, V, C>): BulkLoader<K, V, any>
}

const Typed: BulkLoaderConstructor = BulkLoader
/** `C`, what the cache compares, is of no concern to who loads: a field `BulkLoader<Key, User>` takes any. */
type Typed<K, V, _C = K> = BulkLoader<K, V, any>
export { Typed as BulkLoader }
