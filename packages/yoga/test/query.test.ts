// A helper stands beside the tests that use it.
/* oxlint-disable unicorn/consistent-function-scoping */
import {
  defaultFieldResolver,
  GraphQLInt,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  lexicographicSortSchema,
  type GraphQLField,
} from 'graphql'
import { createSchema, createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import DataLoader from 'dataloader'
import { describe, expect, it, vi } from 'vitest'
import { grouped, keyed } from '@bulkcall/core'
import { bulkResolver, useBulk, type BulkContext, type BulkDefinitions } from '../src/index.ts'
import { ask, dataOf } from './support/ask.ts'
import { recorded, user, type User } from './support/commands.ts'
import { patient, sleep } from './support/wait.ts'

interface Post {
  readonly id: number
  readonly authorId: number
}
const allPosts = Array.from({ length: 20 }, (_, id): Post => ({ id, authorId: id % 7 }))

const typeDefs = /* GraphQL */ `
  type Query {
    posts(first: Int = 20): [Post!]!
    user(id: Int!): User
  }
  type Post {
    id: Int!
    author: User
    editor: User
  }
  type User {
    id: Int!
    name: String!
    posts: [Post!]!
  }
`

/** A small blog: posts have authors, and those have posts again. */
function blog(options: { guard?: (post: Post) => Promise<unknown> } = {}) {
  const users = recorded((id: number): User | null => (id < 100 ? user(id) : null))
  const postsByAuthor = recorded((id: number) => allPosts.filter(post => post.authorId === id))
  // No slow machine may close a window: without guards the operation alone does.
  const { guard } = options
  const bulk = useBulk({ users, postsByAuthor }, { delay: guard === undefined ? Infinity : patient })
  type Context = YogaInitialContext & BulkContext<typeof bulk>
  const schema = createSchema<Context>({
    typeDefs,
    resolvers: {
      Query: {
        posts: (_, { first }: { first: number }) => allPosts.slice(0, first),
        user: (_, { id }: { id: number }, ctx) => ctx.bulk.users.load(id),
      },
      Post: {
        author: (post: Post, _, ctx) =>
          guard === undefined
            ? ctx.bulk.users.load(post.authorId)
            : guard(post).then(() => ctx.bulk.users.load(post.authorId)),
        editor: (post: Post, _, ctx) => ctx.bulk.users.load(post.authorId + 1),
      },
      User: { posts: (author: User, _, ctx) => ctx.bulk.postsByAuthor.load(author.id) },
    },
  })
  return { users, postsByAuthor, bulk, schema, yoga: createYoga({ schema, plugins: [bulk] }) }
}

/** A server with these loaders whose one field says what its resolver says. */
function oneField(
  definitions: BulkDefinitions,
  resolve: (bulk: any) => unknown,
  more: readonly Plugin[] = [],
) {
  return createYoga({
    schema: createSchema<any>({
      typeDefs: 'type Query { field: String }',
      resolvers: { Query: { field: (_, __, ctx) => resolve(ctx.bulk) } },
    }),
    plugins: [useBulk(definitions), ...more],
  })
}

describe('loading', () => {
  it('answers the loads of a list with one bulk, each key once and in the order of the loads', async () => {
    const { yoga, users } = blog()
    const data = await dataOf(yoga, '{ posts { id author { name } } }')
    expect(data.posts).toHaveLength(20)
    expect(data.posts[8]).toEqual({ id: 8, author: { name: 'user 1' } })
    expect(users.bulks).toEqual([[0, 1, 2, 3, 4, 5, 6]])
  })

  it('puts the loads of sibling fields into one bulk', async () => {
    const { yoga, users } = blog()
    await dataOf(yoga, '{ posts { author { id } editor { id } } }')
    expect(users.bulks).toHaveLength(1)
    expect([...users.bulks[0]!].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('needs one bulk a level for lists within lists', async () => {
    const { yoga, users, postsByAuthor } = blog()
    const data = await dataOf(yoga, '{ posts { author { posts { editor { name posts { id } } } } } }')
    expect(data.posts[0].author.posts[0].editor.name).toBe('user 1')
    expect(users.bulks).toHaveLength(2)
    expect(postsByAuthor.bulks).toHaveLength(2)
  })

  it('needs one bulk where resolvers first do I/O of their own, and a DataLoader many', async () => {
    // Each guard answers in a turn of its own, later than the one before: nothing here hangs on the speed of a machine.
    const guards = (): ((post: Post) => Promise<void>) => {
      let last = Promise.resolve()
      return () => (last = last.then(() => new Promise(resolve => setImmediate(resolve))))
    }
    const ours = blog({ guard: guards() })
    await dataOf(ours.yoga, '{ posts { author { id } } }')
    expect(ours.users.bulks).toHaveLength(1)

    const theirs = recorded(user)
    const guard = guards()
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs,
        resolvers: {
          Query: { posts: () => allPosts },
          Post: {
            author: async (post: Post, _, ctx) => {
              await guard(post)
              return ctx.users.load(post.authorId)
            },
          },
        },
      }),
      context: () => ({ users: new DataLoader<number, User>(theirs) }),
    })
    await dataOf(yoga, '{ posts { author { id } } }')
    expect(theirs.bulks).toHaveLength(7)
  })

  it('gives each operation loaders of its own', async () => {
    const { yoga, users } = blog()
    await dataOf(yoga, '{ user(id: 1) { id } }')
    await dataOf(yoga, '{ user(id: 1) { id } }')
    expect(users.bulks).toEqual([[1], [1]])
  })

  it('answers a key that it has answered before without asking again', async () => {
    const { yoga, users } = blog()
    await dataOf(yoga, '{ a: user(id: 1) { posts { author { posts { author { id } } } } } }')
    expect(users.bulks).toEqual([[1]])
  })

  it('does not wait for the delay when all resolvers wait', async () => {
    const users = recorded(user)
    const yoga = oneField({ users: { command: users, delay: Infinity } }, bulk =>
      bulk.users.load(1).then(String),
    )
    await dataOf(yoga, '{ field }')
    expect(users.bulks).toEqual([[1]])
  })

  it('waits for the delay at most when a resolver is busy with something else', async () => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { slow: String  fast: String }',
        resolvers: {
          Query: {
            slow: async () => {
              // Ends as soon as the other field has its answer, which it would never have without the bound.
              while (users.bulks.length === 0) await sleep(1)
              return 'slow'
            },
            fast: async (_, __, ctx) => (await ctx.bulk.users.load(1)).name,
          },
        },
      }),
      plugins: [useBulk({ users: { command: users, delay: 5 } })],
    })
    expect(await dataOf(yoga, '{ slow fast }')).toEqual({ slow: 'slow', fast: 'user 1' })
  })

  it('has a default delay for a resolver that is busy', async () => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { slow: String  fast: String }',
        resolvers: {
          Query: {
            slow: async () => {
              while (users.bulks.length === 0) await sleep(1)
              return 'slow'
            },
            fast: async (_, __, ctx) => (await ctx.bulk.users.load(1)).name,
          },
        },
      }),
      plugins: [useBulk({ users })],
    })
    expect(await dataOf(yoga, '{ slow fast }')).toEqual({ slow: 'slow', fast: 'user 1' })
  })

  it('takes the settings of a loader before the defaults of all loaders', async () => {
    const small = recorded((key: number) => `${key}`)
    const large = recorded((key: number) => `${key}`)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { all: [String] }',
        resolvers: {
          Query: {
            all: (_, __, { bulk }) =>
              Promise.all([1, 2, 3, 4].flatMap(key => [bulk.small.load(key), bulk.large.load(key)])),
          },
        },
      }),
      plugins: [useBulk({ small: { command: small, size: 2 }, large }, { size: 3 })],
    })
    await dataOf(yoga, '{ all }')
    expect(small.bulks).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(large.bulks).toEqual([[1, 2, 3], [4]])
  })

  it('asks again for a key where cache is off, but never twice in a bulk', async () => {
    const users = recorded(user)
    const yoga = oneField({ users: { command: users, cache: false } }, async bulk => {
      await Promise.all([bulk.users.load(1), bulk.users.load(1)])
      await bulk.users.load(1)
      return 'done'
    })
    await dataOf(yoga, '{ field }')
    expect(users.bulks).toEqual([[1], [1]])
  })

  it('compares object keys by cacheKeyFn', async () => {
    const command = recorded(({ a, b }: { a: number; b: number }) => a * b)
    const yoga = oneField({ products: { command, cacheKeyFn: ({ a, b }) => `${a}/${b}` } }, async bulk =>
      (
        await Promise.all(
          [
            { a: 2, b: 3 },
            { a: 2, b: 3 },
          ].map(key => bulk.products.load(key)),
        )
      ).join(),
    )
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: '6,6' })
    expect(command.bulks).toEqual([[{ a: 2, b: 3 }]])
  })

  it('asks again for an error where cacheErrors is off', async () => {
    const command = recorded((key: number) => new Error(`no ${key}`))
    const yoga = oneField({ users: { command, cacheErrors: false } }, async bulk => {
      await bulk.users.load(1).catch(() => {})
      await bulk.users.load(1).catch(() => {})
      return 'done'
    })
    await dataOf(yoga, '{ field }')
    expect(command.bulks).toEqual([[1], [1]])
  })

  it('gives the command its keys, the whole context, a signal and the name of the loader', async () => {
    const seen: any[] = []
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { a: String }',
        resolvers: { Query: { a: (_, __, ctx) => ctx.bulk.letters.load('a') } },
      }),
      context: () => ({ tenant: 'x' }),
      plugins: [
        useBulk({
          letters: (keys: readonly string[], { context, signal, name }) => {
            seen.push({
              keys,
              tenant: context.tenant,
              request: context.request,
              aborted: signal.aborted,
              name,
            })
            return keys
          },
        }),
      ],
    })
    expect(await dataOf(yoga, '{ a }')).toEqual({ a: 'a' })
    expect(seen).toEqual([
      { keys: ['a'], tenant: 'x', request: expect.any(Object), aborted: false, name: 'letters' },
    ])
  })

  it('lets a definition say another name for errors and events', async () => {
    const yoga = oneField(
      { letters: { command: (_: readonly string[], { name }) => [name], name: 'alphabet' } },
      bulk => bulk.letters.load('a'),
    )
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: 'alphabet' })
  })
})

