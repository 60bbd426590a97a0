/**
 * The types: what is defined once per server, and what resolvers see of it.
 * @module
 */

import type {
  BulkLoader,
  Limiter,
  LoaderResults,
  NullKeys,
  OrNull,
  ResultOf,
  SharedCommandContext,
} from '@bulkcall/core'
import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql'

/** What a command (batch function) gets as its second argument. */
export interface BulkCommandContext<TContext = any> {
  /** The context of the operation that loads: the whole of it, once it has been built. */
  readonly context: TContext
  /** Aborts when nobody waits for the bulk any more. */
  readonly signal: AbortSignal
  /** The name of the loader. */
  readonly name: string
  /** The partition of a shared loader's bulk; otherwise `undefined`. */
  readonly partition: any
}

/** The batch function: returns one result for each key in their order, a `Map`, an async iterable, or none. */
export type BulkCommand<K = any, G extends Given<K> = Given<any>, TContext = any> = (
  keys: K[],
  context: BulkCommandContext<TContext>,
) => G

type Given<K> = LoaderResults<K, unknown> | PromiseLike<LoaderResults<K, unknown>>

/** A command as a definition takes it, whatever its keys are. Its parameter and what it gives, {@link Checked} looks at. */
type AnyCommand<TContext> = (keys: never, context: BulkCommandContext<TContext>) => unknown

/** The settings of one loader, or the defaults of all of them. */
export interface BulkSettings {
  /**
   * The most keys in one bulk. A whole number from 1, or `Infinity`.
   * @default Infinity
   */
  readonly size?: number | undefined
  /**
   * The longest that a key waits for others, in ms, from 0. It is an upper bound: a bulk starts as soon as the operation is
   * quiet (idle), that is when all its resolvers wait for loads.
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
   * Whether an Error that the command returned for one key is kept as its answer, or which ones are.
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
  /**
   * What a load of `null` gives, as for a foreign key that may be null: an error, or `null` without a request. A key that
   * is `undefined` is always an error, since it comes from a misspelt property.
   * @default 'error'
   */
  readonly nullKeys?: NullKeys | undefined
}

/** What is said of the rest of a definition, whose types depend on one another. */
interface OtherSettings {
  /** The batch function: returns one result for each key in their order, a `Map`, an async iterable, or `null` for none. */
  readonly command?: unknown
  /**
   * Whether its bulks take keys of every operation of the server, while each operation keeps its own cache: `true`, or a
   * function of the context that returns the partition: whose keys may be in one bulk (a tenant, a role, a locale; compared
   * as a `Map` compares). Bulks never mix partitions, and the command gets a {@link SharedCommandContext} with the
   * partition, and not the context of one viewer for keys of another. It must be safe to repeat: a bulk that fails is
   * repeated for each operation alone.
   * @default false
   */
  readonly shared?: unknown
  /** Returns the same value for equal keys; needed where keys are objects. */
  readonly cacheKeyFn?: unknown
  /**
   * Of a shared loader: copies an answer for each operation, such as `structuredClone`. @default none: all operations get
   * the same answer, in which plain objects and arrays are frozen
   */
  readonly clone?: unknown
}

/** A definition as it is before it is known what its keys and answers are. */
interface AnyDefinition<TContext> extends OwnSettings, OtherSettings {
  readonly command: AnyCommand<TContext>
  readonly shared?: boolean | ((context: TContext) => unknown) | undefined
}

/** One loader: its command and its settings. */
export interface BulkDefinition<TContext = any> extends AnyDefinition<TContext> {
  readonly cacheKeyFn?: ((key: any) => unknown) | undefined
  readonly clone?: ((value: any) => unknown) | undefined
}

/**
 * Tells the compiler the types of keys and answers from the command beside them, so that settings which are given those need
 * none.
 */
export type TypedByCommand<C> = {
  // `object` says nothing, but that what has none of the settings may be a definition all the same: a command.
  readonly [Name in keyof C]: TypedDefinition<C[Name], KeyOf<C[Name]>, ValueOf<C[Name]>> & object
}

interface TypedDefinition<C, K, V> extends OwnSettings, OtherSettings {
  readonly command?: C
  readonly cacheKeyFn?: ((key: K) => unknown) | undefined
  readonly clone?: ((value: V) => unknown) | undefined
}

/**
 * Refuses what the types of definitions alone let pass, each with a message that says what is wrong: a command whose keys have
 * no type or that gives no results, a misspelt setting, and a shared command that sees a context.
 */
export type Checked<D> = { readonly [Name in keyof D]: CheckedOne<D[Name]> }

