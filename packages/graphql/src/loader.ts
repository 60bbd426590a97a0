/**
 * The loaders on `ctx.bulk`: they stay the same as long as the context does, so that a service may keep them, and each load
 * goes to the unit of work that it is part of.
 * @module
 */

import { asError, BulkLoader } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import type { Operation } from './operation.ts'
import type { Asking } from './unit.ts'

type AnyLoader = BulkLoader<any, any, any>
/** All that a loader has, so that a method that is new there is missed here. */
type All = { readonly [Name in keyof AnyLoader]: unknown }

/** `ctx.bulk`, as far as its loaders know it. */
export interface Loading extends Asking {
  /** What a load is part of. */
  loading(): Operation
}

class OperationLoader implements All {
  readonly #bulk: Loading
  readonly #place: number
  readonly #prepared: PreparedLoader

  constructor(bulk: Loading, place: number, prepared: PreparedLoader) {
    this.#bulk = bulk
    this.#place = place
    this.#prepared = prepared
  }

  get #loader(): AnyLoader {
    return this.#bulk.loading().unit.loader(this.#place, this.#prepared, this.#bulk)
  }

  get name(): string {
    return this.#loader.name
  }

  get pending(): number {
    return this.#loader.pending
  }

  get inFlight(): number {
    return this.#loader.inFlight
  }

  load(...args: Parameters<AnyLoader['load']>): Promise<any> {
    try {
      return this.#loader.load(...args)
    } catch (error) {
      // What the context throws when it is asked for the partition is the error of the load.
      return Promise.reject(error)
    }
  }

  loadMany(...args: Parameters<AnyLoader['loadMany']>): Promise<any[]> {
    let loader: AnyLoader
    try {
      loader = this.#loader
    } catch (error) {
      return Promise.resolve(Array.from(args[0], () => asError(error)))
    }
    return loader.loadMany(...args)
  }

  prime(...args: Parameters<AnyLoader['prime']>): this {
    this.#loader.prime(...args)
    return this
  }

  clear(key: any): this {
    this.#loader.clear(key)
    return this
  }

  clearAll(): this {
    this.#loader.clearAll()
    return this
  }

  flush(): Promise<void> {
    return this.#loader.flush()
  }

  close(...args: Parameters<AnyLoader['close']>): Promise<void> {
    return this.#loader.close(...args)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

// It is one for who asks with `instanceof`. All that a loader can do is above.
Object.setPrototypeOf(OperationLoader.prototype, BulkLoader.prototype)

/** The loader at this place, of whichever unit of work asks. */
export function operationLoader(bulk: Loading, place: number, prepared: PreparedLoader): AnyLoader {
  return new OperationLoader(bulk, place, prepared) as unknown as AnyLoader
}