describe('laziness', () => {
  it('does not make a loader that no resolver touches', async () => {
    const touched = recorded((key: number) => `${key}`)
    // A loader reads its options when it is made: once for the check when the server starts, then once an operation.
    const made: string[] = []
    const watched = (name: string) => ({
      command: touched,
      get size() {
        made.push(name)
        return 100
      },
    })
    const definitions = { used: { command: touched }, idle: { command: recorded(() => 'never') } }
    const yoga = oneField(definitions, bulk => bulk.used.load(1))
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: '1' })
    expect(definitions.idle.command.bulks).toEqual([])

    // The getter belongs to the definition: it is read when the server starts, and no operation reads it again.
    const second = oneField({ watched: watched('watched') }, bulk => bulk.watched.load(2))
    const atStart = made.length
    await dataOf(second, '{ field }')
    expect(made).toHaveLength(atStart)
  })

  it('gives the same loader each time within an operation', async () => {
    const yoga = oneField({ users: recorded(user) }, bulk => String(bulk.users === bulk.users))
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: 'true' })
  })

  it('calls no command for an operation that loads nothing', async () => {
    const { yoga, users, postsByAuthor } = blog()
    await dataOf(yoga, '{ posts { id } }')
    expect([users.bulks, postsByAuthor.bulks]).toEqual([[], []])
  })
})

