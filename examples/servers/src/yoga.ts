/**
 * GraphQL Yoga, whose plugin needs no more than to be named.
 * @module
 */

import { createServer } from 'node:http'

import { useBulk } from '@bulkcall/yoga'
import { createSchema, createYoga } from 'graphql-yoga'
import { resolvers, typeDefs, type Running, type Settings } from './blog.ts'

export async function yoga({ commands, ...options }: Settings): Promise<Running> {
  const bulk = useBulk(commands, options)
  const schema = createSchema<any>({ typeDefs, resolvers })
  const server = createServer(createYoga({ schema, plugins: [bulk], logging: false }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    stop: () => new Promise(resolve => server.close(() => resolve())),
  }
}
