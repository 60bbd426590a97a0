/**
 * Loaders on a server that executes with graphql-js alone, and does not say when.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

import { BulkOverflowError, keyed } from '@bulkcall/core'
import {
  buildSchema,
  execute,
  parse,
  subscribe,
  type ExecutionResult,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { bulkResolver, defineBulk, type BulkCommandContext, type BulkContext } from '../src/index.ts'

interface User {
  readonly id: number
  name: string
}

const typeDefs = /* GraphQL */ `
  type Query {
    users(ids: [Int!]!): [User]!
    wait(ids: [Int!]!): [User]!
  }
  type Mutation {
    rename(id: Int!, to: String!): User
  }
  type Subscription {
    renamed(id: Int!, to: [String!]!): User
  }
  type User {
    id: Int
    name: String
    self: User
    double: Int
    tag(name: String): String
  }
`

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A server whose users can be renamed, and which says what it was asked. */
function serve(options: { readonly maxPending?: number } = {}) {
  const names = new Map<number, string>()
  const asked: number[][] = []
  const read = (id: number): User => ({ id, name: names.get(id) ?? `user ${id}` })
  const contexts: unknown[] = []
  const bulk = defineBulk(
    {
      users: keyed(
        async (ids: number[], { context }: BulkCommandContext) => {
          asked.push([...ids])
          contexts.push(context)
          await tick()
          return ids.map(read)
        },
        ({ id }) => id,
      ),
    },
    options,
  )
  type Context = BulkContext<typeof bulk>
  const schema = schemaOf({
    Query: {
      users: (_: unknown, { ids }: { ids: number[] }, ctx: Context) =>
        ids.map(async id => ctx.bulk.users.load(id)),
      wait: (_: unknown, { ids }: { ids: number[] }, ctx: Context) =>
        ids.map(async id => {
          await tick()
          return ctx.bulk.users.load(id)
        }),
    },
    Mutation: {
      rename: async (_: unknown, { id, to }: { id: number; to: string }, ctx: Context) => {
        await ctx.bulk.users.load(id)
        names.set(id, to)
        return ctx.bulk.users.load(id)
      },
    },
    User: {
      self: ({ id }: User, _: unknown, ctx: Context) => ctx.bulk.users.load(id),
      double: bulkResolver(async (calls: { source: User }[]) => calls.map(({ source }) => source.id * 2)),
    },
    Subscription: {
      renamed: ({ id }: User, _: unknown, ctx: Context) => ctx.bulk.users.load(id),
    },
  })
  const renamed = (schema.getSubscriptionType() as GraphQLObjectType).getFields()['renamed']!
  const seen: string[] = []
  const events: GraphQLFieldResolver<any, any> = async function* events(_, { id, to }, ctx: Context) {
    for (const name of to) {
      seen.push((await ctx.bulk.users.load(id))!.name)
      names.set(id, name)
      yield { id }
    }
  }
  renamed.subscribe = events
  bulk.scopeResolvers(schema)
  return { bulk, schema, asked, contexts, seen, names, events }
}

function schemaOf(resolvers: Readonly<Record<string, Readonly<Record<string, unknown>>>>): GraphQLSchema {
  const schema = buildSchema(typeDefs)
  for (const [type, fields] of Object.entries(resolvers))
    for (const [name, resolve] of Object.entries(fields))
      (schema.getType(type) as GraphQLObjectType).getFields()[name]!.resolve = resolve as never
  return schema
}

async function run(schema: GraphQLSchema, query: string, contextValue: unknown): Promise<ExecutionResult> {
  return execute({ schema, document: parse(query), contextValue })
}

describe('one execution', () => {
  it('S190 loads in bulk, keeps answers, and has windows that close before their delay', async () => {
    const { bulk, schema, asked } = serve()
    const query = '{ wait(ids: [1, 2, 1]) { self { self { name } } } users(ids: [3]) { name double } }'
    const { data, errors } = await run(schema, query, bulk.extendContext())

    expect(errors).toBeUndefined()
    expect(data).toMatchObject({ users: [{ name: 'user 3', double: 6 }] })
    expect(asked).toEqual([[3, 1, 2]])
  })

  it('S190 fields that have no resolver are resolved with that of the server, in its scope', async () => {
    const { bulk, schema, asked } = serve()
    const tags = schemaOf({ Query: { users: () => [{ id: 1 }, { id: 2 }] } })
    bulk.scopeResolvers(tags, async ({ id }: User, _, ctx: BulkContext<typeof bulk>, { fieldName }) => {
      await tick()
      return `${fieldName} of ${(await ctx.bulk.users.load(id))!.name}`
    })
    const { data } = await run(tags, '{ users(ids: []) { tag } }', bulk.extendContext())

    expect(data).toEqual({ users: [{ tag: 'tag of user 1' }, { tag: 'tag of user 2' }] })
    expect(asked).toEqual([[1, 2]])
    expect((await run(schema, '{ users(ids: [1]) { name } }', bulk.extendContext())).errors).toBeUndefined()
  })

  it('a resolver that a program calls itself loads as well', async () => {
    const { bulk, schema } = serve()
    const { resolve } = (schema.getType('User') as GraphQLObjectType).getFields()['self']!
    const call = resolve as (...args: unknown[]) => Promise<User>

    expect(await call({ id: 1 }, {}, bulk.extendContext())).toEqual({ id: 1, name: 'user 1' })
  })
})

