// A test of types that compiles has passed.
/* oxlint-disable vitest/expect-expect */
import type { SharedCommandContext } from '@bulkcall/core'
import { grouped, keyed, semaphore, type BulkLoader } from '@bulkcall/core'
import { createSchema, createYoga, type YogaInitialContext } from 'graphql-yoga'
import { describe, expectTypeOf, it } from 'vitest'
import {
  bulkResolver,
  useBulk,
  type BulkCommandContext,
  type BulkContext,
  type UseBulkOptions,
  type BulkDefinition,
  type BulkLoaders,
} from '../src/index.ts'

interface User {
  readonly id: number
  readonly name: string
}
interface Post {
  readonly id: string
  readonly authorId: number
}
declare const fetchUsers: (ids: readonly number[]) => Promise<User[]>
declare const fetchPosts: (ids: number[]) => Promise<Post[]>

const bulk = useBulk({
  users: { command: fetchUsers, size: 100, delay: 5, concurrent: 4 },
  plain: (ids: readonly string[]) => ids.map(Number),
  none: (_ids: readonly number[]): string[] | null => null,
  nothing: async (_ids: readonly number[]) => null,
  byMap: async (ids: readonly number[]) => new Map(ids.map(id => [id, { id }])),
  perKey: (ids: readonly number[]): (User | Error)[] => ids.map(() => new Error('no')),
  stream: async function* (ids: readonly number[]) {
    yield* ids.map(String)
  },
  user: keyed(fetchUsers, user => user.id),
  postsOf: grouped(fetchPosts, post => post.authorId),
  pairs: (keys: readonly { a: number; b: string }[]) => keys.map(({ a, b }) => `${a}${b}`),
  authors: { command: fetchUsers, nullKeys: 'null' },
  'with-dash': (keys: readonly bigint[]) => keys,
})
type Context = YogaInitialContext & BulkContext<typeof bulk>
declare const ctx: Context