describe('what a command may give', () => {
  it.each([
    ['an array', () => ['x'], 'x'],
    ['a promise of an array', async () => ['x'], 'x'],
    ['a Map', () => new Map([[1, 'x']]), 'x'],
    ['a Map without the key', () => new Map([[2, 'x']]), null],
    [
      'a generator',
      function* () {
        yield 'x'
      },
      'x',
    ],
    [
      'an async generator',
      async function* () {
        yield 'x'
      },
      'x',
    ],
    ['null, which is none', () => null, null],
    ['a promise of undefined, which is none', async () => {}, null],
    [
      'keyed rows',
      keyed(
        () => [{ id: 1, name: 'x' }],
        (row: { id: number }) => row.id,
      ),
      '[object Object]',
    ],
    [
      'keyed rows without the key',
      keyed(
        () => [],
        (row: { id: number }) => row.id,
      ),
      null,
    ],
    [
      'grouped rows',
      grouped(
        () => [{ of: 1 }, { of: 1 }],
        (row: { of: number }) => row.of,
      ),
      '[object Object],[object Object]',
    ],
  ])('takes %s', async (_, command, expected) => {
    const yoga = oneField({ rows: command as never }, async bulk => {
      const row = await bulk.rows.load(1)
      return row === null ? null : String(row)
    })
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: expected })
  })

  it('hands the context through keyed and grouped', async () => {
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { one: String  many: Int }',
        resolvers: {
          Query: {
            one: async (_, __, ctx) => (await ctx.bulk.one.load(1))?.tenant,
            many: async (_, __, ctx) => (await ctx.bulk.many.load(1)).length,
          },
        },
      }),
      context: () => ({ tenant: 'x' }),
      plugins: [
        useBulk<{ tenant: string }>()({
          one: keyed(
            (
              ids: number[],
              { context }: { context: { tenant: string }; name: string; signal: AbortSignal },
            ) => ids.map(id => ({ id, tenant: context.tenant })),
            row => row.id,
          ),
          many: grouped(
            (
              ids: number[],
              { context }: { context: { tenant: string }; name: string; signal: AbortSignal },
            ) => ids.flatMap(id => [context.tenant, 'y'].map(name => ({ id, name }))),
            row => row.id,
          ),
        }),
      ],
    })
    expect(await dataOf(yoga, '{ one many }')).toEqual({ one: 'x', many: 2 })
  })
})

