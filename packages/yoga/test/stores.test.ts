/**
 * Stores: what commands see in an `AsyncLocalStorage` that something around their operation has set.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { envelop, useEngine, useSchema } from '@envelop/core'
import * as GraphQLJS from 'graphql'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk } from '../src/index.ts'
import { ask, askBatch, dataOf, eventsOf, respond } from './support/ask.ts'
import { executors } from './support/executors.ts'
import { listenToSockets } from './support/sockets.ts'
import { gate, patient, settled, sleep } from './support/wait.ts'

const store = new AsyncLocalStorage<string>()

/** Resolvers that load in every way: at once, after an await, in a store of their own, without a loader. */
const typeDefs = /* GraphQL */ `
  type Query {
    own: String
    seen: String
    late: String
    field: String
    nested: Nested
  }
  type Nested {
    seen: String
    late: String
  }
  type Mutation {
    seen: String
    late: String
  }
  type Subscription {
    seen: String
  }
`
const seenNow = (): string => store.getStore() ?? 'none'
const resolvers = {
  Query: {
    own: async (_: unknown, __: unknown, { bulk }: any) => store.run('own', () => bulk.seen.load('own')),
    seen: (_: unknown, __: unknown, { bulk }: any) => bulk.seen.load('seen'),
    late: async (_: unknown, __: unknown, { bulk }: any) => {
      await sleep(1)
      return bulk.seen.load('late')
    },
    field: bulkResolver((calls: unknown[]) => calls.map(seenNow)),
    // A promise that is made in a store of its own.
    nested: async () => store.run('own', () => sleep(1).then(() => ({}))),
  },
  Nested: {
    seen: (_: unknown, __: unknown, { bulk }: any) => bulk.seen.load('nested'),
    late: (_: unknown, __: unknown, { bulk }: any) => bulk.other.load('nested'),
  },
  Mutation: {
    seen: (_: unknown, __: unknown, { bulk }: any) => bulk.seen.load('seen'),
    late: async (_: unknown, __: unknown, { bulk }: any) => {
      await sleep(1)
      return bulk.seen.load('late')
    },
  },
  Subscription: {
    seen: {
      async *subscribe() {
        yield 1
        yield 2
      },
      resolve: async (_: number, __: unknown, { bulk }: any) => bulk.seen.load('event'),
    },
  },
}
const query = '{ own seen late field nested { seen late } }'
const all = (value: string): object => ({
  own: value,
  seen: value,
  late: value,
  field: value,
  nested: { seen: value, late: value },
})

const inOne = (name: string): object => ({
  own: name,
  seen: name,
  late: name,
  nested: { seen: name, late: name },
})

const bulkPlugin = (): Plugin =>
  useBulk({
    seen: (keys: string[]) => keys.map(seenNow),
    other: async function* (keys: string[]) {
      for (const _ of keys) yield seenNow()
    },
  })

function server(plugins: Plugin[], more: object = {}) {
  const schema = createSchema<any>({ typeDefs, resolvers })
  return createYoga<any>({ logging: false, batching: true, schema, plugins, ...more })
}

/** Where a plugin of the program, or its `context`, sets a store. */
const places: Record<string, { plugin?: Plugin; context?: () => object }> = {
  'instrumentation.request': { plugin: { instrumentation: { request: (_, work) => store.run('T', work) } } },
  'instrumentation.operation': {
    plugin: { instrumentation: { operation: (_, work) => store.run('T', work) } },
  },
  'instrumentation.context': {
    plugin: {
      instrumentation: {
        context: (_, work) => {
          store.enterWith('T')
          return work()
        },
      },
    },
  },
  'instrumentation.execute': { plugin: { instrumentation: { execute: (_, work) => store.run('T', work) } } },
  setExecuteFn: {
    plugin: {
      onExecute: ({ executeFn, setExecuteFn }) => setExecuteFn(args => store.run('T', () => executeFn(args))),
    },
  },
  'setExecuteFn, asynchronous, with other arguments': {
    plugin: {
      onExecute: ({ executeFn, setExecuteFn }) =>
        setExecuteFn(async args => {
          await sleep(1)
          return store.run('T', () => executeFn({ ...args }))
        }),
    },
  },
  'enterWith in onExecute': { plugin: { onExecute: () => store.enterWith('T') } },
  'enterWith in onContextBuilding': { plugin: { onContextBuilding: () => store.enterWith('T') } },
  'enterWith in context()': {
    context: () => {
      store.enterWith('T')
      return {}
    },
  },
}

