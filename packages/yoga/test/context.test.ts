// A helper stands beside the tests that use it.
/* oxlint-disable unicorn/consistent-function-scoping */
import { AsyncLocalStorage } from 'node:async_hooks'
import { useResponseCache } from '@graphql-yoga/plugin-response-cache'
// @ts-expect-error its types are there, but its exports do not show them
import { createApplication, createModule, gql, InjectionToken, Scope } from 'graphql-modules'
import { GraphQLError } from 'graphql'
import { createSchema, createYoga, type Plugin, type YogaServerOptions } from 'graphql-yoga'
import { describe, expect, it, vi } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import { useBulk } from '../src/index.ts'
import { ask, askBatch, dataOf, respond, type Answer } from './support/ask.ts'
import { recorded, user, type User } from './support/commands.ts'
import { listen, listenToSockets } from './support/sockets.ts'
import { gate, patient, settled, sleep, until } from './support/wait.ts'

const typeDefs = /* GraphQL */ `
  type Query {
    users(ids: [Int!]!): [User]!
    me: User
  }
  type User {
    id: Int!
    name: String
    friend: User
  }
`

const resolvers = {
  Query: {
    users: (_: unknown, { ids }: { ids: number[] }) => ids.map(id => ({ id })),
    me: (_: unknown, __: unknown, ctx: any) => ctx.me,
  },
  User: {
    // Loads after I/O tell whether the resolvers run in the operation.
    name: async ({ id }: User, _: unknown, ctx: any) => {
      await sleep(id % 3)
      return (await ctx.bulk.users.load(id)).name
    },
    friend: ({ id }: User, _: unknown, ctx: any) => ctx.bulk.users.load(id + 1),
  },
}

const schemaOf = () => createSchema<any>({ typeDefs, resolvers })

describe('context()', () => {
  it('may load, and what it has loaded is known to the resolvers', async () => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: schemaOf(),
      context: async (initial: any) => ({ me: await initial.bulk.users.load(1) }),
      plugins: [useBulk({ users }, { delay: patient })],
    })
    expect(await dataOf(yoga, '{ me { id name friend { id } } }')).toEqual({
      me: { id: 1, name: 'user 1', friend: { id: 2 } },
    })
    expect(users.bulks).toEqual([[1], [2]])
  })

  it('may load many at once, in one bulk and without a wait', async () => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: schemaOf(),
      context: async (initial: any) => {
        const [me] = await Promise.all([1, 2, 1].map(id => initial.bulk.users.load(id)))
        return { me }
      },
      plugins: [useBulk({ users: { command: users, delay: Infinity } })],
    })
    await dataOf(yoga, '{ me { id } }')
    expect(users.bulks).toEqual([[1, 2]])
  })

  it('is whole by the time that a command of a resolver sees it', async () => {
    const seen: unknown[] = []
    const yoga = createYoga({
      schema: schemaOf(),
      context: async () => ({ tenant: 'x' }),
      plugins: [
        useBulk({
          users: (ids: readonly number[], { context }) => {
            seen.push(context.tenant)
            return ids.map(user)
          },
        }),
        {
          onContextBuilding({ extendContext }: { extendContext: (more: object) => void }) {
            extendContext({ late: 1 })
          },
        },
      ],
    })
    await dataOf(yoga, '{ users(ids: [1]) { friend { id } } }')
    expect(seen).toEqual(['x'])
  })

  it('that throws is answered as without us', async () => {
    const yoga = createYoga({
      schema: schemaOf(),
      context: async (initial: any): Promise<object> => {
        await initial.bulk.users.load(1)
        throw new Error('secret')
      },
      plugins: [useBulk({ users: recorded(user) })],
      logging: false,
    })
    const { errors } = await ask(yoga, '{ me { id } }')
    expect(errors).toMatchObject([{ message: 'Unexpected error.' }])
  })
})

