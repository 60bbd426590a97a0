/**
 * `ctx.bulk`: one accessor a loader, made once per server; a request costs one small object.
 * @module
 */

import { BulkScope } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import { operationLoader } from './loader.ts'
import type { Operation } from './operation.ts'

/** The operation that a context belongs to, also where other plugins have copied the context; else `undefined`. */
export let operationOf: (context: unknown) => Operation | undefined

/** Whether the context has not been executed with. From now on it has. */
export let isFirst: (context: unknown) => boolean
/** The context is built anew: the next execution with it is as a first one. */
export let expect: (context: unknown) => void

let loaderOf: (bulk: object, place: number, prepared: PreparedLoader) => unknown

/** What `ctx.bulk` is. Nothing of ours on it has a name, so a loader may have any. */
class Bulk {
  readonly #operation: Operation
  readonly #loaders: unknown[] = []
  #isNew = true

  constructor(operation: Operation) {
    this.#operation = operation
  }

  /** For those who watch: the scope whose bulks are those of the operation. */
  get [BulkScope.symbol](): BulkScope {
    return this.#operation.unit.scope
  }

  static {
    const bulkOf = (context: unknown): Bulk | undefined => {
      const bulk: unknown = (context as { bulk?: unknown } | null | undefined)?.bulk
      return typeof bulk === 'object' && bulk !== null && #operation in bulk ? bulk : undefined
    }
    operationOf = context => {
      const bulk = bulkOf(context)
      return bulk === undefined ? undefined : bulk.#operation
    }
    isFirst = context => {
      const bulk = bulkOf(context)!
      const isNew = bulk.#isNew
      bulk.#isNew = false
      return isNew
    }
    expect = context => {
      const bulk = bulkOf(context)!
      bulk.#isNew = true
      bulk.#operation.expect()
    }
    loaderOf = (bulk, place, prepared) => {
      const own = bulk as Bulk
      return (own.#loaders[place] ??= operationLoader(own.#operation, place, prepared))
    }
  }
}

/** The class of `ctx.bulk` on a server with these loaders. */
export function contextClass(loaders: readonly PreparedLoader[]): new (operation: Operation) => object {
  class ServerBulk extends Bulk {}
  loaders.forEach((prepared, place) => {
    Object.defineProperty(ServerBulk.prototype, prepared.property, {
      get(this: object) {
        return loaderOf(this, place, prepared)
      },
      enumerable: true,
    })
  })
  return ServerBulk
}
