/**
 * Asking: which field asks, for those who watch. When nobody does, it costs nothing.
 * @module
 */

import type { FieldNode, GraphQLResolveInfo } from 'graphql'

type AsyncHooks = typeof import('node:async_hooks')
const hooks: AsyncHooks | undefined = globalThis.process?.getBuiltinModule?.('node:async_hooks')
const fields = hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage<GraphQLResolveInfo>()

/** The field whose resolver asks now, also after an `await`. */
interface Asker {
  /** Such as `Post.author`. */
  (): string | undefined
  /** The node of the document, for who shows the document: it tells two fields of one name apart. */
  readonly node: () => FieldNode | undefined
}

export const asker: Asker = Object.assign(
  () => {
    const info = fields?.getStore()
    return info && `${info.parentType.name}.${info.fieldName}`
  },
  { node: () => fields?.getStore()?.fieldNodes?.[0] },
)

/** Runs a resolver, so that what it asks is known to be its own. Only while someone watches: a store slows promises. */
export function asking<R>(info: GraphQLResolveInfo, resolve: () => R): R {
  return fields === undefined ? resolve() : fields.run(info, resolve)
}
