/**
 * Requests, very many, to one server, in a process of its own, beside a socket and a subscription that last: what do they leave
 * behind? Prints its findings as JSON.
 */

import { semaphore } from '@bulkcall/core'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
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

const failing = {}
const fails: Plugin = {
  onExecute({ args, setExecuteFn }) {
    if (args.rootValue === failing) setExecuteFn(async () => Promise.reject(new Error('busy')))
  },
}

const yoga = createYoga({
  logging: false,
  batching: true,
  plugins: [
    fails,
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
      type Subscription {
        row: Row
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
      Subscription: {
        row: {
          async *subscribe() {
            for (;;) yield {}
          },
          resolve: (_: unknown, __: unknown, ctx: any) => ctx.bulk.rows.load(1),
        },
      },
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

/** All that a socket carries has one context. */
async function executing(context: object, source: string): Promise<any> {
  const { schema, parse, contextFactory, execute, subscribe } = yoga.getEnveloped(context as never)
  const args = { schema, document: parse(source), contextValue: await contextFactory() }
  return {
    run: (rootValue?: object) => execute({ ...args, rootValue }),
    open: () => subscribe(args),
  }
}

const socket = {}
const events = await (await executing({}, 'subscription { row { next { id } } }')).open()

/** An event; and over the socket one execution that fails, and one that does not. */
async function more(): Promise<void> {
  await events.next()
  const [one, other] = [await executing(socket, query), await executing(socket, query)]
  await Promise.all([one.run(failing).catch(() => {}), other.run()])
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
    await Promise.all(Array.from({ length: 20 }, async (_, place) => request(first + place)))
    for (let i = 0; i < 20; i++) await more()
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
