/**
 * Real servers on real sockets: node:http, and graphql-ws in front of the same Yoga.
 * @module
 */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GraphQLError } from 'graphql'
import { createClient, type Client, type ClientOptions } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocket, WebSocketServer } from 'ws'

export interface Listening extends AsyncDisposable {
  readonly server: Server
  /** Where the server answers, such as `http://127.0.0.1:1234/graphql`. */
  readonly url: string
}

/** Lets a request listener, which a Yoga server is, listen on a free port. */
export async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    url: `http://127.0.0.1:${port}/graphql`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** What the recipe for graphql-ws needs of a Yoga server. */
interface Enveloping extends RequestListener {
  getEnveloped(context: never): any
}

/** A server that answers over WebSocket, as our README says it, and a way to get clients. */
export interface ListeningSocket extends Listening {
  client(options?: Partial<ClientOptions>): Client
  /** The server's ends of the sockets that are open. */
  readonly open: ReadonlySet<WebSocket>
}

export async function listenToSockets(yoga: Enveloping): Promise<ListeningSocket> {
  const http = await listen(yoga)
  const sockets = new WebSocketServer({ server: http.server, path: '/graphql' })
  const ending = useServer(
    {
      execute: (args: any) => args.rootValue.execute(args),
      subscribe: (args: any) => args.rootValue.subscribe(args),
      onSubscribe: async (ctx, _id, params) => {
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
          ...ctx,
          req: ctx.extra.request,
          socket: ctx.extra.socket,
          params,
        } as never)
        const document = parse(params.query)
        const errors = validate(schema, document)
        if (errors.length > 0) return errors
        try {
          return {
            schema,
            document,
            operationName: params.operationName,
            variableValues: params.variables,
            contextValue: await contextFactory(),
            rootValue: { execute, subscribe },
          }
        } catch (error) {
          // Thrown from here, it would close the socket.
          if (error instanceof GraphQLError) return [error]
          throw error
        }
      },
    },
    sockets,
  )
  const clients: Client[] = []
  return {
    ...http,
    open: sockets.clients,
    client(options) {
      const client = createClient({
        url: http.url.replace('http:', 'ws:'),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        ...options,
      })
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.dispose()
      await ending.dispose()
      await http[Symbol.asyncDispose]()
    },
  }
}