describe('the store that the resolvers of an execution have in common', () => {
  for (const [name, { plugin, context: build }] of Object.entries(places)) {
    it.each(['before', 'after'])(`S124 is that of its commands: ${name}, with useBulk %s`, async place => {
      const bulk = bulkPlugin()
      const others = plugin === undefined ? [] : [plugin]
      const yoga = server(place === 'before' ? [bulk, ...others] : [...others, bulk], { context: build })
      expect(await dataOf(yoga, query)).toEqual(all('T'))
      expect(await dataOf(yoga, 'mutation { seen late }')).toEqual({ seen: 'T', late: 'T' })
      const [first, second] = await askBatch(yoga, [query, query])
      expect([first!.data, second!.data]).toEqual([all('T'), all('T')])
    })
  }

  it.each(['before', 'after'])(
    'S124 is never that of one resolver, also where another plugin runs each in one: useBulk %s',
    async place => {
      const each: Plugin = {
        onSchemaChange({ schema }) {
          for (const type of Object.values<any>(schema.getTypeMap())) {
            if (type.name.startsWith('__') || !('getFields' in type)) continue
            for (const field of Object.values<any>(type.getFields())) {
              if (!('resolve' in field) || field.resolve === undefined) continue
              const { resolve } = field
              field.resolve = (...args: unknown[]) =>
                store.run(`${type.name}.${field.name}`, () => resolve(...args))
            }
          }
        },
        instrumentation: { execute: (_, work) => store.run('T', work) },
        onSubscribe: ({ subscribeFn, setSubscribeFn }) =>
          setSubscribeFn(args => store.run('S', () => subscribeFn(args))),
      }
      const bulk = bulkPlugin()
      const yoga = server(place === 'before' ? [bulk, each] : [each, bulk])
      expect(await dataOf(yoga, query)).toEqual(all('T'))
      const events = eventsOf(
        await respond(yoga, 'subscription { seen }', { headers: { accept: 'text/event-stream' } }),
      )
      for await (const { data } of events) expect(data.seen).not.toMatch(/^Subscription/)
    },
  )

  it('S124 is that of whoever loads where nothing is executed yet, and then that of the execution', async () => {
    const plugins = [
      bulkPlugin(),
      { instrumentation: { execute: (_, work) => store.run('T', work) } } as Plugin,
    ]
    const yoga = server(plugins, {
      context: async ({ bulk }: any) => {
        const { seen } = bulk
        store.enterWith('C')
        return { before: await seen.load('context') }
      },
      schema: createSchema<any>({
        typeDefs: 'type Query { before: String known: String now: String }',
        resolvers: {
          Query: {
            before: (_, __, ctx) => ctx.before,
            known: (_, __, { bulk }) => bulk.seen.load('context'),
            now: (_, __, { bulk }) => bulk.seen.load('now'),
          },
        },
      }),
    })
    expect(await dataOf(yoga, '{ before known now }')).toEqual({ before: 'C', known: 'C', now: 'T' })
  })

  it.each(Object.entries(executors))(
    'S202 where the executor is another one, it is that in which the first resolver is called: %s',
    async (_, run) => {
      let last = 0
      const executor: Plugin = {
        onExecute({ setExecuteFn }) {
          const name = `T${++last}`
          setExecuteFn(args => store.run(name, () => run(args)))
        },
      }
      const yoga = server([bulkPlugin(), executor])
      expect(await dataOf(yoga, query)).toEqual(all('T1'))
      const answers = await askBatch(yoga, [query, '{ late }'])
      expect(answers.map(({ data }) => data)).toEqual([all('T2'), { late: 'T3' }])

      const { parse, contextFactory, execute, schema } = yoga.getEnveloped({} as never)
      const contextValue = await contextFactory()
      const seen = async (): Promise<unknown> => {
        const { data }: any = await execute({ schema, document: parse('{ seen late }'), contextValue })
        return { ...data }
      }
      const both = ['T4', 'T5', 'T6'].map(name => ({ seen: name, late: name }))
      expect([...(await Promise.all([seen(), seen()])), await seen()]).toEqual(both)
    },
  )

  it('S124 on an Envelop server, wherever its engine stands', async () => {
    const { parse, validate, execute, subscribe } = GraphQLJS
    const engine = useEngine({ parse, validate, execute, subscribe })
    const schema = useSchema(createSchema<any>({ typeDefs, resolvers }))
    for (const plugins of [
      [engine, schema, bulkPlugin()],
      [bulkPlugin(), schema, engine],
    ]) {
      const getEnveloped = envelop({
        plugins: [
          ...(plugins as never[]),
          {
            onExecute: ({ executeFn, setExecuteFn }: any) =>
              setExecuteFn((args: any) => store.run('T', () => executeFn(args))),
          },
        ],
      })
      const enveloped = getEnveloped({})
      const contextValue = await enveloped.contextFactory()
      const args = { schema: enveloped.schema, document: enveloped.parse(query), contextValue }
      const { data } = await enveloped.execute(args)
      expect(JSON.parse(JSON.stringify(data))).toEqual(all('T'))
    }
  })

  it('S124 two executions with one context at once have their own', async () => {
    let last = 0
    const transaction: Plugin = {
      onExecute: ({ executeFn, setExecuteFn }) => {
        const name = `T${++last}`
        setExecuteFn(args => store.run(name, () => executeFn(args)))
      },
    }
    const yoga = server([bulkPlugin(), transaction])
    const { parse, contextFactory, execute, schema } = yoga.getEnveloped({} as never)
    const contextValue = await contextFactory()
    const args = { schema, document: parse('{ own seen late nested { seen late } }'), contextValue }
    const answers: any[] = await Promise.all([execute(args), execute(args), execute(args)])
    expect(answers.map(({ data }) => JSON.parse(JSON.stringify(data)))).toEqual(['T1', 'T2', 'T3'].map(inOne))
  })

  it('S124 one object that is the context of all that a socket asks: no command runs in the store of another', async () => {
    let last = 0
    const transaction: Plugin = {
      onExecute: ({ executeFn, setExecuteFn }) => {
        const name = `T${++last}`
        setExecuteFn(args => store.run(name, () => executeFn(args)))
      },
    }
    const held = gate()
    const schema = createSchema<any>({
      typeDefs: 'type Query { seen: String late: String }',
      resolvers: {
        Query: {
          seen: (_, __, { bulk }) => bulk.seen.load(1),
          late: async (_, __, { bulk }) => {
            await held.opened
            return bulk.seen.load(2)
          },
        },
      },
    })
    const yoga = server([bulkPlugin(), transaction], { schema })
    const connection = {}
    const run = async (text: string): Promise<unknown> => {
      const { parse, contextFactory, execute, schema: enveloped } = yoga.getEnveloped(connection as never)
      const document = parse(text)
      const contextValue = await contextFactory()
      const answer: any = await execute({ schema: enveloped, document, contextValue })
      return { ...answer.data }
    }
    const long = run('{ seen late }')
    await settled()
    expect(await run('{ seen }')).toEqual({ seen: 'T2' })
    const longer = run('{ late }')
    await settled()
    held.open()
    expect([await long, await longer]).toEqual([{ seen: 'T1', late: 'T1' }, { late: 'T3' }])
  })

  it('S124 each event has its own, and so has what feeds it', async () => {
    const seen: string[] = []
    const yoga = server([bulkPlugin()], {
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { seen: String }',
        resolvers: {
          Subscription: {
            seen: {
              async *subscribe(_: unknown, __: unknown, { bulk }: any) {
                for (const name of ['A', 'B']) {
                  seen.push(await store.run(name, () => bulk.seen.load(1)))
                  yield name
                }
              },
              resolve: (_: string, __: unknown, { bulk }: any) => bulk.seen.load(1),
            },
          },
        },
      }),
    })
    await using sockets = await listenToSockets(yoga)
    const events = sockets.client().iterate<any>({ query: 'subscription { seen }' })
    const got: unknown[] = []
    for await (const { data } of events) got.push(data!.seen)
    expect([seen, got]).toEqual([
      ['A', 'B'],
      ['none', 'none'],
    ])
  })
})

