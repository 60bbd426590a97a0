/**
 * `extensions.bulk`: a result that tells what has been loaded.
 */

import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import { useResponseCache } from '@graphql-yoga/plugin-response-cache'
import { createSchema, createYoga, Repeater } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import type { UseBulkOptions } from '../src/index.ts'

const rows = async (ids: readonly number[]): Promise<{ id: number }[]> => ids.map(id => ({ id }))
const load = (_: unknown, { id }: { id: number }, ctx: any): unknown => ctx.bulk.rows.load(id)

function server(extensions: UseBulkOptions['extensions']): { fetch(query: string): Promise<Response> } {
  const yoga = createYoga({
    logging: false,
    plugins: [useBulk({ rows, untouched: rows }, { extensions }), useDeferStream()],
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Row
          many: [Row]
        }
        type Subscription {
          ticks: Row
        }
        type Row {
          id: Int!
          next: Row
        }
      `,
      resolvers: {
        Query: { row: load, many: (_: unknown, __: unknown, ctx: any) => ctx.bulk.rows.loadMany([1, 2, 2]) },
        Row: { next: ({ id }: { id: number }, _: unknown, ctx: any) => ctx.bulk.rows.load(id + 1) },
        Subscription: {
          ticks: {
            subscribe: () =>
              new Repeater(async (push, stop) => {
                await push(1)
                await push(2)
                stop()
              }),
            resolve: (id: number, _: unknown, ctx: any) => ctx.bulk.rows.load(id),
          },
        },
      },
    }),
  })
  return {
    fetch: async query =>
      yoga.fetch('http://yoga/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: query.startsWith('subscription')
            ? 'text/event-stream'
            : 'application/json, multipart/mixed',
        },
        body: JSON.stringify({ query }),
      }),
  }
}

/** What some builders of queries give: the query runs each time that `then` is called. */
function builder<R>(run: () => Promise<R>): PromiseLike<R> {
  // oxlint-disable-next-line unicorn/no-thenable
  return { then: (ok, no) => run().then(ok, no) }
}

describe('extensions', () => {
  it('are not there unless they are asked for', async () => {
    for (const extensions of [undefined, false, () => false]) {
      const response = await server(extensions).fetch('{ row(id: 1) { id } }')
      expect(await response.json()).toEqual({ data: { row: { id: 1 } } })
    }
  })

  it('tell loads, hits, bulks and time of each loader that was touched', async () => {
    const response = await server(true).fetch(
      '{ a: row(id: 1) { next { id } } b: row(id: 1) { id } c: row(id: 5) { id } }',
    )
    const { extensions } = await response.json()
    expect(extensions).toEqual({
      bulk: { loaders: { rows: { loads: 4, hits: 1, bulks: 2, ms: expect.any(Number) } } },
    })
  })

  it('count the keys of a loadMany', async () => {
    const response = await server(true).fetch('{ many { id } }')
    const { extensions } = await response.json()
    expect(extensions.bulk.loaders.rows).toMatchObject({ loads: 3, hits: 1, bulks: 1 })
  })

  it('may depend on the request', async () => {
    const asked: (Request | undefined)[] = []
    const asking = server(request => asked.push(request) > 0)
    const { extensions } = await (await asking.fetch('{ row(id: 1) { id } }')).json()
    expect(extensions.bulk.loaders.rows.loads).toBe(1)
    expect(asked.map(request => request?.method)).toEqual(['POST'])
  })

  it('come with the last part of an incremental result, and count all of it', async () => {
    const response = await server(true).fetch('{ row(id: 1) { id ... @defer { next { id } } } }')
    const parts = [...(await response.text()).matchAll(/^\{.*\}$/gm)].map(([part]) => JSON.parse(part))
    const tellers = parts.filter(part => part.extensions !== undefined)
    expect(tellers).toHaveLength(1)
    expect(tellers[0]).toBe(parts.at(-1))
    expect(tellers[0].extensions.bulk.loaders.rows).toMatchObject({ loads: 2, bulks: 2 })
  })

  it('count each event of a subscription for itself', async () => {
    const response = await server(true).fetch('subscription { ticks { id } }')
    const events = [...(await response.text()).matchAll(/^data: (\{.*\})$/gm)].map(([, data]) =>
      JSON.parse(data!),
    )
    expect(events.map(({ data, extensions }) => [data.ticks.id, extensions.bulk.loaders.rows.loads])).toEqual(
      [
        [1, 1],
        [2, 1],
      ],
    )
  })

  const slow = 20
  const wait = (): Promise<void> => new Promise(resolve => setTimeout(resolve, slow))
  const ways: [string, (ids: number[], run: () => Promise<void>) => any][] = [
    ['a promise', async (ids, run) => run().then(() => ids)],
    ['a thenable', (ids, run) => builder(async () => run().then(() => ids))],
    [
      'an async generator',
      async function* (ids, run) {
        for (const id of ids) {
          await run()
          yield id
        }
      },
    ],
    [
      'a thenable of an async generator',
      (ids, run) =>
        builder(async () =>
          (async function* () {
            await run()
            yield* ids
          })(),
        ),
    ],
    [
      'a generator that is slow itself',
      function* (ids) {
        const until = performance.now() + slow
        while (performance.now() < until);
        yield* ids
      },
    ],
    [
      'an async generator that ends later',
      async function* (ids, run) {
        await run()
        yield* ids
        await new Promise(() => {})
      },
    ],
    ['a list of promises', (ids, run) => ids.map(async id => run().then(() => id))],
    [
      'a promise of a list of thenables',
      async (ids, run) => ids.map(id => builder(async () => run().then(() => id))),
    ],
    ['a Map of promises', (ids, run) => new Map(ids.map(id => [id, run().then(() => id)]))],
    [
      'a list of rejections',
      (ids, run) => ids.map(async () => run().then(() => Promise.reject(new Error()))),
    ],
    [
      'an error that is thrown at once',
      () => {
        const until = performance.now() + slow
        while (performance.now() < until);
        throw new Error('slow to fail')
      },
    ],
    [
      'a rejection',
      async (_, run) => {
        await run()
        throw new Error('slow to fail')
      },
    ],
  ]

  it.each(ways)('S142 tell the time of a command that gives %s, which runs once', async (_, command) => {
    let runs = 0
    const run = (): Promise<void> => (runs++, wait())
    const yoga = createYoga({
      logging: false,
      plugins: [useBulk({ rows: (ids: number[]) => command(ids, run) }, { extensions: true })],
      schema: createSchema<any>({
        typeDefs: 'type Query { row: Int }',
        resolvers: { Query: { row: (_source, __, ctx) => ctx.bulk.rows.load(1) } },
      }),
    })
    const { extensions } = await (await yoga.fetch('http://yoga/graphql?query={row}')).json()
    expect(extensions.bulk.loaders.rows).toEqual({ loads: 1, hits: 0, bulks: 1, ms: expect.any(Number) })
    // Timers may fire a little early.
    expect(extensions.bulk.loaders.rows.ms).toBeGreaterThan(slow - 2)
    expect(runs).toBeLessThanOrEqual(1)
  })

  it('S142 count keys that are refused as loads, and not as hits', async () => {
    const yoga = createYoga({
      logging: false,
      plugins: [
        useBulk(
          { rows: { command: (ids: number[]) => ids, maxPending: 2, nullKeys: 'null' } },
          { extensions: true },
        ),
      ],
      schema: createSchema<any>({
        typeDefs: 'type Query { row(id: Int): Int many: [Int] none: Int no: [Int] }',
        resolvers: {
          Query: {
            row: (_, { id }, ctx) => ctx.bulk.rows.load(id),
            none: (_, __, ctx) => ctx.bulk.rows.load(undefined),
            many: (_, __, ctx) => ctx.bulk.rows.loadMany([1, 2, 3, 1]),
            no: (_, __, ctx) => ctx.bulk.rows.loadMany(5),
          },
        },
      }),
    })
    const tallyOf = async (query: string): Promise<object> => {
      const response = await yoga.fetch(`http://yoga/graphql?query=${encodeURIComponent(query)}`)
      return (await response.json()).extensions.bulk.loaders.rows
    }
    const refused = await tallyOf('{ a: row(id: 1) b: row(id: 2) c: row(id: 3) d: row(id: 4) e: row(id: 1) }')
    expect(refused).toMatchObject({ loads: 5, hits: 1, bulks: 1 })
    expect(await tallyOf('{ none row }')).toMatchObject({ loads: 2, hits: 0, bulks: 0 })
    expect(await tallyOf('{ many }')).toMatchObject({ loads: 4, hits: 1, bulks: 1 })
    expect(await tallyOf('{ no }')).toMatchObject({ loads: 0, hits: 0, bulks: 0 })
  })

  it.each([true, false])('S142 are those of a request, not of a cached response: %s', async ownFirst => {
    const plugins = [
      useBulk({ rows }, { extensions: true }),
      useResponseCache({ session: () => null, ttl: 60_000, includeExtensionMetadata: true }),
    ]
    const yoga = createYoga({
      logging: false,
      batching: true,
      plugins: ownFirst ? plugins : plugins.toReversed(),
      schema: createSchema<any>({
        typeDefs: 'type Query { row: Row } type Row { id: ID! }',
        resolvers: { Query: { row: (_, __, ctx) => ctx.bulk.rows.load(1) } },
      }),
    })
    const fetch = async (body: object): Promise<any> => {
      const headers = { 'content-type': 'application/json' }
      return (
        await yoga.fetch('http://yoga/graphql', { method: 'POST', headers, body: JSON.stringify(body) })
      ).json()
    }
    const query = '{ row { id } }'
    expect((await fetch({ query })).extensions.bulk.loaders.rows.bulks).toBe(1)
    const cached = await fetch({ query })
    expect(cached.extensions.responseCache.hit).toBe(true)
    expect(cached.extensions.bulk).toBeUndefined()
    const batch = await fetch([{ query }, { query: '{ row { __typename id } }' }])
    expect(batch.map(({ extensions }: any) => extensions.bulk?.loaders.rows.bulks)).toEqual([undefined, 1])
  })

  it('S212 the function that decides gets no object of ours as its `this`, nor does any other', async () => {
    const seen = new Set<unknown>()
    function spy(this: unknown, ids: unknown): any {
      seen.add(this)
      return ids
    }
    const keyed = { command: spy, cacheKeyFn: spy, cacheErrors: spy }
    const shared = { ...keyed, clone: spy, shared: spy }
    const { create } = useBulk({ own: keyed, shared }, { extensions: spy })
    const bulk = create({ request: new Request('http://yoga/graphql') })
    await Promise.all([bulk.own.load(1), bulk.shared.load(1)])
    expect(seen).toEqual(new Set([undefined]))
  })

  it('are checked at the door', () => {
    expect(() => useBulk({}, { extensions: 'yes' as never })).toThrow(
      "Bulkcall: extensions must be true, false or a function, got 'yes'",
    )
  })
})