describe('ctx.bulk', () => {
  it('S141 takes a key that may be null, and gives null for it, where the definition says so', () => {
    expectTypeOf(ctx.bulk.authors.load(null)).toEqualTypeOf<Promise<User | null>>()
    expectTypeOf(ctx.bulk.authors.load(1)).toEqualTypeOf<Promise<User | null>>()
    // @ts-expect-error: a misspelt property is none
    void ctx.bulk.authors.load(undefined)
    // @ts-expect-error: it is an error
    void ctx.bulk.users.load(null)
  })

  it('gives what the command gives for a key', () => {
    expectTypeOf(ctx.bulk.users.load(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(ctx.bulk.plain.load('a')).toEqualTypeOf<Promise<number>>()
    expectTypeOf(ctx.bulk.stream.load(1)).toEqualTypeOf<Promise<string>>()
    expectTypeOf(ctx.bulk.pairs.load({ a: 1, b: 'x' })).toEqualTypeOf<Promise<string>>()
    expectTypeOf(ctx.bulk['with-dash'].load(1n)).toEqualTypeOf<Promise<bigint>>()
    expectTypeOf(ctx.bulk.postsOf.load(1)).toEqualTypeOf<Promise<Post[]>>()
    expectTypeOf(ctx.bulk.users.loadMany([1, 2])).toEqualTypeOf<Promise<(User | Error)[]>>()
  })

  it('gives null only where the command can give none', () => {
    expectTypeOf(ctx.bulk.none.load(1)).toEqualTypeOf<Promise<string | null>>()
    expectTypeOf(ctx.bulk.nothing.load(1)).toEqualTypeOf<Promise<null>>()
    expectTypeOf(ctx.bulk.byMap.load(1)).toEqualTypeOf<Promise<{ id: number } | null>>()
    expectTypeOf(ctx.bulk.user.load(1)).toEqualTypeOf<Promise<User | null>>()
  })

  it('takes the keys of a command that only iterates them', () => {
    const iterating = useBulk({ doubled: (ids: Iterable<number>) => Array.from(ids, id => String(2 * id)) })
    type Iterating = BulkContext<typeof iterating>['bulk']['doubled']
    expectTypeOf<Iterating['load']>().parameter(0).toEqualTypeOf<number>()
    expectTypeOf<Iterating['load']>().returns.toEqualTypeOf<Promise<string>>()
  })

  it('gives no Error as a value', () => {
    expectTypeOf(ctx.bulk.perKey.load(1)).toEqualTypeOf<Promise<User>>()
  })

  it('takes keys of the right type alone', () => {
    // @ts-expect-error a text is no number
    void ctx.bulk.users.load('1')
    // @ts-expect-error a number is no text
    void ctx.bulk.plain.load(1)
    // @ts-expect-error a part of the key is missing
    void ctx.bulk.pairs.load({ a: 1 })
    // @ts-expect-error null is no key
    void ctx.bulk.users.load(null)
    // @ts-expect-error the keys of many are the same
    void ctx.bulk.users.loadMany(['1'])
    // @ts-expect-error what is primed is what is loaded
    ctx.bulk.users.prime(1, { id: 'x' })
  })

  it('has the loaders that are defined alone, for reading', () => {
    // @ts-expect-error a misspelt name
    void ctx.bulk.user_s
    // @ts-expect-error not by a method of every object either
    void ctx.bulk.constructor.load
    // @ts-expect-error a loader is not replaced
    ctx.bulk.users = null!
    expectTypeOf<keyof typeof ctx.bulk>().toEqualTypeOf<
      | 'users'
      | 'plain'
      | 'none'
      | 'nothing'
      | 'byMap'
      | 'perKey'
      | 'stream'
      | 'user'
      | 'postsOf'
      | 'pairs'
      | 'authors'
      | 'with-dash'
    >()
    expectTypeOf(ctx.bulk.users).toExtend<BulkLoader<number, User, any>>()
  })

  it('S144 has the name that the plugin is given', () => {
    const named = useBulk({ users: fetchUsers }, { as: 'loaders', delay: 1 })
    type Named = BulkContext<typeof named>
    expectTypeOf<keyof Named>().toEqualTypeOf<'loaders'>()
    expectTypeOf<Named['loaders']['users']['load']>().returns.toEqualTypeOf<Promise<User>>()
    const typed = useBulk<{ readonly tenant: string }>()({ users: fetchUsers }, { as: 'loaders' })
    expectTypeOf<keyof BulkContext<typeof typed>>().toEqualTypeOf<'loaders'>()
    const options: UseBulkOptions = { delay: 1 }
    const usual = useBulk({ users: fetchUsers }, options)
    expectTypeOf<keyof BulkContext<typeof usual>>().toEqualTypeOf<'bulk'>()
  })

  it('can be named by itself, for functions that need the loaders alone', () => {
    const definitions = { users: fetchUsers }
    expectTypeOf<BulkLoaders<typeof definitions>['users']['load']>().parameter(0).toEqualTypeOf<number>()
  })

  it('of something else than the plugin is never', () => {
    expectTypeOf<BulkContext<string>>().toBeNever()
  })
})

describe('a schema', () => {
  it('made with the context type knows its loaders', () => {
    const schema = createSchema<Context>({
      typeDefs: 'type Query { name: String }',
      resolvers: {
        Query: {
          name: async (_source, _args, context) => {
            expectTypeOf(context.bulk.users.load(1)).toEqualTypeOf<Promise<User>>()
            // @ts-expect-error a text is no number
            void context.bulk.users.load('1')
            // @ts-expect-error no such loader
            void context.bulk.posts
            return (await context.bulk.users.load(1)).name
          },
        },
      },
    })
    expectTypeOf(createYoga).toBeCallableWith({ schema, plugins: [bulk] })
  })

  it('and its server take the plugin beside others, with a context of the application and of its host', () => {
    createYoga({
      schema: createSchema<Context & { readonly tenant: string }>({ typeDefs: 'type Query { a: Int }' }),
      context: async () => ({ tenant: 'x' }),
      plugins: [{ onRequest() {} }, bulk],
    })
    // With a server context, such as that of a framework, the loaders are said to be the user's context.
    const yoga = createYoga<{ readonly socket: string }, BulkContext<typeof bulk>>({
      schema: createSchema<Context & { readonly socket: string }>({ typeDefs: 'type Query { a: Int }' }),
      plugins: [bulk],
    })
    expectTypeOf(yoga).toBeCallableWith(new Request('http://localhost'), { socket: 'x' })
  })

  it('generated by GraphQL Code Generator takes an alias as its contextType', () => {
    // What the generator writes for `contextType: './context#Context'`: it imports the alias and passes it on.
    type Resolver<Result, Parent, TContext, Args> = (
      parent: Parent,
      args: Args,
      context: TContext,
    ) => Promise<Result> | Result
    type PostResolvers<ContextType = Context, Parent extends Post = Post> = {
      author?: Resolver<User | null, Parent, ContextType, object>
    }
    const resolvers: PostResolvers = { author: (post, _, context) => context.bulk.users.load(post.authorId) }
    expectTypeOf(resolvers.author!).parameter(2).toEqualTypeOf<Context>()
    const wrong: PostResolvers = {
      // @ts-expect-error the key of a post is a text
      author: (post, _, context) => context.bulk.users.load(post.id),
    }
    void wrong
  })
})

describe('commands', () => {
  interface AppContext {
    readonly db: { users(ids: readonly number[], signal: AbortSignal): Promise<User[]> }
  }

  it('know the context of the application', () => {
    const typed = useBulk<AppContext>()({
      users: (ids: readonly number[], { context, signal, name }) => {
        expectTypeOf(context).toEqualTypeOf<AppContext>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        expectTypeOf(name).toEqualTypeOf<string>()
        return context.db.users(ids, signal)
      },
      more: {
        command: (ids: readonly number[], { context, signal }) => {
          expectTypeOf(context).toEqualTypeOf<AppContext>()
          return context.db.users(ids, signal)
        },
        size: 10,
      },
    })
    type Typed = BulkContext<typeof typed>['bulk']
    expectTypeOf<Typed['users']['load']>().returns.toEqualTypeOf<Promise<User>>()
    expectTypeOf<Typed['users']['load']>().parameter(0).toEqualTypeOf<number>()
    expectTypeOf<Typed['more']['load']>().returns.toEqualTypeOf<Promise<User>>()
    useBulk<AppContext>()({
      users: (ids: readonly number[], { context }) => {
        // @ts-expect-error no such thing in the context
        void context.database
        return ids
      },
    })
  })

  it('know the context of the application within keyed and grouped', () => {
    const typed = useBulk<AppContext>()({
      user: keyed(
        (ids: number[], { context, signal }: BulkCommandContext<AppContext>) => context.db.users(ids, signal),
        user => user.id,
      ),
      namesakes: {
        command: grouped(
          (ids: number[], { context, signal }: BulkCommandContext<AppContext>) =>
            context.db.users(ids, signal),
          user => user.id,
        ),
      },
    })
    type Typed = BulkContext<typeof typed>['bulk']
    expectTypeOf<Typed['user']['load']>().returns.toEqualTypeOf<Promise<User | null>>()
    expectTypeOf<Typed['namesakes']['load']>().returns.toEqualTypeOf<Promise<User[]>>()
  })

  it('of another application do not fit', () => {
    // @ts-expect-error it wants a context that this application does not have
    useBulk<{ other: true }>()({
      user: (ids: readonly number[], { context }: BulkCommandContext<AppContext>) =>
        context.db.users(ids, null!),
    })
  })

  it('may say their context themselves', () => {
    const typed = useBulk({
      users: (ids: readonly number[], { context, signal }: BulkCommandContext<AppContext>) =>
        context.db.users(ids, signal),
    })
    expectTypeOf<BulkContext<typeof typed>['bulk']['users']['load']>().returns.toEqualTypeOf<Promise<User>>()
  })

  it('have the keys of their parameter in cacheKeyFn', () => {
    useBulk({
      pairs: {
        command: (keys: readonly { a: number }[]) => keys.map(({ a }) => a),
        cacheKeyFn: (key: { a: number }) => key.a,
      },
    })
  })

  it('that give no results at all, and options that nobody knows, do not compile', () => {
    // @ts-expect-error a number is no list of results
    useBulk({ users: (ids: readonly number[]) => ids.length })
    // @ts-expect-error nor is an object
    useBulk({ users: { command: (ids: readonly number[]) => ({ ids }) } })
    // @ts-expect-error a misspelt default
    useBulk({ users: fetchUsers }, { concurent: 5 })
    // @ts-expect-error a misspelt setting
    useBulk({ users: { command: fetchUsers, concurent: 5 } })
    // @ts-expect-error a definition needs a command
    useBulk({ users: { size: 5 } })
    useBulk({ users: { command: fetchUsers, concurrent: semaphore(4) } }, { concurrent: null })
  })

  it('can be defined apart', () => {
    const users = { command: fetchUsers, size: 10 } satisfies BulkDefinition
    const apart = useBulk({ users })
    expectTypeOf<BulkContext<typeof apart>['bulk']['users']['load']>().returns.toEqualTypeOf<Promise<User>>()
  })
})

describe('bulkResolver', () => {
  it('is a resolver whose calls and results have types', () => {
    const resolve = bulkResolver((calls: { source: Post; args: { upper: boolean } }[]) =>
      calls.map(({ source, args }) => (args.upper ? source.id.toUpperCase() : source.id)),
    )
    expectTypeOf(resolve).parameter(0).toEqualTypeOf<Post>()
    expectTypeOf(resolve).parameter(1).toEqualTypeOf<{ upper: boolean }>()
    expectTypeOf(resolve).returns.toEqualTypeOf<Promise<string>>()
  })

  it('gives null where the command can give none', () => {
    const resolve = bulkResolver((_calls: { source: Post }[]): string[] | null => null)
    expectTypeOf(resolve).returns.toEqualTypeOf<Promise<string | null>>()
  })

  it('knows the context that its command asks for', () => {
    const resolve = bulkResolver((calls: { source: Post }[], { context }: BulkCommandContext<Context>) => {
      expectTypeOf(context).toEqualTypeOf<Context>()
      return calls.map(() => 1)
    })
    expectTypeOf(resolve).parameter(2).toEqualTypeOf<Context>()
    createSchema<Context>({ typeDefs: '', resolvers: { Post: { title: resolve } } })
  })

  it('takes no option of a cache', () => {
    // @ts-expect-error a resolver is no cache
    bulkResolver((calls: { source: Post }[]) => calls.map(() => 1), { cache: true })
  })
})

describe('the command of a shared loader', () => {
  it('sees no context', () => {
    const typed = useBulk({
      users: { shared: true, command: async (ids: number[]) => ids.map(String) },
      tenants: {
        shared: (context: { tenant: string }) => context.tenant,
        command: async (ids: number[], { partition }: SharedCommandContext<string>) => {
          expectTypeOf(partition).toEqualTypeOf<string>()
          return ids
        },
      },
    })
    expectTypeOf<BulkContext<typeof typed>['bulk']['users']['load']>().returns.toEqualTypeOf<
      Promise<string>
    >()
    useBulk({
      users: {
        shared: true,
        // @ts-expect-error a context would be one viewer's, for another's key
        command: async (ids: number[], { context }) => [ids, context],
      },
    })
  })
})
