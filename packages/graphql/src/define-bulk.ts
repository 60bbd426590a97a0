/**
 * `defineBulk`: the loaders of a server, whichever it is.
 * @module
 */

import { check } from '@bulkcall/core/kit'
import { contextClass, extension, mistakeIn } from './context.ts'
import { prepare, type PreparedServer } from './definitions.ts'
import { fieldResolver, wrapResolvers } from './resolvers.ts'
import { SeenOperation } from './seen.ts'
import type {
  AnyDefinitions,
  BulkDefinitions,
  BulkOptions,
  BulkServer,
  Checked,
  TypedByCommand,
} from './types.ts'

/**
 * Defines the loaders of a GraphQL server: of Apollo Server, Mercurius, a subgraph of a federation, or a program that calls
 * `graphql()`. With GraphQL Yoga, `useBulk` of `@bulkcall/yoga` is all that is needed.
 *
 * @param definitions the loaders, by name: a command, or a command with its settings
 * @param options the defaults of all loaders, and a limit for all of them together
 */
export function defineBulk<
  const D extends AnyDefinitions & {
    // What the compiler cites where the type of a context stands in this place.
    readonly 'with the type of a context, definitions go into a second call: defineBulk<Context>()({ ... })'?: never
  },
  const As extends string = 'bulk',
  C = unknown,
>(definitions: D & Checked<D> & TypedByCommand<C>, options?: BulkOptions<As>): BulkServer<D, As>
/** The same with the application's context type for all commands: `defineBulk<AppContext>()({ … })`. */
export function defineBulk<TContext>(): <
  const D extends AnyDefinitions<TContext>,
  const As extends string = 'bulk',
  C = unknown,
>(
  definitions: D & Checked<D> & TypedByCommand<C>,
  options?: BulkOptions<As>,
) => BulkServer<D, As>
export function defineBulk(definitions?: BulkDefinitions, options: BulkOptions<string> = {}): unknown {
  return definitions === undefined && arguments.length === 0 ? define : define(definitions!, options)
}

function define(
  definitions: BulkDefinitions,
  options: BulkOptions<string> = {},
): BulkServer<BulkDefinitions, string> {
  return serverOf(definitions, prepare(definitions, options))
}

/** What users have of a server whose definitions are prepared. */
export function serverOf(
  definitions: BulkDefinitions,
  server: PreparedServer,
): BulkServer<BulkDefinitions, string> {
  const ContextBulk = contextClass(server.loaders)
  const create = (context: object = {}): never =>
    new ContextBulk(new SeenOperation(server, context), context, true) as never
  return {
    '~definitions': definitions,
    '~as': server.as,
    create,
    extendContext(context) {
      const own: object = context ?? {}
      check('the context', typeof own === 'object', 'an object', own)
      const mistake = mistakeIn(own, server.as)
      if (mistake !== null) throw mistake
      return Object.assign(own, extension(server.as, create(own))) as never
    },
    scopeResolvers(schema, own) {
      wrapResolvers(schema, server.plans, server.mutations, fieldResolver(own as never))
      return schema
    },
  }
}
