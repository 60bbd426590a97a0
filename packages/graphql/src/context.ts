/**
 * `ctx.bulk`: one accessor a loader, made once per server; a request costs one small object.
 * @module
 */

import { BulkOptionError, BulkScope } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import { operationLoader } from './loader.ts'
import type { Operation } from './operation.ts'

/** The operation that a context belongs to, also where other plugins have copied the context; else `undefined`. */
export let operationOf: (context: unknown) => Operation | undefined

/** Whether the context has not been executed with. From now on it has. */
export let isFirst: (context: unknown) => boolean
/** The context is built anew: the next execution with it is as a first one. */
export let expect: (context: unknown) => void

/** Where it is found whichever name it has: no server knows the names of others, and resolvers may be shared. */
const anyName: unique symbol = Symbol.for('bulkcall:bulk') as never

type Context = Readonly<Record<PropertyKey, unknown>> | null | undefined

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
    const own = (bulk: unknown): Bulk | undefined =>
      typeof bulk === 'object' && bulk !== null && #operation in bulk ? bulk : undefined
    const bulkOf = (context: unknown): Bulk | undefined =>
      own((context as Context)?.['bulk']) ?? own((context as Context)?.[anyName])
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
      const { [place]: known } = (bulk as Bulk).#loaders
      return (
        known ??
        ((bulk as Bulk).#loaders[place] = operationLoader((bulk as Bulk).#operation, place, prepared))
      )
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

/** What a context gets: `bulk` under its name. */
export function extension(name: string, bulk: object): Readonly<Record<PropertyKey, object>> {
  return name === 'bulk' ? { bulk } : { [name]: bulk, [anyName]: bulk }
}

/** What is wrong with a context in which the application has something else under the name: one of the two would be lost. */
export function mistakeIn(context: object, name: string): BulkOptionError | null {
  if (!(name in context)) return null
  const found = (context as NonNullable<Context>)[name]
  if (operationOf({ bulk: found }) !== undefined) return null
  const hint = ` (call that something else, or give the loaders another name: { as: 'loaders' })`
  return new BulkOptionError(
    `the property ${name} of the context`,
    'the loaders of useBulk or defineBulk',
    found,
    hint,
  )
}
