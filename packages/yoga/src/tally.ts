/**
 * A tally: what an operation has loaded, for `extensions.bulk` of its result. Only operations that tell it keep one.
 * @module
 */

import { BulkLoader } from '@bulkcall/core'

/** What one loader did in one operation. */
export interface LoaderTally {
  /** How many keys were loaded, equal ones each time. */
  loads: number
  /** How many of them were not asked, because they were known or asked already. */
  hits: number
  /** How many bulks were sent. */
  bulks: number
  /** How long their commands ran, one after the other, in ms. */
  ms: number
}

/** What the loaders of one operation did, by their names. */
export class Tally {
  readonly #loaders = new Map<string, LoaderTally>()

  of(name: string): LoaderTally {
    let tally = this.#loaders.get(name)
    if (tally === undefined) this.#loaders.set(name, (tally = { loads: 0, hits: 0, bulks: 0, ms: 0 }))
    return tally
  }

  /** A result that tells what has been loaded up to now. */
  told<R extends object>(result: R): R {
    const loaders = Object.fromEntries(
      [...this.#loaders].map(([name, tally]) => [name, { ...tally, ms: rounded(tally.ms) }]),
    )
    const { extensions } = result as { extensions?: object }
    return { ...result, extensions: { ...extensions, bulk: { loaders } } }
  }
}

/** Counts what one command is asked, and how long it takes. */
export function counted<G>(tally: LoaderTally, keys: readonly unknown[], command: () => G): G {
  tally.bulks++
  tally.hits -= keys.length
  const startedAt = performance.now()
  const end = (): void => {
    tally.ms += performance.now() - startedAt
  }
  const given = command()
  if (given instanceof Promise) void given.then(end, end)
  else end()
  return given
}

/** A loader that counts. Others have nothing to pay for a tally that nobody reads. */
export class CountingLoader<K, V> extends BulkLoader<K, V> {
  readonly #tally: LoaderTally

  constructor(tally: LoaderTally, ...args: ConstructorParameters<typeof BulkLoader<K, V>>) {
    super(...args)
    this.#tally = tally
  }

  override load(key: K): Promise<V> {
    this.#count(1)
    return super.load(key)
  }

  override loadMany(keys: Iterable<K>): Promise<(V | Error)[]> {
    const { loads, hits } = this.#tally
    const asked = [...keys]
    const answers = super.loadMany(asked)
    // It may have loaded them one by one.
    Object.assign(this.#tally, { loads, hits })
    this.#count(asked.length)
    return answers
  }

  #count(loads: number): void {
    this.#tally.loads += loads
    this.#tally.hits += loads
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