describe('the operations of one HTTP batch', () => {
  let bulks = 0
  let last = 0
  const seen: Plugin = useBulk({ seen: (keys: string[]) => (bulks++, keys.map(seenNow)) })
  const answersOf = async (plugins: Plugin[], queries: string[], more: object = {}): Promise<unknown[]> => {
    bulks = last = 0
    const answers = await askBatch(server([seen, ...plugins], more), queries)
    return answers.map(({ data }) => data)
  }
  const queries = ['{ seen late }', '{ late }', 'mutation { seen }']

  it.each<[string, Plugin]>([
    ['instrumentation.execute', { instrumentation: { execute: (_, work) => store.run(`T${++last}`, work) } }],
    [
      'instrumentation.operation',
      { instrumentation: { operation: (_, work) => store.run(`T${++last}`, work) } },
    ],
    [
      'setExecuteFn',
      {
        onExecute({ executeFn, setExecuteFn }) {
          const name = `T${++last}`
          setExecuteFn(args => store.run(name, () => executeFn(args)))
        },
      },
    ],
  ])('S200 that run in stores of their own see these: %s', async (_, plugin) => {
    expect(await answersOf([plugin], queries)).toEqual([
      { seen: 'T1', late: 'T1' },
      { late: 'T2' },
      { seen: 'T3' },
    ])
  })

  it('S200 that run in one store, by the value that each has, share their bulks', async () => {
    const same: Plugin = { instrumentation: { execute: (_, work) => store.run('T', work) } }
    expect(await answersOf([same], queries)).toEqual([{ seen: 'T', late: 'T' }, { late: 'T' }, { seen: 'T' }])
    expect(bulks).toBe(1)
  })

  it('S200 that begin when others have ended see their own as well', async () => {
    const held = gate()
    const schema = createSchema<any>({
      typeDefs: 'type Query { seen: String slow: String last: String }',
      resolvers: {
        Query: {
          seen: resolvers.Query.seen,
          slow: async (_, __, { bulk }) => held.opened.then(() => bulk.seen.load('slow')),
          last: async (_, __, { bulk }) => bulk.seen.load('last').finally(() => held.open()),
        },
      },
    })
    const more = {
      schema,
      context: async ({ params }: any) => {
        if (params.query === '{ last }') await settled()
      },
    }
    const execute: Plugin = { instrumentation: { execute: (_, work) => store.run(`T${++last}`, work) } }
    expect(await answersOf([execute], ['{ seen }', '{ slow }', '{ last }'], more)).toEqual([
      { seen: 'T1' },
      { slow: 'T2' },
      { last: 'T3' },
    ])
  })

  it('S200 what their contexts load in one store is known in them', async () => {
    const schema = createSchema<any>({
      typeDefs: 'type Query { early: String known: String }',
      resolvers: {
        Query: { early: (_, __, { early }) => early, known: (_, __, { bulk }) => bulk.seen.load('early') },
      },
    })
    const more = {
      schema,
      context: ({ bulk }: any) => store.run('C', async () => ({ early: await bulk.seen.load('early') })),
    }
    const execute: Plugin = { instrumentation: { execute: (_, work) => store.run('T', work) } }
    const both = ['{ early known }', '{ early known }']
    expect(await answersOf([execute], both, more)).toEqual(both.map(() => ({ early: 'C', known: 'C' })))
    expect(bulks).toBe(1)
  })

  it('S200 what their contexts load in stores of their own is in bulks of their own', async () => {
    const schema = createSchema<any>({
      typeDefs: 'type Query { early: String late: String }',
      resolvers: { Query: { early: (_, __, { early }) => early, late: resolvers.Query.late } },
    })
    const more = {
      schema,
      context: async ({ bulk }: any) => ({
        early: await store.run(`C${++last}`, () => bulk.seen.load('early')),
      }),
    }
    expect(await answersOf([], ['{ early }', '{ early late }'], more)).toEqual([
      { early: 'C1' },
      { early: 'C2', late: 'none' },
    ])
  })
})