describe('a load that is refused in context()', () => {
  /** A server whose context needs these loads. */
  function server(
    loads: (bulk: any) => unknown,
    more: Partial<YogaServerOptions<any, any>> = {},
    plugins: readonly Plugin[] = [],
  ) {
    const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const yoga = createYoga({
      schema: schemaOf(),
      context: async (initial: any) => {
        await loads(initial.bulk)
        return {}
      },
      plugins: [
        useBulk({
          users: recorded(user),
          tight: { command: (keys: readonly number[]) => keys, maxPending: 2 },
          few: () => [],
          text: () => 'text' as never,
          hanging: { command: () => new Promise<never>(() => {}), timeout: 5 },
          failing: () => {
            throw new Error('secret')
          },
        }),
        ...plugins,
      ],
      batching: true,
      logging,
      ...more,
    })
    return { yoga, logging }
  }

  const tooMany = (bulk: any): Promise<unknown> =>
    Promise.all([1, 2, 3].map((key: number) => bulk.tight.load(key)))

  const cases: [string, string, (bulk: any) => unknown, RegExp][] = [
    ['too many keys', 'BULK_OVERFLOW', tooMany, /tight must have at most 2/],
    ['no answer in time', 'BULK_TIMEOUT', bulk => bulk.hanging.load(1), /hanging must settle.*5 ms/],
  ]
  const mistakes: typeof cases = [
    ['too few results', 'BULK_LENGTH', bulk => bulk.few.load(1), /few must get one result/],
    ['a text for results', 'BULK_RESULT', bulk => bulk.text.load(1), /text must get an iterable/],
    ['a key that is null', 'BULK_OPTION', bulk => bulk.users.load(null), /key/],
    [
      'a loader that is closed',
      'BULK_CLOSED',
      async bulk => {
        await bulk.users.close()
        await bulk.users.load(1)
      },
      /users/,
    ],
  ]

  it.each(cases)('for %s tells the client its message and the code %s', async (_, code, loads, message) => {
    const { yoga } = server(loads)
    const { data, errors } = await ask(yoga, '{ me { id } }')
    expect(data).toBeUndefined()
    expect(errors).toEqual([{ message: expect.stringMatching(message), extensions: { code } }])
  })

  it.each(mistakes)(
    'S140 for %s tells the client nothing, and the log what is wrong',
    async (_, code, loads, message) => {
      const { yoga, logging } = server(loads)
      const response = await respond(yoga, '{ me { id } }')
      expect(response.status).toBe(500)
      expect(await response.json()).toEqual({
        errors: [{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      })
      expect(logging.error.mock.calls).toEqual([
        [expect.objectContaining({ message: expect.stringMatching(message), extensions: { code } })],
      ])
    },
  )

  it.each([...cases, ...mistakes])(
    'for %s tells the code %s also where masking is off',
    async (_, code, loads, message) => {
      const { yoga } = server(loads, { maskedErrors: false })
      const { errors } = await ask(yoga, '{ me { id } }')
      expect(errors).toEqual([{ message: expect.stringMatching(message), extensions: { code } }])
    },
  )

  it.each(['application/json', 'application/graphql-response+json', 'text/event-stream'])(
    'for an overload says so to the transport: 503 and Retry-After, for %s',
    async accept => {
      const { yoga } = server(tooMany)
      const response = await respond(yoga, '{ me { id } }', { headers: { accept } })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      const text = await response.text()
      expect(text).toContain('"code":"BULK_OVERFLOW"')
      expect(text).not.toContain('"http"')
    },
  )

  it('over a socket tells the code and the status', async () => {
    const { yoga } = server(tooMany)
    await using http = await listen(yoga)
    const response = await fetch(`${http.url}?query={me{id}}`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BULK_OVERFLOW' } }] })
  })

  it('over a WebSocket tells the code, and nothing of what is for the transport', async () => {
    const { yoga } = server(tooMany)
    await using sockets = await listenToSockets(yoga)
    const told = await new Promise((resolve, reject) => {
      sockets
        .client()
        .subscribe({ query: '{ me { id } }' }, { next: reject, error: resolve, complete: () => {} })
    })
    expect(told).toEqual([
      { message: expect.stringMatching(/tight must/), extensions: { code: 'BULK_OVERFLOW' } },
    ])
  })

  it('fails one operation of an HTTP batch alone', async () => {
    let contexts = 0
    const { yoga } = server(bulk => (++contexts === 1 ? bulk.hanging.load(1) : bulk.users.load(1)))
    const [refused, answered] = await askBatch(yoga, ['{ me { id } }', '{ users(ids: [1]) { name } }'])
    expect(refused!.errors).toMatchObject([{ extensions: { code: 'BULK_TIMEOUT' } }])
    expect(answered).toEqual({ data: { users: [{ name: 'user 1' }] } })
  })

  it('by another plugin, before or after ours, tells the code', async () => {
    const loading: Plugin = { onContextBuilding: ({ context }) => tooMany((context as any).bulk) as never }
    const { yoga } = server(() => null, {}, [loading])
    expect((await ask(yoga, '{ me { id } }')).errors).toMatchObject([
      { extensions: { code: 'BULK_OVERFLOW' } },
    ])
  })

  it('is not written to the log if it tells a state of the server', async () => {
    const { yoga, logging } = server(tooMany)
    await ask(yoga, '{ me { id } }')
    expect(logging.error).not.toHaveBeenCalled()
  })

  it('tells what the application makes of it, where it wraps it in an error of GraphQL', async () => {
    const { yoga } = server(async bulk => {
      await tooMany(bulk).catch((originalError: Error) => {
        throw new GraphQLError('Come again.', { originalError, extensions: { shop: 'closed' } })
      })
    })
    const response = await respond(yoga, '{ me { id } }')
    expect(response.status).toBe(503)
    const { errors } = (await response.json()) as Answer
    expect(errors).toEqual([
      { message: 'Come again.', extensions: { shop: 'closed', code: 'BULK_OVERFLOW' } },
    ])
  })

  const masked = { message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }
  const others: [string, (bulk: any) => unknown, object][] = [
    ['an error of a command', bulk => bulk.failing.load(1), masked],
    [
      'an error of GraphQL',
      () => {
        throw new GraphQLError('Who are you?', { extensions: { code: 'UNAUTHENTICATED' } })
      },
      { message: 'Who are you?', extensions: { code: 'UNAUTHENTICATED' } },
    ],
    [
      'an error of GraphQL that hides an error of the program',
      () => {
        throw new GraphQLError('secret', { originalError: new Error('secret') })
      },
      masked,
    ],
    [
      'what is no error',
      () => {
        // oxlint-disable-next-line no-throw-literal
        throw 'secret'
      },
      masked,
    ],
  ]
  it.each(others)('leaves other failures as they are: %s', async (_, loads, told) => {
    const { yoga } = server(loads)
    expect((await ask(yoga, '{ me { id } }')).errors).toEqual([told])
  })
})

describe('plugins', () => {
  it('before and after ours find ctx.bulk while they build the context', async () => {
    const seen: string[] = []
    const watching = (name: string): Plugin => ({
      onContextBuilding: async ({ context }) => {
        seen.push(`${name} ${(await (context as any).bulk.users.load(1)).name}`)
      },
    })
    const users = recorded(user)
    const yoga = createYoga({
      schema: schemaOf(),
      plugins: [watching('before'), useBulk({ users }), watching('after')],
    })
    await dataOf(yoga, '{ me { id } }')
    expect(seen).toEqual(['before user 1', 'after user 1'])
    expect(users.bulks).toEqual([[1]])
  })

  it.each([
    ['by spread', (context: object) => ({ ...context })],
    ['by Object.assign', (context: object) => Object.assign(Object.create(null), context)],
    ['as a prototype', (context: object) => Object.create(context)],
    ['by a proxy', (context: object) => new Proxy(context, {})],
    ['frozen', (context: object) => Object.freeze({ ...context })],
  ])('may copy the context %s', async (_, copy) => {
    const users = recorded(user)
    const copying: Plugin = {
      onExecute({ args, executeFn, setExecuteFn }) {
        setExecuteFn(() => executeFn({ ...args, contextValue: copy(args.contextValue) }))
      },
    }
    const yoga = createYoga({
      schema: schemaOf(),
      plugins: [useBulk({ users }, { delay: patient }), copying],
    })
    const data = await dataOf(yoga, '{ users(ids: [1, 2, 3]) { name friend { name } } }')
    expect(data.users[2]).toEqual({ name: 'user 3', friend: { name: 'user 4' } })
    expect(users.bulks).toEqual([expect.arrayContaining([1, 2, 3, 4])])
  })

  it('may replace the context of the command by extending it later', async () => {
    const seen: unknown[] = []
    const extending: Plugin = {
      onExecute({ extendContext }) {
        extendContext({ tenant: 'late' } as never)
      },
    }
    const yoga = createYoga({
      schema: schemaOf(),
      plugins: [
        extending,
        useBulk({
          users: (ids: readonly number[], { context }) => {
            seen.push(context.tenant)
            return ids.map(user)
          },
        }),
      ],
    })
    await dataOf(yoga, '{ users(ids: [1]) { name } }')
    expect(seen).toEqual(['late'])
  })
})

describe('graphql-modules', () => {
  /** An application of two modules with a provider, whose resolvers load from `ctx.bulk`. */
  function application(): any {
    const Greeter = new InjectionToken('Greeter')
    const users = createModule({
      id: 'users',
      typeDefs: gql`
        type Query {
          users(ids: [Int!]!): [User]!
        }
        type User {
          id: Int!
          name: String
          greeting: String
        }
      `,
      resolvers: {
        Query: { users: resolvers.Query.users },
        User: {
          name: resolvers.User.name,
          greeting: async ({ id }: User, _: unknown, ctx: any) =>
            ctx.injector.get(Greeter).greet((await ctx.bulk.users.load(id)).name),
        },
      },
      providers: [
        {
          provide: Greeter,
          scope: Scope.Operation,
          useFactory: () => ({ greet: (name: string) => `hello ${name}` }),
        },
      ],
    })
    const friends = createModule({
      id: 'friends',
      typeDefs: gql`
        extend type User {
          friend: User
        }
      `,
      resolvers: { User: { friend: resolvers.User.friend } },
    })
    return createApplication({ modules: [users, friends] })
  }

  const query = '{ users(ids: [1, 2, 3]) { name greeting friend { name greeting } } }'

  it('works with the operation controller, as its plugin for Envelop uses it', async () => {
    const users = recorded(user)
    const app = application()
    const modules: Plugin = {
      onPluginInit: ({ setSchema }) => setSchema(app.schema),
      onContextBuilding({ context, extendContext }) {
        const controller = app.createOperationController({ context: context as never, autoDestroy: false })
        extendContext(controller.context as never)
        return undefined
      },
    }
    const yoga = createYoga({ plugins: [modules, useBulk({ users }, { delay: patient })] })
    const data = await dataOf(yoga, query)
    expect(data.users[2]).toEqual({
      name: 'user 3',
      greeting: 'hello user 3',
      friend: { name: 'user 4', greeting: 'hello user 4' },
    })
    expect(users.bulks).toEqual([expect.arrayContaining([1, 2, 3, 4])])
  })

  it('works with its own execution, which copies the context', async () => {
    const users = recorded(user)
    const app = application()
    const execute = app.createExecution()
    const modules: Plugin = { onExecute: ({ setExecuteFn }) => setExecuteFn(execute as never) }
    const yoga = createYoga({
      schema: app.schema,
      plugins: [useBulk({ users }, { delay: patient }), modules],
    })
    const data = await dataOf(yoga, query)
    expect(data.users[0].friend).toEqual({ name: 'user 2', greeting: 'hello user 2' })
    expect(users.bulks).toEqual([expect.arrayContaining([1, 2, 3, 4])])
  })
})

describe('caches in front', () => {
  it.each([true, false])('of parsed documents change nothing (parserAndValidationCache: %s)', async cache => {
    const users = recorded(user)
    const yoga = createYoga({
      schema: schemaOf(),
      parserAndValidationCache: cache,
      plugins: [useBulk({ users }, { delay: patient })],
    })
    for (let i = 0; i < 3; i++) await dataOf(yoga, '{ users(ids: [1, 2]) { name } }')
    expect(users.bulks).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
  })

  it.each(['before', 'after'])('of responses answer without a bulk, %s ours', async place => {
    const users = recorded(user)
    const bulk = useBulk({ users }, { delay: patient })
    const cache = useResponseCache({ session: () => null })
    const yoga = createYoga({
      schema: schemaOf(),
      plugins: place === 'before' ? [cache, bulk] : [bulk, cache],
    })
    const first = await dataOf(yoga, '{ users(ids: [1, 2]) { id name } }')
    expect(await dataOf(yoga, '{ users(ids: [1, 2]) { id name } }')).toEqual(first)
    expect(first.users[0].name).toBe('user 1')
    expect(users.bulks).toEqual([[1, 2]])
  })

  it('of responses do not keep an overload', async () => {
    const users = recorded(user)
    let refuse = true
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { name: String }',
        resolvers: {
          Query: {
            name: (_, __, ctx) =>
              Promise.all((refuse ? [1, 2] : [1]).map(id => ctx.bulk.users.load(id))).then(
                ([{ name }]) => name,
              ),
          },
        },
      }),
      plugins: [
        useBulk({ users: { command: users, maxPending: 1 } }),
        useResponseCache({ session: () => null }),
      ],
      logging: false,
    })
    expect((await ask(yoga, '{ name }')).errors).toMatchObject([{ extensions: { code: 'BULK_OVERFLOW' } }])
    refuse = false
    expect(await ask(yoga, '{ name }')).toEqual({ data: { name: 'user 1' } })
  })
})

