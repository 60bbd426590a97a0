import { envelop, useEngine, useSchema } from '@envelop/core'
import * as GraphQLJS from 'graphql'
import { createSchema } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { recorded, user, type User } from './support/commands.ts'
import { gate, patient, sleep, until } from './support/wait.ts'

/** A server that is Envelop alone: GraphQL's own functions, and no HTTP. */
function server(more: object = {}) {
  const users = recorded(user)
  const state = { entered: 0, lingering: gate() }
  let version = 0
  const schema = createSchema<any>({
    typeDefs: /* GraphQL */ `
      type Query {
        users(ids: [Int!]!): [User!]!
        fail: Int
      }
      type Mutation {
        bump: Int
        version: Int
      }
      type Subscription {
        versions(to: Int!): Int
      }
      type User {
        id: Int!
        name(ms: Int): String
        linger: String
        shout: String
      }
    `,
    resolvers: {
      Query: {
        users: (_, { ids }: { ids: number[] }) => ids.map(id => ({ id })),
        fail: (_, __, ctx) => ctx.bulk.failing.load(1),
      },
      Mutation: {
        version: (_, __, ctx) => ctx.bulk.versions.load(0),
        bump: async (_, __, ctx) => {
          version++
          return ctx.bulk.versions.load(0)
        },
      },
      Subscription: {
        versions: {
          async *subscribe(_, { to }) {
            for (let i = 0; i < to; i++) {
              version++
              yield i
            }
          },
          resolve: (_: unknown, __, ctx) => ctx.bulk.versions.load(0),
        },
      },
      User: {
        name: async ({ id }: User, { ms }, ctx) => {
          if (ms) await sleep(ms * (id % 3))
          return (await ctx.bulk.users.load(id)).name
        },
        linger: async ({ id }: User, _, ctx) => {
          state.entered++
          await state.lingering.opened
          return (await ctx.bulk.users.load(id)).name
        },
        shout: bulkResolver((calls: { source: User }[]) => calls.map(({ source }) => `${source.id}!`)),
      },
    },
  })
  const bulk = useBulk({
    users: { command: users, delay: patient },
    versions: (keys: readonly number[]) => keys.map(() => version),
    failing: () => [],
  })
  const { parse, validate, execute, subscribe } = GraphQLJS
  const getEnveloped = envelop({
    plugins: [useEngine({ parse, validate, execute, subscribe }), useSchema(schema), bulk as never, more],
  })
  return { users, getEnveloped, schema, state }
}

async function run(
  getEnveloped: ReturnType<typeof server>['getEnveloped'],
  query: string,
  initial?: object,
): Promise<any> {
  const { parse, validate, contextFactory, execute, subscribe, schema } = getEnveloped(initial)
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const contextValue = await contextFactory()
  const go = query.startsWith('subscription') ? subscribe : execute
  return go({ schema, document, contextValue })
}

describe('an Envelop server without Yoga', () => {
  it.each([[undefined], [{}], [{ tenant: 'x' }]])(
    'has loaders, with an initial context of %j',
    async initial => {
      const { getEnveloped, users } = server()
      const result = await run(getEnveloped, '{ users(ids: [1, 2, 3, 1]) { name(ms: 2) shout } }', initial)
      expect(result.errors).toBeUndefined()
      expect(result.data.users[2]).toEqual({ name: 'user 3', shout: '3!' })
      expect(users.bulks).toHaveLength(1)
    },
  )

  it('has fresh loaders for each operation', async () => {
    const { getEnveloped, users } = server()
    await Promise.all([1, 2].map(() => run(getEnveloped, '{ users(ids: [1]) { name } }')))
    expect(users.bulks).toEqual([[1], [1]])
  })

  it('has fresh data in each root field of a mutation', async () => {
    const { getEnveloped } = server()
    const { data } = await run(getEnveloped, 'mutation { a: version b: bump c: version d: bump }')
    expect({ ...data }).toEqual({ a: 0, b: 1, c: 1, d: 2 })
  })

  it('has fresh loaders for each event of a subscription', async () => {
    const { getEnveloped } = server()
    const seen: unknown[] = []
    for await (const { data } of await run(getEnveloped, 'subscription { versions(to: 3) }'))
      seen.push(data.versions)
    expect(seen).toEqual([1, 2, 3])
  })

  it.each([undefined, null, 5])('S23 leaves a result alone that is none: %s', async given => {
    const replacing = { onExecute: ({ setExecuteFn }: any) => setExecuteFn(() => given) }
    const { getEnveloped } = server(replacing)
    expect(await run(getEnveloped, '{ users(ids: [1]) { name } }')).toBe(given)
  })

  it('tells the code of errors of ours', async () => {
    const { getEnveloped } = server()
    const { errors } = await run(getEnveloped, '{ fail }')
    expect(JSON.parse(JSON.stringify(errors))).toMatchObject([
      { path: ['fail'], extensions: { code: 'BULK_LENGTH' } },
    ])
  })

  it('tells the code of an error of ours that the context met, and nothing of HTTP', async () => {
    const { getEnveloped } = server({
      onContextBuilding: ({ context }: any) => context.bulk.failing.load(1),
    })
    const failing = run(getEnveloped, '{ users(ids: [1]) { id } }')
    await expect(failing).rejects.toThrow(GraphQLJS.GraphQLError)
    await expect(failing).rejects.toMatchObject({ extensions: { code: 'BULK_LENGTH' } })
  })

  it('drops what a client has asked that has gone, where the context has its request', async () => {
    const { getEnveloped, users, state } = server()
    const controller = new AbortController()
    const request = new Request('http://localhost', { signal: controller.signal })
    // Their names are pending, and those who linger would load later.
    const answer = run(getEnveloped, '{ users(ids: [1, 2, 3]) { name linger } }', { request })
    await until(() => state.entered === 3)
    controller.abort()
    state.lingering.open()
    const { errors } = await answer
    expect(errors).toHaveLength(6)
    expect(users.bulks).toEqual([])
  })
})
