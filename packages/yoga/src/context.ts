/**
 * `ctx.bulk`: one accessor a loader, made once per server; a request costs one small object.
 * @module
 */

import { BulkOptionError, BulkScope } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import type { Operation } from './operation.ts'

/** The operation that a context belongs to, also where other plugins have copied the context; else `undefined`. */
export let operationOf: (context: unknown) => Operation | undefined

/** Where it is found whichever name it has: the plugin of no server knows those of others, and resolvers may be shared. */
const anyName: unique symbol = Symbol.for('bulkcall:bulk') as never

type Context = Readonly<Record<PropertyKey, unknown>> | null | undefined

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
    const owner = (bulk: unknown): Operation | undefined =>
      typeof bulk === 'object' && bulk !== null && #operation in bulk ? bulk.#operation : undefined
    operationOf = context => owner((context as Context)?.['bulk']) ?? owner((context as Context)?.[anyName])
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

/** What a context gets: `bulk` under its name. */
export function extension(name: string, bulk: object): Readonly<Record<PropertyKey, object>> {
  return name === 'bulk' ? { bulk } : { [name]: bulk, [anyName]: bulk }
}

/** What is wrong with a context in which the application has something else under the name: one of the two would be lost. */
export function mistakeIn(context: object, name: string): BulkOptionError | null {
  if (!(name in context)) return null
  const found = (context as NonNullable<Context>)[name]
  if (operationOf({ bulk: found }) !== undefined) return null
  const hint = ` (call that something else, or give the loaders another name: useBulk(…, { as: 'loaders' }))`
  return new BulkOptionError(`the property ${name} of the context`, 'what useBulk has put there', found, hint)
}
