/**
 * Shapes of resolvers that people write, on which windows that close too early, or too late, are worse than a fixed one. A
 * shape is a schema and a query; which loaders there are in the context is for whoever plays it.
 * @module
 */

import { execute, parse, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql'

/** A loader of whichever kind. */
export interface Loader {
  load(key: number): Promise<any>
  loadMany(keys: readonly number[]): Promise<any[]>
}

export const loaders = ['users', 'posts', 'first', 'second', 'third'] as const
export type Loaders = Readonly<Record<(typeof loaders)[number], Loader>>

/** What the resolvers of all shapes find in their context. */
export interface Context {
  readonly bulk: Loaders
  viewer?: Promise<unknown>
}

/** I/O of a resolver's own. */
export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** I/O that takes from 1 to 4 ms, by the row. */
const io = ({ id }: { readonly id: number }): Promise<void> => sleep(1 + ((id * 7) % 4))

const rows = Array.from({ length: 12 }, (_, id) => ({ id }))
const five = ({ id }: { readonly id: number }): number[] => [0, 1, 2, 3, 4].map(place => id * 5 + place)

/** What the command of each loader gives for a key; three of them ask another one first. */
export const answers: Record<keyof Loaders, (keys: readonly number[], all: Loaders) => Promise<unknown[]>> = {
  users: async keys => sleep(3).then(() => keys.map(id => ({ id, name: `user ${id}` }))),
  posts: async keys => sleep(3).then(() => keys.map(id => ({ id, title: `post ${id}` }))),
  first: async keys => sleep(1).then(() => keys.map(id => ({ id, name: `first ${id}` }))),
  second: async (keys, all) => all.first.loadMany(keys),
  third: async (keys, all) => all.second.loadMany(keys),
}

type Row = { readonly id: number }
type Resolver = (row: Row, args: any, context: Context, info: GraphQLResolveInfo) => unknown

export interface Shape {
  readonly query: string
  readonly resolvers: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Beside those that all shapes have. */
  readonly typeDefs?: string
  /** What else makes the schema what it is. */
  prepare?(this: void, schema: GraphQLSchema): void
  /** Whether a plugin wraps what is wrapped already, in a copy of the schema. */
  readonly isWrappedTwice?: boolean
}

export const typeDefs = /* GraphQL */ `
  type Query {
    rows: [Row!]!
  }
  type Row {
    id: Int!
    author: User
    editor: User
    team: [User]
    name: String
  }
  type User {
    id: Int!
    name: String
    posts: [Post]
    friend: User
  }
  type Post {
    id: Int!
    title: String
    author: User
  }
`

const load: Resolver = ({ id }, _, { bulk }) => bulk.users.load(id)
const guarded: Resolver = async (row, args, context, info) => {
  await io(row)
  return load(row, args, context, info)
}
const rowsOf = (make: (row: Row) => unknown) => ({ rows: () => rows.map(make) })
const team = (resolve: Resolver): Shape => ({
  query: '{ rows { team { name } } }',
  resolvers: { Query: rowsOf(row => row), Row: { team: resolve } },
})
const teams = (resolve: Resolver): Shape => ({
  query: '{ rows { teams { name } } }',
  typeDefs: 'extend type Row { teams: [[User]] }',
  resolvers: { Query: rowsOf(row => row), Row: { teams: resolve } },
})
const author = (resolve: Resolver): Shape => ({
  query: '{ rows { author { name } } }',
  resolvers: { Query: rowsOf(row => row), Row: { author: resolve } },
})

/** By the ms after which they come, calls of a driver that runs them all in the context of one. */
const lost: (() => void)[][] = [[], [], [], []]
const callAll = (calls: (() => void)[]): void => {
  for (const call of calls.splice(0)) call()
}

/** Methods are all that these rows have: the default resolver calls them. */
class Article {
  readonly id: number

  constructor({ id }: Row) {
    this.id = id
  }

  author(_: unknown, { bulk }: Context): Promise<unknown> {
    return bulk.users.load(this.id)
  }

  async editor(_: unknown, { bulk }: Context): Promise<unknown> {
    await io(this)
    return bulk.users.load(this.id + 20)
  }
}

/** Nodes of two types, of which only the database knows which is which. */
const nodes = (Node: object, types: { User?: object; Post?: object } = {}): Shape => ({
  query: '{ nodes { id ... on User { friend { name } } ... on Post { author { name } } } }',
  typeDefs: /* GraphQL */ `
    interface Node {
      id: Int!
    }
    extend type User implements Node
    extend type Post implements Node
    extend type Query {
      nodes: [Node!]!
    }
  `,
  resolvers: {
    Query: { nodes: () => rows },
    Node: { ...Node },
    User: { ...types.User, friend: load },
    Post: { ...types.Post, author: ({ id }: Row, _: unknown, { bulk }: Context) => bulk.users.load(id * 2) },
  },
})
const typeName = async (row: Row, { bulk }: Context): Promise<string> => {
  const { id } = await bulk.posts.load(row.id + 40)
  return id % 2 === 0 ? 'User' : 'Post'
}

/** As `@apollo/subgraph` does it. */
const entities = (resolveReference: (row: Row, context: Context) => unknown, isOld: boolean): Shape => ({
  query: `{ _entities(ids: [${rows.map(({ id }) => id).join()}]) { ... on User { id friend { name } } } }`,
  typeDefs: /* GraphQL */ `
    union _Entity = User | Post
    extend type Query {
      _entities(ids: [Int!]!): [_Entity]!
    }
  `,
  resolvers: {
    Query: {
      _entities: (_: unknown, { ids }: { ids: number[] }, context: Context, info: GraphQLResolveInfo) => {
        const type: any = info.schema.getType('User')
        const { resolveReference: resolve } = type.extensions.apollo?.subgraph ?? type
        return ids.map(id => resolve({ id }, context, info))
      },
    },
    _Entity: { __resolveType: () => 'User' },
    User: { friend: load },
  },
  prepare(schema) {
    const type: any = schema.getType('User')
    if (isOld) type.resolveReference = resolveReference
    else type.extensions = { apollo: { subgraph: { resolveReference } } }
  },
})
const reference = ({ id }: Row, { bulk }: Context) => bulk.users.load(id + 20)
const lateReference = async (row: Row, context: Context) => {
  await io(row)
  return reference(row, context)
}

const inner = parse('{ rows { author { name } } }')

export const shapes: Readonly<Record<string, Shape>> = {
  'inner loads of one resolver, after I/O each': team((row, _, { bulk }) =>
    Promise.all(five(row).map(async key => io({ id: key }).then(() => bulk.users.load(key)))),
  ),
  'one await, then several loads': team(async (row, _, { bulk }) => {
    await io(row)
    return Promise.all(five(row).map(key => bulk.users.load(key)))
  }),
  'one await, then a `loadMany`': team(async (row, _, { bulk }) => {
    await io(row)
    return bulk.users.loadMany(five(row))
  }),
  'an await of what has settled, then a load': author(async (row, args, context, info) => {
    await Promise.resolve()
    return load(row, args, context, info)
  }),
  'a list of promises, I/O before each': team((row, _, { bulk }) =>
    five(row).map(async key => io({ id: key }).then(() => bulk.users.load(key))),
  ),
  'a list of promises, each of a load': team((row, _, { bulk }) =>
    five(row).map(key => bulk.users.load(key)),
  ),
  'lists of promises in a list, I/O before each': teams((row, _, { bulk }) =>
    [0, 1].map(place =>
      five(row).map(async key => io({ id: key + place }).then(() => bulk.users.load(key * 2 + place))),
    ),
  ),
  'a promise of a list of promises, I/O before each': team(async (row, _, { bulk }) => {
    await io(row)
    return five(row).map(async key => io({ id: key }).then(() => bulk.users.load(key)))
  }),
  'a set of promises, I/O before each': team(
    (row, _, { bulk }) =>
      new Set(five(row).map(async key => io({ id: key }).then(() => bulk.users.load(key)))),
  ),
  'objects with promises in them, I/O before each': {
    query: '{ rows { author { name } } }',
    resolvers: {
      Query: {
        rows: async (_: unknown, args: unknown, context: Context, info: GraphQLResolveInfo) => {
          await sleep(1)
          return rows.map(row => ({ ...row, author: guarded(row, args, context, info) }))
        },
      },
    },
  },
  'callbacks in the context of another': author(
    async ({ id }, _, { bulk }) =>
      new Promise((resolve, reject) => {
        lost[id % 4]!.push(() => bulk.users.load(id).then(resolve, reject))
        if (id === 0) for (const [ms, calls] of lost.entries()) setTimeout(() => callAll(calls), 1 + ms)
      }),
  ),
  'a load at once in some rows, and after I/O in others': author((row, args, context, info) =>
    row.id % 2 === 0 ? guarded(row, args, context, info) : load(row, args, context, info),
  ),
  'thenables that wait as soon as they are asked': author((row, _, { bulk }) => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then: (...then: Parameters<Promise<unknown>['then']>) =>
      io(row)
        .then(() => bulk.users.load(row.id))
        .then(...then),
  })),
  'the first of several loads': author(async (row, _, { bulk }) => {
    await io(row)
    return Promise.race([bulk.users.load(row.id), bulk.posts.load(row.id).then(() => new Promise(() => {}))])
  }),
  'errors in the middle': author(async ({ id }, _, { bulk }) => {
    await io({ id })
    const post = await (id % 3 === 0 ? Promise.reject(new Error(`no ${id}`)) : bulk.posts.load(id)).catch(
      () => ({ id }),
    )
    return bulk.users.load(post.id + 20)
  }),
  'methods of classes': {
    query: '{ rows { author { name } editor { name } } }',
    resolvers: { Query: rowsOf(row => new Article(row)) },
  },
  'an asynchronous `resolveType` that loads': nodes({ __resolveType: typeName }),
  'an asynchronous `resolveType` that loads after I/O': nodes({
    __resolveType: async (row: Row, context: Context) => io(row).then(() => typeName(row, context)),
  }),
  'asynchronous `isTypeOf`s that load': nodes(
    {},
    {
      User: { __isTypeOf: async (row: Row, context: Context) => (await typeName(row, context)) === 'User' },
      Post: { __isTypeOf: async (row: Row, context: Context) => (await typeName(row, context)) === 'Post' },
    },
  ),
  'asynchronous `isTypeOf`s that load after I/O': nodes(
    {},
    {
      User: {
        __isTypeOf: async (row: Row, context: Context) =>
          io(row).then(async () => (await typeName(row, context)) === 'User'),
      },
      Post: {
        __isTypeOf: async (row: Row, context: Context) =>
          io(row).then(async () => (await typeName(row, context)) === 'Post'),
      },
    },
  ),
  'references of federation that load': entities(reference, false),
  'references of federation that load after I/O': entities(lateReference, false),
  'references of federation that load, before 0.4.2': entities(reference, true),
  'references of federation that load after I/O, before 0.4.2': entities(lateReference, true),
  'a pool of two in front of each load': author(async ({ id }, _, { bulk }) => {
    await sleep(7 * (1 + Math.floor(id / 2)))
    return bulk.users.load(id)
  }),
  'guards in front of every field': {
    query: '{ rows { author { posts { title author { name } } } editor { name } } }',
    resolvers: {
      Query: { rows: async () => sleep(1).then(() => rows) },
      Row: { author: guarded, editor: guarded },
      User: {
        posts: async (row: Row, _: unknown, { bulk }: Context) =>
          io(row).then(() => bulk.posts.loadMany([row.id, 50])),
      },
      Post: {
        title: async (post: any) => io(post).then(() => post.title),
        // Keys that are new: with DataLoader a cached one opens a window as well.
        author: async (row: Row, _: unknown, { bulk }: Context) =>
          io(row).then(() => bulk.users.load(row.id + 100)),
      },
    },
  },
  'two loads one after the other in one resolver': author(async ({ id }, _, { bulk }) => {
    const post = await bulk.posts.load(id)
    return bulk.users.load(post.id + 20)
  }),
  'two loads one after the other, with I/O between them': author(async ({ id }, _, { bulk }) => {
    const post = await bulk.posts.load(id)
    await io(post)
    return bulk.users.load(post.id + 20)
  }),
  'a promise memoized on the context, which several resolvers give': {
    query: '{ rows { author { friend { name } } editor { name } } }',
    resolvers: {
      Query: rowsOf(row => row),
      Row: {
        author: (_: unknown, __: unknown, context: Context) =>
          (context.viewer ??= sleep(2).then(() => context.bulk.users.load(40))),
        editor: guarded,
      },
      User: { friend: load },
    },
  },
  'a command that loads from another loader, three in a chain': author(({ id }, _, { bulk }) =>
    bulk.third.load(id),
  ),
  'such a chain beside loads of each of the three': {
    query: '{ rows { author { name } editor { name } friend { name } } }',
    typeDefs: 'extend type Row { friend: User }',
    resolvers: {
      Query: rowsOf(row => row),
      Row: {
        author: ({ id }: Row, _: unknown, { bulk }: Context) => bulk.third.load(id),
        editor: async (row: Row, _: unknown, { bulk }: Context) =>
          io(row).then(() => bulk.first.load(row.id)),
        friend: ({ id }: Row, _: unknown, { bulk }: Context) => bulk.second.load(id + 20),
      },
    },
  },
  'an operation executed within a resolver': {
    query: '{ outer { name } rows { editor { name } } }',
    typeDefs: 'extend type Query { outer: User }',
    resolvers: {
      Query: {
        ...rowsOf(row => row),
        outer: async (_: unknown, __: unknown, contextValue: Context, { schema }: GraphQLResolveInfo) => {
          await sleep(1)
          const { data } = (await execute({ schema, document: inner, contextValue })) as any
          return data.rows[1].author
        },
      },
      Row: { author: guarded, editor: guarded },
    },
  },
  'a schema that is wrapped twice': { ...author(guarded), isWrappedTwice: true },
  recursion: {
    query: '{ rows { author { friend { friend { friend { name } } } } } }',
    resolvers: { Query: rowsOf(row => row), Row: { author: load }, User: { friend: load } },
  },
  'recursion with guards': {
    query: '{ rows { author { friend { friend { friend { name } } } } } }',
    resolvers: { Query: rowsOf(row => row), Row: { author: guarded }, User: { friend: guarded } },
  },
  'lists of very different length': team(({ id }, _, { bulk }) =>
    Promise.all(
      Array.from({ length: [1, 40, 0, 2][id % 4]! }, async (__, place) =>
        io({ id: place }).then(() => bulk.users.load(id * 40 + place)),
      ),
    ),
  ),
  'loads beside fields that wait and never load': {
    query: '{ rows { author { friend { name } } name } }',
    resolvers: {
      Query: rowsOf(row => row),
      Row: { author: load, name: async (row: Row) => io(row).then(() => `row ${row.id}`) },
      User: { friend: load },
    },
  },
}

