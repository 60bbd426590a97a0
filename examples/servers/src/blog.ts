/**
 * A blog: what the servers of this example have in common. Each resolver asks something else before it loads, as a check of
 * rights does, so that loads come one after the other, and still are one statement for each level of a query.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

import { grouped, keyed } from '@bulkcall/core'

export interface User {
  readonly id: number
  readonly name: string
}

export interface Post {
  readonly id: number
  readonly authorId: number
  readonly title: string
}

/** What resolvers need of the loaders in their context. */
export interface Context {
  readonly bulk: {
    readonly users: { load(id: number): Promise<User | null> }
    readonly postsByAuthor: { load(id: number): Promise<Post[]> }
  }
}

export const typeDefs = /* GraphQL */ `
  type Query {
    posts: [Post!]!
    user(id: Int!): User
  }
  type Post {
    title: String!
    author: User
  }
  type User {
    name: String!
    posts: [Post!]!
  }
`

const posts = Array.from({ length: 20 }, (_, id): Post => ({ id, authorId: id % 7, title: `post ${id}` }))

/** Whether the viewer may see something: I/O, which takes from 1 to 4 ms. */
export async function check(id: number): Promise<void> {
  await sleep(1 + (id % 4))
}

export const resolvers = {
  Query: {
    posts: (): Post[] => posts,
    user: (_: unknown, { id }: { readonly id: number }, ctx: Context) => ctx.bulk.users.load(id),
  },
  Post: {
    author: async ({ id, authorId }: Post, _: unknown, ctx: Context): Promise<User | null> => {
      await check(id)
      return ctx.bulk.users.load(authorId)
    },
  },
  User: {
    posts: async ({ id }: User, _: unknown, ctx: Context): Promise<Post[]> => {
      await check(id)
      return ctx.bulk.postsByAuthor.load(id)
    },
  },
}

/** Commands over a database, which here is an array. Each says what it was asked. */
export function commands(asked: (statement: string) => void = () => {}) {
  return {
    users: keyed(
      async (ids: number[]): Promise<User[]> => {
        asked(`users ${ids.join(' ')}`)
        await sleep(3)
        return ids.map(id => ({ id, name: `user ${id}` }))
      },
      user => user.id,
    ),
    postsByAuthor: grouped(
      async (ids: number[]): Promise<Post[]> => {
        asked(`posts of ${ids.join(' ')}`)
        await sleep(3)
        return posts.filter(({ authorId }) => ids.includes(authorId))
      },
      post => post.authorId,
    ),
  }
}

export type Commands = ReturnType<typeof commands>

/** The settings of each server, and how it is reached and stopped. */
export interface Settings {
  readonly commands: Commands
  readonly delay?: number
  readonly maxPending?: number
}

export interface Running {
  readonly url: string
  stop(): Promise<void>
}
