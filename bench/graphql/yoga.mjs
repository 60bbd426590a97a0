import { createSchema, createYoga } from 'graphql-yoga'

import { resolversOver, typeDefs } from './schema.mjs'

/** A Yoga server, and how to ask it: with the HTTP of Fetch, and without a socket. */
export function yogaOver(backend, options) {
  const yoga = createYoga({
    schema: createSchema({ typeDefs, resolvers: resolversOver(backend) }),
    logging: false,
    ...options,
  })
  return query => askYoga(yoga, query)
}

export async function askYoga(yoga, query) {
  const response = await yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.text()
}
