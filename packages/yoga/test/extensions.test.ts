/**
 * `extensions.bulk`: a result that tells what has been loaded.
 */

import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
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

  it('are checked at the door', () => {
    expect(() => useBulk({}, { extensions: 'yes' as never })).toThrow(
      "Bulkcall: extensions must be true, false or a function, got 'yes'",
    )
  })
})
