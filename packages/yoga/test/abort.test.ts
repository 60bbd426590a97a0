import { semaphore } from '@bulkcall/core'
import { createSchema, createYoga, useExecutionCancellation, type Plugin } from 'graphql-yoga'
import { describe, expect, it, vi } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { ask, respond } from './support/ask.ts'
import { listen } from './support/sockets.ts'
import { gate, outlasted, patient, until } from './support/wait.ts'

function server(plugins: readonly Plugin[] = [], more: object = {}) {
  const held = gate()
  const reached = gate()
  const state = {
    bulks: [] as (readonly unknown[])[],
    signals: [] as AbortSignal[],
    /** Of the request: when it has aborted, the server knows that its client has gone. */
    request: null as AbortSignal | null,
    written: 0,
    reached: 0,
    after: 0,
  }
  const command = async (keys: readonly unknown[], { signal }: { signal: AbortSignal }) => {
    state.bulks.push([...keys])
    state.signals.push(signal)
    await held.opened
    return keys
  }
  const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          load(key: Int!): Int
          """
          Waits until the test lets it go on, and then loads.
          """
          later(key: Int!): Int
          """
          Keeps the windows of its siblings open until the test lets it go on.
          """
          busy: Int
          twice(key: Int!): Int
          field(key: Int!): Int
          now: Int
        }
        type Mutation {
          write(key: Int!): Int
          later(key: Int!): Int
        }
      `,
      resolvers: {
        Query: {
          load: (_, { key }, ctx) => ctx.bulk.keys.load(key),
          later: async (_, { key }, ctx) => {
            state.reached++
            state.request = ctx.request.signal
            await reached.opened
            state.after++
            return ctx.bulk.keys.load(key)
          },
          busy: async (_, __, ctx) => {
            state.reached++
            state.request = ctx.request.signal
            await reached.opened
            return 1
          },
          twice: async (_, { key }, ctx) => ctx.bulk.keys.load(100 + (await ctx.bulk.keys.load(key))),
          field: bulkResolver(async (calls: { args: { key: number } }[], { signal }) => {
            state.bulks.push(calls.map(({ args }) => args.key))
            state.signals.push(signal)
            await held.opened
            return calls.map(({ args }) => args.key)
          }),
          now: () => 1,
        },
        Mutation: {
          write: async (_, { key }, ctx) => {
            const found = await ctx.bulk.keys.load(key)
            state.written++
            return found
          },
          later: async (_, { key }, ctx) => {
            state.reached++
            state.request = ctx.request.signal
            await reached.opened
            const found = await ctx.bulk.keys.load(key)
            state.written++
            return found
          },
        },
      },
    }),
    logging,
    // A long delay: what keeps the window open is the busy sibling alone, however slow the machine is.
    plugins: [useBulk({ keys: { command, delay: patient } }), ...plugins],
    ...more,
  })
  return { yoga, state, held, reached, logging }
}

const ways: [string, () => Plugin[]][] = [
  ['without useExecutionCancellation', () => []],
  ['with useExecutionCancellation', () => [useExecutionCancellation()]],
]

describe.each(ways)('a client that disconnects, %s', (_, plugins) => {
  it('leaves nothing behind that is sent later', async () => {
    const { yoga, state, reached } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ busy a: load(key: 1) b: load(key: 2) later(key: 3) }', {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => state.reached === 2)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('makes the signal of a bulk that runs abort', async () => {
    const { yoga, state, held } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ a: load(key: 1) b: load(key: 2) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.bulks.length === 1)
    expect(state.signals[0]!.aborted).toBe(false)
    controller.abort(new Error('gone'))
    await until(() => state.signals[0]!.aborted, 'the abort of the bulk')
    held.open()
    await outlasted()
    expect(state.bulks).toEqual([[1, 2]])
  })

  it('makes the signal of a batched field abort', async () => {
    const { yoga, state } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ a: field(key: 1) b: field(key: 2) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.bulks.length === 1)
    controller.abort()
    await until(() => state.signals[0]!.aborted, 'the abort of the bulk')
    expect(state.bulks).toEqual([[1, 2]])
  })

  it('asks nothing that would follow from a bulk that ran', async () => {
    const { yoga, state, held } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ a: twice(key: 1) b: twice(key: 2) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.bulks.length === 1)
    controller.abort()
    await outlasted()
    held.open()
    await outlasted()
    expect(state.bulks).toEqual([[1, 2]])
  })

  it('changes nothing for other clients', async () => {
    const { yoga, state, held } = server(plugins())
    const controller = new AbortController()
    const leaving = ask(yoga, '{ load(key: 1) }', { signal: controller.signal })
    leaving.catch(() => {})
    const staying = ask(yoga, '{ load(key: 1) }')
    await until(() => state.bulks.length === 2)
    controller.abort()
    await until(() => state.signals.some(signal => signal.aborted))
    held.open()
    expect(await staying).toEqual({ data: { load: 1 } })
    expect(state.signals.filter(signal => signal.aborted)).toHaveLength(1)
  })

  it('does not make the server log its loads as errors', async () => {
    const { yoga, state, reached, logging } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ busy a: load(key: 1) b: load(key: 2) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.reached === 1)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    await outlasted()
    expect(logging.error.mock.calls.flat().map(String)).toEqual([])
  })

  it('leaves no rejection unhandled', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const { yoga, state, reached, held } = server(plugins())
    const controller = new AbortController()
    const answer = ask(yoga, '{ busy a: load(key: 1) later(key: 2) twice(key: 3) field(key: 4) }', {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => state.reached === 2)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    held.open()
    await outlasted()
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('before its operation has begun has nothing sent for it', async () => {
    const entered = gate()
    const held = gate()
    const { yoga, state } = server(plugins(), {
      context: async () => {
        entered.open()
        await held.opened
        return {}
      },
    })
    const controller = new AbortController()
    const answer = ask(yoga, '{ load(key: 1) }', { signal: controller.signal })
    answer.catch(() => {})
    await entered.opened
    controller.abort()
    held.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('over a socket has nothing more sent for it', async () => {
    const { yoga, state, held, reached } = server(plugins())
    await using http = await listen(yoga)
    const controller = new AbortController()
    const answer = respond(
      { fetch: (__, init) => fetch(http.url, init) },
      '{ a: twice(key: 1) b: twice(key: 2) }',
      {
        signal: controller.signal,
      },
    )
    answer.catch(() => {})
    await until(() => state.bulks.length === 1)
    expect(state.signals[0]!.aborted).toBe(false)
    controller.abort()
    await until(() => state.signals[0]!.aborted, 'the abort of the bulk')
    held.open()
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([[1, 2]])
  })

  it('over a socket drops what is pending', async () => {
    const { yoga, state, reached } = server(plugins())
    await using http = await listen(yoga)
    const controller = new AbortController()
    const answer = respond({ fetch: (__, init) => fetch(http.url, init) }, '{ busy a: load(key: 1) }', {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => state.reached === 1)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
    // The server is well, and answers the next.
    const next = await respond({ fetch: (__, init) => fetch(http.url, init) }, '{ now }')
    expect(await next.json()).toEqual({ data: { now: 1 } })
  })
})

describe('a mutation whose client disconnects', () => {
  it.each(['with yoga.fetch', 'over a socket'])('goes on, %s', async how => {
    const { yoga, state, held, reached } = server()
    await using http = await listen(yoga)
    const target =
      how === 'over a socket' ? { fetch: (_: string, init?: RequestInit) => fetch(http.url, init) } : yoga
    const controller = new AbortController()
    const answer = respond(target, 'mutation { a: later(key: 1) b: write(key: 2) }', {
      signal: controller.signal,
    })
    answer.catch(() => {})
    await until(() => state.reached === 1)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    held.open()
    await until(() => state.written === 2, 'the end of the mutation')
    expect(state.bulks).toEqual([[1], [2]])
    expect(state.signals.map(signal => signal.aborted)).toEqual([false, false])
  })

  it('ends as Yoga ends it where useExecutionCancellation is on: the field that runs goes on, and no further one starts', async () => {
    const { yoga, state, held, reached } = server([useExecutionCancellation()])
    const controller = new AbortController()
    const answer = ask(yoga, 'mutation { a: later(key: 1) b: write(key: 2) }', { signal: controller.signal })
    answer.catch(() => {})
    await until(() => state.reached === 1)
    controller.abort()
    await until(() => state.request!.aborted, 'what the server hears of it')
    reached.open()
    held.open()
    await until(() => state.written === 1, 'the end of the field that ran')
    await outlasted()
    expect(state.bulks).toEqual([[1]])
  })
})

describe('a loader whose bulk was queued for a slot', () => {
  it('gives up its place when its client disconnects, and the next in line goes on', async () => {
    const gates: ReturnType<typeof gate>[] = []
    const bulks: (readonly number[])[] = []
    const limiter = semaphore(1)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { load(key: Int!): Int }',
        resolvers: { Query: { load: (_, { key }, ctx) => ctx.bulk.keys.load(key) } },
      }),
      logging: false,
      plugins: [
        useBulk({
          keys: {
            command: async (keys: readonly number[]) => {
              bulks.push([...keys])
              const held = gate()
              gates.push(held)
              await held.opened
              return keys
            },
            concurrent: limiter,
          },
        }),
      ],
    })
    const first = ask(yoga, '{ load(key: 1) }')
    await until(() => bulks.length === 1)
    const controller = new AbortController()
    const second = ask(yoga, '{ load(key: 2) }', { signal: controller.signal })
    second.catch(() => {})
    const third = ask(yoga, '{ load(key: 3) }')
    await until(() => limiter.waiting === 2, 'both in line')
    controller.abort()
    gates[0]!.open()
    expect(await first).toEqual({ data: { load: 1 } })
    await until(() => bulks.length === 2)
    gates[1]!.open()
    expect(await third).toEqual({ data: { load: 3 } })
    expect(bulks).toEqual([[1], [3]])
  })
})