/** Each of 20 loads follows from the one before, and beside each is a field that waits, and never loads. */
export const chainBesideIdle: Shape = {
  query: `{ rows { ${'author: friend { wait '.repeat(20)} ${'}'.repeat(20)} } }`,
  typeDefs: 'extend type Row { friend: User } extend type User { wait: Int }',
  resolvers: {
    Query: rowsOf(row => row),
    Row: { friend: load },
    User: { friend: load, wait: async () => sleep(12).then(() => 1) },
  },
}

/** No I/O stands between the levels: nothing is uncertain. */
export const plainNested: Shape = {
  query: '{ rows { author { posts { author { name } } } editor { name } } }',
  resolvers: {
    Query: rowsOf(row => row),
    Row: { author: load, editor: load },
    User: { posts: ({ id }: Row, _: unknown, { bulk }: Context) => bulk.posts.loadMany([id, id + 1]) },
    Post: { author: load },
  },
}

/** Siblings with I/O of their own, from 0 to 4 ms, and one load each. */
export const siblings: Shape = {
  query: '{ rows { author { name } editor { name } } }',
  resolvers: {
    Query: rowsOf(row => row),
    Row: {
      author: async (row: Row, args: unknown, context: Context, info: GraphQLResolveInfo) => {
        if (row.id % 5 > 0) await sleep(row.id % 5)
        return load(row, args, context, info)
      },
      editor: guarded,
    },
  },
}
