/**
 * `BulkLoader`: a loader over a call. Equal keys are asked once.
 * @module
 */

import { Cache, type CacheMap } from './cache.ts'
import type { Command, CommandContext, ResultOf, Results } from './command.ts'
import { check, checkNames, hasMethods } from './door.ts'
import { Engine } from './engine.ts'
import { firstOf, placesOf } from './equals.ts'
import { asError, BulkOptionError } from './errors.ts'
import {
  bulkCallOptions,
  readOptions,
  settingsFor,
  type BulkCallOptions,
  type BulkCallSettings,
} from './options.ts'
import { keepAll, keepNone, type Answer, type CacheErrors } from './page.ts'
import type { BulkScope } from './scope.ts'

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
  readonly #cache: Cache<C, V>
  readonly #keyOf: ((key: K) => C) | null
  /** Whether a map of the user's must be asked for each key, and have a promise for each. */
  readonly #hasMap: boolean
  /** Whether a hit is given with the bulk that is open, so that what follows from it goes out in one bulk as well. */
  readonly #aligns: boolean

  constructor(command: Command<K, V>, options: BulkLoaderOptions<K, V, C> | LoaderSettings<K, V, C> = {}) {
    const settings = options instanceof LoaderSettings ? options : readLoaderOptions(command, options)
    const { call, keyOf, keeps, store } = settings
    this.#engine = new Engine(command, call)
    this.#cache = new Cache(store, keeps, keyOf === null, Math.min(call.size, call.maxPending))
    this.#keyOf = keyOf
    this.#hasMap = typeof store !== 'string'
    this.#aligns = call.delay === 0 || call.ledger !== null
  }

  /** The name in errors, events and metrics. */
  get name(): string {
    return this.#engine.settings.name
  }

  /** How many keys are accepted and not yet asked. */
  get pending(): number {
    // Equal keys count once, so they must have been looked at.
    if (this.#engine.pending > 0) this.#cache.see()
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
      const answer = this.#cache.find(cacheKey, this.#engine.last)
      return answer === undefined ? this.#ask(key, cacheKey) : this.#hit(answer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Loads many keys: one value or Error for each, in their order. One promise for all of them, not one a key. */
  loadMany(keys: Iterable<K>): Promise<(V | Error)[]> {
    try {
      const asked = [...keys]
      if (this.#hasMap) return Promise.all(asked.map(key => this.load(key).catch(asError)))
      const cacheKeys = this.#cacheKeys(asked)
      const areGood = cacheKeys === asked || !cacheKeys.some(isWrong)
      return areGood && this.#cache.knowsNone(asked.length, this.#engine.last)
        ? this.#askMany(asked, cacheKeys as readonly C[])
        : this.#loadMany(asked, cacheKeys)
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
    const answer = this.#cache.pending(cacheKey)
    if (answer === undefined) this.#cache.prime(cacheKey, value)
    else {
      answer.bulk!.giveEarly(answer.place, value)
      this.#cache.put(cacheKey, answer)
    }
    return this
  }

  /** Forgets the answer of one key. Loads that wait for it get it all the same. */
  clear(key: K): this {
    this.#cache.delete(this.#cacheKey(key))
    return this
  }

  /** Forgets all answers. Loads that wait get theirs all the same. */
  clearAll(): this {
    this.#cache.clear()
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

  /** A key that is wrong is an Error at its place in a `loadMany`. */
  #cacheKeys(keys: readonly K[]): readonly (C | Wrong)[] {
    // The keys as they are, after the quickest of looks, where they can be.
    const missing: readonly unknown[] = [null, undefined]
    if (this.#keyOf === null && !missing.some(none => keys.includes(none as K)))
      return keys as readonly unknown[] as readonly C[]
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
    this.#cache.joined(this.#engine.last!, cacheKey, promise)
    return promise
  }

  #askMany(keys: readonly K[], cacheKeys: readonly C[]): Promise<(V | Error)[]> {
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
    if (bulk === null || !this.#aligns) return answer.promise
    const hit = answer.bulk === bulk ? answer.promise : answer.alignedWith(bulk)
    this.#engine.visited(bulk, hit)
    return hit
  }

  /** Asks those of many keys that are not known, each once, and puts their answers together with the others. */
  #loadMany(asked: readonly K[], cacheKeys: readonly (C | Wrong)[]): Promise<(V | Error)[]> {
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
    if (places !== null) this.#engine.hit(missing.length - new Set(places).size)
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
  readonly error: Error
  constructor(error: Error) {
    this.error = error
  }
}

function isWrong(cacheKey: unknown): cacheKey is Wrong {
  return cacheKey instanceof Wrong
}

/** The options of a loader after the door: complete and known to be good. */
class LoaderSettings<K, V, C> {
  readonly call: BulkCallSettings
  readonly keyOf: ((key: K) => C) | null
  readonly keeps: CacheErrors
  readonly store: CacheMap<C, Promise<V>> | 'own' | 'none'

  constructor(
    call: BulkCallSettings,
    keyOf: ((key: K) => C) | null,
    keeps: CacheErrors,
    store: CacheMap<C, Promise<V>> | 'own' | 'none',
  ) {
    this.call = call
    this.keyOf = keyOf
    this.keeps = keeps
    this.store = store
  }
}

const cacheMapMethods = ['get', 'set', 'delete', 'clear'] as const

function readLoaderOptions<K, V, C>(
  command: { readonly name: string },
  options: BulkLoaderOptions<K, V, C>,
): LoaderSettings<K, V, C> {
  checkNames(options, bulkLoaderOptions)
  const { cache = true, cacheKeyFn, cacheMap, cacheErrors = true } = options
  check('cache', typeof cache === 'boolean', 'true or false', cache)
  check('cacheKeyFn', cacheKeyFn === undefined || typeof cacheKeyFn === 'function', 'a function', cacheKeyFn)
  check(
    'cacheMap',
    cacheMap == null || hasMethods(cacheMap, cacheMapMethods),
    'null or an object with get, set, delete, clear',
    cacheMap,
  )
  check(
    'cacheErrors',
    typeof cacheErrors === 'boolean' || typeof cacheErrors === 'function',
    'true, false or a function',
    cacheErrors,
  )
  const keeps: CacheErrors =
    typeof cacheErrors === 'function' ? cacheErrors : cacheErrors ? keepAll : keepNone
  const store = !cache || cacheMap === null ? 'none' : (cacheMap ?? 'own')
  return new LoaderSettings(readOptions(command, options), cacheKeyFn ?? null, keeps, store)
}

/** The options of loaders that are made by the dozen. Each has a cache of its own; a limit they share. */
export type BulkLoaderFactoryOptions<K, C = K> = Omit<BulkLoaderOptions<K, any, C>, 'scope' | 'cacheMap'>

/** Makes loaders with the options of their factory. */
export interface BulkLoaderFactory<K, C = K> {
  <G extends Results<K, unknown> | PromiseLike<Results<K, unknown>>>(
    command: (keys: K[], context: CommandContext) => G,
    scope?: BulkScope,
  ): BulkLoader<K, ResultOf<G>, C>
}

/**
 * Checks options once, for all loaders that have them: a server makes its loaders anew for each request.
 * @returns makes a loader of a command, and of its scope if it has one
 */
export function bulkLoaderFactory<K = any, C = K>(
  options: BulkLoaderFactoryOptions<K, C> = {},
): BulkLoaderFactory<K, C> {
  checkNames(
    options,
    bulkLoaderOptions.filter(name => name !== 'scope' && name !== 'cacheMap'),
  )
  const { call, keyOf, keeps, store } = readLoaderOptions<K, any, C>(() => null, options)
  const { name } = options
  return (command, scope) => {
    const own = settingsFor(call, command, name, scope)
    return new BulkLoader<K, any, C>(
      command as Command<K, any>,
      new LoaderSettings<K, any, C>(own, keyOf, keeps, store),
    )
  }
}

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
