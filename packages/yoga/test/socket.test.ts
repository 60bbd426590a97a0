import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import type { Client } from 'graphql-ws'
import { createSchema, createYoga, useExecutionCancellation, type Plugin } from 'graphql-yoga'
import { parse } from 'graphql'
import { describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { rounds } from '../../../test/support/rounds.ts'
import { bulkResolver, useBulk } from '../src/index.ts'
import { listen, listenToSockets, type ListeningSocket } from './support/sockets.ts'
import { gate, outlasted, patient, until } from './support/wait.ts'

function server(plugins: readonly Plugin[] = [], more: object = {}) {
  const held = gate()
  const reached = gate()
  const state = {
    bulks: [] as (readonly unknown[])[],
    signals: [] as AbortSignal[],
    reached: 0,
    written: 0,
  }
  const command = async (keys: readonly number[], { signal }: { signal: AbortSignal }) => {
    state.bulks.push([...keys])
    state.signals.push(signal)
    await held.opened
    return keys
  }
  const wait = async (): Promise<number> => {
    state.reached++
    await reached.opened
    return 1
  }
  const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          now: Int
          fail: Int
          load(key: Int!): Int
          field(key: Int!): Int
          twice(key: Int!): Int
          """
          Keeps the windows of its siblings open until the test lets it go on.
          """
          busy: Int
          """
          Waits until the test lets it go on, and then loads.
          """
          later(key: Int!): Int
          row: Row
        }
        type Row {
          load(key: Int!): Int
          busy: Int
        }
        type Mutation {
          later(key: Int!): Int
          write(key: Int!): Int
        }
        type Subscription {
          opening(key: Int!): Int
        }
      `,
      resolvers: {
        Query: {
          now: () => 1,
          fail: () => {
            throw new Error('failed')
          },
          load: (_, { key }, ctx) => ctx.bulk.keys.load(key),
          field: bulkResolver(async (calls: { args: { key: number } }[], { signal }) =>
            command(
              calls.map(({ args }) => args.key),
              { signal },
            ),
          ),
          twice: async (_, { key }, ctx) => ctx.bulk.keys.load(100 + (await ctx.bulk.keys.load(key))),
          busy: wait,
          later: async (_, { key }, ctx) => {
            await wait()
            return ctx.bulk.keys.load(key)
          },
          row: () => ({}),
        },
        Row: {
          load: (_, { key }, ctx) => ctx.bulk.keys.load(key),
          busy: wait,
        },
        Mutation: {
          later: async (_, { key }, ctx) => {
            await wait()
            const found = await ctx.bulk.keys.load(key)
            state.written++
            return found
          },
          write: async (_, { key }, ctx) => {
            const found = await ctx.bulk.keys.load(key)
            state.written++
            return found
          },
        },
        Subscription: {
          opening: {
            subscribe: async (_, { key }, ctx) => {
              await wait()
              await ctx.bulk.keys.load(key)
              return (async function* () {
                yield { opening: key }
              })()
            },
          },
        },
      },
    }),
    logging,
    // A long delay: what keeps a window open is the operation alone, however slow the machine is.
    plugins: [useBulk({ keys: command }, { delay: patient }), useDeferStream(), ...plugins],
    ...more,
  })
  return { yoga, state, held, reached, logging }
}

/** Asks, and hears nothing of the answer. */
function send(client: Client, query: string): () => void {
  return client.subscribe({ query }, { next: () => {}, error: () => {}, complete: () => {} })
}

async function answer(client: Client, query: string): Promise<any> {
  const { value } = await client.iterate<any>({ query }).next()
  return value
}

/** How many hear of the close of a socket. */
const listeners = (socket: WebSocket): number => socket.listenerCount('close')

type Leave = (client: Client, sockets: ListeningSocket) => unknown
const ways: [string, Leave][] = [
  ['closes its socket', client => client.dispose()],
  ['terminates its socket', client => client.terminate()],
  [
    'does not say that it goes, and is found dead',
    (_, sockets) => {
      for (const socket of sockets.open) socket.terminate()
    },
  ],
]

describe.each(ways)('a client over a WebSocket that %s', (_, leave) => {
  it('leaves nothing of a query behind that is sent later', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ busy load(key: 1) field(key: 2) later(key: 3) }')
    await until(() => state.reached === 2)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('makes the signal of what runs abort, and has nothing asked that would follow', async () => {
    const { yoga, state, held } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ a: twice(key: 1) b: twice(key: 2) }')
    await until(() => state.bulks.length === 1)
    expect(state.signals[0]!.aborted).toBe(false)
    await leave(client, sockets)
    await until(() => state.signals[0]!.aborted, 'the abort of the bulk')
    held.open()
    await outlasted()
    expect(state.bulks).toEqual([[1, 2]])
  })

  it('takes all its queries along', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    for (let key = 0; key < 20; key++) send(client, `{ busy load(key: ${key}) }`)
    await until(() => state.reached === 20)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('does not stop its mutations', async () => {
    const { yoga, state, reached, held } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, 'mutation { a: later(key: 1) b: write(key: 2) }')
    await until(() => state.reached === 1)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    reached.open()
    held.open()
    await until(() => state.written === 2, 'the end of the mutation')
    expect(state.bulks).toEqual([[1], [2]])
    expect(state.signals.map(signal => signal.aborted)).toEqual([false, false])
  })

  it('has nothing sent for a query that had not begun', async () => {
    const entered = gate()
    const building = gate()
    const context = async () => {
      entered.open()
      await building.opened
      return {}
    }
    const { yoga, state } = server([], { context })
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ load(key: 1) }')
    await entered.opened
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    building.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('has nothing sent for a subscription that was about to begin', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, 'subscription { opening(key: 1) }')
    await until(() => state.reached === 1)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('has nothing sent that was deferred', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ now row { ... @defer { busy load(key: 1) } } }')
    await until(() => state.reached === 1)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    await outlasted()
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('changes nothing for other clients', async () => {
    const { yoga, state, reached, held } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ busy load(key: 1) }')
    await until(() => state.reached === 1)
    const leaving = [...sockets.open]
    const staying = answer(sockets.client(), '{ busy load(key: 2) }')
    await until(() => state.reached === 2)
    await leave(client, { ...sockets, open: new Set(leaving) })
    await until(() => sockets.open.size === 1, 'the end of the socket')
    reached.open()
    held.open()
    expect(await staying).toEqual({ data: { busy: 1, load: 2 } })
    expect(state.bulks).toEqual([[2]])
  })

  it('is no fault that the server logs, nor a rejection that nobody handles', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const { yoga, state, reached, logging } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    send(client, '{ busy load(key: 1) field(key: 2) later(key: 3) }')
    send(client, 'subscription { opening(key: 1) }')
    await until(() => state.reached === 3)
    await leave(client, sockets)
    await until(() => sockets.open.size === 0, 'the end of the socket')
    reached.open()
    await outlasted()
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(logging.error).not.toHaveBeenCalled()
  })
})

describe('a client over a WebSocket that completes, and keeps its socket,', () => {
  it('has nothing sent that was deferred', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    const parts = client.iterate<any>({ query: '{ now row { ... @defer { busy load(key: 1) } } }' })
    expect((await parts.next()).value.data).toEqual({ now: 1, row: {} })
    await until(() => state.reached === 1)
    void parts.return!()
    // What the server answers now, it does after it has heard of that.
    await answer(client, '{ now }')
    reached.open()
    await outlasted()
    expect(state.bulks).toEqual([])
  })

  it('gets no answer to its query, which goes on to its end: graphql-ws tells nobody', async () => {
    const { yoga, state, reached, held } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    // Keeps the socket open.
    send(client, '{ busy }')
    const complete = send(client, '{ busy load(key: 1) }')
    await until(() => state.reached === 2)
    complete()
    await answer(client, '{ now }')
    reached.open()
    held.open()
    await until(() => state.bulks.length === 1, 'the bulk of the query')
    expect(state.bulks).toEqual([[1]])
  })
})

describe('a socket', () => {
  it.each([
    ['a query', '{ load(key: 1) }'],
    ['a query that fails', '{ fail }'],
    ['what is not valid', '{ nothing }'],
    ['a mutation', 'mutation { write(key: 1) }'],
    ['a result in parts', '{ now row { ... @defer { load(key: 1) } } }'],
    ['a subscription', 'subscription { opening(key: 1) }'],
  ])('has no more listeners than before when it has carried hundreds of times: %s', async (_, query) => {
    const { yoga, reached, held } = server()
    held.open()
    reached.open()
    await using sockets = await listenToSockets(yoga)
    // Keeps its socket, also when it has nothing to ask.
    const client = sockets.client({ lazy: false })
    await answer(client, '{ now }')
    const [socket] = sockets.open as Set<WebSocket>
    const before = listeners(socket!)
    for (let i = 0; i < rounds(1_000); i += 100) {
      const all = Array.from({ length: 100 }, async () => {
        for await (const part of client.iterate({ query })) void part
      })
      await Promise.allSettled(all)
    }
    expect(sockets.open).toEqual(new Set([socket]))
    expect(listeners(socket!)).toBe(before)
  })

  it('has one listener more for all queries that it carries at once: Node warns of more than ten', async () => {
    const { yoga, state, reached } = server()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client({ lazy: false })
    await answer(client, '{ now }')
    const [socket] = sockets.open as Set<WebSocket>
    const before = listeners(socket!)
    const running = Array.from({ length: 20 }, () => answer(client, '{ busy }'))
    await until(() => state.reached === 20)
    expect(listeners(socket!)).toBe(before + 1)
    reached.open()
    await Promise.all(running)
    expect(listeners(socket!)).toBe(before)
  })

  it.each<[string, number, Plugin]>([
    [
      'before it is executed',
      0,
      {
        onExecute() {
          throw new Error('stopped')
        },
      },
    ],
    [
      'in place of its execution',
      0,
      { onExecute: ({ setExecuteFn }) => setExecuteFn(() => Promise.reject(new Error('stopped'))) },
    ],
    [
      'by its execution',
      1,
      {
        onExecute({ executeFn, setExecuteFn }) {
          setExecuteFn(executing => executeFn({ ...executing, document: null as never }))
        },
      },
    ],
    [
      'after it was executed',
      1,
      {
        onExecute: () => ({
          onExecuteDone() {
            throw new Error('stopped')
          },
        }),
      },
    ],
  ])('has no listener left of a query that was stopped %s', async (_, times, plugin) => {
    const listened = { times: 0, now: 0 }
    const socket = {
      addEventListener() {
        listened.times++
        listened.now++
      },
      removeEventListener() {
        listened.now--
      },
    }
    const { yoga, held } = server([plugin])
    held.open()
    await expect(execute(yoga, { socket }, '{ load(key: 1) }')).rejects.toThrow(/stopped|of null/)
    expect(listened).toEqual({ times, now: 0 })
  })
})

/** Executes as whoever serves graphql-ws does, with this context. */
async function execute(yoga: any, context: object, query: string): Promise<any> {
  const { schema, contextFactory, execute: run } = yoga.getEnveloped(context)
  return run({ schema, document: parse(query), contextValue: await contextFactory() })
}

describe('a context', () => {
  const frozen = Object.freeze({ readyState: 1 })
  it.each([
    ['of no socket', {}],
    ['of none at all', { socket: null, extra: null }],
    [
      'of a socket without events, as that of uWebSockets and Bun',
      { socket: frozen, extra: { socket: frozen } },
    ],
    ['of one that can only be listened to', { socket: { addEventListener: () => {} } }],
    ['of a request without a signal, as that of Express', { request: {} }],
    ['of one that is a text', { socket: 'socket', extra: 'extra' }],
    ['of one that is a function', { socket: () => {} }],
    ['of one that says nothing of its state', { socket: new EventTarget() }],
    [
      'of one whose state is a text, as Deno had it',
      { socket: Object.assign(new EventTarget(), { readyState: 'open' }) },
    ],
  ])('%s is served', async (_, context) => {
    const { yoga, held } = server()
    held.open()
    expect(await execute(yoga, context, '{ load(key: 1) }')).toMatchObject({ data: { load: 1 } })
  })

  it.each([
    ['socket', (socket: EventTarget) => ({ socket })],
    ['extra.socket', (socket: EventTarget) => ({ extra: { socket } })],
    ['socket, beside a request without a signal', (socket: EventTarget) => ({ request: {}, socket })],
    ['extra.socket, beside another', (socket: EventTarget) => ({ socket: frozen, extra: { socket } })],
  ])('may have the socket of any server that has its events, as %s', async (_, contextOf) => {
    const { yoga, state, reached } = server()
    const socket = new EventTarget()
    const answered = execute(yoga, contextOf(socket), '{ busy load(key: 1) }')
    await until(() => state.reached === 1)
    socket.dispatchEvent(new Event('close'))
    reached.open()
    expect(await answered).toMatchObject({ data: { busy: 1, load: null } })
    expect(state.bulks).toEqual([])
  })

  it.each([
    ['is closing', 2],
    ['is closed', 3],
  ])('of a socket that %s has nothing sent', async (_, readyState) => {
    const { yoga, state } = server()
    const socket = Object.assign(new EventTarget(), { readyState })
    expect(await execute(yoga, { socket }, '{ load(key: 1) }')).toMatchObject({ data: { load: null } })
    expect(state.bulks).toEqual([])
  })
})

describe('a subscription over SSE', () => {
  it.each([
    ['without', []],
    ['with', [useExecutionCancellation()]],
  ])(
    'whose client goes before it has begun has nothing sent, %s useExecutionCancellation',
    async (_, plugins) => {
      const request = { signal: null as AbortSignal | null }
      const { yoga, state, reached } = server([
        {
          onSubscribe({ args }) {
            request.signal = args.contextValue.request.signal
          },
        },
        ...plugins,
      ])
      await using http = await listen(yoga)
      const controller = new AbortController()
      const response = fetch(`${http.url}?query=subscription{opening(key:1)}`, {
        headers: { accept: 'text/event-stream' },
        signal: controller.signal,
      })
      response.catch(() => {})
      await until(() => state.reached === 1)
      controller.abort()
      await until(() => request.signal!.aborted, 'what the server hears of it')
      reached.open()
      await outlasted()
      expect(state.bulks).toEqual([])
    },
  )
})
