/**
 * Units of work: what feeds a subscription, its events, and the executions of one context never answer one another from what
 * they have kept.
 */

import { versionInfo } from 'graphql'
import { BulkLoader } from '@bulkcall/core'
import { useLiveQuery } from '@envelop/live-query'
import { InMemoryLiveQueryStore } from '@n1ru4l/in-memory-live-query-store'
import {
  createPubSub,
  createSchema,
  createYoga,
  filter,
  map,
  pipe,
  Repeater,
  type Plugin,
} from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import { askBatch, dataOf, eventsOf, respond } from './support/ask.ts'
import { executors } from './support/executors.ts'
import { listenToSockets } from './support/sockets.ts'
import { gate, settled, sleep, until } from './support/wait.ts'

interface News {
  readonly n: number
  readonly topic?: string
}

type Loader = BulkLoader<number, boolean>
interface Context {
  readonly bulk: { readonly mayRead: Loader }
}
type Source = (events: AsyncIterable<News>, context: Context) => AsyncIterable<News>

const isNews = ({ topic }: News): boolean => topic !== 'ads'

/** Ways to ask for each event whether this client may read it. */
const sources: Record<string, Source> = {
  'the filter of Yoga': (events, { bulk }) =>
    pipe(
      events,
      filter(async news => (await bulk.mayRead.load(1)) && isNews(news)),
    ) as AsyncIterable<News>,
  'a filter after a map that loads as well': (events, { bulk }) =>
    pipe(
      events,
      map(async news => ({ ...news, may: (await bulk.mayRead.loadMany([1]))[0] === true })),
      filter(({ may, ...news }) => may && isNews(news)),
    ) as AsyncIterable<News>,
  'an async generator': async function* (events, context) {
    for await (const news of events) if ((await context.bulk.mayRead.load(1)) && isNews(news)) yield news
  },
  'an async generator that took the loader once': async function* (events, { bulk: { mayRead } }) {
    for await (const news of events) if ((await mayRead.load(1)) && isNews(news)) yield news
  },
  'a Repeater': (events, { bulk }) =>
    new Repeater(async (push, stop) => {
      const iterator = events[Symbol.asyncIterator]()
      void stop.then(() => iterator.return?.())
      for (let each; !(each = await iterator.next()).done;)
        if ((await bulk.mayRead.load(1)) && isNews(each.value)) void push(each.value)
      stop()
    }),
  'an iterator around another, as NestJS filters': (events, { bulk }) => {
    const iterator = events[Symbol.asyncIterator]()
    const next = async (): Promise<IteratorResult<News>> => {
      const each = await iterator.next()
      if (each.done || ((await bulk.mayRead.load(1)) && isNews(each.value))) return each
      return next()
    }
    const filtered = { next, return: () => iterator.return!(), [Symbol.asyncIterator]: () => filtered }
    return filtered
  },
}

/** A server of news, which only some may read: `allow` says whether this client may from now on. */
function newsServer(source: Source, cache: boolean, plugins: Plugin[] = []) {
  const pubsub = createPubSub<{ news: [News] }>()
  const state = { allowed: false, asked: 0, subscribed: 0 }
  const yoga = createYoga<any>({
    logging: false,
    plugins: [
      useBulk({
        mayRead: { command: (ids: number[]) => (state.asked++, ids.map(() => state.allowed)), cache },
      }),
      ...plugins,
    ],
    schema: createSchema<any>({
      typeDefs: 'type Query { a: Int } type Subscription { news: Int default: Int }',
      resolvers: {
        Subscription: {
          news: {
            subscribe: (_, __, context) => {
              state.subscribed++
              return source(pubsub.subscribe('news'), context)
            },
            resolve: async ({ n }: News, _: unknown, { bulk }: Context) =>
              // Whatever is loaded for the event is true as of the event.
              (await bulk.mayRead.load(1)) && (await sleep(1), await bulk.mayRead.load(1)) ? n : -n,
          },
        },
      },
    }),
  })
  return { yoga, pubsub, state }
}

