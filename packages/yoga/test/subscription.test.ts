import { createPubSub, createSchema, createYoga, useExecutionCancellation, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { eventsOf, respond, type Answer } from './support/ask.ts'
import { listen, listenToSockets } from './support/sockets.ts'
import { gate, patient, settled, sleep, until } from './support/wait.ts'

/** A server with a subscription whose events are published by hand; the row that they show changes between them. */
function feed(plugins: readonly Plugin[] = []) {
  const bulks: (readonly number[])[] = []
  const signals: AbortSignal[] = []
  const pubsub = createPubSub<{ event: [number[]] }>()
  const lingering = gate()
  const state = {
    version: 0,
    /** How often the source was asked for its next event. What is published before the first time is lost. */
    listened: 0,
    ended: 0,
    hold: null as Promise<void> | null,
    contexts: 0,
    /** How many fields linger, and what lets them go on. */
    entered: 0,
    lingering,
  }
  const command = async (ids: readonly number[], { signal }: { signal: AbortSignal }) => {
    bulks.push([...ids])
    signals.push(signal)
    if (state.hold !== null) await state.hold
    return ids.map(id => ({ id, version: state.version }))
  }
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Row
        }
        type Subscription {
          rows: [Row!]!
          counted(to: Int!): Int
          broken: Int
          overflow: Int
        }
        type Row {
          id: Int!
          version(ms: Int): Int
          """
          Keeps the windows of its siblings open until the test lets it go on, and then loads.
          """
          linger: Int
          shout: String
          again: Row
          tight: Int
        }
      `,
      resolvers: {
        Query: { row: (_, { id }) => ({ id }) },
        Subscription: {
          rows: {
            subscribe: async (_, __, ctx) => {
              // Loads before the first event, as an authorisation would.
              await ctx.bulk.rows.load(1)
              const events = pubsub.subscribe('event')
              return {
                [Symbol.asyncIterator]: () => ({
                  next: () => {
                    const event = events.next()
                    state.listened++
                    return event
                  },
                  return: async () => {
                    state.ended++
                    return events.return()
                  },
                }),
              }
            },
            resolve: (ids: number[]) => ids.map(id => ({ id })),
          },
          counted: {
            async *subscribe(_, { to }) {
              for (let i = 1; i <= to; i++) {
                state.version++
                yield i
              }
            },
            resolve: async (_: number, __, ctx) => (await ctx.bulk.rows.load(1)).version,
          },
          broken: {
            subscribe: async (_, __, ctx) => {
              await ctx.bulk.failing.load(1)
              return (async function* () {})()
            },
          },
          overflow: {
            subscribe: async (_, __, ctx) => {
              await Promise.all([1, 2, 3].map(key => ctx.bulk.tight.load(key)))
              return (async function* () {})()
            },
          },
        },
        Row: {
          version: async ({ id }, { ms }, ctx) => {
            if (ms) await sleep(ms)
            return (await ctx.bulk.rows.load(id)).version
          },
          linger: async ({ id }, _, ctx) => {
            state.entered++
            await lingering.opened
            return (await ctx.bulk.rows.load(id + 100)).version
          },
          shout: bulkResolver((calls: { source: { id: number } }[]) => {
            bulks.push(calls.map(({ source }) => -source.id))
            return calls.map(({ source }) => `${source.id}!`)
          }),
          again: ({ id }, _, ctx) => ctx.bulk.rows.load(id),
          tight: ({ id }, _, ctx) =>
            Promise.all([1, 2, 3].map(key => ctx.bulk.tight.load(`${id} ${key}`))).then(() => id),
        },
      },
    }),
    logging: false,
    context: () => {
      state.contexts++
      return {}
    },
    plugins: [
      useBulk({
        // No slow machine may close its window.
        rows: { command, delay: patient },
        tight: { command: (keys: readonly unknown[]) => keys, maxPending: 2 },
        failing: () => {
          throw new Error('secret')
        },
      }),
      ...plugins,
    ],
  })
  return { yoga, bulks, signals, pubsub, state }
}

/** Resolves when so many events have been asked for, so that the next one that is published is heard. */
function listening({ state }: ReturnType<typeof feed>, times = 1): Promise<void> {
  return until(() => state.listened === times, 'the request for the next event')
}

async function next(events: AsyncIterator<Answer>): Promise<Answer> {
  const { value, done } = await events.next()
  if (done) throw new Error('the subscription has ended')
  return value
}

const sse = { headers: { accept: 'text/event-stream' } }

describe('a subscription over SSE', () => {
  it('gets fresh loaders for each event', async () => {
    const { yoga, bulks, state } = feed()
    const response = await respond(yoga, 'subscription { counted(to: 3) }', sse)
    const seen: unknown[] = []
    for await (const { data } of eventsOf(response)) seen.push(data.counted)
    expect(seen).toEqual([1, 2, 3])
    expect(bulks).toEqual([[1], [1], [1]])
    expect(state.contexts).toBe(1)
  })

  it('sees what changed since its resolver subscribed and between its events, each key asked once an event', async () => {
    const served = feed()
    const { yoga, bulks, pubsub, state } = served
    const response = await respond(yoga, 'subscription { rows { version again { id } } }', sse)
    const events = eventsOf(response)
    // The load of the subscribe function itself.
    expect(bulks).toEqual([[1]])
    for (const version of [10, 11]) {
      state.version = version
      const event = next(events)
      await listening(served, version - 9)
      pubsub.publish('event', [1, 2, 1])
      const { data } = await event
      expect(data.rows.map((row: any) => row.version)).toEqual([version, version, version])
    }
    expect(bulks).toEqual([[1], [1, 2], [1, 2]])
    await events.return()
  })

  it('puts the loads of one event into one bulk, also after I/O of their own', async () => {
    const served = feed()
    const { yoga, bulks, pubsub } = served
    const events = eventsOf(
      await respond(yoga, 'subscription { rows { a: version(ms: 1) b: version(ms: 4) shout } }', sse),
    )
    const event = next(events)
    await listening(served)
    pubsub.publish('event', [1, 2, 3])
    await event
    expect(bulks.filter(ids => ids[0]! < 0)).toEqual([[-1, -2, -3]])
    expect(bulks.filter(ids => ids[0]! > 0)).toEqual([[1], [1, 2, 3]])
    await events.return()
  })

  it('ends what runs, and sends nothing more, when the client disconnects in the middle of an event', async () => {
    const served = feed()
    const { yoga, bulks, signals, pubsub, state } = served
    await using http = await listen(yoga)
    const controller = new AbortController()
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { rows { version again { again { version } } } }' }),
      signal: controller.signal,
    })
    const events = eventsOf(response)
    await until(() => bulks.length === 1)
    const held = gate()
    state.hold = held.opened
    const event = next(events)
    event.catch(() => {})
    await listening(served)
    pubsub.publish('event', [1, 2])
    await until(() => bulks.length === 2, 'the bulk of the event')
    expect(signals[1]!.aborted).toBe(false)
    controller.abort()
    await expect(event).rejects.toThrow(/abort/i)
    await until(() => signals[1]!.aborted, 'the abort of the bulk')
    await until(() => state.ended > 0, 'the end of the source')
    held.open()
    await settled()
    expect(bulks).toEqual([[1], [1, 2]])
  })

  it('never sends what is pending when the client disconnects', async () => {
    const served = feed()
    const { yoga, bulks, pubsub, state } = served
    await using http = await listen(yoga)
    const controller = new AbortController()
    const response = await fetch(http.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { rows { again { id } linger } }' }),
      signal: controller.signal,
    })
    const events = eventsOf(response)
    const event = next(events)
    event.catch(() => {})
    await listening(served)
    pubsub.publish('event', [1, 2])
    await until(() => state.entered === 2, 'the fields that keep the windows open')
    controller.abort()
    await until(() => state.ended > 0, 'the end of the source')
    await settled()
    state.lingering.open()
    await settled()
    expect(bulks).toEqual([[1]])
  })

  it.each([
    ['without', []],
    ['with', [useExecutionCancellation()]],
  ])('goes on when other clients disconnect, %s useExecutionCancellation', async (_, plugins) => {
    const served = feed(plugins)
    const { yoga, pubsub, state } = served
    await using http = await listen(yoga)
    const open = async (signal: AbortSignal) =>
      eventsOf(
        await fetch(http.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
          body: JSON.stringify({ query: 'subscription { rows { version } }' }),
          signal,
        }),
      )
    const leaving = new AbortController()
    const first = await open(leaving.signal)
    const second = await open(new AbortController().signal)
    const events = [next(first), next(second)]
    await listening(served, 2)
    pubsub.publish('event', [1])
    expect(await Promise.all(events)).toHaveLength(2)
    leaving.abort()
    await until(() => state.ended > 0, 'the end of the first subscription')
    state.version = 7
    const event = next(second)
    pubsub.publish('event', [1])
    expect(await event).toEqual({ data: { rows: [{ version: 7 }] } })
  })

  it('masks an error that the subscribe function got from a loader', async () => {
    const { yoga } = feed()
    const response = await respond(yoga, 'subscription { broken }', sse)
    const text = await response.text()
    expect(text).toContain('Unexpected error.')
    expect(text).not.toContain('secret')
  })

  it('tells the code of an error of ours that the subscribe function got, and status 503', async () => {
    const { yoga } = feed()
    const response = await respond(yoga, 'subscription { overflow }', sse)
    expect(await response.text()).toContain('"code":"BULK_OVERFLOW"')
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
  })

  it('tells the code of an error of ours in an event, and nothing of what is for the transport', async () => {
    const served = feed()
    const { yoga, pubsub } = served
    const response = await respond(yoga, 'subscription { rows { tight } }', sse)
    const events = eventsOf(response)
    const event = next(events)
    await listening(served)
    pubsub.publish('event', [1])
    const { errors } = await event
    expect(errors).toMatchObject([{ path: ['rows', 0, 'tight'], extensions: { code: 'BULK_OVERFLOW' } }])
    expect(errors![0]!.extensions).not.toHaveProperty('http')
    await events.return()
  })
})

describe('a subscription over WebSocket', () => {
  it('gets fresh loaders for each event', async () => {
    const { yoga, bulks } = feed()
    await using sockets = await listenToSockets(yoga)
    const seen: unknown[] = []
    for await (const { data } of sockets.client().iterate<any>({ query: 'subscription { counted(to: 3) }' }))
      seen.push(data!.counted)
    expect(seen).toEqual([1, 2, 3])
    expect(bulks).toEqual([[1], [1], [1]])
  })

  it('is answered with one bulk an event', async () => {
    const served = feed()
    const { yoga, bulks, pubsub } = served
    await using sockets = await listenToSockets(yoga)
    const events = sockets
      .client()
      .iterate<any>({ query: 'subscription { rows { version(ms: 2) again { id } } }' })
    const event = events.next()
    await listening(served)
    pubsub.publish('event', [1, 2, 3])
    expect((await event).value.data.rows).toHaveLength(3)
    expect(bulks).toEqual([[1], [1, 2, 3]])
    await events.return!()
  })

  it.each(['completes', 'disconnects'])(
    'ends what runs, and sends nothing more, when the client %s in the middle of an event',
    async how => {
      const served = feed()
      const { yoga, bulks, signals, pubsub, state } = served
      await using sockets = await listenToSockets(yoga)
      const client = sockets.client()
      const events = client.iterate<any>({ query: 'subscription { rows { again { again { version } } } }' })
      const event = events.next()
      event.catch(() => {})
      await listening(served)
      const held = gate()
      state.hold = held.opened
      pubsub.publish('event', [1, 2])
      await until(() => bulks.length === 2, 'the bulk of the event')
      if (how === 'completes') void events.return!()
      else client.terminate()
      await until(() => signals[1]!.aborted, 'the abort of the bulk')
      await until(() => state.ended > 0, 'the end of the source')
      held.open()
      await settled()
      expect(bulks).toEqual([[1], [1, 2]])
    },
  )

  it('never sends what is pending when the client completes', async () => {
    const served = feed()
    const { yoga, bulks, pubsub, state } = served
    await using sockets = await listenToSockets(yoga)
    const events = sockets.client().iterate<any>({ query: 'subscription { rows { again { id } linger } }' })
    const event = events.next()
    event.catch(() => {})
    await listening(served)
    pubsub.publish('event', [1])
    await until(() => state.entered === 1, 'the field that keeps the window open')
    void events.return!()
    await until(() => state.ended > 0, 'the end of the source')
    await settled()
    state.lingering.open()
    await settled()
    expect(bulks).toEqual([[1]])
  })

  it('carries queries too, where there is no request', async () => {
    const { yoga, bulks } = feed()
    await using sockets = await listenToSockets(yoga)
    const query = '{ a: row(id: 1) { version } b: row(id: 2) { version } }'
    const { value } = await sockets.client().iterate<any>({ query }).next()
    expect(value).toEqual({ data: { a: { version: 0 }, b: { version: 0 } } })
    expect(bulks).toEqual([[1, 2]])
  })

  it('gives each operation of one socket loaders of its own', async () => {
    const { yoga, bulks } = feed()
    await using sockets = await listenToSockets(yoga)
    const client = sockets.client()
    await Promise.all(
      [1, 1, 2].map(id => client.iterate<any>({ query: `{ row(id: ${id}) { version } }` }).next()),
    )
    expect(bulks.map(String).toSorted()).toEqual(['1', '1', '2'])
  })

  it('tells the code of an error of ours in an event, and nothing of what is for the transport', async () => {
    const { yoga } = feed()
    await using sockets = await listenToSockets(yoga)
    const { value } = await sockets.client().iterate<any>({ query: '{ row(id: 1) { tight } }' }).next()
    expect(value.errors).toMatchObject([{ path: ['row', 'tight'], extensions: { code: 'BULK_OVERFLOW' } }])
    expect(value.errors[0].extensions).not.toHaveProperty('http')
  })

  it('tells the code of an error of ours that the subscribe function got, and nothing of what is for the transport', async () => {
    const { yoga } = feed()
    await using sockets = await listenToSockets(yoga)
    const { value } = await sockets.client().iterate<any>({ query: 'subscription { overflow }' }).next()
    expect(value.errors).toMatchObject([{ extensions: { code: 'BULK_OVERFLOW' } }])
    expect(value.errors[0].extensions).not.toHaveProperty('http')
  })

  it('leaves nothing of an event behind that the next would wait for', async () => {
    const served = feed()
    const { yoga, bulks, pubsub } = served
    await using sockets = await listenToSockets(yoga)
    const events = sockets.client().iterate<any>({ query: 'subscription { rows { version } }' })
    for (let i = 0; i < 20; i++) {
      const event = events.next()
      await listening(served, i + 1)
      pubsub.publish('event', [i])
      await event
    }
    expect(bulks).toHaveLength(21)
    await events.return!()
  })
})
