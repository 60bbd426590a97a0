/**
 * `DataLoader`: the class of the package `dataloader`, as its users see it. What it does is in loader.ts.
 *
 * `_batchLoadFn` and `_batch` are names of the original, and are here because the instrumentation of OpenTelemetry reads
 * them. All is in plain properties: a `Proxy` in front of a loader must reach it.
 * @module
 */
// oxlint-disable no-underscore-dangle

import type { Batch } from './batch.ts'
import { Loader } from './loader.ts'
import type * as types from './options.ts'
import { readOptions } from './options.ts'

// `_C`, the type of cache keys, is there because users write it.
interface DataLoader<K, V, _C = K> {
  // Two of each, and that of dataloader last: `keys.map(loader.load, loader)` must compile, and `Parameters` looks there.
  /** Loads the value of one key, until the signal aborts. */
  load(key: K, options: types.LoadOptions | undefined): Promise<V>
  /** Loads the value of one key. */
  load(key: K): Promise<V>
  /** Loads many keys, until the signal aborts: one value or Error for each, in their order; its reason for those without. */
  loadMany(keys: ArrayLike<K>, options: types.LoadOptions | undefined): Promise<(V | Error)[]>
  /** Loads many keys: one value or Error for each, in their order. */
  loadMany(keys: ArrayLike<K>): Promise<(V | Error)[]>
  /** Forgets the answer of one key. Loads that wait for it still get it. */
  clear(key: K): this
  /** Forgets all answers. Loads that wait still get theirs. */
  clearAll(): this
  /** Gives the loader a value, or an Error, that is known already. A key that has an answer, or waits for one, keeps it. */
  prime(key: K, value: V | PromiseLike<V> | Error): this
  /** The name that was given, or `null`. */
  name: string | null
}

interface DataLoaderConstructor {
  new <K, V, C = K>(
    batchLoadFn: types.BatchLoadFn<K, V>,
    options?: types.Options<K, V, C>,
  ): DataLoader<K, V, C>
  readonly prototype: DataLoader<any, any, any>
}

class Methods<K, V, C> implements DataLoader<K, V, C> {
  declare name: string | null
  declare _batchLoadFn: types.BatchLoadFn<K, V>
  declare _settings: types.Settings<K, C>
  /** `null` until it is first needed: a request may make many loaders and use few of them. */
  declare _loader: Loader<K, V, C> | null

  /** The batch that opened last. */
  get _batch(): Batch<K, V> | null {
    return this._loader === null ? null : this._loader.batch
  }

  // A parameter with a default is not counted in `length`, which is 1 as in the original: who curries looks at it.
  // oxlint-disable typescript/no-useless-default-assignment
  load(key: K, options: types.LoadOptions | undefined = undefined): Promise<V> {
    return loaderOf(this).load(key, options)
  }

  loadMany(keys: ArrayLike<K>, options: types.LoadOptions | undefined = undefined): Promise<(V | Error)[]> {
    // A subclass, or an instrumentation, with a load of its own is called for each key.
    const own = this.load === load ? null : (...given: Parameters<typeof this.load>) => this.load(...given)
    return loaderOf(this).loadMany(keys, options, own)
  }

  // oxlint-enable typescript/no-useless-default-assignment
  clear(key: K): this {
    loaderOf(this).clear(key)
    return this
  }

  clearAll(): this {
    loaderOf(this).clearAll()
    return this
  }

  prime(key: K, value: V | PromiseLike<V> | Error): this {
    loaderOf(this).prime(key, value)
    return this
  }
}

function loaderOf<K, V, C>(face: Methods<K, V, C>): Loader<K, V, C> {
  return (face._loader ??= new Loader(face, face._settings))
}

/** The one above, to tell whether a loader has another. */
const load: unknown = Reflect.get(Methods.prototype, 'load')

/**
 * A function, as in the original, where a class would be plainer: classes of ES5 call it on an object of theirs, and so
 * does the instrumentation of OpenTelemetry.
 */
function construct<K, V, C>(
  this: Methods<K, V, C>,
  batchLoadFn: types.BatchLoadFn<K, V>,
  options?: types.Options<K, V, C>,
): void {
  const settings = readOptions(batchLoadFn, options)
  this.name = settings.name
  this._batchLoadFn = batchLoadFn
  this._settings = settings
  this._loader = null
  // Those of the engine are checked by the engine.
  if (settings.bounds !== null) loaderOf(this)
}

Object.defineProperty(construct, 'name', { value: 'DataLoader' })
construct.prototype = Methods.prototype
Object.defineProperty(Methods.prototype, 'constructor', { value: construct })

const DataLoader = construct as unknown as DataLoaderConstructor

// The types as users of dataloader write them: `DataLoader.Options` and its siblings.
declare namespace DataLoader {
  export type BatchLoadFn<K, V> = types.BatchLoadFn<K, V>
  export type CacheMap<K, V> = types.CacheMap<K, V>
  export type Options<K, V, C = K> = types.Options<K, V, C>
  export type LoadOptions = types.LoadOptions
}

export { DataLoader }
