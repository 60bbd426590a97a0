/**
 * A subgraph of a federation, on Apollo Server: a router asks it for entities by their keys.
 * @module
 */

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { defineBulk, type BulkContext } from '@bulkcall/graphql'
import { parse } from 'graphql'
import {
  check,
  resolvers,
  typeDefs,
  type Commands,
  type Context,
  type Running,
  type Settings,
  type User,
} from './blog.ts'

type Loaders = BulkContext<ReturnType<typeof defineBulk<Commands>>>

/** The same types, of which users can be asked for by their keys. */
export const entities = typeDefs.replace('type User {', 'type User @key(fields: "id") { id: Int!')

export async function subgraph({ commands, ...options }: Settings): Promise<Running> {
  const bulk = defineBulk(commands, options)
  const schema = bulk.scopeResolvers(
    buildSubgraphSchema({
      typeDefs: parse(entities),
      resolvers: {
        ...resolvers,
        User: {
          ...resolvers.User,
          __resolveReference: async ({ id }: { readonly id: number }, ctx: Context): Promise<User | null> => {
            await check(id)
            return ctx.bulk.users.load(id)
          },
        },
      } as never,
    }),
  )
  const server = new ApolloServer<Loaders>({ schema, plugins: [ApolloServerPluginInlineTraceDisabled()] })
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async () => bulk.extendContext(),
  })
  return { url, stop: () => server.stop() }
}
