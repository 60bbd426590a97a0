/**
 * Mutations in namespaces: what a field below the root has written is seen as it is, by itself and by what comes next.
 */

import { createSchema, createYoga } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk, type UseBulkOptions } from '../src/index.ts'
import { ask, dataOf } from './support/ask.ts'

const empty = (): object => ({})
const read = (_: unknown, __: unknown, ctx: any): Promise<string> => ctx.bulk.rows.load(1)

/** Looks again, after fields beside it have ended: if their end clears caches, that is a second bulk. */
async function readTwice(_: unknown, __: unknown, ctx: any): Promise<string> {
  await ctx.bulk.rows.load(1)
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  return ctx.bulk.rows.load(1)
}

/** A server over one row, which each of its writing fields changes. */
function server(typeDefs: string, resolvers: (write: any) => any, options: UseBulkOptions = {}) {
  let name = 'old'
  const bulks: number[][] = []
  const rows = (ids: number[]): string[] => {
    bulks.push([...ids])
    return ids.map(() => name)
  }
  /** It has looked at the row before; what it gives is looked up by the fields below. */
  const write = async (_: unknown, args: { to: string }, ctx: any): Promise<unknown> => {
    await ctx.bulk.rows.load(1)
    name = args.to
    return {}
  }
  const yoga = createYoga({
    logging: false,
    plugins: [useBulk({ rows }, options)],
    schema: createSchema<any>({
      typeDefs: `type Query { read: String readTwice: String } type Row { name: String } ${typeDefs}`,
      resolvers: { Query: { read, readTwice }, Row: { name: read }, ...resolvers(write) },
    }),
  })
  return { yoga, bulks }
}

const namespaced = `
  type Mutation { read: String users: Users! admin: Admin }
  type Users { rename(to: String!): Row read: String readTwice: String }
  type Admin { users: Users! deep: Deep! }
  type Deep { rename(to: String!): Row }
`
const namespacedResolvers = (write: any): object => ({
  Mutation: { read, users: empty, admin: empty },
  Users: { rename: write, read, readTwice },
  Admin: { users: empty, deep: empty },
  Deep: { rename: write },
})

const reachedOtherwise = `
  type Mutation { user(id: Int): User }
  type User { rename(to: String!): Row read: String readTwice: String }
  extend type Query { user: User }
`
const userResolvers = (write: any): object => ({
  Query: { read, readTwice, user: empty },
  Mutation: { user: empty },
  User: { rename: write, read, readTwice },
})