type CheckedOne<D> = D extends (...args: any[]) => unknown
  ? CheckedCommand<D>
  : {
      readonly [Misspelt in Exclude<keyof D, keyof BulkDefinition>]: {
        'a loader has no such setting': Misspelt
      }
    } & {
      readonly command: CheckedCommand<CommandOf<D>>
    } & SeesNoContext<D> &
      // Said once more, since what stands in an editor when a setting is pointed at is what is said of it here.
      OwnSettings &
      OtherSettings

/** What a command must be beside a function: nothing, or what the compiler cites. */
type CheckedCommand<C> = C extends (keys: infer Keys, ...rest: any[]) => infer G
  ? unknown extends G
    ? unknown
    : [Keys] extends [readonly never[]]
      ? { 'the keys of a command need a type, such as (keys: number[]) => ...': Keys }
      : [any[]] extends [Keys]
        ? [G] extends [Given<any>]
          ? CheckedMap<KeyOf<C>, Extract<Awaited<G>, ReadonlyMap<any, any>>>
          : { 'a command gives one result for each key, in a list or a Map, or null for none': Awaited<G> }
        : { 'a command gets all keys of a bulk, in an array, such as (keys: number[]) => ...': Keys }
  : unknown

/** A Map is asked for the very keys that the command gets: one with others has no answer for any. */
type CheckedMap<K, M> = [M] extends [ReadonlyMap<infer Key, any>]
  ? [K] extends [Key]
    ? unknown
    : [Key] extends [K]
      ? unknown
      : { 'the Map has other keys than the command gets': { inTheMap: Key; key: K } }
  : never

type SeesNoContext<D> = D extends { readonly shared: true | ((context: any) => unknown) }
  ? { readonly command: (keys: any, context: SharedCommandContext<any>) => unknown }
  : unknown

/** The loaders of a server, by the name that they have on `ctx.bulk`. */
export type BulkDefinitions<TContext = any> = Readonly<
  Record<string, BulkDefinition<TContext> | AnyCommand<TContext>>
>

/** The same before it is known what their keys and answers are. */
export type AnyDefinitions<TContext = any> = Readonly<
  Record<string, AnyDefinition<TContext> | AnyCommand<TContext>>
>

/** The defaults of all loaders, and what concerns all of them. */
export interface BulkOptions<As extends string = 'bulk'> extends BulkSettings {
  /**
   * Another name for the loaders in the context, if `ctx.bulk` is taken.
   * @default 'bulk'
   */
  readonly as?: As | undefined
  /**
   * How many bulks of all loaders together may be in flight at once, over all requests. A loader's own `concurrent` applies
   * as well.
   * @default null
   */
  readonly concurrent?: number | null | Limiter | undefined
  /**
   * The names of types, besides `Mutation`, whose fields write: caches are cleared around those fields too.
   * @default namespaces: types that are returned only by fields of `Mutation` (or of other namespaces) without arguments,
   * not in lists, and that have fields with arguments or resolvers
   */
  readonly mutations?: readonly string[] | undefined
}

type CommandOf<D> = D extends { readonly command: infer C } ? C : D
type NullKeysOf<D> = D extends { readonly nullKeys: infer N extends NullKeys } ? N : 'error'
type KeyOf<D> =
  CommandOf<D> extends (keys: infer Keys extends Iterable<any>, ...rest: any[]) => unknown
    ? ElementOf<Keys>
    : never
type ElementOf<Keys> = Keys extends Iterable<infer K> ? K : never
type ValueOf<D> = CommandOf<D> extends (...args: any[]) => infer G ? ResultOf<G> : never
type LoaderOf<D> = BulkLoader<OrNull<KeyOf<D>, NullKeysOf<D>>, OrNull<ValueOf<D>, NullKeysOf<D>>, any>

/** What resolvers find on `ctx.bulk`. */
export type BulkLoaders<D extends AnyDefinitions> = { readonly [Name in keyof D]: LoaderOf<D[Name]> }

/** The loaders of a server. It remembers their types, and the name that they have in the context, for {@link BulkContext}. */
export interface BulkServer<D extends AnyDefinitions, As extends string = 'bulk'> {
  readonly '~definitions': D
  readonly '~as': As
  /**
   * New loaders for one unit of work, such as a job, a route or a script, with caches of their own. Limits and shared bulks
   * are those of the server.
   * @param context what commands get as their `context`
   */
  create(this: void, context?: object): BulkLoaders<D>
  /**
   * Puts new loaders into the context of an operation, and returns that context.
   * @param context what commands get as their `context`: this very object
   */
  extendContext<C extends object = object>(
    this: void,
    context?: C,
  ): C & { readonly [Name in As]: BulkLoaders<D> }
  /**
   * Lets the resolvers of a schema run in the scope of their operation, so that windows close as soon as all of them wait:
   * those of fields, methods of classes, `resolveType`, `isTypeOf` and `__resolveReference`. In place, and once.
   * @param fieldResolver the server's own resolver for fields without one, if it has any
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
