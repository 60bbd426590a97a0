/**
 * Real servers on real sockets: node:http, and graphql-ws in front of the same Yoga.
 * @module
 */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient, type Client } from 'graphql-ws'
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

/** A server that answers over WebSocket, as Yoga's documentation says it, and a way to get clients. */
export interface ListeningSocket extends Listening {
  client(): Client
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
        const args = {
          schema,
          operationName: params.operationName,
          document: parse(params.query),
          variableValues: params.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        }
        const errors = validate(args.schema, args.document)
        return errors.length > 0 ? errors : args
      },
    },
    sockets,
  )
  const clients: Client[] = []
  return {
    ...http,
    client() {
      const client = createClient({
        url: http.url.replace('http:', 'ws:'),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
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