describe('what feeds a subscription', () => {
  for (const [name, source] of Object.entries(sources)) {
    it.each([true, false])(
      `S121 sees no answer older than the event at hand, cache: %s: ${name}`,
      async cache => {
        const { yoga, pubsub, state } = newsServer(source, cache)
        const got: number[] = []
        const controller = new AbortController()
        const response = await respond(yoga, 'subscription { news }', {
          headers: { accept: 'text/event-stream' },
          signal: controller.signal,
        })
        void (async () => {
          for await (const { data } of eventsOf(response)) got.push(data.news)
        })().catch(() => {})
        await until(() => state.subscribed === 1)
        const tell = async (allowed: boolean, news: News): Promise<void> => {
          const { asked } = state
          const answered = got.length
          state.allowed = allowed
          pubsub.publish('news', news)
          // It has been judged, and has gone out if it is to.
          await until(() => state.asked > asked)
          if (allowed && isNews(news)) await until(() => got.length > answered)
        }
        await tell(false, { n: 1 })
        await tell(true, { n: 2 })
        await tell(true, { n: 3, topic: 'ads' })
        await tell(false, { n: 4 })
        await tell(true, { n: 5 })
        expect(got).toEqual([2, 5])
        controller.abort()
      },
    )
  }

  it.each([false, true])(
    'S121 finds nothing that was loaded before its events were there, shared: %s',
    async shared => {
      const pubsub = createPubSub<{ news: [number] }>()
      const state = { allowed: true, asked: 0 }
      const mayRead = (ids: number[]): boolean[] => (state.asked++, ids.map(() => state.allowed))
      const yoga = createYoga<any>({
        logging: false,
        plugins: [useBulk({ mayRead: { command: mayRead, shared } })],
        schema: createSchema<any>({
          typeDefs: 'type Query { a: Int } type Subscription { news: Int }',
          resolvers: {
            Subscription: {
              news: {
                async subscribe(_: unknown, __: unknown, { bulk }: Context) {
                  if (!(await bulk.mayRead.load(1))) throw new Error('not for you')
                  return pipe(
                    pubsub.subscribe('news'),
                    filter(async () => bulk.mayRead.load(1)),
                  )
                },
                resolve: (n: number) => n,
              },
            },
          },
        }),
      })
      const response = await respond(yoga, 'subscription { news }', {
        headers: { accept: 'text/event-stream' },
      })
      const events = eventsOf(response)
      const first = events.next()
      expect(state.asked).toBe(1)
      for (const n of [1, 2]) {
        state.allowed = n === 2
        await settled()
        pubsub.publish('news', n)
        await until(() => state.asked === 1 + n)
      }
      expect((await first).value).toEqual({ data: { news: 2 } })
      await events.return()
    },
  )

  it('S121 is not answered from what an event has loaded that is still under way; that event keeps its answers', async () => {
    const judged: boolean[] = []
    const held = gate()
    const told: { (news: News): Promise<void> }[] = []
    const state = { allowed: true, asked: 0 }
    const yoga = createYoga<any>({
      logging: false,
      plugins: [
        useBulk({ mayRead: (ids: number[]) => (state.asked++, ids.map(() => state.allowed)) }, { delay: 0 }),
      ],
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { news: Item } type Item { may: [Boolean] }',
        resolvers: {
          Subscription: {
            news: {
              subscribe: (_, __, { bulk }) =>
                new Repeater<News>(push => {
                  told.push(async news => {
                    judged.push(await bulk.mayRead.load(1))
                    void push(news)
                  })
                }),
              resolve: async (news: News, _: unknown, { bulk }: Context) => {
                await bulk.mayRead.load(1)
                return news
              },
            },
          },
          Item: {
            may: async (_, __, { bulk }) => {
              const before = await bulk.mayRead.load(1)
              await held.opened
              return [before, await bulk.mayRead.load(1)]
            },
          },
        },
      }),
    })
    const response = await respond(yoga, 'subscription { news { may } }', {
      headers: { accept: 'text/event-stream' },
    })
    const events = eventsOf(response)
    const first = events.next()
    await until(() => told.length === 1)
    await told[0]!({ n: 1 })
    // Once by the source, once by the event.
    await until(() => state.asked === 2)
    await settled()
    state.allowed = false
    // From where nobody knows, as of an emitter that calls.
    await told[0]!({ n: 2 })
    expect(judged).toEqual([true, false])
    held.open()
    expect((await first).value).toEqual({ data: { news: { may: [true, true] } } })
    expect(state.asked).toBe(3)
    expect((await events.next()).value).toEqual({ data: { news: { may: [false, false] } } })
    expect(state.asked).toBe(4)
    await events.return()
  })

  it('S121 begins an event where its field has no resolver', async () => {
    let version = 0
    const yoga = createYoga<any>({
      logging: false,
      plugins: [useBulk({ versions: (ids: number[]) => ids.map(() => version) })],
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { item: Item } type Item { version: Int }',
        resolvers: {
          Subscription: {
            item: {
              async *subscribe(_: unknown, __: unknown, { bulk }: any) {
                for (; version < 3; version++) yield { item: { seen: await bulk.versions.load(1) } }
              },
            },
          },
          Item: {
            version: async ({ seen }, _, { bulk }) => {
              const own = await bulk.versions.load(1)
              return own === seen ? own : -1
            },
          },
        },
      }),
    })
    const response = await respond(yoga, 'subscription { item { version } }', {
      headers: { accept: 'text/event-stream' },
    })
    const got: unknown[] = []
    for await (const { data } of eventsOf(response)) got.push(data.item.version)
    expect(got).toEqual([0, 1, 2])
  })

  it('S121 finds what context() has loaded until it has given its events', async () => {
    let asked = 0
    const yoga = createYoga<any>({
      logging: false,
      context: async ({ bulk }: any) => ({ me: await bulk.users.load(1) }),
      plugins: [useBulk({ users: (ids: number[]) => (asked++, ids) })],
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { me: Int }',
        resolvers: {
          Subscription: {
            me: {
              subscribe: async (_: unknown, __: unknown, { bulk }: any) => {
                const me = await bulk.users.load(1)
                return (async function* () {
                  yield { me }
                })()
              },
            },
          },
        },
      }),
    })
    const response = await respond(yoga, 'subscription { me }', { headers: { accept: 'text/event-stream' } })
    const got: unknown[] = []
    for await (const { data } of eventsOf(response)) got.push(data.me)
    expect([got, asked]).toEqual([[1], 1])
  })
})

