/**
 * Hosts without `AsyncLocalStorage`: which unit of work asks is known until the first `await`.
 */

import { createPubSub, createSchema, createYoga, filter, pipe } from 'graphql-yoga'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { askBatch, eventsOf, respond } from './support/ask.ts'
import { sleep, until } from './support/wait.ts'

beforeEach(() => {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  vi.resetModules()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

const version = (_: unknown, __: unknown, { bulk }: any): Promise<number> => bulk.versions.load(1)
const late = async (_: unknown, __: unknown, { bulk }: any): Promise<number> => {
  await sleep(1)
  return bulk.versions.load(1)
}

/** A server whose `version` is loaded; what an event has loaded is in its answer. */
async function server() {
  const { useBulk } = await import('../src/index.ts')
  const pubsub = createPubSub<{ event: [number] }>()
  const state = { version: 1, asked: 0, subscribed: 0 }
  const yoga = createYoga<any>({
    logging: false,
    batching: true,
    plugins: [useBulk({ versions: (ids: number[]) => (state.asked++, ids.map(() => state.version)) })],
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          version: Int
          late: Int
        }
        type Subscription {
          event: Event
        }
        type Event {
          seen: Int
          version: Int
          late: Int
        }
      `,
      resolvers: {
        Query: { version, late },
        Subscription: {
          event: {
            subscribe(_, __, { bulk }) {
              const events = pubsub.subscribe('event')
              state.subscribed++
              return pipe(
                events,
                filter(async () => (await bulk.versions.load(1)) > 1),
              ) as AsyncIterable<number>
            },
            resolve: async (_: number, __: unknown, { bulk }: any) => ({ seen: await bulk.versions.load(1) }),
          },
        },
        Event: { version, late },
      },
    }),
  })
  return { yoga, pubsub, state }
}

it('S121 a filter sees what is true, an event keeps its answers, and after an await it asks again', async () => {
  const { yoga, pubsub, state } = await server()
  const events = eventsOf(
    await respond(yoga, 'subscription { event { seen version late } }', {
      headers: { accept: 'text/event-stream' },
    }),
  )
  const first = events.next()
  await until(() => state.subscribed === 1)
  pubsub.publish('event', 1)
  // It may not pass.
  await until(() => state.asked === 1)
  state.version = 2
  pubsub.publish('event', 2)
  expect((await first).value).toEqual({ data: { event: { seen: 2, version: 2, late: 2 } } })
  // By the filter twice, by the event at once, and by the event after an await.
  expect(state.asked).toBe(4)
  const second = events.next()
  state.version = 3
  pubsub.publish('event', 3)
  expect((await second).value).toEqual({ data: { event: { seen: 3, version: 3, late: 3 } } })
  expect(state.asked).toBe(7)
  await events.return()
})

it('S200 the operations of an HTTP batch share their loaders where there are no stores', async () => {
  const { yoga, state } = await server()
  const answers = await askBatch(yoga, ['{ version late }', '{ version }', '{ late }'])
  expect(answers.map(({ data }) => data)).toEqual([{ version: 1, late: 1 }, { version: 1 }, { late: 1 }])
  expect(state.asked).toBe(1)
})
