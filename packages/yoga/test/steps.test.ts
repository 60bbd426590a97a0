import { createSchema, createYoga } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk, type BulkContext } from '../src/index.ts'
import { dataOf } from './support/ask.ts'
import { recorded } from './support/commands.ts'
import { gate, settled, until, type Gate } from './support/wait.ts'

/** A server with a field that loads at once, and others that wait for a gate first, and load then, or do not. */
function server() {
  const users = recorded((id: number) => ({ id, name: `user ${id}` }))
  const teams = recorded((id: number) => ({ id }))
  const bulk = useBulk({ users, teams }, { delay: Infinity })
  let slow: Gate = gate()
  let waits = 0
  const open = async (): Promise<void> => {
    waits++
    await slow.opened
  }
  const yoga = createYoga({
    schema: createSchema<BulkContext<typeof bulk>>({
      typeDefs: /* GraphQL */ `
        type Query {
          user(id: Int!): User
          late(id: Int!): User
          slow: User
          never: Int
        }
        type User {
          id: Int
          name: String
          friend: User
          team: Team
        }
        type Team {
          id: Int
        }
      `,
      resolvers: {
        Query: {
          user: (_, { id }: { id: number }, ctx) => ctx.bulk.users.load(id),
          late: async (_, { id }: { id: number }, ctx) => {
            await open()
            return ctx.bulk.users.load(id)
          },
          slow: async () => {
            await open()
            return { id: 7 }
          },
          never: async () => {
            await open()
            return 1
          },
        },
        User: {
          friend: ({ id }: { id: number }, _, ctx) => ctx.bulk.users.load(id + 1),
          team: ({ id }: { id: number }, _, ctx) => ctx.bulk.teams.load(id),
        },
      },
    }),
    plugins: [bulk],
    logging: false,
  })
  /** Asks, and opens the gate when the bulks that are not to wait for it have started, and no other has. */
  const ask = async (query: string, ...early: string[]): Promise<void> => {
    slow = gate()
    waits = 0
    const from = users.bulks.length
    const started = (): string[] => users.bulks.slice(from).map(String)
    const answer = dataOf(yoga, query)
    await until(() => waits > 0 && started().length >= early.length)
    if (early.length === 0) await settled()
    expect(started()).toEqual(early)
    slow.open()
    await answer
  }
  return { ask, users }
}

describe('what earlier operations with the same document have shown', () => {
  it('lets a window not wait for a resolver that never loads', async () => {
    const { ask, users } = server()
    await ask('{ user(id: 1) { name } never }')
    await ask('{ user(id: 1) { name } never }', '1')
    expect(users.bulks).toHaveLength(2)
  })

  it('holds for that document alone', async () => {
    const { ask, users } = server()
    await ask('{ user(id: 1) { name } never }')
    await ask('{ user(id: 2) { name } never }')
    await ask('{ user(id: 2) { name } never }', '2')
    expect(users.bulks).toHaveLength(3)
  })

  it('lets it wait for a resolver that loads after an `await`', async () => {
    const { ask, users } = server()
    const query = '{ user(id: 1) { name } late(id: 2) { name } }'
    for (let run = 0; run < 3; run++) await ask(query)
    expect(users.bulks.map(String)).toEqual(['1,2', '1,2', '1,2'])
  })

  it.each([
    ['below it', '{ user(id: 1) { name } slow { friend { name } } }'],
    [
      'below it, in a fragment',
      '{ user(id: 1) { name } slow { ...F } } fragment F on User { ...G } fragment G on User { friend { name } }',
    ],
    ['below it, in an inline fragment', '{ user(id: 1) { name } slow { ... on User { friend { name } } } }'],
    ['below its second mention', '{ user(id: 1) { name } slow { id } slow { friend { name } } }'],
  ])('lets it wait for a resolver that leads to a load %s', async (_, query) => {
    const { ask, users } = server()
    for (let run = 0; run < 3; run++) await ask(query)
    expect(users.bulks.map(String)).toEqual(['1,8', '1,8', '1,8'])
  })

  it('lets it not wait for a resolver that leads to loads of others', async () => {
    const { ask, users } = server()
    const query = '{ user(id: 1) { name } slow { team { id } } }'
    await ask(query)
    await ask(query, '1')
    expect(users.bulks).toHaveLength(2)
  })
})
