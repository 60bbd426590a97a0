/**
 * The types: what is defined once per server, and what resolvers see of it.
 * @module
 */

import type {
  BulkLoader,
  Limiter,
  NullKeys,
  OrNull,
  ResultOf,
  Results,
  SharedCommandContext,
} from '@bulkcall/core'
import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql'

/** What a command gets beside its keys. */
export interface BulkCommandContext<TContext = any> {
  /** The context of the operation that asks: the whole of it, once it has been built. */
  readonly context: TContext
  /** Aborts when nobody waits for the bulk any more. */
  readonly signal: AbortSignal
  /** The name of the loader. */
  readonly name: string
  /** What the keys of a shared loader's bulk have in common; else `undefined`. */
  readonly partition: any
}

/** Answers the keys of one bulk: one result per key in their order, a `Map`, an async iterable, or none. */
export type BulkCommand<K = any, G extends Given<K> = Given<any>, TContext = any> = (
  keys: K[],
  context: BulkCommandContext<TContext>,
) => G

type Given<K> = Results<K, unknown> | PromiseLike<Results<K, unknown>>

/** The settings of one loader, or the defaults of all of them. */
export interface BulkSettings {
  /**
   * The most keys in one bulk. A whole number from 1, or `Infinity`.
   * @default Infinity
   */
  readonly size?: number | undefined
  /**
   * The longest that a key waits for others, in ms, from 0. It is an upper bound: the window closes itself as soon as the
   * operation is quiet, that is when all its resolvers wait for loads.
   * @default 5
   */
  readonly delay?: number | undefined
  /**
   * How many keys of one operation may be pending; a load past it rejects with `BulkOverflowError`, which the client gets
   * as `BULK_OVERFLOW` and status 503.
   * @default Infinity
   */
  readonly maxPending?: number | undefined
  /**
   * How long a command may run, in ms, above 0; then its loads reject with `BulkTimeoutError` and its signal aborts.
   * @default Infinity
   */
  readonly timeout?: number | undefined
  /**
   * Whether answers are kept for the rest of the operation.
   * @default true
   */
  readonly cache?: boolean | undefined
  /**
   * Whether an Error that the command gave for one key is kept as its answer, or which ones are.
   * @default true
   */
  readonly cacheErrors?: boolean | ((error: Error) => boolean) | undefined
}

/** The settings that a loader has of its own. */
interface OwnSettings extends BulkSettings {
  /**
   * How many bulks of this loader may be in flight at once, over all requests of this server: what it protects (a pool,
   * a quota) is shared. A whole number from 1, `null` for no limit, or a `Limiter` that several loaders share.
   * @default null
   */
  readonly concurrent?: number | null | Limiter | undefined
  /**
   * The name in errors, events and metrics.
   * @default the loader's name on `ctx.bulk`
   */
  readonly name?: string | undefined
  /** What two keys must have in common to be equal; needed where keys are objects. */
  readonly cacheKeyFn?: ((key: any) => unknown) | undefined
  /**
   * What a key that is `null` gives, as a foreign key may be: an error, or `null`, without asking. A key that is `undefined` is
   * an error in any case, since it comes from a misspelt property.
   * @default 'error'
   */
  readonly nullKeys?: NullKeys | undefined
}

/** One loader: its command and its settings. */
export interface BulkDefinition<TContext = any> extends OwnSettings {
  readonly command: BulkCommand<any, Given<any>, TContext>
  /**
   * Whether its bulks take keys of every operation of the server, while each operation keeps its own cache: `true`, or
   * whose keys may be in one bulk (a tenant, a role, a locale; compared as a `Map` compares). Bulks never mix partitions,
   * and the command gets a {@link SharedCommandContext} with the partition in place of a context, which would be one
   * viewer's for another's key. It may be repeated: a bulk that fails is asked again for each operation alone.
   * @default false
   */
  readonly shared?: boolean | ((context: TContext) => unknown) | undefined
  /**
   * Of a shared loader: makes each operation a copy of its own of an answer, such as `structuredClone`.
   * @default none: all operations get the same, and what of it is a plain object or an array is frozen
   */
  readonly clone?: ((value: any) => unknown) | undefined
}

