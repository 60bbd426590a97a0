/**
 * The options of a loader: those of `dataloader`, with its words where one is wrong, and those of ours beside them.
 * @module
 */

import { BulkOptionError, type BulkCallOptions, type CommandContext, type Limiter } from '@bulkcall/core'
import { endOfTick } from '@bulkcall/core/kit'
import { broken, shown } from './contract.ts'

/**
 * Returns a value or an Error for each key, in the order of the keys. `this` is the loader. The function may change its
 * array of keys. It gets a second argument only with `delay`, `concurrent`, `maxPending` or `timeout`, because it may have
 * a second parameter of its own.
 */
export type BatchLoadFn<K, V> = (
  keys: readonly K[],
  context?: CommandContext,
) => PromiseLike<ArrayLike<V | Error>>

/** Where a loader keeps the promise of each key. A `Map` is one; so is a store with a bound of its own. */
export interface CacheMap<K, V> {
  // `void`, not `undefined`: a `get` without a return type is one that `dataloader` takes.
  // oxlint-disable-next-line typescript/no-invalid-void-type
  get(key: K): V | void
  set(key: K, value: V): any
  delete(key: K): any
  clear(): any
}

/** The options of a loader. All of `dataloader`, and from `size` on ours. */
export interface Options<K, V, C = K> {
  /**
   * `false` requests each key by itself: the same as `maxBatchSize: 1`.
   * @default true
   */
  batch?: boolean | undefined
  /**
   * The most keys in one batch: a whole number from 1, or `Infinity`.
   * @default Infinity
   */
  maxBatchSize?: number | undefined
  /**
   * Calls its argument when the batch that has just opened is to be sent.
   * @default at the end of the tick, after all microtasks
   */
  batchScheduleFn?: ((callback: () => void) => void) | undefined
  /**
   * Whether answers are kept. With `false` each load is a key of its own in the batch, equal ones too.
   * @default true
   */
  cache?: boolean | undefined
  /**
   * Returns the same value for equal keys. Needed where keys are objects.
   * @default the key itself
   */
  cacheKeyFn?: ((key: K) => C) | undefined
  /**
   * Where answers are kept; `null` is the same as `cache: false`.
   * @default a new `Map`
   */
  cacheMap?: CacheMap<C, Promise<V>> | null | undefined
  /**
   * The name in errors, events and metrics, and for APM tools.
   * @default null
   */
  name?: string | null | undefined

  /** Another name for `maxBatchSize`, the one that all of Bulkcall uses. Where both are given they must be equal. */
  size?: number | undefined
  /**
   * The longest that a key waits for others, in milliseconds, instead of the end of the tick. A full batch is sent at once,
   * and a cached answer does not wait. From 0, which is the end of the tick.
   * @default 0
   */
  delay?: number | undefined
  /**
   * How many batches may be in flight at once: a whole number from 1, `null` for no limit, or a `Limiter` that several
   * loaders share. A batch that waits for a slot goes on collecting.
   * @default null
   */
  concurrent?: number | null | Limiter | undefined
  /**
   * How many keys may wait to be requested; a load past it rejects at once with `BulkOverflowError`. A whole number from
   * `size` (from 1 where `size` is `Infinity`), or `Infinity`.
   * @default Infinity
   */
  maxPending?: number | undefined
  /**
   * How long the batch function may run, in milliseconds, above 0. Then its keys reject with `BulkTimeoutError`, are
   * forgotten, and the signal that it was given aborts.
   * @default Infinity
   */
  timeout?: number | undefined
}

/** The options of a single load. */
export interface LoadOptions {
  /**
   * When it aborts, the load rejects at once with its reason. A key that nobody else waits for leaves its batch, if that
   * has not been sent yet. Other callers are not affected.
   */
  readonly signal?: AbortSignal | undefined
}

/** The options after the door. */
export interface Settings<K, C> {
  readonly size: number
  readonly schedule: (callback: () => void) => void
  readonly keyOf: ((key: K) => C) | null
  /** The user's store, `null` for no cache, `undefined` for a `Map` of our own. */
  readonly cacheMap: CacheMap<C, any> | null | undefined
  readonly name: string | null
  readonly delay: number
  /** The options that the engine has to see to, or `null` where there is none. */
  readonly bounds: BulkCallOptions | null
}

/** Checks the batch function and its options. Whoever replaces `dataloader` may have options for its wrappers in there, so unknown ones are let through. */
export function readOptions<K, V, C>(
  batchLoadFn: BatchLoadFn<K, V>,
  options: Options<K, V, C> | undefined,
): Settings<K, C> {
  if (typeof batchLoadFn !== 'function') throw broken(`got: ${shown(batchLoadFn)}.`)
  // Loaders are made for every request, most of them without options.
  return options === undefined ? defaults : readGiven(options)
}

function readGiven<K, V, C>(options: Options<K, V, C>): Settings<K, C> {
  const { maxBatchSize, size = maxBatchSize ?? Infinity, cacheMap } = options
  // Off by `false` alone, as in dataloader: a setting that is `null` is none.
  const [batch, cache] = [options.batch !== false, options.cache !== false]
  // The moment of dataloader, found by what the host does and not by what it is called.
  const { batchScheduleFn = endOfTick, cacheKeyFn, name, delay = 0, concurrent = null } = options
  const { maxPending = Infinity, timeout = Infinity } = options
  if (batch) {
    // `NaN` and fractions too: there the original makes bulks of another size than was asked for.
    for (const given of [maxBatchSize, size])
      if (given !== undefined && given !== Infinity && !(Number.isInteger(given) && given >= 1))
        throw new TypeError(`maxBatchSize must be a positive number: ${given}`)
    if (maxBatchSize !== undefined && maxBatchSize !== size)
      throw new BulkOptionError('size', `the same as maxBatchSize (${maxBatchSize})`, size)
  }
  if (typeof batchScheduleFn !== 'function')
    throw new TypeError(`batchScheduleFn must be a function: ${shown(batchScheduleFn)}`)
  if (cacheKeyFn !== undefined && typeof cacheKeyFn !== 'function')
    throw new TypeError(`cacheKeyFn must be a function: ${shown(cacheKeyFn)}`)
  if (cache && cacheMap !== null && cacheMap !== undefined) {
    const missing = cacheMapMethods.filter(method => typeof cacheMap[method] !== 'function')
    if (missing.length > 0) throw new TypeError(`Custom cacheMap missing methods: ${missing.join(', ')}`)
  }
  if (delay !== 0 && options.batchScheduleFn !== undefined)
    throw new BulkOptionError('delay', '0 beside batchScheduleFn, which decides alone', delay)
  const bounded = delay !== 0 || concurrent !== null || maxPending !== Infinity || timeout !== Infinity
  return {
    size: batch ? size : 1,
    schedule: batchScheduleFn,
    keyOf: cacheKeyFn ?? null,
    cacheMap: cache ? cacheMap : null,
    name: name || null,
    delay,
    bounds: bounded ? { delay, concurrent, maxPending, timeout } : null,
  }
}

const cacheMapMethods = ['get', 'set', 'delete', 'clear'] as const

const defaults: Settings<any, any> = readGiven({})