describe('a load after the response', () => {
  function later() {
    const users = recorded(user)
    const held = gate()
    const late: Promise<User>[] = []
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { now: Int }',
        resolvers: {
          Query: {
            now: (_, __, ctx) => {
              late.push(held.opened.then(() => ctx.bulk.users.load(1)))
              return 1
            },
          },
        },
      }),
      plugins: [useBulk({ users: { command: users, delay: Infinity } })],
    })
    return { yoga, users, held, late }
  }

  it('is served, with yoga.fetch', async () => {
    const { yoga, users, held, late } = later()
    expect(await dataOf(yoga, '{ now }')).toEqual({ now: 1 })
    held.open()
    expect(await late[0]).toEqual(user(1))
    expect(users.bulks).toEqual([[1]])
  })

  it('is served, over a socket that the client has left', async () => {
    const { yoga, users, held, late } = later()
    {
      await using http = await listen(yoga)
      await dataOf({ fetch: (_, init) => fetch(http.url, init) }, '{ now }')
    }
    await settled()
    held.open()
    expect(await late[0]).toEqual(user(1))
    expect(users.bulks).toEqual([[1]])
  })
})

describe('requests of different users', () => {
  interface Store {
    readonly user: number
  }

  it('never see each other: hundreds of them, interleaved, with few slots', async () => {
    const users = rounds(1_000)
    const storage = new AsyncLocalStorage<Store>()
    const faults: string[] = []
    const expectOwn = (where: string, mine: number): void => {
      const stored = storage.getStore()?.user
      if (stored !== mine) faults.push(`${where}: ${mine} sees ${stored}`)
    }
    let running = 0
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { items(count: Int!): [Item!]! } type Item { value: String parent: Item }',
        resolvers: {
          Query: { items: (_, { count }) => Array.from({ length: count }, (__, id) => ({ id })) },
          Item: {
            value: async ({ id }, _, ctx) => {
              expectOwn('before the load', ctx.user)
              if (id % 2 === 0) await sleep(id % 3)
              const value = await ctx.bulk.values.load(id)
              expectOwn('after the load', ctx.user)
              return value
            },
            parent: async ({ id }, _, ctx) => {
              const parent = await ctx.bulk.parents.load(id)
              expectOwn('after the other load', ctx.user)
              return parent
            },
          },
        },
      }),
      context: ({ request }) => {
        const mine = Number(request.headers.get('user'))
        expectOwn('in context()', mine)
        return { user: mine }
      },
      plugins: [
        useBulk(
          {
            // The same keys for all users: what tells their values apart is the context alone.
            values: async (ids: readonly number[], { context }) => {
              running++
              expectOwn('in the command', context.user)
              await sleep(context.user % 4)
              expectOwn('in the command, later', context.user)
              running--
              return ids.map(id => `${context.user}/${id}`)
            },
            parents: {
              // oxlint-disable-next-line unicorn/consistent-function-scoping
              command: async function* (ids: readonly number[], { context }: { context: any }) {
                for (const id of ids) {
                  expectOwn('in the generator', context.user)
                  yield { id: id + 100 }
                }
              },
              concurrent: 2,
              size: 3,
            },
          },
          { concurrent: 8 },
        ),
      ],
    })
    const answers = await Promise.all(
      Array.from({ length: users }, (_, mine) =>
        storage.run({ user: mine }, async () => {
          const query = `{ items(count: ${1 + (mine % 5)}) { value parent { value } } }`
          const data = await dataOf(yoga, query, { headers: { user: String(mine) } })
          expectOwn('after the answer', mine)
          return data
        }),
      ),
    )
    expect(answers).toEqual(
      Array.from({ length: users }, (_, mine) => ({
        items: Array.from({ length: 1 + (mine % 5) }, (__, id) => ({
          value: `${mine}/${id}`,
          parent: { value: `${mine}/${id + 100}` },
        })),
      })),
    )
    expect(faults.slice(0, 5)).toEqual([])
    expect(running).toBe(0)
  })

  it('never see each other in HTTP batches either', async () => {
    const storage = new AsyncLocalStorage<Store>()
    const faults: unknown[] = []
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { value(id: Int!): String }',
        resolvers: { Query: { value: (_, { id }, ctx) => ctx.bulk.values.load(id) } },
      }),
      batching: true,
      context: ({ request }) => ({ user: Number(request.headers.get('user')) }),
      plugins: [
        useBulk({
          values: async (ids: readonly number[], { context }) => {
            await sleep(1)
            if (storage.getStore()?.user !== context.user) faults.push([storage.getStore(), context.user])
            return ids.map(id => `${context.user}/${id}`)
          },
        }),
      ],
    })
    await Promise.all(
      Array.from({ length: 200 }, (_, mine) =>
        storage.run({ user: mine }, async () => {
          const answers = await askBatch(yoga, ['{ value(id: 1) }', '{ value(id: 2) }'], {
            headers: { user: String(mine) },
          })
          expect(answers).toEqual([{ data: { value: `${mine}/1` } }, { data: { value: `${mine}/2` } }])
        }),
      ),
    )
    expect(faults.slice(0, 5)).toEqual([])
  })

  it.each<[string, (work: () => void) => (keys: readonly string[]) => any]>([
    [
      'a generator',
      look =>
        function* (keys) {
          for (const key of keys) {
            look()
            yield key
          }
        },
    ],
    [
      'an async generator',
      look =>
        async function* (keys) {
          for (const key of keys) {
            look()
            yield key
          }
        },
    ],
    [
      'a promise of a generator',
      look => async keys =>
        (function* () {
          for (const key of keys) {
            look()
            yield key
          }
        })(),
    ],
    [
      'a thenable',
      look => keys => ({
        // oxlint-disable-next-line unicorn/no-thenable
        then(resolve: (values: unknown) => void) {
          look()
          resolve(keys)
        },
      }),
    ],
  ])('have what they give read as the request too, when a slot comes from another: %s', async (_, make) => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const command = make(() => seen.push(storage.getStore()))
    const held = gate()
    let first = true
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { value(key: String!): String }',
        resolvers: { Query: { value: (_source, { key }, ctx) => ctx.bulk.values.load(key) } },
      }),
      plugins: [
        useBulk({
          values: {
            command: (keys: readonly string[]) => {
              if (!first) return command(keys)
              first = false
              return held.opened.then(() => keys)
            },
            concurrent: 1,
          },
        }),
      ],
    })
    const answers = ['a', 'b', 'c'].map(name =>
      storage.run(name, () => dataOf(yoga, `{ value(key: "${name}") }`)),
    )
    await until(() => !first)
    await settled()
    held.open()
    expect(await Promise.all(answers)).toEqual([{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    expect(seen).toEqual(['b', 'c'])
  })

  it('run their commands as the request, not as the resolver that happened to load first', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { elevated: String  plain: String }',
        resolvers: {
          Query: {
            elevated: (_, __, ctx) => storage.run('elevated', () => ctx.bulk.values.load('a')),
            plain: async (_, __, ctx) => {
              await ctx.bulk.values.load('b')
              return ctx.bulk.values.load('c')
            },
          },
        },
      }),
      plugins: [
        useBulk({
          values: (keys: readonly string[]) => {
            seen.push(storage.getStore())
            return keys
          },
        }),
      ],
    })
    await storage.run('request', () => dataOf(yoga, '{ elevated plain }'))
    expect(seen).toEqual(['request', 'request'])
  })
})

it('two requests that wait for the same slot are answered in turn, each as itself', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const held = gate()
  const yoga = createYoga({
    schema: schemaOf(),
    plugins: [
      useBulk({
        users: {
          command: async (ids: readonly number[]) => {
            seen.push(storage.getStore())
            await held.opened
            return ids.map(user)
          },
          concurrent: 1,
        },
      }),
    ],
  })
  const answers = ['a', 'b', 'c'].map(name =>
    storage.run(name, () => dataOf(yoga, '{ users(ids: [1]) { friend { id } } }')),
  )
  await until(() => seen.length === 1)
  held.open()
  await Promise.all(answers)
  expect(new Set(seen)).toEqual(new Set(['a', 'b', 'c']))
})