/** Refuses what the types of definitions alone let pass: a misspelt setting, and a shared command that sees a context. */
export type Checked<D> = {
  readonly [Name in keyof D]: D[Name] extends (...args: any[]) => unknown
    ? unknown
    : {
        readonly [Misspelt in Exclude<keyof D[Name], keyof BulkDefinition>]: {
          'a loader has no such setting': Misspelt
        }
      } & SeesNoContext<D[Name]>
}

type SeesNoContext<D> = D extends { readonly shared: true | ((context: any) => unknown) }
  ? { readonly command: (keys: any, context: SharedCommandContext<any>) => unknown }
  : unknown

/** The loaders of a server, by the name that they have on `ctx.bulk`. */
export type BulkDefinitions<TContext = any> = Readonly<
  Record<string, BulkDefinition<TContext> | BulkCommand<any, Given<any>, TContext>>
>

/** The defaults of all loaders, and what concerns all of them. */
export interface BulkOptions<As extends string = 'bulk'> extends BulkSettings {
  /**
   * The name of the loaders in the context, where `ctx.bulk` is something else.
   * @default 'bulk'
   */
  readonly as?: As | undefined
  /**
   * How many bulks of all loaders together may be in flight at once, over all requests. A loader's own `concurrent` holds
   * beside it.
   * @default null
   */
  readonly concurrent?: number | null | Limiter | undefined
  /**
   * The types beside `Mutation` whose fields write, by their names: caches are cleared around those fields too.
   * @default namespaces: types that only fields of `Mutation` (or of other namespaces) without arguments give, not in lists,
   * and that have fields with arguments or resolvers
   */
  readonly mutations?: readonly string[] | undefined
}

type CommandOf<D> = D extends { readonly command: infer C } ? C : D
type NullKeysOf<D> = D extends { readonly nullKeys: infer N extends NullKeys } ? N : 'error'
type LoaderOf<D> =
  CommandOf<D> extends (keys: infer Keys extends readonly any[], ...rest: any[]) => infer G
    ? BulkLoader<OrNull<Keys[number], NullKeysOf<D>>, OrNull<ResultOf<G>, NullKeysOf<D>>, any>
    : never

/** What resolvers find on `ctx.bulk`. */
export type BulkLoaders<D extends BulkDefinitions> = { readonly [Name in keyof D]: LoaderOf<D[Name]> }

/** The loaders of a server. It remembers their types, and the name that they have in the context, for {@link BulkContext}. */
export interface BulkServer<D extends BulkDefinitions, As extends string = 'bulk'> {
  readonly '~definitions': D
  readonly '~as': As
  /**
   * New loaders for one unit of work, such as a job, a route or a script: they keep what they have loaded. Limits and shared
   * bulks are those of the server.
   * @param context what commands get as their `context`
   */
  create(this: void, context?: object): BulkLoaders<D>
  /**
   * Puts new loaders into the context of an operation, and gives that context.
   * @param context what commands get as their `context`: this very object
   */
  extendContext<C extends object = object>(
    this: void,
    context?: C,
  ): C & { readonly [Name in As]: BulkLoaders<D> }
  /**
   * Lets the resolvers of a schema run in the scope of their operation, so that windows close as soon as all of them wait: those
   * of fields, methods of classes, `resolveType`, `isTypeOf` and `__resolveReference`. In place, and once.
   * @param fieldResolver what the server resolves fields with that have no resolver, if that is not their property
   * @returns the same schema
   */
  scopeResolvers(
    this: void,
    schema: GraphQLSchema,
    fieldResolver?: GraphQLFieldResolver<any, any>,
  ): GraphQLSchema
}

/** What the loaders of a server add to the context: `type Context = AppContext & BulkContext<typeof bulk>`. */
export type BulkContext<B> =
  B extends BulkServer<infer D, infer As> ? { readonly [Name in As]: BulkLoaders<D> } : never