/** A server whose `version` is loaded, and changes when a test says so. */
function versioned(plugins: (bulk: Plugin) => Plugin[], more: object = {}) {
  const state = { version: 1, asked: 0, contexts: 0 }
  const kept: { service?: { now(): Promise<number> } } = {}
  const bulk = useBulk({
    versions: { command: (ids: number[]) => (state.asked++, ids.map(() => state.version)), delay: 0 },
  })
  const yoga = createYoga<any>({
    logging: false,
    batching: true,
    plugins: plugins(bulk),
    context: async (initial: any) => {
      state.contexts++
      const { versions } = initial.bulk
      return { first: await versions.load(1), service: (kept.service = { now: () => versions.load(1) }) }
    },
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        directive @live(if: Boolean) on QUERY
        type Query {
          version: Int
          served: Int
          late(ms: Int!): Int
        }
        type Mutation {
          bump: Int
          served: Int
        }
        type Subscription {
          ticks: Int
        }
      `,
      resolvers: {
        Query: {
          version: (_, __, ctx) => ctx.bulk.versions.load(1),
          served: (_, __, ctx) => ctx.service.now(),
          late: async (_, { ms }, ctx) => {
            await sleep(ms)
            return ctx.bulk.versions.load(1)
          },
        },
        Mutation: {
          bump: (_, __, ctx) => {
            state.version++
            return ctx.service.now()
          },
          served: (_, __, ctx) => ctx.service.now(),
        },
        Subscription: {
          ticks: {
            async *subscribe() {
              yield { ticks: 1 }
              await sleep(1)
              yield { ticks: 2 }
            },
          },
        },
      },
    }),
    ...more,
  })
  const enveloped = async (query: string, initial: object = {}): Promise<() => Promise<any>> => {
    const { parse, contextFactory, execute, schema } = yoga.getEnveloped(initial as never)
    const document = parse(query)
    const contextValue = await contextFactory()
    return async () => execute({ schema, document, contextValue })
  }
  return { yoga, state, enveloped, kept }
}

const alone = (bulk: Plugin): Plugin[] => [bulk]

describe('several executions with one context', () => {
  // The libraries of live queries take graphql up to 16.
  it.skipIf(versionInfo.major > 16).each(['before', 'after'])(
    'S122 a live query sees what has changed, %s the plugin of live queries',
    async place => {
      const liveQueryStore = new InMemoryLiveQueryStore()
      const live = useLiveQuery({ liveQueryStore }) as unknown as Plugin
      const { yoga, state } = versioned(bulk => (place === 'before' ? [bulk, live] : [live, bulk]))
      const response = await respond(yoga, 'query @live { version served late(ms: 1) }', {
        headers: { accept: 'text/event-stream' },
      })
      const events = eventsOf(response)
      const next = async (): Promise<unknown> => ((await events.next()).value as any).data
      expect(await next()).toEqual({ version: 1, served: 1, late: 1 })
      // What context() has loaded was known.
      expect(state.asked).toBe(1)
      for (const version of [2, 3]) {
        state.version = version
        void liveQueryStore.invalidate('Query.version')
        expect(await next()).toEqual({ version, served: version, late: version })
        expect(state.asked).toBe(version)
      }
      await events.return()
    },
  )

  it('S122 in series begin with fresh loaders, and the first one with those of context()', async () => {
    const { enveloped, state } = versioned(alone)
    const execute = await enveloped('{ a: version b: version served late(ms: 1) }')
    expect(state.asked).toBe(1)
    for (const version of [1, 2, 3]) {
      state.version = version
      const { data } = await execute()
      expect({ ...data }).toEqual({ a: version, b: version, served: version, late: version })
      expect(state.asked).toBe(version)
    }
  })

  it('S122 at once have loaders of their own, also after an await', async () => {
    const { enveloped, state } = versioned(alone)
    const execute = await enveloped('{ version late(ms: 8) }')
    const first = execute()
    await sleep(1)
    state.version = 2
    const second = execute()
    await sleep(1)
    state.version = 3
    const third = execute()
    const versions = (await Promise.all([first, second, third])).map(({ data }) => [data.version, data.late])
    expect(versions).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(state.asked).toBe(3)
  })

  it('S122 where a plugin executes twice, the second time sees fresh data', async () => {
    let state = { version: 1 }
    const twice: Plugin = {
      onExecute({ executeFn, setExecuteFn }) {
        setExecuteFn(async args => {
          await executeFn(args)
          state.version++
          return executeFn(args)
        })
      },
    }
    for (const plugins of [(bulk: Plugin) => [twice, bulk], (bulk: Plugin) => [bulk, twice]]) {
      const served = versioned(plugins)
      state = served.state
      expect(await dataOf(served.yoga, '{ version late(ms: 1) }')).toEqual({ version: 2, late: 2 })
    }
  })

  it('S122 those of one HTTP batch share their loaders', async () => {
    const { yoga, state } = versioned(alone, { context: undefined })
    const answers = await askBatch(yoga, ['{ version }', '{ version late(ms: 1) }', '{ version }'])
    expect(answers.map(({ data }) => data.version)).toEqual([1, 1, 1])
    expect(state.asked).toBe(1)
  })

  it.each<[string, (args: any) => object]>([
    ['all', args => ({ ...args })],
    [
      'those that it knows',
      ({ schema, document, contextValue, rootValue, variableValues, operationName }) => ({
        schema,
        document,
        contextValue,
        rootValue,
        variableValues,
        operationName,
      }),
    ],
  ])('S122 where a plugin executes twice with %s of the arguments', async (_, picked) => {
    const again: Plugin = {
      onExecute({ executeFn, setExecuteFn }) {
        setExecuteFn(async args => {
          await executeFn(picked(args) as never)
          served.state.version++
          return executeFn(picked(args) as never)
        })
      },
    }
    const served = versioned(bulk => [bulk, again])
    expect(await dataOf(served.yoga, '{ version late(ms: 1) }')).toEqual({ version: 2, late: 2 })
  })

  it.each(Object.entries(executors))(
    'S202 where a plugin executes twice with another executor: %s',
    async (_, run) => {
      const again: Plugin = {
        onExecute({ setExecuteFn }) {
          setExecuteFn(async args => {
            await run(args)
            served.state.version++
            return run(args)
          })
        },
      }
      const served = versioned(bulk => [bulk, again])
      expect(await dataOf(served.yoga, '{ version late(ms: 1) }')).toEqual({ version: 2, late: 2 })
    },
  )

  it.each<[string, (context: any) => object, ((context: any) => object)?]>([
    ['is the same', context => context, context => context],
    ['is the same, built once more', context => context],
    ['inherits from it', context => Object.create(context)],
    ['is a copy of it', context => ({ ...context })],
  ])('S122 an execution within another, whose context %s', async (_, initialOf, contextOf) => {
    expect(await seenWithin(initialOf, contextOf)).toEqual([
      [1, 1, 2, 1],
      [2, 2, 3, 2],
    ])
  })

  it('S122 executions within another, at once', async () => {
    const { yoga, state } = versioned(alone, {
      context: undefined,
      schema: createSchema<any>({
        typeDefs: 'type Query { version: Int late(ms: Int!): Int within: [Int] }',
        resolvers: {
          Query: {
            version: (_, __, ctx) => ctx.bulk.versions.load(1),
            late: async (_, { ms }, ctx) => {
              await sleep(ms)
              return ctx.bulk.versions.load(1)
            },
            within: async (_, __, contextValue) => {
              const before = await contextValue.bulk.versions.load(1)
              const { schema, parse, execute } = yoga.getEnveloped({} as never)
              const run = async (): Promise<number[]> => {
                state.version++
                const { data }: any = await execute({
                  schema,
                  document: parse('{ version late(ms: 8) }'),
                  contextValue,
                })
                return [data.version, data.late]
              }
              const first = run()
              await sleep(2)
              const [one, two] = await Promise.all([first, run()])
              return [before, ...one, ...two, await contextValue.bulk.versions.load(1)]
            },
          },
        },
      }),
    })
    expect(await dataOf(yoga, '{ within }')).toEqual({ within: [1, 2, 2, 3, 3, 1] })
  })

  it('S202 a resolver that the program calls itself, with nothing that an executor gives, is served', async () => {
    const { yoga, state } = versioned(alone, {
      context: async (initial: any) => {
        const { version } = yoga.getEnveloped(initial).schema.getQueryType()!.getFields()
        return { before: await version!.resolve!(null, {}, initial, {}) }
      },
    })
    expect(await dataOf(yoga, '{ version }')).toEqual({ version: 1 })
    expect(state.asked).toBe(1)
  })

  it('S122 what a socket asks is no HTTP batch, whatever its contexts are, and though they have one request', async () => {
    const { enveloped, state } = versioned(alone, { context: undefined })
    class SocketContext {
      readonly request: Request = request
    }
    const request = new Request('http://yoga/graphql')
    for (const initial of [
      new SocketContext(),
      new SocketContext(),
      Object.create({ request }),
      { request },
    ]) {
      state.version++
      const execute = await enveloped('{ version }', initial)
      expect((await execute()).data.version).toBe(state.version)
    }
  })

  it('S122 one object that is the context of all that a socket asks: none ends, or answers, another', async () => {
    const { yoga, state } = versioned(alone, {
      context: async ({ bulk }: any) => ({ first: await bulk.versions.load(1) }),
    })
    const connection = { connectionParams: {} }
    const start = async (
      query: string,
    ): Promise<{ readonly answer: Promise<any>; readonly first: number }> => {
      const { parse, contextFactory, execute, subscribe, schema } = yoga.getEnveloped(connection as never)
      const document = parse(query)
      const contextValue: any = await contextFactory()
      const { first } = contextValue
      const run = query.startsWith('subscription') ? subscribe : execute
      return { answer: (async () => run({ schema, document, contextValue }))(), first }
    }
    const long = await start('{ version late(ms: 60) }')
    await sleep(1)
    state.version = 2
    // What is built for the next one must not be answered by the one that goes on.
    const short = await start('{ version }')
    expect(short.first).toBe(2)
    expect((await short.answer).data.version).toBe(2)
    const watching = await start('subscription { ticks }')
    const events = await watching.answer
    await events.next()
    await events.return()
    state.version = 3
    const { data, errors } = await long.answer
    expect(errors).toBeUndefined()
    expect({ ...data }).toEqual({ version: 1, late: expect.any(Number) })
    expect((await (await start('{ version }')).answer).data.version).toBe(3)
  })
})

/**
 * What two executions within one see, between which something changes; and what the outer one sees before and after them. The
 * second time it is in an HTTP batch, and not the first of it.
 */
async function seenWithin(
  initialOf: (context: any) => object,
  contextOf?: (context: any) => object,
): Promise<number[][]> {
  const { yoga, state } = versioned(alone, {
    context: undefined,
    schema: createSchema<any>({
      typeDefs: 'type Query { version: Int within: [Int] }',
      resolvers: {
        Query: {
          version: (_, __, ctx) => ctx.bulk.versions.load(1),
          within: async (_, __, context) => {
            const run = async (): Promise<number> => {
              const { schema, parse, execute, contextFactory } = yoga.getEnveloped(
                initialOf(context) as never,
              )
              const contextValue = contextOf?.(context) ?? (await contextFactory())
              const { data }: any = await execute({ schema, document: parse('{ version }'), contextValue })
              return data.version
            }
            const { versions } = context.bulk
            const seen = [await versions.load(1), await run()]
            state.version++
            return [...seen, await run(), await versions.load(1)]
          },
        },
      },
    }),
  })
  const single = await dataOf(yoga, '{ within }')
  const [, inBatch] = await askBatch(yoga, ['{ version }', '{ within }'])
  return [single.within, inBatch!.data.within]
}

it('S122 one object that is the context of several subscriptions: what feeds one goes on when another ends', async () => {
  const { yoga, pubsub, state } = newsServer(sources['the filter of Yoga']!, true)
  state.allowed = true
  const connection = {}
  const subscribe = async (): Promise<AsyncIterableIterator<any>> => {
    const { parse, contextFactory, subscribe: open, schema } = yoga.getEnveloped(connection as never)
    const document = parse('subscription { news }')
    return (await open({ schema, document, contextValue: await contextFactory() })) as never
  }
  const [first, second] = [await subscribe(), await subscribe()]
  const both = Promise.all([first.next(), second.next()])
  await settled()
  pubsub.publish('news', { n: 1 })
  expect((await both).map(({ value }) => value.data)).toEqual([{ news: 1 }, { news: 1 }])
  await first.return!()
  const last = second.next()
  await settled()
  pubsub.publish('news', { n: 2 })
  expect((await last).value.data).toEqual({ news: 2 })
  await second.return!()
})

describe('a service that took a loader once', () => {
  it('S123 has the same loader as the context, which is a BulkLoader', async () => {
    const seen: unknown[] = []
    const yoga = createYoga<any>({
      logging: false,
      plugins: [useBulk({ users: (ids: number[]) => ids })],
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int }',
        resolvers: {
          Query: {
            a: async (_, __, { bulk }) => {
              const { users } = bulk
              seen.push(
                users === bulk.users,
                users instanceof BulkLoader,
                users.name,
                users.prime(1, 7) === users,
              )
              seen.push(await users.load(1), users.clear(1) === users, await users.load(1))
              seen.push(
                users.clearAll() === users,
                await users.loadMany([1, 2]),
                users.pending,
                users.inFlight,
              )
              await users.flush()
              await users.close()
              return users.load(3).catch(() => 3)
            },
          },
        },
      }),
    })
    expect(await dataOf(yoga, '{ a }')).toEqual({ a: 3 })
    expect(seen).toEqual([true, true, 'users', true, 7, true, 1, true, [1, 2], 0, 0])
  })

  it('S123 sees fresh data in each root field of a mutation', async () => {
    const { yoga } = versioned(alone)
    expect(await dataOf(yoga, 'mutation { a: served b: bump c: served d: bump }')).toEqual({
      a: 1,
      b: 2,
      c: 2,
      d: 3,
    })
  })

  it('S123 over a socket, in each event', async () => {
    let version = 0
    const yoga = createYoga<any>({
      logging: false,
      context: ({ bulk }: any) => {
        const { versions } = bulk
        return { service: { now: () => versions.load(1) } }
      },
      plugins: [useBulk({ versions: (ids: number[]) => ids.map(() => version) })],
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { now: Int }',
        resolvers: {
          Subscription: {
            now: {
              async *subscribe(_: unknown, __: unknown, { service }: any) {
                while (version < 3) {
                  version++
                  yield await service.now()
                }
              },
              resolve: async (seen: number, _: unknown, { service }: any) =>
                seen === (await service.now()) ? seen : -1,
            },
          },
        },
      }),
    })
    await using sockets = await listenToSockets(yoga)
    const got: unknown[] = []
    for await (const { data } of sockets.client().iterate<any>({ query: 'subscription { now }' }))
      got.push(data!.now)
    expect(got).toEqual([1, 2, 3])
  })
})
