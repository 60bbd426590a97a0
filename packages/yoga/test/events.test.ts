/**
 * Events: what those hear who watch a server. The operation is the scope, and its fields are those who ask.
 */

import { BulkScope, onBulk, type BulkEvent } from '@bulkcall/core'
import { createSchema, createYoga } from 'graphql-yoga'
import { afterEach, describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import { askBatch, dataOf } from './support/ask.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const rows = async (ids: readonly number[]): Promise<{ id: number }[]> => ids.map(id => ({ id }))

function server(seen: (context: any) => void = () => {}) {
  return createYoga<any>({
    logging: false,
    batching: true,
    plugins: [useBulk({ rows: { command: rows, concurrent: 3 } }, { concurrent: 4 })],
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Row
          later(id: Int!): Row
        }
        type Row {
          id: Int!
          next: Row
        }
      `,
      resolvers: {
        Query: {
          row: (_: unknown, { id }: { id: number }, ctx: any) => {
            seen(ctx)
            return ctx.bulk.rows.load(id)
          },
          later: async (_: unknown, { id }: { id: number }, ctx: any) => {
            await Promise.resolve()
            return ctx.bulk.rows.load(id)
          },
        },
        Row: { next: ({ id }: { id: number }, _: unknown, ctx: any) => ctx.bulk.rows.load(id + 1) },
      },
    }),
  })
}

describe('who watches a server', () => {
  it('learns which field calls, also after an await, and of an alias the name of its field', async () => {
    const fields: unknown[] = []
    stops.push(onBulk({ called: (_, tasks, field) => void fields.push([field, tasks]) }))
    await dataOf(server(), '{ a: row(id: 1) { next { id } } later(id: 7) { id } }')
    expect(fields).toEqual([
      ['Query.row', 1],
      ['Query.later', 1],
      ['Row.next', 1],
    ])
  })

  it('learns the name of the operation, of each of an HTTP batch, and none where it has none', async () => {
    const events: BulkEvent[] = []
    stops.push(onBulk({ started: event => void events.push(event) }))
    const yoga = server()
    await dataOf(yoga, 'query Feed { row(id: 1) { id } }')
    await dataOf(yoga, '{ row(id: 1) { id } }')
    await askBatch(yoga, ['query One { row(id: 1) { id } }', 'query Two { row(id: 2) { id } }'])
    expect(events.map(({ scope }) => scope!.name)).toEqual(['Feed', undefined, 'One, Two'])
    expect(new Set(events.map(({ scope }) => scope!.id)).size).toBe(3)
  })

  it('finds the scope of an operation on its ctx.bulk, and the limits that bind it', async () => {
    const events: BulkEvent[] = []
    stops.push(onBulk({ started: event => void events.push(event) }))
    let found: unknown
    await dataOf(
      server(context => (found = context.bulk[BulkScope.symbol])),
      'query Feed { row(id: 1) { id } }',
    )
    expect(found).toBeInstanceOf(BulkScope)
    expect(events[0]!.scope).toBe(found)
    expect(events[0]!.limiter!.parts!.map(({ slots }) => slots)).toEqual([3, 4])
  })
})
