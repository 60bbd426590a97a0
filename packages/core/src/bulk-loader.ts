/**
 * `BulkLoader`: a loader over a call. Equal keys are asked once.
 * @module
 */

import { keepAll, keepNone, type CacheErrors, type CacheMap } from './cache/cache.ts'
import { Lookup, type LoaderSettings } from './cache/lookup.ts'
import { close, type CloseOptions } from './engine/closing.ts'
import type { CommandContext, LoaderCommand, LoaderResults, ResultOf } from './command.ts'
import { Queue } from './engine/queue.ts'
import {
  bulkCallOptions,
  contextOf,
  readCommand,
  readOptions,
  type BulkCallOptions,
  type CallOptions,
} from './options.ts'
import type { AsyncContext } from './host.ts'
import type { BulkScope } from './scope/bulk-scope.ts'
import { checkScope } from './scope/trackers.ts'
import { check, checkNames, hasMethods, withSignal } from './validate.ts'

/** The options of a `BulkLoader`: those of its calls, and those of its cache. */
export interface BulkLoaderOptions<K, V, C = K, N extends NullKeys = 'error'> extends BulkCallOptions {
  /**
   * Whether answers are kept, until they are cleared. Without a cache, equal keys are still requested once while they are
   * pending.
   * @default true
   */
  readonly cache?: boolean | undefined
  /**
   * Returns the same value for equal keys. Needed where keys are objects; a string is a good choice.
   * @default the key itself, compared as a `Map` compares
   */
  readonly cacheKeyFn?: ((key: K) => C) | undefined
  /**
   * Where answers are kept; `null` is the same as `cache: false`.
   * @default a new `Map`
   */
  readonly cacheMap?: CacheMap<C, Promise<V>> | null | undefined
  /**
   * Whether an Error that the command returned for one key is kept as its answer, or which ones are. The error of a failed
   * bulk is never kept.
   * @default true
   */
  readonly cacheErrors?: boolean | ((error: Error) => boolean) | undefined
  /**
   * What a load of `null` gives, as for a foreign key that may be null: an error, or `null` without a request. A key that
   * is `undefined` is always an error, since it comes from a misspelt property.
   * @default 'error'
   */
  readonly nullKeys?: N | undefined
}

/** What a load of `null` gives. */
export type NullKeys = 'error' | 'null'

/** `null` as well, where a key may be `null`. */
export type OrNull<V, N extends NullKeys> = N extends 'null' ? V | null : V

/** All options that a loader knows. */
const loaderOptions = [...bulkCallOptions, 'cache', 'cacheKeyFn', 'cacheMap', 'cacheErrors', 'nullKeys']

/** {@link BulkLoader}, and what it is made of. */
class BulkLoaderClass<K, V, C = K> {
  static {
    // In logs it has the name that it is exported by.
    Object.defineProperty(this, 'name', { value: 'BulkLoader' })
  }

  readonly #lookup: Lookup<K, V, C>

  /** @param settings what the options come to, where they have been checked already */
  constructor(
    command: LoaderCommand<K, V>,
    options: BulkLoaderOptions<K, V, C, NullKeys> = none,
    settings: LoaderSettings<K, V, C> = options === none ? defaults : readLoaderOptions(options),
  ) {
    readCommand(command)
    const tracker = checkScope('scope', options.scope)
    const keeps = settings.remembers || settings.map !== null
    const context = contextOf(options.context, tracker, settings, keeps)
    this.#lookup = new Lookup(new Queue(command, settings, tracker, context), settings)
  }

  /** The name in errors, events and metrics. */
  get name(): string {
    return this.#lookup.queue.name
  }

  /** How many keys are accepted and not yet requested. */
  get pending(): number {
    return this.#lookup.waiting
  }

  /** How many bulks are in flight. */
  get inFlight(): number {
    return this.#lookup.queue.inFlight
  }

  /** How many keys have been answered without asking, as far as bulks have started. For a loader that counts. */
  protected get hits(): number {
    return this.#lookup.queue.hits
  }

  /**
   * Loads the value of one key; `null` if the command returned none. Never throws: for a key that is `undefined` or (see
   * `nullKeys`) `null`, or for which `cacheKeyFn` throws, the promise rejects.
   */
  load(key: K, options?: CallOptions): Promise<V> {
    const lookup = this.#lookup
    return options === undefined
      ? lookup.load(key)
      : withSignal(options, signal => lookup.loadUntil(signal, key))
  }

  /**
   * Loads many keys: one value or Error for each, in their order. It costs one promise for all keys, or, with a signal, one
   * for each. When the signal aborts, its reason is in the place of each key that has no answer yet.
   */
  loadMany(keys: Iterable<K>, options?: CallOptions): Promise<(V | Error)[]> {
    const lookup = this.#lookup
    return options === undefined
      ? lookup.loadMany(keys)
      : withSignal(options, signal => lookup.loadManyUntil(signal, keys))
  }

  /**
   * Gives the loader a value, or an Error, that is known already. Pending loads of the key settle with it and the command
   * does not get the key; a key that has an answer, or is in flight, keeps it (`clear(key).prime(key, value)` replaces it).
   */
  prime(key: K, value: V | PromiseLike<V> | Error): this {
    this.#lookup.primeKey(key, value)
    return this
  }

  /** Forgets the answer of one key. Loads that wait for it still get it. */
  clear(key: K): this {
    this.#lookup.clearKey(key)
    return this
  }

  /** Forgets all answers. Loads that wait still get theirs. */
  clearAll(): this {
    this.#lookup.clear()
    return this
  }