it('S124 a transaction around a mutation is that of its loads, where there is one connection', async () => {
  const transactions = new AsyncLocalStorage<{ readonly id: number }>()
  let free = Promise.resolve()
  let last = 0
  /** A pool of one connection: who asks within the transaction has it, others wait until it is over. */
  const transact = async <R>(work: () => Promise<R>): Promise<R> => {
    const before = free
    let release!: () => void
    free = new Promise(resolve => {
      release = resolve
    })
    await before
    try {
      return await transactions.run({ id: ++last }, work)
    } finally {
      release()
    }
  }
  const queried: number[] = []
  const rows = async (ids: number[]): Promise<number[]> => {
    const own = transactions.getStore()
    if (own === undefined) return transact(() => rows(ids))
    await sleep(1)
    queried.push(own.id)
    return ids
  }
  const aroundMutations: Plugin = {
    onExecute: ({ executeFn, setExecuteFn }) => setExecuteFn(args => transact(async () => executeFn(args))),
  }
  for (const plugins of [
    [useBulk({ rows }, { delay: patient }), aroundMutations],
    [aroundMutations, useBulk({ rows }, { delay: patient })],
  ]) {
    const yoga = createYoga<any>({
      logging: false,
      plugins,
      schema: createSchema<any>({
        typeDefs: 'type Query { a: Int } type Mutation { a: Int b: Int }',
        resolvers: {
          Mutation: {
            a: (_, __, { bulk }) => bulk.rows.load(1),
            b: async (_, __, { bulk }) => {
              await sleep(1)
              return bulk.rows.load(2)
            },
          },
        },
      }),
    })
    queried.length = 0
    const before = last
    expect(await ask(yoga, 'mutation { a b }')).toEqual({ data: { a: 1, b: 2 } })
    expect(queried).toEqual([before + 1, before + 1])
  }
})

