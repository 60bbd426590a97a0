/** In Yoga, with its own executor: it plans an operation, so loads of one level are one bulk. */
import { get, lambda, loadOne, makeGrafastSchema } from 'grafast'
import { useGrafast } from 'grafast/envelop'
import { createYoga } from 'graphql-yoga'

import { links, typeDefs } from '../../graphql/schema.mjs'
import { askYoga } from '../../graphql/yoga.mjs'

export const packages = ['grafast', 'graphql-yoga']

export const serve = ({ commands, posts }) => {
  const objects = {
    Query: { plans: { posts: (_, { $n }) => lambda($n, n => posts(n)) } },
  }
  for (const [type, field, name, key] of links) {
    objects[type] ??= { plans: {} }
    // One function a loader: grafast tells loaders apart by it.
    objects[type].plans[field] = $row => loadOne(get($row, key), commands[name])
  }
  const yoga = createYoga({
    schema: makeGrafastSchema({ typeDefs, objects }),
    plugins: [useGrafast()],
    logging: false,
  })
  return query => askYoga(yoga, query)
}
