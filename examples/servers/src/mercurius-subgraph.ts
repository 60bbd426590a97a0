/**
 * A subgraph of a federation, on Mercurius.
 * @module
 */

import { defineBulk } from '@bulkcall/graphql'
import { buildFederationSchema } from '@mercuriusjs/federation'
import fastify from 'fastify'
import { mercurius } from 'mercurius'
import { check, resolvers, type Context, type Running, type Settings, type User } from './blog.ts'
import { entities } from './subgraph.ts'

export async function mercuriusSubgraph({ commands, ...options }: Settings): Promise<Running> {
  const bulk = defineBulk(commands, options)
  const app = fastify()
  await app.register(mercurius, {
    schema: buildFederationSchema(entities),
    resolvers: {
      ...resolvers,
      User: {
        ...resolvers.User,
        // Mercurius hands arguments to it, which Apollo does not.
        __resolveReference: async ({ id }: User, _: unknown, ctx: Context): Promise<User | null> => {
          await check(id)
          return ctx.bulk.users.load(id)
        },
      },
    } as never,
    context: () => bulk.extendContext(),
  })
  bulk.scopeResolvers(app.graphql.schema)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url: `${address}/graphql`, stop: () => app.close() }
}
