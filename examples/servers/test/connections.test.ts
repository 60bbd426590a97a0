/**
 * What several operations of one connection or request see, on real servers: an HTTP batch of Apollo Server, a WebSocket of
 * Mercurius; and Mercurius with its compiler.
 */

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { defineBulk, type BulkContext } from '@bulkcall/graphql'
import { makeExecutableSchema } from '@graphql-tools/schema'
import fastify, { type FastifyInstance } from 'fastify'
import { createClient, type Client } from 'graphql-ws'
import { mercurius, type MercuriusOptions } from 'mercurius'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'

import { commands, resolvers as blog, typeDefs as blogTypes } from '../src/blog.ts'

const typeDefs = /* GraphQL */ `
  type Query {
    version: Int
    late: Int
  }
  type Subscription {
    versions: Version
  }
  type Version {
    root: Int
    late: Int
    fed: Int
  }
`

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Something that changes: whoever has kept it sees it as it was. */
function versioned() {
  const state = { version: 1, asked: 0 }
  const bulk = defineBulk({
    versions: async (ids: number[]) => {
      state.asked++
      return ids.map(() => state.version)
    },
  })
  type Context = BulkContext<typeof bulk>
  const load = (ctx: Context): Promise<number> => ctx.bulk.versions.load(1)
  const late = async (_: unknown, __: unknown, ctx: Context): Promise<number> => {
    await new Promise(resolve => setTimeout(resolve, 3))
    return load(ctx)
  }
  const resolvers = {
    Query: { version: (_: unknown, __: unknown, ctx: Context) => load(ctx), late },
    Subscription: {
      versions: {
        // For each event, what it sees itself, and what has changed since.
        subscribe: async function* events(_: unknown, __: unknown, ctx: Context) {
          for (let event = 0; event < 3; event++) {
            const fed = await load(ctx)
            state.version++
            yield { versions: { fed } }
          }
        },
      },
    },
    Version: { root: (_: unknown, __: unknown, ctx: Context) => load(ctx), late },
  }
  return { bulk, state, resolvers }
}

async function onMercurius(
  { bulk, resolvers }: ReturnType<typeof versioned>,
  options: MercuriusOptions,
): Promise<{ readonly app: FastifyInstance; readonly client: Client }> {
  const app = fastify()
  const context = (): object => bulk.extendContext()
  await app.register(mercurius, {
    schema: typeDefs,
    resolvers: resolvers as never,
    context,
    subscription: { context, fullWsTransport: true },
    ...options,
  })
  bulk.scopeResolvers(app.graphql.schema)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const client = createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    lazy: false,
    retryAttempts: 0,
  })
  closing.push(
    () => app.close(),
    async () => client.dispose(),
  )
  return { app, client }
}

async function resultsOf(client: Client, query: string): Promise<any[]> {
  const results: unknown[] = []
  for await (const { data, errors } of client.iterate<any>({ query })) results.push(errors ?? data)
  return results
}

it('S195 operations of an HTTP batch of Apollo Server have loaders of their own', async () => {
  const { bulk, state, resolvers } = versioned()
  const { Query } = resolvers
  const schema = bulk.scopeResolvers(makeExecutableSchema({ typeDefs, resolvers: { Query } }))
  const server = new ApolloServer({ schema, allowBatchedHttpRequests: true })
  const context = async (): Promise<object> => bulk.extendContext()
  const { url } = await startStandaloneServer(server, { listen: { port: 0 }, context })
  closing.push(() => server.stop())
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ query: '{ version a: version late }' }, { query: '{ late }' }]),
  })

  expect(await response.json()).toEqual([{ data: { version: 1, a: 1, late: 1 } }, { data: { late: 1 } }])
  expect(state.asked).toBe(2)
})

it('S195 events over a WebSocket of Mercurius have fresh loaders, and their source keeps nothing', async () => {
  const { client } = await onMercurius(versioned(), {})
  const query = 'subscription { versions { fed root late } }'

  expect(await resultsOf(client, query)).toEqual(
    [2, 3, 4].map(version => ({ versions: { fed: version - 1, root: version, late: version } })),
  )
})

it('S195 several subscriptions over one WebSocket of Mercurius do not disturb each other', async () => {
  const { client } = await onMercurius(versioned(), {})
  const query = 'subscription { versions { fed root again: root } }'
  const all = (await Promise.all([1, 2, 3].map(() => resultsOf(client, query)))).flat()

  expect(all).toHaveLength(9)
  // What an event has loaded it keeps, and it is never older than what its source has seen.
  for (const { versions } of all) {
    expect(versions.again).toBe(versions.root)
    expect(versions.root).toBeGreaterThan(versions.fed)
  }
})

it('S195 queries over one WebSocket of Mercurius have fresh loaders each', async () => {
  const served = versioned()
  const { client } = await onMercurius(served, {})
  const seen: unknown[] = []
  for (; served.state.version < 4; served.state.version++) {
    seen.push(...(await resultsOf(client, '{ version late }')))
  }

  expect(seen).toEqual([1, 2, 3].map(version => ({ version, late: version })))
})

it('S195 Mercurius that has compiled a query has the bulks that it had before', async () => {
  const asked: string[] = []
  const bulk = defineBulk(
    commands(statement => asked.push(statement)),
    { delay: 250 },
  )
  const app = fastify()
  closing.push(() => app.close())
  await app.register(mercurius, {
    schema: blogTypes,
    resolvers: blog as never,
    context: () => bulk.extendContext(),
    jit: 1,
  })
  bulk.scopeResolvers(app.graphql.schema)
  await app.ready()
  const bodies = new Set<string>()
  for (let run = 0; run < 5; run++) {
    asked.length = 0
    const payload = { query: '{ posts { author { name posts { title author { name } } } } }' }
    bodies.add((await app.inject({ method: 'POST', url: '/graphql', payload })).body)
    expect(asked).toHaveLength(2)
  }

  expect(bodies.size).toBe(1)
})
