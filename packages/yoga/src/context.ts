/**
 * `ctx.bulk`: one accessor a loader, made once per server; a request costs one small object.
 * @module
 */

import { BulkScope } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import type { Operation } from './operation.ts'

/** The operation that a context belongs to, also where other plugins have copied the context; else `undefined`. */
export let operationOf: (context: unknown) => Operation | undefined

let ownerOf: (bulk: object) => Operation

/** What `ctx.bulk` is. Nothing of ours on it has a name, so a loader may have any. */
class Bulk {
  readonly #operation: Operation

  constructor(operation: Operation) {
    this.#operation = operation
  }

  /** For those who watch: the scope whose bulks are those of the operation. */
  get [BulkScope.symbol](): BulkScope {
    return this.#operation.scope
  }

  static {
    ownerOf = bulk => (bulk as Bulk).#operation
    operationOf = context => {
      const bulk: unknown = (context as { bulk?: unknown } | null | undefined)?.bulk
      return typeof bulk === 'object' && bulk !== null && #operation in bulk ? bulk.#operation : undefined
    }
  }
}

/** The class of `ctx.bulk` on a server with these loaders. */
export function contextClass(loaders: readonly PreparedLoader[]): new (operation: Operation) => object {
  class ServerBulk extends Bulk {}
  loaders.forEach((prepared, place) => {
    Object.defineProperty(ServerBulk.prototype, prepared.property, {
      get(this: object) {
        return ownerOf(this).loader(place, prepared)
      },
      enumerable: true,
    })
  })
  return ServerBulk
}
