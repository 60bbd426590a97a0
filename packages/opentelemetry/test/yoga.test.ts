/**
 * Spans in a Yoga server, over a real PostgreSQL, with the instrumentation of its driver underneath.
 */

import { createRequire } from 'node:module'
import { keyed } from '@bulkcall/core'
import { useBulk, type BulkContext } from '@bulkcall/yoga'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { createSchema, createYoga, type YogaInitialContext } from 'graphql-yoga'
import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PostgresServer } from '../../../examples/airports/test/postgres-server.ts'
import { BulkcallInstrumentation } from '../src/index.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = tracerProvider.getTracer('the application')
const unregister = registerInstrumentations({
  tracerProvider,
  instrumentations: [new PgInstrumentation(), new BulkcallInstrumentation()],
})

// From here on the driver may be loaded: its instrumentation waits for that, and so for the pool that it requires.
const { postgresPrograms, startPostgres } = await import('../../../examples/airports/test/postgres-server.ts')

if (postgresPrograms === null)
  console.warn(
    'SKIPPED: no PostgreSQL server below /usr/lib/postgresql. On Debian, apt-get install postgresql.',
  )

const typeDefs = /* GraphQL */ `
  type Query {
    posts: [Post!]!
  }
  type Post {
    id: Int!
    author: User
    editor: User
  }
  type User {
    name: String!
  }
`

describe.skipIf(postgresPrograms === null)(
  'in a Yoga server over PostgreSQL (needs one that is installed)',
  { timeout: 60_000 },
  () => {
    let server: PostgresServer
    let pool: Pool
    let ask: (query: string) => Promise<unknown>

    beforeAll(async () => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
      server = await startPostgres(postgresPrograms!)
      const pg = createRequire(import.meta.url)('pg') as typeof import('pg')
      pool = new pg.Pool({ connectionString: server.url, max: 1 })
      // The server may be faster to end than its connection.
      pool.on('error', () => {})
      ask = askOf(pool)
    }, 60_000)

    afterAll(async () => {
      unregister()
      context.disable()
      await pool?.end()
      await server?.stop()
    })

    beforeEach(() => exporter.reset())

    it('the span of the query is a child of that of the bulk, which is a child of that of the request', async () => {
      expect(await ask('query Feed { posts { author { name } } }')).toEqual({
        data: { posts: [1, 2, 3].map(id => ({ author: { name: `user ${id}` } })) },
      })

      const [request] = named('POST /graphql')
      const [batch, ...others] = named(/^GraphQL DataLoader Batch/)
      const [query, ...otherQueries] = named(/^pg\.query/)
      expect([others, otherQueries]).toEqual([[], []])
      expect(batch!.name).toBe('GraphQL DataLoader Batch users')
      expect(batch!.attributes).toMatchObject({
        'graphql.dataloader.batch.size': 3,
        'graphql.operation.name': 'Feed',
        'bulkcall.cause': 'quiet',
      })
      expect(batch!.parentSpanContext!.spanId).toBe(request!.spanContext().spanId)
      expect(query!.parentSpanContext!.spanId).toBe(batch!.spanContext().spanId)
      expect(new Set(exporter.getFinishedSpans().map(span => span.spanContext().traceId)).size).toBe(1)
    })

    it('each resolver that asks is linked, with its field', async () => {
      await ask('{ posts { author { name } } }')

      const [batch] = named(/^GraphQL DataLoader Batch/)
      expect(batch!.links.map(link => [link.context.spanId, link.attributes])).toEqual(
        named('Post.author')
          .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
          .map(span => [span.spanContext().spanId, { 'graphql.selection.field.coordinate': 'Post.author' }]),
      )
    })

    it('a query that fails is an error of both', async () => {
      await ask('{ posts { editor { name } } }')

      const [batch] = named('GraphQL DataLoader Batch editors')
      const [query] = named(/^pg\.query/)
      expect(batch!.status.message).toBe('relation "nowhere" does not exist')
      expect(batch!.attributes).toMatchObject({ 'error.type': '42P01', 'bulkcall.failed': 3 })
      expect(query!.parentSpanContext!.spanId).toBe(batch!.spanContext().spanId)
    })

    it('operations at the same time do not mix, though one connection serves them all', async () => {
      await Promise.all(Array.from({ length: 20 }, () => ask('{ posts { author { name } } }')))

      expect(named('GraphQL DataLoader Batch users').length).toBe(20)
      for (const batch of named('GraphQL DataLoader Batch users')) {
        const { traceId, spanId } = batch.spanContext()
        const own = exporter.getFinishedSpans().filter(span => span.spanContext().traceId === traceId)
        expect(
          own.filter(span => span.name.startsWith('pg.query')).map(span => span.parentSpanContext!.spanId),
        ).toEqual([spanId])
        expect(batch.links.every(link => link.context.traceId === traceId)).toBe(true)
      }
    })
  },
)

/** Asks a server over this database. */
function askOf(database: Pool): (query: string) => Promise<unknown> {
  const rowsOf = async (sql: string, keys: readonly unknown[]) =>
    (await database.query<{ id: number; name: string }>(sql, [keys])).rows
  // So long that the operation is quiet before.
  const bulk = useBulk(
    {
      users: keyed(
        (ids: number[]) => rowsOf(`select id, 'user ' || id as name from unnest($1::int[]) as id`, ids),
        user => user.id,
      ),
      editors: (ids: number[]) => rowsOf('select id from nowhere where id = any($1)', ids),
    },
    { delay: 60_000 },
  )
  type Context = YogaInitialContext & BulkContext<typeof bulk>
  const yoga = createYoga({
    schema: createSchema<Context>({
      typeDefs,
      resolvers: {
        Query: { posts: () => [{ id: 1 }, { id: 2 }, { id: 3 }] },
        Post: {
          // As an instrumentation of resolvers does.
          author: ({ id }: { id: number }, _: unknown, ctx: Context) =>
            tracer.startActiveSpan('Post.author', span => ctx.bulk.users.load(id).finally(() => span.end())),
          editor: ({ id }: { id: number }, _: unknown, ctx: Context) => ctx.bulk.editors.load(id),
        },
      },
    }),
    plugins: [bulk],
    logging: false,
  })
  return query =>
    tracer.startActiveSpan('POST /graphql', async span => {
      const response = await yoga.fetch('http://yoga/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      const answer: unknown = await response.json()
      span.end()
      return answer
    })
}

/** The spans of this name. */
function named(name: string | RegExp): ReadableSpan[] {
  return exporter
    .getFinishedSpans()
    .filter(span => (typeof name === 'string' ? span.name === name : name.test(span.name)))
}
