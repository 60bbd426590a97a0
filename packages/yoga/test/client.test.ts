/**
 * Whether anybody listens to the signal of a request: it may outlive what it has asked, with all that hangs on it.
 */

import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import { getEventListeners } from 'node:events'
import { createSchema, createYoga, useExecutionCancellation, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk, type BulkCommandContext } from '../src/index.ts'
import { respond, respondBatch } from './support/ask.ts'
import { gate, settled, sleep, until } from './support/wait.ts'

type Command = (keys: number[], bulk: BulkCommandContext) => unknown

const ignoring: Command = keys => keys
const reading: Command = (keys, { signal }) => (signal.aborted ? [] : keys)

/** A server whose bulks wait for a gate, and how many listen to the signal of the latest request because of it. */
function server(command: Command, plugins: readonly Plugin[] = []) {
  const held = gate()
  const state = { request: null as AbortSignal | null, before: 0, bulks: 0 }
  const count = (): number => getEventListeners(state.request!, 'abort').length
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Int
          wait: Int
          part: Part
        }
        type Part {
          row: Int
        }
        type Subscription {
          part: Part
        }
      `,
      resolvers: {
        Query: {
          row: (_, { id }, { bulk }) => bulk.rows.load(id),
          part: () => ({}),
          wait: async () => sleep(20),
        },
        Part: { row: async (_, __, { bulk }) => (await bulk.rows.loadMany([1, 2]))[0] },
        Subscription: {
          part: {
            async *subscribe() {
              yield { part: {} }
            },
          },
        },
      },
    }),
    logging: false,
    batching: true,
    context: ({ request }) => {
      state.request = request.signal
      state.before = count()
      return {}
    },
    plugins: [
      useBulk({
        rows: {
          command: async (keys: number[], bulk) => {
            state.bulks++
            const results = command(keys, bulk)
            await held.opened
            return results as number[]
          },
          size: 1,
        },
      }),
      useDeferStream(),
      ...plugins,
    ],
  })
  return { yoga, state, held, listeners: () => count() - state.before }
}

type Query = (yoga: ReturnType<typeof server>['yoga']) => Promise<string>
const accepting = (accept: string) => ({ headers: { accept } })
const queries: [string, Query][] = [
  ['a query', async yoga => (await respond(yoga, '{ a: row(id: 1) b: row(id: 2) }')).text()],
  [
    'an HTTP batch',
    async yoga => (await respondBatch(yoga, ['{ row(id: 1) }', '{ __typename }', '{ row(id: 2) }'])).text(),
  ],
  [
    'a result in parts',
    async yoga =>
      (await respond(yoga, '{ part { ... @defer { row } } }', accepting('multipart/mixed'))).text(),
  ],
  [
    'a subscription',
    async yoga =>
      (await respond(yoga, 'subscription { part { row } }', accepting('text/event-stream'))).text(),
  ],
]

describe.each(queries)('the signal of a request that has asked for %s', (_, query) => {
  it.each([
    ['nobody who listens where no command has read its own signal', ignoring, 0],
    [
      'one who listens while a bulk is in flight whose command has read its own signal, and none afterwards',
      reading,
      1,
    ],
  ] as const)('S93 has %s', async (_what, command, meanwhile) => {
    const { yoga, state, held, listeners } = server(command)
    const response = query(yoga)
    await until(() => state.bulks === 2)
    expect(listeners()).toBe(meanwhile)
    held.open()
    await response
    expect(listeners()).toBe(0)
  })

  it('S40 has nobody who listens when commands have failed', async () => {
    const { yoga, state, held, listeners } = server((keys, bulk) => {
      reading(keys, bulk)
      throw new Error('failed')
    })
    held.open()
    await query(yoga)
    expect(state.bulks).toBe(2)
    expect(listeners()).toBe(0)
  })
})

it('S93 a client is listened to also when another operation of its HTTP batch has ended', async () => {
  const { yoga, state, held, listeners } = server(reading)
  const response = respondBatch(yoga, ['{ row(id: 1) }', '{ wait }', '{ row(id: 2) }'])
  await until(() => state.bulks === 2)
  await sleep(60)
  expect(listeners()).toBe(1)
  held.open()
  await (await response).text()
  expect(listeners()).toBe(0)
})

describe('a command that has waited', () => {
  it('S93 finds its signal aborted when the client has gone by then', async () => {
    const gone = gate()
    const seen: boolean[] = []
    const { yoga, state, held } = server(async (keys, bulk) => {
      await gone.opened
      seen.push(bulk.signal.aborted)
      return keys
    })
    held.open()
    const controller = new AbortController()
    const answer = respond(yoga, '{ row(id: 1) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.bulks === 1)
    controller.abort()
    await until(() => state.request!.aborted)
    gone.open()
    await until(() => seen.length === 1)
    expect(seen).toEqual([true])
  })

  it('S40 leaves nothing on the signal of a request that was cancelled', async () => {
    const { yoga, state, held, listeners } = server(reading, [useExecutionCancellation()])
    const controller = new AbortController()
    const answer = respond(yoga, '{ row(id: 1) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.bulks === 1)
    controller.abort()
    await until(() => state.request!.aborted)
    held.open()
    await settled()
    expect(listeners()).toBeLessThanOrEqual(0)
  })
})
