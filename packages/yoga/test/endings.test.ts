/**
 * Ends: nothing waits for what is over, and nothing of it stays, however it has ended.
 */

import { envelop, useEngine, useSchema } from '@envelop/core'
import * as GraphQLJS from 'graphql'
import { createSchema, createYoga, Repeater, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import { ask } from './support/ask.ts'
import { gate, settled, until } from './support/wait.ts'

/** Executes as whoever serves a socket does: all that it carries has one context. */
async function execute(yoga: any, context: object, query: string): Promise<any> {
  const { schema, parse, contextFactory, subscribe, execute: run } = yoga.getEnveloped(context)
  const document = parse(query)
  const contextValue = await contextFactory()
  return (query.startsWith('subscription') ? subscribe : run)({ schema, document, contextValue })
}

const hangs = async (): Promise<never> => new Promise(() => {})

describe('an execution that fails', () => {
  const busy = new Error('busy')
  /** Plugins that put something of theirs in the place of the executor, or around it. */
  const failing: [string, (execute: (args: any) => any) => (args: any) => any][] = [
    [
      'rejects while its resolvers run',
      run => async args => Promise.race([run(args), settled().then(() => Promise.reject(busy))]),
    ],
    [
      'throws while its resolvers run',
      run => args => {
        void run(args)
        throw busy
      },
    ],
    ['rejects before its resolvers run', () => async () => Promise.reject(busy)],
  ]
  const cases = failing.flatMap(([how, wrap]) =>
    ['{ hangs }', 'subscription { hangs }'].flatMap(query =>
      [true, false].map(first => [how, query, first, wrap] as const),
    ),
  )

  it.each(cases)(
    'S251 which %s (%s, plugin first: %s) has ended: no shared bulk waits for it',
    async (_, query, first, wrap) => {
      const isFailing = { now: true }
      const plugin: Plugin = {
        onExecute({ executeFn, setExecuteFn }) {
          if (isFailing.now) setExecuteFn(wrap(executeFn as never))
        },
        onSubscribe({ subscribeFn, setSubscribeFn }) {
          if (isFailing.now) setSubscribeFn(wrap(subscribeFn as never))
        },
      }
      const loading = { command: (ids: number[]) => ids, shared: true, delay: Infinity }
      const bulk = useBulk({ rows: loading })
      const yoga = createYoga<any>({
        logging: false,
        plugins: first ? [plugin, bulk] : [bulk, plugin],
        schema: createSchema<any>({
          typeDefs: 'type Query { hangs: Int row: Int } type Subscription { hangs: Int }',
          resolvers: {
            Query: { hangs, row: (__, ___, ctx) => ctx.bulk.rows.load(1) },
            Subscription: { hangs: { subscribe: hangs } },
          },
        }),
      })
      await expect(execute(yoga, {}, query)).rejects.toThrow(busy)
      isFailing.now = false
      expect(await ask(yoga, '{ row }')).toEqual({ data: { row: 1 } })
    },
  )
})

describe('a socket that closes', () => {
  it('S251 has nothing sent for a context that is being built for the next of its operations', async () => {
    const bulks: unknown[] = []
    const [busy, building] = [gate(), gate()]
    const state = { built: 0 }
    const yoga = createYoga<any>({
      logging: false,
      plugins: [useBulk({ rows: { command: (ids: number[]) => (bulks.push(ids), ids), delay: 1 } })],
      context: async ({ bulk }: any) => {
        if (++state.built === 1) return {}
        await building.opened
        return { row: await bulk.rows.load(1).catch((error: Error) => error.name) }
      },
      schema: createSchema<any>({
        typeDefs: 'type Query { busy: Int row: String }',
        resolvers: {
          Query: { busy: () => busy.opened.then(() => 1), row: (_, __, { row }) => row },
        },
      }),
    })
    const context = { socket: new EventTarget() }
    const first = execute(yoga, context, '{ busy }')
    await until(() => state.built === 1)
    await settled()
    const second = execute(yoga, context, '{ row }')
    context.socket.dispatchEvent(new Event('close'))
    building.open()
    expect((await second).data).toEqual({ row: 'AbortError' })
    busy.open()
    await first
    expect(bulks).toEqual([])
  })
})

describe('a subscription that ends', () => {
  // That of graphql 17 begins no event before the last one is answered.
  it.skipIf(GraphQLJS.versionInfo.major > 16)(
    'S251 has nothing sent for an event that goes on while a later one has been answered',
    async () => {
      const bulks: number[][] = []
      const held = gate()
      const bulk = useBulk({ rows: (ids: number[]) => (bulks.push(ids), ids) })
      const schema = createSchema<any>({
        typeDefs: 'type Query { a: Int } type Subscription { ticks: Int }',
        resolvers: {
          Subscription: {
            ticks: {
              subscribe: () =>
                new Repeater(async (push, stop) => {
                  for (const n of [1, 2]) void push({ n })
                  await stop
                }),
              resolve: async ({ n }: { n: number }, _: unknown, ctx: any) => {
                if (n === 1) await held.opened
                return ctx.bulk.rows.load(n)
              },
            },
          },
        },
      })
      // That of Yoga begins no event before the last one is answered.
      const getEnveloped = envelop({ plugins: [useEngine(GraphQLJS), useSchema(schema), bulk as never] })
      const events = await execute({ getEnveloped }, {}, 'subscription { ticks }')
      const [first, second] = [events.next(), events.next()]
      expect((await second).value.data).toEqual({ ticks: 2 })
      await events.return()
      held.open()
      expect((await first).value.data).toEqual({ ticks: null })
      expect(bulks).toEqual([[2]])
    },
  )
})
