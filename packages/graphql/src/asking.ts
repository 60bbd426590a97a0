/**
 * Asking: who asks, also after an `await`. It is noted only while somebody wants to know: a store slows promises.
 * @module
 */

import type { FieldNode, GraphQLResolveInfo } from 'graphql'

/** Who asks: a resolver of a field, or what else runs in a unit of work. */
interface Asking {
  readonly info: GraphQLResolveInfo | null
  readonly unit: object
}

type AsyncHooks = typeof import('node:async_hooks')
const hooks: AsyncHooks | undefined = globalThis.process?.getBuiltinModule?.('node:async_hooks')
const store = hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage<Asking>()
/** Where there is no such store, it is known until the first `await`. */
let current: Asking | undefined

function now(): Asking | undefined {
  return store === undefined ? current : store.getStore()
}

/** The field whose resolver asks now. */
interface CallingField {
  /** Such as `Post.author`. */
  (): string | undefined
  /** The node of the document, for who shows the document: it tells two fields of one name apart. */
  readonly node: () => FieldNode | undefined
}

export const callingField: CallingField = Object.assign(
  () => {
    const info = now()?.info
    return info ? `${info.parentType.name}.${info.fieldName}` : undefined
  },
  { node: () => now()?.info?.fieldNodes?.[0] },
)

/** The unit of work that asks now, where that is noted. */
export function askingUnit(): object | undefined {
  return now()?.unit
}

/** Runs a resolver (or, without its `info`, something else) of this unit of work, so that what it asks is known to be its own. */
export function asking<R>(info: GraphQLResolveInfo | null, unit: object, work: () => R): R {
  if (store !== undefined) return store.run({ info, unit }, work)
  const outer = current
  current = { info, unit }
  try {
    return work()
  } finally {
    current = outer
  }
}