describe('loader names', () => {
  const names = [
    'constructor',
    '__proto__',
    'then',
    'load',
    'toString',
    'hasOwnProperty',
    'users',
    'with space',
    '',
  ]

  it.each(names)('may be %j', async name => {
    // As JSON.parse makes it: a key of the object itself, also for __proto__.
    const definitions = JSON.parse(`{ ${JSON.stringify(name)}: null }`)
    const command = recorded((key: number) => `${name} ${key}`)
    Object.defineProperty(definitions, name, { value: command, enumerable: true })
    const yoga = oneField(definitions, async bulk => (await bulk)[name].load(1))
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: `${name} 1` })
    expect(command.bulks).toEqual([[1]])
  })

  it('work side by side', async () => {
    const definitions = Object.fromEntries(names.map(name => [name, recorded(() => name)]))
    const yoga = oneField(definitions, bulk =>
      Promise.all(names.map(name => bulk[name].load(1))).then(answers => answers.join()),
    )
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: names.join() })
  })

  it('that nobody has defined are undefined', async () => {
    const yoga = oneField({ users: recorded(user) }, bulk => String(bulk.posts))
    expect(await dataOf(yoga, '{ field }')).toEqual({ field: 'undefined' })
  })
})

describe('the door', () => {
  const command = recorded(user)
  it.each<[string, any, RegExp]>([
    ['a definition that is no command', { users: 5 }, /users/],
    ['a definition that is null', { users: null }, /users/],
    ['a definition that is undefined', { users: undefined }, /users/],
    ['a definition without a command', { users: { size: 5 } }, /users.*command/],
    ['a size of zero', { users: { command, size: 0 } }, /users: size must be a whole number from 1/],
    ['a delay that is not a number', { users: { command, delay: NaN } }, /users: delay must be/],
    ['half a slot', { users: { command, concurrent: 0.5 } }, /users.*whole number from 1/],
    ['a limiter that is none', { users: { command, concurrent: {} } }, /users: concurrent must be/],
    ['a text for concurrent', { users: { command, concurrent: '4' } }, /users.*whole number from 1.*'4'/],
    [
      'a maxPending below size',
      { users: { command, size: 10, maxPending: 5 } },
      /users: maxPending.*size \(10\)/,
    ],
    ['a cacheKeyFn that is no function', { users: { command, cacheKeyFn: 'id' } }, /users: cacheKeyFn/],
    ['a misspelt option', { users: { command, sise: 5 } }, /users: .*did you mean 'size'/],
    [
      'an option that only the core knows',
      { users: { command, scope: {} } },
      /users: an option must be one of/,
    ],
    ['a name that is no string', { users: { command, name: 5 } }, /users: name must be a string/],
  ])('refuses %s, and says of which loader', (_, definitions, message) => {
    expect(() => useBulk(definitions)).toThrow(message)
    expect(() => useBulk(definitions)).toThrow(expect.objectContaining({ code: 'BULK_OPTION' }))
  })

  it.each<[string, any, RegExp]>([
    ['a misspelt option', { concurent: 5 }, /did you mean 'concurrent'/],
    ['a size of zero', { size: 0 }, /size must be a whole number from 1/],
    ['a concurrent of zero', { concurrent: 0 }, /whole number from 1/],
    ['null', null, /options must be an object/],
  ])('refuses %s among the defaults', (_, options, message) => {
    expect(() => useBulk({ users: command }, options)).toThrow(message)
  })

  it('checks the defaults also when there is no loader that they could be of', () => {
    expect(() => useBulk({}, { size: 0 })).toThrow(/size must be a whole number from 1/)
  })

  it.each([[null], [undefined], ['users'], [5]])('refuses %j as definitions', definitions => {
    expect(() => useBulk(definitions as never, {})).toThrow(expect.objectContaining({ code: 'BULK_OPTION' }))
  })

  it('takes no definitions at all', async () => {
    expect(
      await dataOf(
        oneField({}, bulk => typeof bulk),
        '{ field }',
      ),
    ).toEqual({ field: 'object' })
  })

  it('refuses a second useBulk on one server, and says why', () => {
    const { schema } = blog()
    expect(() => createYoga({ schema, plugins: [useBulk({}), useBulk({})] })).toThrow(/one useBulk at most/)
  })

  it('refuses a second useBulk also when another plugin adds it', () => {
    const { schema } = blog()
    const adds: Plugin = {
      onPluginInit({ addPlugin }) {
        addPlugin(useBulk({}))
      },
    }
    expect(() => createYoga({ schema, plugins: [useBulk({}), adds] })).toThrow(/one useBulk at most/)
    expect(() => createYoga({ schema, plugins: [adds, useBulk({})] })).toThrow(/one useBulk at most/)
  })
})

