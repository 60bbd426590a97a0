/**
 * Asking: which field asks, for those who watch. When nobody does, it costs nothing.
 * @module
 */

import type { FieldNode, GraphQLFieldResolver, GraphQLResolveInfo } from 'graphql'

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

/** A resolver, so that what it asks is known to be its own. Made only while someone watches: a store slows promises. */
export function asking<S, C, A>(resolve: GraphQLFieldResolver<S, C, A>): GraphQLFieldResolver<S, C, A> {
  if (fields === undefined) return resolve
  return function (this: unknown, source, args, context, info) {
    return fields.run(info, () => resolve.call(this, source, args, context, info))
  }
}
