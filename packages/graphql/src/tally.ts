/**
 * A tally: what an operation has loaded, for `extensions.bulk` of its result. Only operations that tell it keep one.
 * @module
 */

import { BulkLoader, type CallOptions } from '@bulkcall/core'

/** For which request each figures are. A cache of responses may give them again, for another one. */
const requests = new WeakMap<object, Request | undefined>()

/** What the loaders of one operation did, by their names. */
export class Tally {
  readonly request: Request | undefined
  readonly #loaders = new Map<string, LoaderTally>()

  constructor(request: Request | undefined) {
    this.request = request
  }

  of(name: string): LoaderTally {
    let tally = this.#loaders.get(name)
    if (tally === undefined) this.#loaders.set(name, (tally = new LoaderTally()))
    return tally
  }

  /** A result that tells what has been loaded up to now. */
  told<R extends object>(result: R): R {
    const bulk = {
      loaders: Object.fromEntries([...this.#loaders].map(([name, tally]) => [name, tally.told()])),
    }
    requests.set(bulk, this.request)
    const { extensions } = result as { extensions?: object }
    return { ...result, extensions: { ...extensions, bulk } }
  }
}

/** The same result, without figures that are those of another request. */
export function withoutOld<R>(result: R, request: Request): R {
  const { extensions } = (result ?? {}) as { extensions?: { readonly bulk?: object } }
  const bulk = extensions?.bulk
  if (typeof bulk !== 'object' || requests.get(bulk) === request) return result
  const { bulk: _, ...others } = extensions!
  return { ...result, extensions: Object.keys(others).length > 0 ? others : undefined }
}

/** What one loader did in one operation. */
export class LoaderTally {
  loads = 0
  bulks = 0
  ms = 0
  /** Two loaders may have one name. */
  readonly loaders: Set<{ readonly answered: number }> = new Set<{ readonly answered: number }>()

  /** Counts a bulk, whose time is that until the latest of the calls of what this gives. */
  begin(): () => void {
    this.bulks++
    let latest = performance.now()
    return () => {
      const now = performance.now()
      this.ms += now - latest
      latest = now
    }
  }

  told(): object {
    let hits = 0
    for (const { answered } of this.loaders) hits += answered
    return { loads: this.loads, hits, bulks: this.bulks, ms: Number(this.ms.toFixed(2)) }
  }
}

/** A loader that counts. Others have nothing to pay for a tally that nobody reads. */
export class CountingLoader<K, V> extends BulkLoader<K, V> {
  readonly #tally: LoaderTally

  constructor(tally: LoaderTally, ...args: ConstructorParameters<typeof BulkLoader<K, V>>) {
    super(...args)
    this.#tally = tally
    tally.loaders.add(this)
  }

  /** How many keys it has answered without asking. */
  get answered(): number {
    return this.hits
  }

  override load(key: K, options?: CallOptions): Promise<V> {
    this.#tally.loads++
    return super.load(key, options)
  }

  override loadMany(keys: Iterable<K>, options?: CallOptions): Promise<(V | Error)[]> {
    return super.loadMany(this.#counted(keys), options)
  }

  /** The keys, counted as they are drawn. */
  *#counted(keys: Iterable<K>): Generator<K> {
    for (const key of keys) {
      this.#tally.loads++
      yield key
    }
  }
}