describe('the schema', () => {
  it('may be shared by several servers, each with loaders of its own', async () => {
    const schema = createSchema<any>({
      typeDefs: 'type Query { field: String }',
      resolvers: { Query: { field: (_, __, ctx) => ctx.bulk.letters.load('a') } },
    })
    const first = recorded(() => 'first')
    const second = recorded(() => 'second')
    const servers = [first, second].map(letters => createYoga({ schema, plugins: [useBulk({ letters })] }))
    expect(await Promise.all(servers.map(server => dataOf(server, '{ field }')))).toEqual([
      { field: 'first' },
      { field: 'second' },
    ])
    expect([first.bulks, second.bulks]).toEqual([[['a']], [['a']]])
  })

  it('may be shared with a server that has no useBulk', async () => {
    const { schema, yoga } = blog()
    const plain = createYoga({ schema })
    expect(await dataOf(plain, '{ posts(first: 1) { id } }')).toEqual({ posts: [{ id: 0 }] })
    expect(await dataOf(yoga, '{ posts(first: 1) { author { id } } }')).toEqual({
      posts: [{ author: { id: 0 } }],
    })
  })

  it('is wrapped once, however many servers share it', () => {
    const { schema, bulk } = blog()
    const author = (schema.getType('Post') as GraphQLObjectType).getFields().author!
    const { resolve } = author
    createYoga({ schema, plugins: [bulk] })
    createYoga({ schema, plugins: [useBulk({})] })
    expect(author.resolve).toBe(resolve)
  })

  /** A plugin that puts another schema in the place of the server's, as federation or a directive's transformer does. */
  const replacing = (change: (schema: GraphQLSchema) => GraphQLSchema): Plugin => {
    const done = new WeakSet<object>()
    return {
      onSchemaChange({ schema, replaceSchema }) {
        if (done.has(schema)) return
        const changed = change(schema)
        done.add(changed)
        replaceSchema(changed)
      },
    }
  }

  // Loads after I/O tell whether resolvers run in the operation, as they come while a window is open.
  function served(more: readonly Plugin[], before = false) {
    const users = recorded(user)
    const bulk = useBulk({ users: { command: users, delay: patient } })
    const schema = createSchema<any>({
      typeDefs,
      resolvers: {
        Query: { posts: () => allPosts },
        Post: {
          author: async (post: Post, _, ctx) => {
            await sleep(post.id % 3)
            return ctx.bulk.users.load(post.authorId)
          },
        },
      },
    })
    return { users, yoga: createYoga({ schema, plugins: before ? [...more, bulk] : [bulk, ...more] }) }
  }

  it.each([
    ['after', false],
    ['before', true],
  ])('may be replaced by a copy of itself by a plugin %s ours', async (_, before) => {
    const { users, yoga } = served([replacing(lexicographicSortSchema)], before)
    await dataOf(yoga, '{ posts { author { id } } }')
    expect(users.bulks).toHaveLength(1)
  })

  it('may be replaced by a plugin that another plugin adds', async () => {
    const adds: Plugin = {
      onPluginInit({ addPlugin }) {
        addPlugin(replacing(lexicographicSortSchema))
      },
    }
    const { users, yoga } = served([adds])
    await dataOf(yoga, '{ posts { author { id } } }')
    expect(users.bulks).toHaveLength(1)
  })

  it.each([
    ['after', false],
    ['before', true],
  ])('may be replaced by one whose resolvers wrap ours, by a plugin %s ours', async (_, before) => {
    const wrapping = replacing(schema => {
      const copy = lexicographicSortSchema(schema)
      const { author } = (copy.getType('Post') as GraphQLObjectType).getFields()
      const { resolve } = author!
      author!.resolve = (...call) => resolve!(...call)
      return copy
    })
    const { users, yoga } = served([wrapping], before)
    await dataOf(yoga, '{ posts { author { id } } }')
    expect(users.bulks).toHaveLength(1)
  })

  it('may have resolvers that another plugin wraps in place', async () => {
    const wrapping: Plugin = {
      onSchemaChange({ schema }) {
        const { author } = (schema.getType('Post') as GraphQLObjectType).getFields()
        const { resolve } = author!
        author!.resolve = async (...call) => resolve!(...call)
      },
    }
    for (const before of [true, false]) {
      const { users, yoga } = served([wrapping], before)
      await dataOf(yoga, '{ posts { author { id } } }')
      expect(users.bulks).toHaveLength(1)
    }
  })

  it('may come as a promise', async () => {
    const { schema, bulk, users } = blog()
    const yoga = createYoga({ schema: async () => schema, plugins: [bulk] })
    await dataOf(yoga, '{ posts { author { id } } }')
    expect(users.bulks).toHaveLength(1)
  })
})

