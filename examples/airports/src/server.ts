/**
 * The server: one GraphQL Yoga for each way of loading, all on one port.
 * @module
 */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import { createPubSub, createSchema, createYoga, type Plugin } from 'graphql-yoga'

import type { Changes, Context } from './context.ts'
import { Failure, reasonOf } from './failure.ts'
import { graphiqlPage } from './graphiql.ts'
import { metricsPath, metricsPlugin } from './metrics.ts'
import type { Options } from './options.ts'
import type { Queries } from './queries.ts'
import { typeDefs } from './schema.ts'
import { startingQueries } from './starting-queries.ts'
import { traced } from './tracing.ts'
import type { Way } from './ways.ts'

/** So long a server that closes waits for answers that are under way, in ms. */
const longestAnswer = 1_000

/** A server that listens; what it serves may come later, since the database takes its time to start. */
export interface Listener {
  /** Such as `http://127.0.0.1:4000`, without a path. */
  readonly address: string
  /** @param metrics whether the last way has them, for Prometheus */
  serve(ways: readonly Way[], sql: Queries, metrics?: boolean): void
  close(): Promise<void>
}

export async function listen({ port, host }: Pick<Options, 'port' | 'host'>): Promise<Listener> {
  let handlers = new Map<string, RequestListener>()
  let closing = false
  const server = createServer((request, response) => {
    if (closing) response.setHeader('connection', 'close')
    const path = request.url!.split('?', 1)[0]!
    const handler = handlers.get(path)
    if (handler !== undefined) return handler(request, response)
    if (handlers.size === 0)
      return void response.writeHead(503, { 'retry-after': '5' }).end('The database is starting.\n')
    if (path === '/') return void response.writeHead(302, { location: '/graphql' }).end()
    return void response.writeHead(404).end(`Not found. Try ${[...handlers.keys()].join(', ')}.\n`)
  })
  await start(server, port, host)

  return {
    address: addressOf(server),
    serve(ways, sql, metrics = false) {
      const changes: Changes = createPubSub<{ airportChanged: [ident: string] }>()
      const last = ways.at(-1)
      handlers = new Map(
        ways.flatMap(way => {
          const plugins = metrics && way === last ? [metricsPlugin()] : []
          const handler = traced(yogaOf(way, sql, changes, plugins))
          return [way.path, way.watching?.path ?? []].flat().map(path => [path, handler] as const)
        }),
      )
      if (metrics) handlers.set(metricsPath, handlers.get(last!.path)!)
    },
    async close() {
      closing = true
      const closed = new Promise(resolve => server.close(resolve))
      // Whoever has asked gets an answer. What lasts longer, as a subscription does, is cut.
      const idle = setInterval(() => server.closeIdleConnections(), 20)
      const cut = setTimeout(() => server.closeAllConnections(), longestAnswer)
      await closed
      clearInterval(idle)
      clearTimeout(cut)
    },
  }
}

function yogaOf(
  { name, path, resolvers, plugin, watching }: Way,
  sql: Queries,
  changes: Changes,
  plugins: Plugin[],
) {
  return createYoga({
    schema: createSchema<Context>({ typeDefs, resolvers }),
    graphqlEndpoint: path,
    context: { sql, changes },
    plugins: [plugin, watching?.plugin ?? {}, useDeferStream(), ...plugins],
    landingPage: false,
    graphiql: {
      title: `Airports: ${name}`,
      defaultTabs: startingQueries.map(query => ({ query })),
      defaultEditorToolsVisibility: false,
    },
    renderGraphiQL: graphiqlPage,
  })
}

function start(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `Port ${port} is in use. Choose another one with --port.`
          : `The server cannot listen on ${host}, port ${port}: ${reasonOf(error)}.`
      reject(new Failure(reason))
    })
    server.listen(port, host)
  })
}

/** Where this machine itself reaches the server. */
function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  const everywhere = address === '0.0.0.0' || address === '::'
  const host = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}
