/** Its loaders belong to fields: one bulk a field, and keys that are equal only where their rows are. With its compiler. */
import Fastify from 'fastify'
import mercurius from 'mercurius'

import { links, typeDefs } from '../../graphql/schema.mjs'

export const packages = ['mercurius', 'fastify']

export const serve = async ({ commands, posts }) => {
  const loaders = {}
  for (const [type, field, name, key] of links) {
    loaders[type] ??= {}
    loaders[type][field] = queries => commands[name](queries.map(({ obj }) => obj[key]))
  }
  const app = Fastify()
  await app.register(mercurius, {
    schema: typeDefs,
    resolvers: { Query: { posts: (_, { n }) => posts(n) } },
    loaders,
    jit: 1,
  })
  await app.ready()
  return async query => {
    const { body } = await app.inject({ method: 'POST', url: '/graphql', payload: { query } })
    return body
  }
}