describe('resolvers', () => {
  /** A server whose one field has this resolver, and what is the field now. */
  function withResolver(resolve: (this: unknown, ...call: any[]) => unknown) {
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({
        name: 'Query',
        fields: {
          field: { type: GraphQLString, resolve },
          other: { type: GraphQLInt },
        },
      }),
    })
    const yoga = createYoga({
      schema,
      plugins: [useBulk({})],
      maskedErrors: false,
    })
    return { yoga, field: schema.getQueryType()!.getFields().field! as GraphQLField<unknown, any>, schema }
  }

  it('keep their this', async () => {
    const seen: unknown[] = []
    const { field, yoga } = withResolver(function (this: unknown) {
      seen.push(this)
      return null
    })
    const receiver = {}
    await field.resolve!.call(receiver as never, {}, {}, {}, {} as never)
    // With a context of ours as well, which is the other way through the wrapper.
    const { contextFactory } = yoga.getEnveloped({} as never)
    await field.resolve!.call(receiver as never, {}, {}, await contextFactory(), {} as never)
    expect(seen).toEqual([receiver, receiver])
    expect(seen[1]).toBe(receiver)
  })

  it('get their source, arguments, context and info as they were', async () => {
    const seen: unknown[][] = []
    const { field, yoga } = withResolver((...call) => void seen.push(call))
    const { contextFactory } = yoga.getEnveloped({} as never)
    const call = [{}, {}, await contextFactory(), {}] as const
    field.resolve!(...(call as [never, never, never, never]))
    expect(seen).toHaveLength(1)
    call.forEach((argument, place) => expect(seen[0]![place]).toBe(argument))
  })

  it('that give a value at once leave the whole execution synchronous', async () => {
    const { yoga, schema } = withResolver(() => 'at once')
    const { parse, execute, contextFactory } = yoga.getEnveloped({} as never)
    const contextValue = await contextFactory()
    const result = execute({ schema, document: parse('{ field }'), contextValue })
    expect(result).not.toHaveProperty('then')
    expect(result).toEqual({ data: { field: 'at once' } })
  })

  it('that throw do so at once, with the stack that the error had', async () => {
    const error = new Error('thrown')
    const { stack } = error
    const { field, yoga } = withResolver(() => {
      throw error
    })
    const { contextFactory } = yoga.getEnveloped({} as never)
    const context = await contextFactory()
    expect(() => field.resolve!({}, {}, context, {} as never)).toThrow(error)
    expect(error.stack).toBe(stack)
    const { errors } = await ask(yoga, '{ field }')
    expect(errors).toMatchObject([{ message: 'thrown', path: ['field'] }])
  })

  it('that reject do so with the very error', async () => {
    const error = new Error('rejected')
    const { field, yoga } = withResolver(() => Promise.reject(error))
    const { contextFactory } = yoga.getEnveloped({} as never)
    await expect(field.resolve!({}, {}, await contextFactory(), {} as never)).rejects.toBe(error)
  })

  it('that are called without a context of ours run as they are', async () => {
    const { field } = withResolver(() => 'plain')
    for (const context of [undefined, null, {}, { bulk: null }, { bulk: {} }, 'text'])
      expect(field.resolve!({}, {}, context, {} as never)).toBe('plain')
  })

  it('that are the default look a property up as that of graphql-js does, and call it if it is a function', async () => {
    const { field, schema, yoga } = withResolver(defaultFieldResolver)
    expect(schema.getQueryType()!.getFields().other!.resolve).toBeUndefined()
    const { contextFactory } = yoga.getEnveloped({} as never)
    class Row {
      field(this: unknown, ...call: unknown[]): unknown[] {
        return [this, ...call.slice(0, 3)]
      }
    }
    const info = { fieldName: 'field', parentType: { name: 'Query' } } as never
    const sources = [{ field: 1 }, { field: null }, {}, [], 'text', 1, null, undefined, Row, new Row()]
    for (const source of sources) {
      for (const context of [{}, await contextFactory()]) {
        const call = [source, {}, context, info] as const
        const ours = field.resolve!(...call) as unknown[]
        const theirs = defaultFieldResolver(...call) as unknown[]
        expect(ours).toEqual(theirs)
        // What the method got is the very same.
        const got = source instanceof Row ? theirs : []
        expect(got.every((each, place) => each === ours[place])).toBe(true)
      }
    }
  })

  it('that a server has for all fields without one run in the operation, and are wrapped once', async () => {
    const users = recorded(user)
    const given = vi.fn(
      async (source: User, _: unknown, context: any, { fieldName }: { fieldName: string }) => {
        await sleep(2 * source.id)
        const found = await context.bulk.users.load(source.id)
        return found[fieldName]
      },
    )
    const seen: unknown[] = []
    const giving: Plugin = {
      onExecute({ args }) {
        args.fieldResolver ??= given as never
      },
    }
    const watching: Plugin = {
      onExecute({ args }) {
        seen.push(args.fieldResolver)
      },
    }
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { users: [User] } type User { name: String }',
        resolvers: { Query: { users: () => [{ id: 1 }, { id: 2 }] } },
      }),
      plugins: [giving, useBulk({ users: { command: users, delay: patient } }), watching],
    })
    const names = { users: [{ name: 'user 1' }, { name: 'user 2' }] }
    for (let run = 0; run < 2; run++) expect(await dataOf(yoga, '{ users { name } }')).toEqual(names)
    expect(users.bulks).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(seen).not.toContain(given)

    // Whoever executes a query again and again may have kept its arguments.
    const { parse, execute, contextFactory, schema } = yoga.getEnveloped({} as never)
    const args = { schema, document: parse('{ users { name } }'), contextValue: await contextFactory() }
    for (let run = 0; run < 2; run++) await execute({ ...args, fieldResolver: seen[0] })
    expect(seen.slice(2)).toEqual([seen[0], seen[0]])
  })

  it('of introspection are left alone', async () => {
    const { yoga, schema } = withResolver(() => 'value')
    const { name } = (schema.getType('__Type') as GraphQLObjectType).getFields()
    const before = name!.resolve
    createYoga({ schema, plugins: [useBulk({})] })
    expect(name!.resolve).toBe(before)
    expect(await dataOf(yoga, '{ __schema { queryType { name } } }')).toEqual({
      __schema: { queryType: { name: 'Query' } },
    })
  })

  it('of interfaces and unions are found through resolveType that loads', async () => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: /* GraphQL */ `
          type Query {
            nodes: [Node!]!
          }
          interface Node {
            id: Int!
            name: String
          }
          type User implements Node {
            id: Int!
            name: String
          }
        `,
        resolvers: {
          Query: { nodes: () => [{ id: 1 }, { id: 2 }] },
          Node: {
            __resolveType: async ({ id }: { id: number }, ctx: any) =>
              (await ctx.bulk.users.load(id)) ? 'User' : null,
          },
          User: { name: async ({ id }: { id: number }, _, ctx) => (await ctx.bulk.users.load(id)).name },
        },
      }),
      plugins: [useBulk({ users })],
    })
    expect(await dataOf(yoga, '{ nodes { name } }')).toEqual({
      nodes: [{ name: 'user 1' }, { name: 'user 2' }],
    })
    expect(users.bulks).toEqual([[1, 2]])
  })

  it('log nothing and warn of nothing when they are wrapped', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    withResolver(() => 'value')
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
  })
})

