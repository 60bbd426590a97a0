import { createSchema, createYoga, type YogaServerOptions } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { ask, askBatch, respond } from './support/ask.ts'
import { recorded, user } from './support/commands.ts'
import { gate, patient, settled, sleep, until } from './support/wait.ts'

function server(options: Partial<YogaServerOptions<any, any>> = {}, users = recorded(user)) {
  const names = new Map<number, string>()
  const calls: number[] = []
  const state = { writing: 0, write: gate() }
  // No slow machine may close a window.
  const bulk = useBulk(
    { users, names: (ids: readonly number[]) => ids.map(id => names.get(id) ?? `user ${id}`) },
    { delay: patient },
  )
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          user(id: Int!, ms: Int): User
          name(id: Int!): String
          shout(id: Int!): String
          fail: String
          tenant: String
        }
        type Mutation {
          rename(id: Int!, name: String!): String
          slow(id: Int!): User
        }
        type User {
          id: Int!
          name: String!
        }
      `,
      resolvers: {
        Query: {
          user: async (_, { id, ms }, ctx) => {
            if (ms) await sleep(ms)
            return ctx.bulk.users.load(id)
          },
          name: (_, { id }, ctx) => ctx.bulk.names.load(id),
          shout: bulkResolver((some: { args: { id: number } }[]) => {
            calls.push(some.length)
            return some.map(({ args }) => `user ${args.id}!`)
          }),
          fail: async (_, __, ctx) => {
            await ctx.bulk.users.load(1)
            throw new Error('failed')
          },
          tenant: (_, __, ctx) => ctx.request.headers.get('tenant'),
        },
        Mutation: {
          rename: (_, { id, name }, ctx) => {
            names.set(id, name)
            return ctx.bulk.names.load(id)
          },
          slow: async (_, { id }, ctx) => {
            state.writing++
            await state.write.opened
            return ctx.bulk.users.load(id)
          },
        },
      },
    }),
    logging: false,
    batching: { limit: 50 },
    plugins: [bulk],
    ...options,
  })
  return { yoga, users, calls, state }
}

const ten = Array.from({ length: 10 }, (_, i) => i)

describe('the operations of one HTTP batch', () => {
  it('share one bulk, and each gets its own answer', async () => {
    const { yoga, users } = server()
    const answers = await askBatch(
      yoga,
      ten.map(id => `{ user(id: ${id % 7}) { name } }`),
    )
    expect(answers).toEqual(ten.map(id => ({ data: { user: { name: `user ${id % 7}` } } })))
    expect(users.bulks).toEqual([[0, 1, 2, 3, 4, 5, 6]])
  })

  it('share one bulk also when they load after I/O of their own', async () => {
    const { yoga, users } = server({}, recorded(user))
    const answers = await askBatch(
      yoga,
      ten.map(id => `{ user(id: ${id}, ms: ${1 + (id % 4)}) { id } }`),
    )
    expect(answers).toEqual(ten.map(id => ({ data: { user: { id } } })))
    expect(users.bulks).toHaveLength(1)
  })

  it('share one bulk also when the context takes its time', async () => {
    let place = 0
    const { yoga, users } = server({ context: () => sleep(place++ % 3) as never })
    const answers = await askBatch(
      yoga,
      ten.map(id => `{ user(id: ${id}) { id } }`),
    )
    expect(answers).toEqual(ten.map(id => ({ data: { user: { id } } })))
    expect(users.bulks.flat().toSorted((a, b) => a - b)).toEqual(ten)
  })

  it('share the calls of a batched field', async () => {
    const { yoga, calls } = server()
    const answers = await askBatch(
      yoga,
      ten.map(id => `{ a: shout(id: ${id}) b: shout(id: 1${id}) }`),
    )
    expect(answers[3]).toEqual({ data: { a: 'user 3!', b: 'user 13!' } })
    expect(calls).toEqual([20])
  })

  it('fail one by one', async () => {
    const { yoga, users } = server()
    const answers = await askBatch(yoga, [
      '{ user(id: 1) { id } }',
      '{ fail }',
      '{ nothing }',
      '{ user(id: 2) { id } }',
    ])
    expect(answers[0]).toEqual({ data: { user: { id: 1 } } })
    expect(answers[1]!.errors).toMatchObject([{ message: 'Unexpected error.', path: ['fail'] }])
    expect(answers[2]!.errors![0]!.message).toContain('Cannot query field "nothing"')
    expect(answers[3]).toEqual({ data: { user: { id: 2 } } })
    expect(users.bulks).toHaveLength(1)
  })

  it('see fresh data after a mutation among them', async () => {
    const { yoga } = server()
    const answers = await askBatch(yoga, [
      'mutation { a: rename(id: 1, name: "A") b: rename(id: 1, name: "B") }',
      '{ tenant }',
    ])
    expect(answers[0]).toEqual({ data: { a: 'A', b: 'B' } })
  })

  it('are not those of another batch, nor of a single operation at the same time', async () => {
    const { yoga, users } = server()
    await Promise.all([
      askBatch(yoga, ['{ user(id: 1) { id } }', '{ user(id: 2) { id } }']),
      askBatch(yoga, ['{ user(id: 1) { id } }', '{ user(id: 3) { id } }']),
      ask(yoga, '{ user(id: 1) { id } }'),
    ])
    expect(users.bulks.map(String).toSorted()).toEqual(['1', '1,2', '1,3'])
  })

  it('may be one alone', async () => {
    const { yoga, users } = server()
    expect(await askBatch(yoga, ['{ user(id: 1) { id } }'])).toEqual([{ data: { user: { id: 1 } } }])
    expect(users.bulks).toEqual([[1]])
  })

  it('give the command the context of one of them, with the request that they share', async () => {
    const seen: unknown[] = []
    const command = (keys: readonly number[], { context }: { context: any }) => {
      seen.push(context.request.headers.get('tenant'))
      return keys.map(user)
    }
    const { yoga } = server({}, command as never)
    await askBatch(yoga, ['{ user(id: 1) { id } }', '{ user(id: 2) { id } }'], { headers: { tenant: 'x' } })
    expect(seen).toEqual(['x'])
  })

  it('drop what is pending when the client has gone', async () => {
    const asked: unknown[] = []
    const entered = gate()
    const aborted: boolean[] = []
    const command = async (keys: readonly number[], { signal }: { signal: AbortSignal }) => {
      asked.push(keys)
      signal.addEventListener('abort', () => aborted.push(true))
      entered.open()
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return keys.map(user)
    }
    const { yoga } = server({}, command as never)
    const controller = new AbortController()
    const answer = askBatch(yoga, ['{ user(id: 1) { id } }', '{ user(id: 2) { id } }'], {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await entered.opened
    controller.abort()
    await until(() => aborted.length === 1)
    expect(asked).toEqual([[1, 2]])
  })

  it('go on with their mutations when the client has gone, whatever stands beside them', async () => {
    const users = recorded(user)
    const { yoga, state } = server({}, users)
    const controller = new AbortController()
    const answer = askBatch(yoga, ['{ user(id: 1, ms: 5) { id } }', 'mutation { slow(id: 2) { id } }'], {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => state.writing === 1, 'the mutation')
    controller.abort()
    state.write.open()
    await until(() => users.bulks.flat().includes(2), 'the load of the mutation')
    expect(users.bulks.flat().filter(id => id === 2)).toEqual([2])
  })

  it('go on with a mutation that had not begun when the client went', async () => {
    const users = recorded(user)
    const held = gate()
    let contexts = 0
    const { yoga, state } = server(
      {
        context: async () => {
          if (++contexts === 2) await held.opened
          return {}
        },
      },
      users,
    )
    const controller = new AbortController()
    const answer = askBatch(yoga, ['{ user(id: 1, ms: 5) { id } }', 'mutation { slow(id: 2) { id } }'], {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => contexts === 2)
    controller.abort()
    await settled()
    held.open()
    state.write.open()
    await until(() => users.bulks.flat().includes(2), 'the load of the mutation')
    expect(users.bulks.flat()).toContain(2)
  })
})

describe('without batching', () => {
  it('an array is refused as Yoga refuses it', async () => {
    const { yoga, users } = server({ batching: false })
    const response = await yoga.fetch('http://yoga/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ query: '{ user(id: 1) { id } }' }]),
    })
    expect(response.status).toBe(400)
    await settled()
    expect(users.bulks).toEqual([])
    expect((await respond(yoga, '{ user(id: 1) { id } }')).status).toBe(200)
  })
})