describe('executions with one context', () => {
  const query = '{ users(ids: [1, 2]) { self { name } } }'

  it('S191 begin with fresh loaders, one after the other', async () => {
    const { bulk, schema, asked, names } = serve()
    const context = bulk.extendContext()
    await run(schema, query, context)
    names.set(1, 'new')
    const { data } = await run(schema, query, context)

    expect(data).toEqual({ users: [{ self: { name: 'new' } }, { self: { name: 'user 2' } }] })
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  it('S191 have loaders of their own while others go on', async () => {
    const { bulk, schema, asked } = serve()
    const context = bulk.extendContext()
    await Promise.all([1, 2, 3].map(() => run(schema, query, context)))

    expect(asked).toEqual([1, 2, 3].map(() => [1, 2]))
  })

  it('S191 the first one finds what was loaded before it', async () => {
    const { bulk, schema, asked } = serve()
    const context = bulk.extendContext()
    await context.bulk.users.load(1)
    await run(schema, query, context)

    expect(asked).toEqual([[1], [2]])
  })
})

const renamings = async (
  schema: GraphQLSchema,
  contextValue: object,
  subscribeFieldResolver?: GraphQLFieldResolver<any, any>,
) => {
  const document = parse('subscription { renamed(id: 1, to: ["a", "b", "c"]) { name self { name } } }')
  const events = (await subscribe({
    schema,
    document,
    contextValue,
    ...(subscribeFieldResolver && { subscribeFieldResolver }),
  })) as AsyncIterable<ExecutionResult>
  const results: unknown[] = []
  for await (const { data, errors } of events) results.push(errors ?? data!['renamed'])
  return results
}

it('S191 an execution within a resolver has loaders of its own', async () => {
  const { bulk, schema, asked } = serve()
  const outer = schemaOf({
    Query: {
      users: async (_: unknown, { ids }: { ids: number[] }, context: BulkContext<typeof bulk>) => {
        await context.bulk.users.load(ids[0]!)
        const { data } = await run(schema, '{ users(ids: [1]) { id name } }', context)
        return [data!['users']].flat()
      },
    },
  })
  const { data } = await run(bulk.scopeResolvers(outer), '{ users(ids: [1]) { name } }', bulk.extendContext())

  expect(data).toEqual({ users: [{ name: 'user 1' }] })
  expect(asked).toEqual([[1], [1]])
})

it('S197 commands run in the async context of the first resolver of their execution', async () => {
  const store = new AsyncLocalStorage<string>()
  const stores: unknown[] = []
  const bulk = defineBulk({
    users: async (ids: number[]) => {
      stores.push(store.getStore())
      return ids.map(id => ({ id }))
    },
  })
  type Context = BulkContext<typeof bulk>
  const schema = schemaOf({
    Query: {
      users: (_: unknown, { ids }: { ids: number[] }, ctx: Context) => ids.map(id => ctx.bulk.users.load(id)),
    },
    User: {
      self: ({ id }: User, _: unknown, ctx: Context) =>
        store.run('a resolver', async () => {
          await tick()
          return ctx.bulk.users.load(id + 10)
        }),
    },
  })
  bulk.scopeResolvers(schema)
  const query = '{ users(ids: [1, 2]) { self { id } } }'
  await Promise.all(
    ['one', 'two'].map(name => store.run(name, () => run(schema, query, bulk.extendContext()))),
  )

  expect(stores).toEqual(['one', 'two', 'one', 'two'])
})

describe('a subscription', () => {
  it('S191 has fresh loaders for each event, and its source keeps nothing', async () => {
    const { bulk, schema, asked, seen } = serve()
    const events = await renamings(schema, bulk.extendContext())

    expect(events).toEqual(['a', 'b', 'c'].map(name => ({ name, self: { name } })))
    expect(seen).toEqual(['user 1', 'a', 'b'])
    // One for the source and one for its event, each time.
    expect(asked).toEqual(Array.from({ length: 6 }, () => [1]))
  })

  it('S191 whose source the server opens itself keeps nothing of it from the first event on', async () => {
    const { bulk, schema, seen, events } = serve()
    const renamed = (schema.getSubscriptionType() as GraphQLObjectType).getFields()['renamed']!
    delete renamed.subscribe
    const names = await renamings(schema, bulk.extendContext(), events)

    expect(names).toEqual(['a', 'b', 'c'].map(name => ({ name, self: { name } })))
    expect(seen).toEqual(['user 1', 'a', 'b'])
  })

  it('S191 leaves a later query with the same context its cache', async () => {
    const { bulk, schema, asked } = serve()
    const context = bulk.extendContext()
    await renamings(schema, context)
    asked.length = 0
    const { data } = await run(schema, '{ users(ids: [1, 2]) { self { self { name } } } }', context)

    expect(data!['users']).toHaveLength(2)
    expect(asked).toEqual([[1, 2]])
  })

  it('S191 does not disturb another one with the same context', async () => {
    const { bulk, schema } = serve()
    const context = bulk.extendContext()
    const all = await Promise.all([1, 2].map(() => renamings(schema, { ...context })))

    expect(all.flat().map(event => (event as { self: User; name: string }).self)).toEqual(
      all.flat().map(event => ({ name: (event as User).name })),
    )
  })
})

describe('the context', () => {
  it('S192 is extended, and is what commands get', async () => {
    const { bulk, contexts } = serve()
    const own = { viewer: 'ada' }
    const context = bulk.extendContext(own)
    expectTypeOf(context).toEqualTypeOf<{ viewer: string } & BulkContext<typeof bulk>>()
    const user = await context.bulk.users.load(1)
    expectTypeOf(user).toEqualTypeOf<User | null>()

    expect(context).toBe(own)
    expect(contexts).toEqual([own])
  })

  it('S192 has the loaders under the name that the option `as` gives, and resolvers find them', async () => {
    const asked: number[][] = []
    const bulk = defineBulk({ users: async (ids: number[]) => (asked.push(ids), ids) }, { as: 'loaders' })
    const schema = schemaOf({
      Query: {
        wait: (_: unknown, { ids }: { ids: number[] }, ctx: BulkContext<typeof bulk>) =>
          ids.map(async id => {
            await tick()
            return { id: await ctx.loaders.users.load(id) }
          }),
      },
    })
    bulk.scopeResolvers(schema)
    const { data } = await run(schema, '{ wait(ids: [1, 2]) { id } }', bulk.extendContext())

    expect(data).toEqual({ wait: [{ id: 1 }, { id: 2 }] })
    expect(asked).toEqual([[1, 2]])
  })

  it('S192 with something else under that name is refused, and so is one that is no object', () => {
    const { bulk } = serve()
    expect(() => bulk.extendContext({ bulk: 'mail' })).toThrow(
      "Bulkcall: the property bulk of the context must be the loaders of useBulk or defineBulk, got 'mail'",
    )
    expect(() => bulk.extendContext('mail' as never)).toThrow(
      "Bulkcall: the context must be an object, got 'mail'",
    )
  })

  it('S192 is complete for the partition of a shared loader', async () => {
    const asked: number[][] = []
    const command = async (ids: number[]): Promise<number[]> => (asked.push([...ids]), ids)
    const bulk = defineBulk<{ tenant: string }>()({ users: { command, shared: ({ tenant }) => tenant } })
    const contexts = ['a', 'b', 'a'].map(tenant => bulk.extendContext({ tenant }))
    await Promise.all(contexts.map((context, id) => context.bulk.users.load(id)))

    expect(asked).toEqual([[0, 2], [1]])
  })

  it('S192 options that only Yoga has are refused', () => {
    expect(() => defineBulk({}, { extensions: true } as never)).toThrow('extensions')
  })
})

it('S193 a field of a mutation sees what the one before it has changed', async () => {
  const { bulk, schema } = serve()
  const query =
    'mutation { a: rename(id: 1, to: "a") { self { name } } b: rename(id: 1, to: "b") { self { name } } }'
  const { data } = await run(schema, query, bulk.extendContext())

  expect(data).toEqual({ a: { self: { name: 'a' } }, b: { self: { name: 'b' } } })
})

it('S194 errors of ours carry their code to the client', async () => {
  const { bulk, schema } = serve({ maxPending: 1 })
  const { errors } = await run(schema, '{ users(ids: [1, 2]) { name } }', bulk.extendContext())

  expect(errors!.map(({ extensions, path }) => ({ extensions, path }))).toEqual([
    { extensions: { code: 'BULK_OVERFLOW' }, path: ['users', 1] },
  ])
  expect(errors![0]!.originalError).toBeInstanceOf(BulkOverflowError)
})