describe('a hundred operations at once', () => {
  it('each get their own values', async () => {
    const { yoga } = blog()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, id) => dataOf(yoga, `{ user(id: ${id}) { name } }`)),
    )
    expect(answers).toEqual(Array.from({ length: 100 }, (_, id) => ({ user: { name: `user ${id}` } })))
  })
})

// A loader and a batched field are both of the operation: one waits for the other.
it('bulkResolver and loaders close their windows together', async () => {
  const users = recorded(user)
  const fields: number[] = []
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs,
      resolvers: {
        Query: { posts: () => allPosts },
        Post: {
          author: bulkResolver((calls: { source: Post }[]) => {
            fields.push(calls.length)
            return calls.map(({ source }) => user(source.authorId))
          }),
          editor: (post: Post, _, ctx) => ctx.bulk.users.load(post.authorId),
        },
      },
    }),
    plugins: [useBulk({ users: { command: users, delay: Infinity } })],
  })
  await dataOf(yoga, '{ posts { author { id } editor { id } } }')
  expect(fields).toEqual([20])
  expect(users.bulks).toHaveLength(1)
})

describe('an option that is undefined', () => {
  it('leaves the default where it is', async () => {
    const bulks: number[][] = []
    const command = (ids: number[]): number[] => {
      bulks.push([...ids])
      return ids
    }
    const resolvers = {
      Query: {
        a: (_: unknown, { id }: { id: number }, ctx: any) => ctx.bulk.numbers.load(id),
      },
    }
    const definition = { command, delay: undefined, size: undefined, name: undefined }
    const yoga = createYoga({
      schema: createSchema<any>({ typeDefs: 'type Query { a(id: Int!): Int }', resolvers }),
      plugins: [useBulk({ numbers: definition }, { size: 1, delay: 100, timeout: undefined })],
    })
    const response = await yoga.fetch('http://yoga/graphql?query={a:a(id:1) b:a(id:2)}')
    expect(await response.json()).toEqual({ data: { a: 1, b: 2 } })
    expect(bulks).toEqual([[1], [2]])
  })
})