describe('S147 a namespace', () => {
  it('has fresh answers after each of its fields, however deep it is', async () => {
    const { yoga } = server(namespaced, namespacedResolvers)
    const query = /* GraphQL */ `
      mutation {
        read
        users {
          rename(to: "new") {
            name
          }
        }
        admin {
          deep {
            rename(to: "newer") {
              name
            }
          }
          users {
            read
          }
        }
        again: read
      }
    `
    expect(await dataOf(yoga, query)).toEqual({
      read: 'old',
      users: { rename: { name: 'new' } },
      admin: { deep: { rename: { name: 'newer' } }, users: { read: 'new' } },
      again: 'newer',
    })
  })

  it('may have methods in place of resolvers', async () => {
    const { yoga } = server(
      'type Mutation { read: String users: Users! } type Users { rename(to: String!): Row }',
      write => ({
        Mutation: {
          read,
          users: () => ({ rename: (args: object, ctx: unknown) => write(null, args, ctx) }),
        },
      }),
    )
    expect(await dataOf(yoga, 'mutation { read users { rename(to: "new") { name } } }')).toEqual({
      read: 'old',
      users: { rename: { name: 'new' } },
    })
  })

  it.each<[string, string, string, object?]>([
    [
      'implements an interface that nothing gives',
      'interface Named { ok: Boolean } type Mutation { users: Users } type Users implements Named',
      'users { rename(to: "new") { name } }',
    ],
    [
      'is given as an interface',
      'interface Named { ok: Boolean } type Mutation { users: Named } type Users implements Named',
      'users { ... on Users { rename(to: "new") { name } } }',
      { Named: { __resolveType: () => 'Users' } },
    ],
    [
      'is given as one of a union',
      'union Any = Users | Row type Mutation { users: Any } type Users',
      'users { ... on Users { rename(to: "new") { name } } }',
      { Any: { __resolveType: () => 'Users' } },
    ],
    [
      'gives itself',
      'type Mutation { users: Users } extend type Users { self: Users } type Users',
      'users { self { rename(to: "new") { name } } }',
    ],
  ])('may be a type that %s', async (_, typeDefs, query, more) => {
    const { yoga } = server(`${typeDefs} { ok: Boolean rename(to: String!): Row }`, write => ({
      Mutation: { users: empty },
      Users: { rename: write, ...(typeDefs.includes('self') && { self: empty }) },
      ...more,
    }))
    const { users } = await dataOf(yoga, `mutation { ${query} }`)
    expect(users.self ?? users).toEqual({ rename: { name: 'new' } })
  })

  it.each<[string, string]>([
    ['is given for arguments', 'type Mutation { users(id: Int): Users }'],
    ['is given in a list', 'type Mutation { users: [Users] }'],
    ['is given by a query as well', 'extend type Query { users: Users } type Mutation { users: Users }'],
    [
      'is in a union of a query',
      'union Any = Users type Mutation { users: Users } extend type Query { any: Any }',
    ],
    [
      'implements what a list gives',
      'interface Any { read: String } type Mutation { users: Users all: [Any] }',
    ],
    [
      'is given by one that is no namespace',
      'type Mutation { users: Users other: Other } type Other { users: Users } extend type Query { other: Other }',
    ],
    ['is the root of queries', 'type Mutation { users: Users query: Query }'],
  ])('is not a type that %s: its fields keep answers', async (what, typeDefs) => {
    const users = `type Users ${typeDefs.includes('interface') ? 'implements Any' : ''}`
    const give = (): object => (what.endsWith('list') ? [{}] : {})
    const { yoga, bulks } = server(`${typeDefs} ${users} { read: String readTwice: String }`, () => ({
      Mutation: { users: give, ...(typeDefs.includes('query:') && { query: empty }) },
      Users: { read, readTwice },
      ...(typeDefs.includes('Any') && { Any: { __resolveType: () => 'Users' } }),
    }))
    const field = what.startsWith('is the root') ? 'query' : 'users'
    expect((await ask(yoga, `mutation { ${field} { read readTwice } }`)).errors).toBeUndefined()
    expect(bulks).toEqual([[1]])
  })

  it('that is named may be reached in any way, and clears nothing in a query', async () => {
    const { yoga, bulks } = server(reachedOtherwise, userResolvers, { mutations: ['User'] })
    const query = 'mutation { user(id: 1) { rename(to: "new") { name } } }'
    expect(await dataOf(yoga, query)).toEqual({ user: { rename: { name: 'new' } } })
    bulks.length = 0
    expect(await dataOf(yoga, '{ read user { read readTwice } }')).toEqual({
      read: 'new',
      user: { read: 'new', readTwice: 'new' },
    })
    expect(bulks).toEqual([[1]])
  })

  it('is none where none are named', async () => {
    const { yoga, bulks } = server(namespaced, namespacedResolvers, { mutations: [] })
    await dataOf(yoga, 'mutation { users { read readTwice } }')
    expect(bulks).toEqual([[1]])
    expect(() => server(namespaced, namespacedResolvers, { mutations: ['Userz'] })).toThrow(
      "Bulkcall: mutations must be names of object types of the schema, got 'Userz'",
    )
    for (const mutations of ['Users', [5], {}])
      expect(() => useBulk({}, { mutations } as never)).toThrow(
        /^Bulkcall: mutations must be a list of names/,
      )
  })
})
