import SchemaBuilder from '@pothos/core'
import {
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql'
import { createYoga, type YogaInitialContext } from 'graphql-yoga'
import { expect, it } from 'vitest'
import { grouped } from '@bulkcall/core'
import { bulkResolver, useBulk, type BulkContext } from '../src/index.ts'
import { dataOf } from './support/ask.ts'
import { recorded, user, type User } from './support/commands.ts'
import { patient, sleep } from './support/wait.ts'

interface Post {
  readonly id: number
  readonly authorId: number
}
const posts = Array.from({ length: 12 }, (_, id): Post => ({ id, authorId: id % 4 }))

const query = '{ posts { title author { name posts { id } } } }'

function check(data: any): void {
  expect(data.posts).toHaveLength(12)
  expect(data.posts[5]).toEqual({
    title: 'post 5',
    author: { name: 'user 1', posts: [{ id: 1 }, { id: 5 }, { id: 9 }] },
  })
}

function loaders() {
  const users = recorded((id: number): User | null => user(id))
  const bulk = useBulk(
    {
      users,
      postsByAuthor: grouped(
        (ids: number[]) => posts.filter(({ authorId }) => ids.includes(authorId)),
        ({ authorId }) => authorId,
      ),
    },
    { delay: patient },
  )
  return { users, bulk }
}
type Bulk = ReturnType<typeof loaders>['bulk']
type Context = YogaInitialContext & BulkContext<Bulk>

it('a Pothos schema loads from ctx.bulk, with types', async () => {
  const { users, bulk } = loaders()
  const builder = new SchemaBuilder<{ Context: Context; Objects: { Post: Post; User: User } }>({})
  builder.objectType('User', {
    fields: t => ({
      name: t.exposeString('name'),
      posts: t.field({ type: ['Post'], resolve: ({ id }, _, ctx) => ctx.bulk.postsByAuthor.load(id) }),
    }),
  })
  builder.objectType('Post', {
    fields: t => ({
      id: t.exposeInt('id'),
      title: t.string({
        resolve: bulkResolver((calls: { source: Post }[]) => calls.map(({ source }) => `post ${source.id}`)),
      }),
      author: t.field({
        type: 'User',
        nullable: true,
        resolve: async (post, _, ctx) => {
          await sleep(post.id % 3)
          return ctx.bulk.users.load(post.authorId)
        },
      }),
    }),
  })
  builder.queryType({ fields: t => ({ posts: t.field({ type: ['Post'], resolve: () => posts }) }) })
  const yoga = createYoga({ schema: builder.toSchema(), plugins: [bulk] })
  check(await dataOf(yoga, query))
  expect(users.bulks).toHaveLength(1)
})

it('a schema of graphql-js itself loads from ctx.bulk', async () => {
  const { users, bulk } = loaders()
  const UserType: GraphQLObjectType<User, Context> = new GraphQLObjectType({
    name: 'User',
    fields: () => ({
      name: { type: new GraphQLNonNull(GraphQLString) },
      posts: {
        type: new GraphQLList(PostType),
        resolve: ({ id }, _, ctx) => ctx.bulk.postsByAuthor.load(id),
      },
    }),
  })
  const PostType: GraphQLObjectType<Post, Context> = new GraphQLObjectType({
    name: 'Post',
    fields: () => ({
      id: { type: GraphQLInt },
      title: {
        type: GraphQLString,
        resolve: bulkResolver((calls: { source: Post }[]) => calls.map(({ source }) => `post ${source.id}`)),
      },
      author: {
        type: UserType,
        resolve: async (post: Post, _: unknown, ctx: Context) => {
          await sleep(post.id % 3)
          return ctx.bulk.users.load(post.authorId)
        },
      },
    }),
  })
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType<unknown, Context>({
      name: 'Query',
      fields: { posts: { type: new GraphQLList(PostType), resolve: () => posts } },
    }),
  })
  const yoga = createYoga<Context>({ schema, plugins: [bulk] })
  check(await dataOf(yoga, query))
  expect(users.bulks).toHaveLength(1)
})
