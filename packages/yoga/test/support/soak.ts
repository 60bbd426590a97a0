/**
 * Requests, very many, to one server, in a process of its own: what do they leave behind? Prints its findings as JSON.
 */

import { semaphore } from '@bulkcall/core'
import { createSchema, createYoga } from 'graphql-yoga'
import { bulkResolver, useBulk } from '../../src/index.ts'

/** What the requests have left. */
export interface SoakReport {
  readonly requests: number
  readonly failed: number
  /** By how much the heap has grown, in bytes, since a fifth of the requests. */
  readonly growth: number
  readonly slotsInUse: number
}

const total = Number(process.argv[2])
const limiter = semaphore(4)
const rows = (ids: readonly number[]): { id: number }[] => ids.map(id => ({ id }))

const yoga = createYoga({
  logging: false,
  batching: true,
  plugins: [
    useBulk({ rows: { command: rows, concurrent: limiter }, tight: { command: rows, maxPending: 1 } }),
  ],
  schema: createSchema<any>({
    typeDefs: /* GraphQL */ `
      type Query {
        row(id: Int!): Row
        tight(id: Int!): Row
      }
      type Mutation {
        row(id: Int!): Row
      }
      type Row {
        id: Int!
        next: Row
        field: Int
      }
    `,
    resolvers: {
      Query: {
        row: (_: unknown, { id }: { id: number }, ctx: any) => ctx.bulk.rows.load(id),
        tight: (_: unknown, { id }: { id: number }, ctx: any) => ctx.bulk.tight.load(id),
      },
      Mutation: { row: (_: unknown, { id }: { id: number }, ctx: any) => ctx.bulk.rows.load(id) },
      Row: {
        next: async ({ id }: { id: number }, _: unknown, ctx: any) => ctx.bulk.rows.load(id + 1),
        field: bulkResolver((calls: { source: { id: number } }[]) => calls.map(({ source }) => source.id)),
      },
    },
  }),
})

const query = '{ a: row(id: 1) { next { id field } } b: row(id: 2) { next { id } } }'
const bodies = [
  { query },
  [{ query }, { query }],
  { query: 'mutation { a: row(id: 1) { id } b: row(id: 1) { next { id } } }' },
  { query: '{ a: tight(id: 1) { id } b: tight(id: 2) { id } }' },
]

let failed = 0

async function request(turn: number): Promise<void> {
  const leaving = new AbortController()
  const response = yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(bodies[turn % bodies.length]),
    signal: leaving.signal,
  })
  // One client in twenty does not wait.
  if (turn % 20 === 0) leaving.abort()
  try {
    await (await response).text()
  } catch {
    failed++
  }
}

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  return process.memoryUsage().heapUsed
}

/** Asks the requests from one number to before another, twenty at once. */
async function ask(from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, place) => request(first + place)))
  }
}

await ask(0, total / 5)
const early = await heap()
await ask(total / 5, total)
const report: SoakReport = {
  requests: total,
  failed,
  growth: (await heap()) - early,
  slotsInUse: limiter.inUse,
}
process.stdout.write(JSON.stringify(report))
