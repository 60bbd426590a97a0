import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { partsOf, respond } from './support/ask.ts'
import { recorded, user, type User } from './support/commands.ts'
import { listen } from './support/sockets.ts'
import { gate, patient, settled, sleep, until } from './support/wait.ts'

function server(plugins: readonly Plugin[] = [], command?: (keys: readonly number[], context: any) => any) {
  const users = recorded(user)
  const shouts: number[] = []
  const state = { hold: null as Promise<void> | null, entered: 0, signal: null as AbortSignal | null }
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          users(ids: [Int!]!): [User!]!
          streamed(to: Int!): [User!]!
          me: User
        }
        type User {
          id: Int!
          name(ms: Int): String
          shout: String
          friend: User
          fail: String
          none: String!
          tight: String
          held: User
        }
      `,
      resolvers: {
        Query: {
          users: (_, { ids }: { ids: number[] }) => ids.map(id => ({ id })),
          streamed: async function* (_: unknown, { to }: { to: number }) {
            for (let id = 1; id <= to; id++) {
              await sleep(1)
              yield { id }
            }
          },
          me: () => ({ id: 1 }),
        },
        User: {
          name: async ({ id }: User, { ms }, ctx) => {
            if (ms) await sleep(ms)
            return (await ctx.bulk.users.load(id)).name
          },
          shout: bulkResolver((calls: { source: User }[]) => {
            shouts.push(calls.length)
            return calls.map(({ source }) => `${source.id}!`)
          }),
          friend: ({ id }: User, _, ctx) => ctx.bulk.users.load(id + 1),
          fail: (_, __, ctx) => ctx.bulk.failing.load(1),
          none: (_, __, ctx) => ctx.bulk.nothing.load(1),
          tight: (_, __, ctx) =>
            Promise.all([1, 2, 3].map(key => ctx.bulk.tight.load(key))).then(() => 'fits'),
          held: async ({ id }: User, _, ctx) => {
            state.entered++
            state.signal = ctx.request.signal
            await state.hold
            return ctx.bulk.users.load(id)
          },
        },
      },
    }),
    logging: false,
    plugins: [
      // No slow machine may close a window.
      useBulk(
        {
          users: command ?? users,
          failing: () => {
            throw new Error('secret')
          },
          nothing: () => null,
          tight: { command: (keys: readonly number[]) => keys, maxPending: 2 },
        },
        { delay: patient },
      ),
      useDeferStream(),
      ...plugins,
    ],
  })
  return { yoga, users, shouts, state }
}

const multipart = { headers: { accept: 'multipart/mixed' } }

/** What the parts after the first brought. */
const incremental = (parts: any[]): any[] => parts.slice(1).flatMap(part => part.incremental ?? [])

describe('@defer', () => {
  it('answers what it defers with one bulk', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2, 3]) { id ... @defer { name friend { id } } } }', multipart),
    )
    expect(parts[0]).toMatchObject({ data: { users: [{ id: 1 }, { id: 2 }, { id: 3 }] }, hasNext: true })
    expect(parts.at(-1).hasNext).toBe(false)
    expect(incremental(parts).map(({ path, data }) => [path, data])).toEqual(
      [1, 2, 3].map(id => [['users', id - 1], { name: `user ${id}`, friend: { id: id + 1 } }]),
    )
    expect(users.bulks).toHaveLength(1)
    expect([...users.bulks[0]!].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  })

  it('asks no key again that the first part has asked', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2]) { name ... @defer { again: name(ms: 20) } } }', multipart),
    )
    expect(incremental(parts).map(({ data }) => data)).toEqual([{ again: 'user 1' }, { again: 'user 2' }])
    expect(users.bulks).toEqual([[1, 2]])
  })

  it('puts loads after I/O of their own into one bulk, also when the response has begun', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2, 3]) { id ... @defer { name(ms: 4) shout } } }', multipart),
    )
    expect(incremental(parts)).toHaveLength(3)
    expect(users.bulks).toEqual([[1, 2, 3]])
  })

  it('goes on within what is deferred, level by level', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(
        yoga,
        '{ users(ids: [1, 2]) { id ... @defer { friend { friend { ... @defer { friend { name } } } } } } }',
        multipart,
      ),
    )
    expect(incremental(parts)).toHaveLength(4)
    expect(users.bulks).toEqual([[2, 3], [4], [5]])
  })

  it('batches deferred calls of a batched field', async () => {
    const { yoga, shouts } = server()
    await partsOf(
      await respond(yoga, '{ users(ids: [1, 2, 3]) { id ... @defer { a: shout b: shout } } }', multipart),
    )
    expect(shouts).toEqual([6])
  })

  it('gives an error to each field with its own path, masked', async () => {
    const { yoga } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2]) { id ... @defer { fail } } }', multipart),
    )
    const errors = incremental(parts).flatMap(part => part.errors)
    expect(errors.map(({ path }) => path)).toEqual([
      ['users', 0, 'fail'],
      ['users', 1, 'fail'],
    ])
    // Yoga itself masks no deferred error: what counts is that ours are no different from those of any resolver.
    const plain = createYoga({
      schema: createSchema({
        typeDefs: 'type Query { a: A } type A { fail: String }',
        resolvers: {
          Query: { a: () => ({}) },
          A: {
            fail: async () => {
              throw new Error('secret')
            },
          },
        },
      }),
      plugins: [useDeferStream()],
      logging: false,
    })
    const [, theirs] = await partsOf(await respond(plain, '{ a { ... @defer { fail } } }', multipart))
    for (const { message } of errors) expect(message).toBe(theirs.incremental[0].errors[0].message)
  })

  it('tells the code of errors of ours, and nothing of what is for the transport', async () => {
    const { yoga } = server()
    const parts = await partsOf(await respond(yoga, '{ me { id ... @defer { tight } } }', multipart))
    const [error] = incremental(parts).flatMap(part => part.errors)
    expect(error).toMatchObject({ path: ['me', 'tight'], extensions: { code: 'BULK_OVERFLOW' } })
    expect(error.message).toContain('tight must have at most 2 tasks pending')
    expect(error.extensions).not.toHaveProperty('http')
  })

  it('names the field where none is no value for it', async () => {
    const { yoga } = server()
    const parts = await partsOf(await respond(yoga, '{ me { id ... @defer { none } } }', multipart))
    expect(incremental(parts)[0]).toMatchObject({
      data: null,
      errors: [{ message: expect.stringContaining('User.none'), path: ['me', 'none'] }],
    })
  })

  it('sends nothing more, and aborts what runs, when the client disconnects while deferred data is on its way', async () => {
    const bulks: unknown[] = []
    const signals: AbortSignal[] = []
    const held = gate()
    const { yoga } = server([], async (keys: readonly number[], { signal }: { signal: AbortSignal }) => {
      bulks.push(keys)
      signals.push(signal)
      await held.opened
      return keys.map(user)
    })
    await using http = await listen(yoga)
    const controller = new AbortController()
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'multipart/mixed' },
      body: JSON.stringify({ query: '{ users(ids: [1]) { id ... @defer { friend { friend { id } } } } }' }),
      signal: controller.signal,
    })
    const reader = response.body!.getReader()
    await reader.read()
    await until(() => bulks.length === 1)
    controller.abort()
    await until(() => signals[0]!.aborted, 'the abort of the bulk')
    held.open()
    await settled()
    expect(bulks).toEqual([[2]])
  })

  it('keeps a load from being sent that is made after the client has disconnected', async () => {
    const { yoga, users, state } = server()
    const held = gate()
    state.hold = held.opened
    await using http = await listen(yoga)
    const controller = new AbortController()
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'multipart/mixed' },
      body: JSON.stringify({ query: '{ users(ids: [1, 2]) { id ... @defer { held { id } } } }' }),
      signal: controller.signal,
    })
    await response.body!.getReader().read()
    await until(() => state.entered === 2)
    controller.abort()
    await until(() => state.signal!.aborted, 'what the server hears of it')
    held.open()
    await settled()
    expect(users.bulks).toEqual([])
  })
})

describe('@stream', () => {
  it('batches what the items that are there at once load', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2, 3, 4]) @stream(initialCount: 1) { name } }', multipart),
    )
    expect(parts[0].data).toEqual({ users: [{ name: 'user 1' }] })
    expect(incremental(parts).flatMap(({ items }) => items)).toEqual(
      [2, 3, 4].map(id => ({ name: `user ${id}` })),
    )
    expect(users.bulks).toEqual([[1, 2, 3, 4]])
  })

  it('answers items that come one by one', async () => {
    const { yoga, users } = server()
    const parts = await partsOf(
      await respond(yoga, '{ streamed(to: 4) @stream(initialCount: 0) { name friend { id } } }', multipart),
    )
    expect(parts[0].data).toEqual({ streamed: [] })
    expect(incremental(parts).flatMap(({ items }) => items)).toEqual(
      [1, 2, 3, 4].map(id => ({ name: `user ${id}`, friend: { id: id + 1 } })),
    )
    expect(users.bulks.flat().toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5])
  })

  it('tells the code of errors of ours', async () => {
    const { yoga } = server()
    const parts = await partsOf(
      await respond(yoga, '{ users(ids: [1, 2]) @stream(initialCount: 1) { tight } }', multipart),
    )
    const errors = [parts[0], ...incremental(parts)].flatMap(part => part.errors ?? [])
    expect(errors).toHaveLength(2)
    for (const { extensions } of errors) expect(extensions).toEqual({ code: 'BULK_OVERFLOW' })
  })
})

it('an operation that could be incremental, but is not, is answered as a whole', async () => {
  const { yoga, users } = server()
  const response = await respond(yoga, '{ users(ids: [1, 2]) { id ... @defer(if: false) { name } } }')
  expect(await response.json()).toEqual({
    data: {
      users: [
        { id: 1, name: 'user 1' },
        { id: 2, name: 'user 2' },
      ],
    },
  })
  expect(users.bulks).toEqual([[1, 2]])
})
