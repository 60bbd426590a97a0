/**
 * Mercurius, on Fastify.
 * @module
 */

import { defineBulk } from '@bulkcall/graphql'
import fastify from 'fastify'
import { mercurius as plugin } from 'mercurius'
import { resolvers, typeDefs, type Running, type Settings } from './blog.ts'

export async function mercurius({ commands, ...options }: Settings): Promise<Running> {
  const bulk = defineBulk(commands, options)
  const app = fastify()
  await app.register(plugin, {
    schema: typeDefs,
    resolvers: resolvers as never,
    context: () => bulk.extendContext(),
  })
  bulk.scopeResolvers(app.graphql.schema)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url: `${address}/graphql`, stop: () => app.close() }
}
