import { stitchSchemas } from '@graphql-tools/stitch'
import { createSchema, createYoga } from 'graphql-yoga'
import { parse, print, type DocumentNode } from 'graphql'
import { describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import { ask, dataOf } from './support/ask.ts'
import { recorded, user, type User } from './support/commands.ts'
import { patient, sleep } from './support/wait.ts'

const usersTypeDefs = /* GraphQL */ `
  type Query {
    user(id: Int!): User
    users(ids: [Int!]!): [User]!
  }
  type User {
    id: Int!
    name: String
  }
`
const postsTypeDefs = /* GraphQL */ `
  type Query {
    posts: [Post!]!
    post(id: Int!): Post
    usersWithPosts(ids: [Int!]!): [User]!
  }
  type Post {
    id: Int!
    title: String
    author: User
  }
  type User {
    id: Int!
    posts: [Post!]!
  }
`
const allPosts = Array.from({ length: 9 }, (_, id) => ({ id, authorId: id % 3 }))

const userResolvers = {
  Query: {
    user: (_: unknown, { id }: { id: number }, ctx: any) => ctx.bulk.users.load(id),
    users: (_: unknown, { ids }: { ids: number[] }, ctx: any) => ctx.bulk.users.loadMany(ids),
  },
}
const postResolvers = {
  Query: {
    posts: () => allPosts,
    post: (_: unknown, { id }: { id: number }) => allPosts[id],
    usersWithPosts: (_: unknown, { ids }: { ids: number[] }) => ids.map(id => ({ id })),
  },
  Post: {
    title: async ({ id }: { id: number }, _: unknown, ctx: any) => {
      await sleep(id % 3)
      return ctx.bulk.titles.load(id)
    },
    author: ({ authorId }: { authorId: number }) => ({ id: authorId }),
  },
  User: { posts: ({ id }: User) => allPosts.filter(({ authorId }) => authorId === id) },
}

const merge = {
  users: {
    User: {
      selectionSet: '{ id }',
      fieldName: 'users',
      key: ({ id }: any) => id,
      argsFromKeys: (ids: any) => ({ ids }),
    },
  },
  posts: {
    User: {
      selectionSet: '{ id }',
      fieldName: 'usersWithPosts',
      key: ({ id }: any) => id,
      argsFromKeys: (ids: any) => ({ ids }),
    },
  },
}

const query = '{ posts { title author { name posts { title author { name } } } } }'

function check(data: any): void {
  expect(data.posts).toHaveLength(9)
  expect(data.posts[4]).toMatchObject({ title: 'title 4', author: { name: 'user 1' } })
  expect(data.posts[4].author.posts.map(({ title }: any) => title)).toEqual(['title 1', 'title 4', 'title 7'])
}

describe('a stitching gateway', () => {
  it('whose subschemas run in it has one set of loaders for all of them', async () => {
    const users = recorded(user)
    const titles = recorded((id: number) => `title ${id}`)
    const schema = stitchSchemas({
      subschemas: [
        {
          schema: createSchema<any>({ typeDefs: usersTypeDefs, resolvers: userResolvers }),
          merge: merge.users,
        },
        {
          schema: createSchema<any>({ typeDefs: postsTypeDefs, resolvers: postResolvers }),
          merge: merge.posts,
        },
      ],
    })
    const yoga = createYoga({ schema, plugins: [useBulk({ users, titles }, { delay: patient })] })
    check(await dataOf(yoga, query))
    // Each key once: the operation of the gateway is the one that they all belong to.
    expect(users.bulks.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2])
    expect(titles.bulks.flat().toSorted((a, b) => a - b)).toEqual(allPosts.map(({ id }) => id))
  })

  it('and its subgraphs may each have loaders of their own', async () => {
    const users = recorded(user)
    const titles = recorded((id: number) => `title ${id}`)
    const shouts = recorded((name: string) => `${name}!`)
    const subgraphs = [
      createYoga({
        schema: createSchema<any>({ typeDefs: usersTypeDefs, resolvers: userResolvers }),
        plugins: [useBulk({ users }, { delay: patient })],
      }),
      createYoga({
        schema: createSchema<any>({ typeDefs: postsTypeDefs, resolvers: postResolvers }),
        plugins: [useBulk({ titles }, { delay: patient })],
      }),
    ] as const
    const executor =
      (subgraph: (typeof subgraphs)[number]) =>
      ({ document, variables }: { document: DocumentNode; variables?: any }) =>
        ask(subgraph, print(document), { variables }) as Promise<any>
    const schema = stitchSchemas({
      subschemas: [
        {
          schema: createSchema({ typeDefs: usersTypeDefs }),
          executor: executor(subgraphs[0]),
          merge: merge.users,
          batch: true,
        },
        {
          schema: createSchema({ typeDefs: postsTypeDefs }),
          executor: executor(subgraphs[1]),
          merge: merge.posts,
          batch: true,
        },
      ],
      typeDefs: 'extend type User { shout: String }',
      resolvers: {
        User: {
          shout: {
            selectionSet: '{ name }',
            resolve: ({ name }: User, _: unknown, ctx: any) => ctx.bulk.shouts.load(name),
          },
        },
      },
    })
    const gateway = createYoga({ schema, plugins: [useBulk({ shouts }, { delay: patient })] })
    const data = await dataOf(gateway, '{ posts { title author { shout posts { title } } } }')
    expect(data.posts[4]).toEqual({
      title: 'title 4',
      author: { shout: 'user 1!', posts: [{ title: 'title 1' }, { title: 'title 4' }, { title: 'title 7' }] },
    })
    expect(shouts.bulks.map(keys => [...keys].toSorted())).toEqual([['user 0', 'user 1', 'user 2']])
    expect(users.bulks).toHaveLength(1)
  })

  it('S140 passes errors on with the path of the gateway, masks those of the program, and logs them once', async () => {
    const logged: unknown[] = []
    const schema = stitchSchemas({
      subschemas: [
        {
          schema: createSchema<any>({ typeDefs: usersTypeDefs, resolvers: userResolvers }),
          merge: merge.users,
        },
        {
          schema: createSchema<any>({ typeDefs: postsTypeDefs, resolvers: postResolvers }),
          merge: merge.posts,
        },
      ],
    })
    const yoga = createYoga({
      schema,
      plugins: [useBulk({ users: recorded(user), titles: () => [] })],
      logging: { debug() {}, info() {}, warn() {}, error: error => void logged.push(error) },
    })
    const { errors } = await ask(yoga, '{ posts { title } }')
    expect(errors!.map(({ path }) => path)).toEqual(allPosts.map((_, place) => ['posts', place, 'title']))
    for (const { message, extensions } of errors!) {
      expect(message).toBe('Unexpected error.')
      expect(extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' })
    }
    expect(logged).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/titles must get one result/) }),
    ])
  })
})

it('documents can be parsed once and asked often, as a gateway does', async () => {
  const users = recorded(user)
  const yoga = createYoga({
    schema: createSchema<any>({ typeDefs: usersTypeDefs, resolvers: userResolvers }),
    plugins: [useBulk({ users }, { delay: patient })],
  })
  const document = print(parse('{ a: user(id: 1) { name } b: user(id: 2) { name } }'))
  for (let i = 0; i < 2; i++) await dataOf(yoga, document)
  expect(users.bulks).toEqual([
    [1, 2],
    [1, 2],
  ])
})
