/**
 * `ctx.bulk`: one accessor a loader, made once per server; a request costs one small object.
 * @module
 */

import { BulkOptionError, BulkScope } from '@bulkcall/core'
import type { PreparedLoader } from './definitions.ts'
import { operationLoader, type Loading } from './loader.ts'
import type { Operation } from './operation.ts'
import { release } from './release.ts'
import type { Asking, Unit } from './unit.ts'

/** The operation that a context belongs to, also where other plugins have copied the context; else `undefined`. */
export let operationOf: (context: unknown) => Operation | undefined

/** Who loads with a context that has not been executed with, else `null`. From now on it has. */
export let firstOf: (context: unknown) => Asking | null
/** Whether it has the loaders that were made for it, and not those of a context that it is a copy of. */
export let isOriginal: (context: unknown) => boolean
/** The context is built anew: the next execution with it is as a first one. */
export let expect: (context: unknown) => void

/** Where it is found whichever name it has: no server knows the names of others, and resolvers may be shared. */
const anyName: unique symbol = Symbol.for('bulkcall:bulk') as never

/**
 * Where a `bulkResolver` finds the calls of its field, be it of another copy of this package: by `import` and by `require`, or because
 * two were installed. What is found there must not change its meaning; a change needs a new number.
 */
const callOfField: unique symbol = Symbol.for('bulkcall:field:1') as never

/** Where any copy finds the version of the one whose loaders these are. */
const releaseKey: unique symbol = Symbol.for('bulkcall:release') as never

/** The bulk call of a field in the operation of a context; `undefined` where it has no loaders. */
export function callOf(
  context: unknown,
  ...args: Parameters<Unit['call']>
): ReturnType<Unit['call']> | undefined {
  return bulkWith(callOfField, context)?.[callOfField](...args)
}

/** A hint where the context has loaders that are none to this copy, since they are those of another; else nothing. */
export function hintAt(context: unknown): string {
  const other = bulkWith(releaseKey, context)
  return other ? ` (these are of @bulkcall/graphql ${other[releaseKey]}, this is ${release})` : ''
}

/** The loaders of a context, of whichever copy, if they have this. */
function bulkWith(key: keyof Bulk, context: unknown): Bulk | undefined {
  const { bulk, [anyName]: named } = (context ?? {}) as NonNullable<Context>
  return [bulk, named].find(found => (found as Bulk | null | undefined)?.[key]) as Bulk | undefined
}

type Context = Readonly<Record<PropertyKey, unknown>> | null | undefined

let loaderOf: (bulk: object, place: number, prepared: PreparedLoader) => unknown

/** What one context has of its operation, which the contexts of an HTTP batch share. */
class Access implements Loading {
  operation: Operation
  context: unknown
  isFinished: boolean
  readonly loaders: unknown[] = []

  constructor(operation: Operation, context: unknown, isFinished: boolean) {
    this.operation = operation
    this.context = context
    this.isFinished = isFinished
  }

  loading(): Operation {
    if (!this.isFinished) this.operation = this.operation.fitting(this.context)
    return this.operation
  }
}

/** What `ctx.bulk` is. Nothing of ours on it has a name, so a loader may have any. */
class Bulk {
  readonly #access: Access

  /** @param isFinished whether the context has all that it will have */
  constructor(operation: Operation, context: unknown, isFinished: boolean) {
    this.#access = new Access(operation, context, isFinished)
  }

  /** For those who watch: the scope whose bulks are those of the operation. */
  get [BulkScope.symbol](): BulkScope {
    return this.#access.operation.unit.scope
  }

  get [releaseKey](): string {
    return release
  }

  [callOfField](...args: Parameters<Unit['call']>): ReturnType<Unit['call']> {
    return this.#access.operation.unitOf(args[3]).call(...args)
  }

  static {
    const own = (bulk: unknown): Bulk | undefined =>
      typeof bulk === 'object' && bulk !== null && #access in bulk ? bulk : undefined
    const bulkOf = (context: unknown): Bulk | undefined =>
      own((context as Context)?.['bulk']) ?? own((context as Context)?.[anyName])
    operationOf = context => {
      const bulk = bulkOf(context)
      return bulk === undefined ? undefined : bulk.#access.operation
    }
    firstOf = context => {
      const access = bulkOf(context)!.#access
      if (access.isFinished) return null
      access.isFinished = true
      return access
    }
    isOriginal = context => bulkOf(context)!.#access.context === context
    expect = context => {
      const access = bulkOf(context)!.#access
      access.isFinished = false
      access.operation.expect()
    }
    loaderOf = (bulk, place, prepared) => {
      const access = (bulk as Bulk).#access
      return (access.loaders[place] ??= operationLoader(access, place, prepared))
    }
  }
}

/** The class of `ctx.bulk` on a server with these loaders. */
export function contextClass(
  loaders: readonly PreparedLoader[],
): new (operation: Operation, context: unknown, isFinished: boolean) => object {
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
export function mistakeIn(context: unknown, name: string): BulkOptionError | null {
  if (!(name in Object(context))) return null
  const found = (context as NonNullable<Context>)[name]
  if (operationOf({ bulk: found }) !== undefined) return null
  const hint = hintAt({ bulk: found }) || ` (rename one of the two: { as: 'loaders' })`
  return new BulkOptionError(
    `the property ${name} of the context`,
    'the loaders of useBulk or defineBulk',
    found,
    hint,
  )
}