  /** Starts what is pending, as slots allow, and resolves when everything that was loaded before has settled. */
  flush(): Promise<void> {
    return this.#lookup.queue.flush()
  }

  /**
   * Refuses new keys, starts what is pending and resolves when everything has settled, or is given up. Cached answers can
   * still be loaded.
   */
  close(options?: CloseOptions): Promise<void> {
    const { queue } = this.#lookup
    return options === undefined ? queue.close() : close(queue, options)
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const cacheMapMethods = ['get', 'set', 'delete', 'clear'] as const

function readLoaderOptions<K, V, C>(options: BulkLoaderOptions<K, V, C, NullKeys>): LoaderSettings<K, V, C> {
  checkNames(options, loaderOptions)
  const { cache = true, cacheKeyFn, cacheMap, cacheErrors = true, nullKeys = 'error' } = options
  check('cache', typeof cache === 'boolean', 'true or false', cache)
  check('cacheKeyFn', cacheKeyFn === undefined || typeof cacheKeyFn === 'function', 'a function', cacheKeyFn)
  const isMap = cacheMap == null || hasMethods(cacheMap, cacheMapMethods)
  check('cacheMap', isMap, 'null or an object with get, set, delete, clear', cacheMap)
  const says = typeof cacheErrors === 'boolean' || typeof cacheErrors === 'function'
  check('cacheErrors', says, 'true, false or a function', cacheErrors)
  check('nullKeys', nullKeys === 'error' || nullKeys === 'null', `'error' or 'null'`, nullKeys)
  const keeps: CacheErrors =
    typeof cacheErrors === 'function' ? cacheErrors : cacheErrors ? keepAll : keepNone
  const remembers = cache && cacheMap === undefined
  const map = cache ? (cacheMap ?? null) : null
  const { size, delay, limiter, maxPending, timeout, name, host } = readOptions(options)
  const keyOf = cacheKeyFn ?? null
  const most = Math.min(size, maxPending)
  const isPlain = keyOf === null && map === null
  // Name by name: loaders may be made for each request, and a spread takes microseconds.
  return {
    size,
    delay,
    limiter,
    maxPending,
    timeout,
    name,
    host,
    keyOf,
    keeps,
    remembers,
    map,
    most,
    isPlain,
    givesNull: nullKeys === 'null',
  }
}

/** No options: the most usual ones, of loaders that may be made for each request. */
const none = {}
const defaults: LoaderSettings<any, any, any> = readLoaderOptions(none)

/** The options of all loaders of a factory. Each loader has a cache of its own; they share a limit. */
export type BulkLoaderFactoryOptions<K, C = K, N extends NullKeys = 'error'> = Omit<
  BulkLoaderOptions<K, any, C, N>,
  'scope' | 'context' | 'cacheMap'
>

/** Makes loaders with the options of their factory. */
export interface BulkLoaderFactory<K, C = K, N extends NullKeys = 'error'> {
  <G extends LoaderResults<K, unknown> | PromiseLike<LoaderResults<K, unknown>>>(
    command: (keys: K[], context: CommandContext) => G,
    scope?: BulkScope,
    context?: AsyncContext,
  ): BulkLoader<OrNull<K, N>, OrNull<ResultOf<G>, N>, C>
}

/**
 * Checks options once, for all loaders that have them: a server makes its loaders anew for each request.
 * @returns a function that makes a loader from a command, and from its scope and its async context, if there are any
 */
export function bulkLoaderFactory<K = any, C = K, N extends NullKeys = 'error'>(
  options: BulkLoaderFactoryOptions<K, C, N> = {},
): BulkLoaderFactory<K, C, N> {
  checkNames(
    options,
    loaderOptions.filter(name => !['scope', 'context', 'cacheMap'].includes(name)),
  )
  const settings = readLoaderOptions<any, any, C>(options)
  return (command, scope, context) =>
    new BulkLoaderClass<any, any, C>(command as LoaderCommand<any, any>, { scope, context }, settings)
}

/** Makes a {@link BulkLoader}; the type of its values follows from the command. */
export interface BulkLoaderConstructor {
  // `_V` and `_R` are there so that type arguments written by hand, `<K, V>` or `<K, V, C>`, mean the other signature.
  new <
    K,
    G extends LoaderResults<K, unknown> | PromiseLike<LoaderResults<K, unknown>>,
    _V extends ResultOf<G>,
    _R,
    C = K,
    N extends NullKeys = 'error',
  >(
    command: (keys: K[], context: CommandContext) => G,
    options?: BulkLoaderOptions<K, ResultOf<G>, C, N>,
  ): BulkLoader<OrNull<K, N>, OrNull<ResultOf<G>, N>>
  new <K, V, C = K>(
    command: LoaderCommand<K, V>,
    options?: BulkLoaderOptions<K, V, C, NullKeys>,
  ): BulkLoader<K, V>
}

export const BulkLoader: BulkLoaderConstructor = BulkLoaderClass
/**
 * Loads values by their keys: callers `load(key)` one by one, the command (batch function) gets many keys at once, each key
 * once.
 *
 * The methods are those of `dataloader`; every difference has a number in SEMANTICS.md. A loader with a cache belongs to
 * one request, because it gives its answers to every caller, whatever they may see.
 *
 * `C`, the type that the cache compares, does not matter to callers: a field `BulkLoader<Key, User>` takes any.
 */
export interface BulkLoader<K, V, _C = K> extends BulkLoaderClass<K, V, any> {}