it('S124 spans of a database hang below the span of the execution', async () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const tracer = provider.getTracer('test')
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  try {
    const database = async (ids: number[]): Promise<number[]> => {
      const span = tracer.startSpan('SELECT')
      await sleep(1)
      span.end()
      return ids
    }
    const within = (name: string, work: () => any): any => {
      const span = tracer.startSpan(name)
      return context.with(trace.setSpan(context.active(), span), async () => {
        await work()
        span.end()
      })
    }
    const telemetry: Plugin = {
      instrumentation: {
        request: (_, work) => within('request', work),
        execute: (_, work) => within('graphql.execute', work),
      },
    }
    const yoga = createYoga<any>({
      logging: false,
      plugins: [useBulk({ rows: database }), telemetry],
      schema: createSchema<any>({
        typeDefs: 'type Query { row: Int }',
        resolvers: {
          Query: { row: (_, __, { bulk }) => within('resolver', () => {}).then(() => bulk.rows.load(1)) },
        },
      }),
    })
    expect(await dataOf(yoga, '{ row }')).toEqual({ row: 1 })
    const spans = exporter.getFinishedSpans()
    const named = (name: string) => spans.find(span => span.name === name)!
    expect(named('SELECT').parentSpanContext?.spanId).toBe(named('graphql.execute').spanContext().spanId)
  } finally {
    context.disable()
  }
})
