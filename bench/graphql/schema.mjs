/** The schema of the end-to-end works. A link can be asked for with I/O of its own before the load. */

import { setTimeout as sleep } from 'node:timers/promises'

const late = '(from: Int! = 0, to: Int! = 0)'

export const typeDefs = /* GraphQL */ `
  type Query { posts(n: Int!): [Post!]! }
  type Post { id: Int!, author${late}: User!, editor${late}: User!, comments${late}: [Comment!]!, sponsor${late}: Company!, writer${late}: User! }
  type Comment { author${late}: User! }
  type User { name: String!, posts${late}: [Post!]!, company${late}: Company! }
  type Company { name: String!, country${late}: Country! }
  type Country { name: String! }
`

/** The loaders, by name, as resolvers reach for them. */
const loaderOf = {
  users: bulk => bulk.users,
  postsOf: bulk => bulk.postsOf,
  commentsOf: bulk => bulk.commentsOf,
  companies: bulk => bulk.companies,
  countries: bulk => bulk.countries,
}

/** Which loader answers a field, and under which key: `[type, field, loader, key]`. */
export const links = [
  ['Post', 'author', 'users', 'authorId'],
  ['Post', 'editor', 'users', 'editorId'],
  ['Post', 'comments', 'commentsOf', 'id'],
  ['Post', 'sponsor', 'companies', 'sponsorId'],
  ['Post', 'writer', 'users', 'writerId'],
  ['Comment', 'author', 'users', 'authorId'],
  ['User', 'posts', 'postsOf', 'id'],
  ['User', 'company', 'companies', 'companyId'],
  ['Company', 'country', 'countries', 'countryId'],
]

/** Resolvers that load from `ctx.bulk`, whatever is behind it. */
export function resolversOver({ posts }) {
  const resolvers = { Query: { posts: (_, { n }) => posts(n) } }
  for (const [type, field, name, key] of links) {
    resolvers[type] ??= {}
    const loader = loaderOf[name]
    resolvers[type][field] = (row, { from, to }, { bulk }) => {
      if (to === 0) return loader(bulk).load(row[key])
      return ownIo(row.id, from, to).then(() => loader(bulk).load(row[key]))
    }
  }
  return resolvers
}

/** From 0 to 4 ms, as a service nearby takes: always the same for one row. */
async function ownIo(id, from, to) {
  const ms = from + ((id * 7) % (to - from + 1))
  if (ms > 0) await sleep(ms)
}
