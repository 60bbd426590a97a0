/**
 * Apollo Server.
 * @module
 */

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { defineBulk, type BulkContext } from '@bulkcall/graphql'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { resolvers, typeDefs, type Commands, type Running, type Settings } from './blog.ts'

type Context = BulkContext<ReturnType<typeof defineBulk<Commands>>>

export async function apollo({ commands, ...options }: Settings): Promise<Running> {
  const bulk = defineBulk(commands, options)
  const schema = bulk.scopeResolvers(makeExecutableSchema({ typeDefs, resolvers }))
  const server = new ApolloServer<Context>({ schema })
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async () => bulk.extendContext(),
  })
  return { url, stop: () => server.stop() }
}
