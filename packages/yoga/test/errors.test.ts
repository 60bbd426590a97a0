import { BulkTimeoutError } from '@bulkcall/core'
import { createGraphQLError, createSchema, createYoga, type YogaServerOptions } from 'graphql-yoga'
import { GraphQLError } from 'graphql'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { useBulk, type BulkDefinitions, type UseBulkOptions } from '../src/index.ts'
import { ask, respond, respondBatch, type Answer, type AskOptions } from './support/ask.ts'
import { sleep } from './support/wait.ts'

type Command = (keys: readonly any[], context: any) => any

/** A server with one loader; its errors are not written to the console. */
function server(
  command: Command,
  { masked = true, ...settings }: Record<string, unknown> & { masked?: boolean } = {},
  more: Partial<YogaServerOptions<any, any>> & { options?: UseBulkOptions } = {},
) {
  const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const { options = {}, ...yogaOptions } = more
  const definitions: BulkDefinitions = { items: { command, ...settings } }
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          item(key: String): String
          sure(key: String): String!
          list: [Row]
          caught: String
          isKey(key: String): Boolean
        }
        type Row {
          item: String
          sure: String!
        }
      `,
      resolvers: {
        Query: {
          item: (_, { key }, ctx) => ctx.bulk.items.load(key),
          sure: (_, { key }, ctx) => ctx.bulk.items.load(key),
          list: () => [{ key: 'a' }, { key: 'b' }, { key: 'c' }],
          caught: async (_, __, ctx) => {
            try {
              return await ctx.bulk.items.load('a')
            } catch (error) {
              return `caught ${(error as Error).message}`
            }
          },
        },
        Row: {
          item: ({ key }: { key: string }, _, ctx) => ctx.bulk.items.load(key),
          sure: ({ key }: { key: string }, _, ctx) => ctx.bulk.items.load(key),
        },
      },
    }),
    maskedErrors: masked,
    logging,
    batching: true,
    plugins: [useBulk(definitions, options)],
    ...yogaOptions,
  })
  return { yoga, logging }
}

const listPaths = [
  ['list', 0, 'item'],
  ['list', 1, 'item'],
  ['list', 2, 'item'],
]

describe('a command that gives none', () => {
  it('resolves its nullable fields to null', async () => {
    const { yoga } = server(() => null)
    expect(await ask(yoga, '{ a: item(key: "a") list { item } }')).toEqual({
      data: { a: null, list: [{ item: null }, { item: null }, { item: null }] },
    })
  })

  it('gets a non-null field the error of GraphQL that names the field', async () => {
    // Yoga masks this error of GraphQL too, since it is the program that is wrong.
    const { yoga } = server(() => undefined, { masked: false })
    const { data, errors } = await ask(yoga, '{ list { sure } }')
    expect(data).toEqual({ list: [null, null, null] })
    expect(errors).toHaveLength(3)
    for (const [place, error] of errors!.entries()) {
      expect(error.message).toBe('Cannot return null for non-nullable field Row.sure.')
      expect(error.path).toEqual(['list', place, 'sure'])
    }
  })
})

describe('an error that the command throws', () => {
  const ways: [string, Command][] = [
    [
      'at once',
      () => {
        throw new Error('secret')
      },
    ],
    ['later', async () => sleep(1).then(() => Promise.reject(new Error('secret')))],
    [
      'from a generator',
      // oxlint-disable-next-line require-yield
      function* () {
        throw new Error('secret')
      },
    ],
    [
      'from an async generator',
      // oxlint-disable-next-line require-yield
      async function* () {
        throw new Error('secret')
      },
    ],
  ]

  it.each(ways)('%s reaches each field with its own path, masked', async (_, command) => {
    const { yoga, logging } = server(command)
    const response = await respond(yoga, '{ list { item } other: item(key: "z") }')
    expect(response.status).toBe(200)
    const { data, errors } = await response.json()
    expect(data).toEqual({ list: [{ item: null }, { item: null }, { item: null }], other: null })
    expect(errors).toHaveLength(4)
    expect(errors.map(({ path }: any) => path)).toEqual(expect.arrayContaining([...listPaths, ['other']]))
    for (const { message, extensions } of errors) {
      expect(message).toBe('Unexpected error.')
      expect(extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' })
    }
    expect(JSON.stringify(errors)).not.toContain('secret')
    // The operator sees what the client does not.
    expect(String(logging.error.mock.calls[0]![0])).toContain('secret')
  })

  it.each(ways)('%s is shown where masking is off', async (_, command) => {
    const { yoga } = server(command, { masked: false })
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors).toHaveLength(3)
    expect(errors!.map(({ path }) => path)).toEqual(listPaths)
    for (const { message } of errors!) expect(message).toBe('secret')
  })

  it('may be something else than an Error', async () => {
    for (const thrown of ['text', 5, null, undefined, { message: 'object' }]) {
      const { yoga } = server(() => {
        throw thrown
      })
      const { errors } = await ask(yoga, '{ a: item(key: "a") b: item(key: "b") }')
      expect(errors!.map(({ path }) => path)).toEqual([['a'], ['b']])
      for (const { message } of errors!) expect(message).toBe('Unexpected error.')
    }
  })

  it('may be frozen', async () => {
    const { yoga } = server(
      () => {
        throw Object.freeze(new Error('frozen'))
      },
      { masked: false },
    )
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors!.map(({ path }) => path)).toEqual(listPaths)
  })

  it('may be of another realm', async () => {
    const foreign = runInNewContext('new Error("secret")')
    const { yoga } = server(() => Promise.reject(foreign as Error))
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors!.map(({ path, message }) => [path, message])).toEqual(
      listPaths.map(path => [path, 'Unexpected error.']),
    )
  })

  it('can be caught in a resolver, and then is none', async () => {
    const { yoga } = server(() => {
      throw new Error('it')
    })
    expect(await ask(yoga, '{ caught }')).toEqual({ data: { caught: 'caught it' } })
  })

  it('nulls the parent of a non-null field, as GraphQL does it', async () => {
    const { yoga } = server(() => {
      throw new Error('secret')
    })
    const { data, errors } = await ask(yoga, '{ list { sure } sure(key: "x") }')
    expect(data).toBeNull()
    expect(errors!.length).toBeGreaterThan(0)
  })
})

describe('a GraphQLError from the command', () => {
  const extensions = { code: 'FORBIDDEN', reason: { role: 'guest' } }
  /** However it comes, each field gets its own copy. */
  const ways: [string, (error: Error) => Command][] = [
    [
      'thrown',
      error => () => {
        throw error
      },
    ],
    [
      'rejected',
      error => async () => {
        throw error
      },
    ],
    // oxlint-disable-next-line unicorn/no-thenable
    ['rejected by a thenable', error => () => ({ then: (_: unknown, no: (e: Error) => void) => no(error) })],
    ['for each key', error => keys => keys.map(() => error)],
    ['for each key of a Map', error => keys => new Map(keys.map(key => [key, error]))],
    [
      'as a rejected promise for each key',
      error => keys =>
        keys.map(async () => {
          throw error
        }),
    ],
    [
      'for each key of an async generator',
      error =>
        async function* (keys) {
          for (const _ of keys) yield error
        },
    ],
    [
      'thrown from an async generator',
      error =>
        // oxlint-disable-next-line require-yield
        async function* () {
          throw error
        },
    ],
  ]

  it.each(ways)('keeps its message, code and extensions, %s', async (_, way) => {
    const { yoga } = server(way(new GraphQLError('not yours', { extensions })))
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors).toEqual(
      listPaths.map(path => ({
        message: 'not yours',
        path,
        locations: [{ line: 1, column: 10 }],
        extensions,
      })),
    )
  })

  it.each(ways)('that has a path of another server gets the path of each field, %s', async (_, way) => {
    // What a client of another GraphQL server rethrows.
    const error = new GraphQLError('not yours', { path: ['them', 0, 'field'], extensions })
    const { yoga } = server(way(error))
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors).toEqual(
      listPaths.map(path => ({
        message: 'not yours',
        path,
        locations: [{ line: 1, column: 10 }],
        extensions,
      })),
    )
  })

  it('made by createGraphQLError is the same', async () => {
    const { yoga } = server(() => {
      throw createGraphQLError('not yours', { extensions, path: ['them'] })
    })
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors!.map(({ path }) => path)).toEqual(listPaths)
    for (const error of errors!) expect(error).toMatchObject({ message: 'not yours', extensions })
  })

  it('of a class of the application, whose constructor takes something else, stays what it is', async () => {
    class NotFound extends GraphQLError {
      readonly what: string
      constructor(what: string) {
        super(`no ${what}`, { path: ['them'], extensions: { code: 'NOT_FOUND' } })
        this.what = what
      }
    }
    const { yoga } = server(() => {
      throw new NotFound('user')
    })
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors).toEqual(
      listPaths.map(path => ({
        message: 'no user',
        path,
        locations: [{ line: 1, column: 10 }],
        extensions: { code: 'NOT_FOUND' },
      })),
    )
  })

  it('that hides an error of the program stays masked', async () => {
    const { yoga } = server(() => {
      throw new GraphQLError('secret', { originalError: new Error('secret'), path: ['them'] })
    })
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors!.map(({ path, message }) => [path, message])).toEqual(
      listPaths.map(path => [path, 'Unexpected error.']),
    )
  })

  it('may set the status of the response, as from any resolver', async () => {
    const { yoga } = server(() => {
      throw new GraphQLError('not yours', {
        extensions: { http: { status: 403, headers: { 'x-why': 'guest' } } },
      })
    })
    const response = await respond(yoga, '{ item(key: "a") }')
    expect(response.status).toBe(403)
    expect(response.headers.get('x-why')).toBe('guest')
  })

  it('leaves the error itself as it was', async () => {
    const error = new GraphQLError('not yours', { path: ['them'], extensions })
    const { yoga } = server(() => Promise.reject(error))
    await ask(yoga, '{ list { item } }')
    expect(error.path).toEqual(['them'])
    expect(error.extensions).toBe(extensions)
  })
})

describe('an Error for one key', () => {
  it('fails the field of that key alone', async () => {
    const { yoga } = server(keys => keys.map(key => (key === 'b' ? new Error('secret') : `<${key}>`)))
    const { data, errors } = await ask(yoga, '{ list { item } }')
    expect(data).toEqual({ list: [{ item: '<a>' }, { item: null }, { item: '<c>' }] })
    expect(errors).toEqual([
      {
        message: 'Unexpected error.',
        path: ['list', 1, 'item'],
        locations: [{ line: 1, column: 10 }],
        extensions: { code: 'INTERNAL_SERVER_ERROR' },
      },
    ])
  })

  it('fails each field of that key, with the path of each', async () => {
    const { yoga } = server(keys => keys.map(() => new Error('secret')))
    const { errors } = await ask(yoga, '{ x: item(key: "a") y: item(key: "a") }')
    expect(errors!.map(({ path }) => path)).toEqual([['x'], ['y']])
  })
})

describe('errors of ours', () => {
  const cases: [string, string, Command, Record<string, unknown>, RegExp][] = [
    [
      'no answer in time',
      'BULK_TIMEOUT',
      () => new Promise(() => {}),
      { timeout: 5 },
      /items must settle.*5 ms/,
    ],
    ['too many keys', 'BULK_OVERFLOW', keys => keys, { maxPending: 1 }, /items must have at most 1/],
  ]

  it.each(cases)(
    'for %s carry the code %s and their message, and are not masked',
    async (_, code, command, settings, message) => {
      const { yoga, logging } = server(command, settings)
      const { errors } = await ask(yoga, '{ list { item } }')
      expect(logging.error).not.toHaveBeenCalled()
      expect(errors!.length).toBeGreaterThan(0)
      for (const error of errors!) {
        expect(error.extensions).toEqual({ code })
        expect(error.message).toMatch(message)
        expect(listPaths).toContainEqual(error.path)
      }
    },
  )

  it.each(cases)('for %s carry the code %s also where masking is off', async (_, code, command, settings) => {
    const { yoga } = server(command, { ...settings, masked: false })
    const { errors } = await ask(yoga, '{ list { item } }')
    expect(errors!.length).toBeGreaterThan(0)
    for (const error of errors!) expect(error.extensions).toEqual({ code })
  })

  it.each(cases)('for %s tell no key of the bulk', async (_, __, command, settings) => {
    const { yoga } = server(command, settings)
    const query = '{ a: item(key: "private") b: item(key: "secret") c: item(key: "hidden") }'
    const { errors } = await ask(yoga, query)
    expect(JSON.stringify(errors)).not.toMatch(/private|secret|hidden/)
  })

  it.each(['application/json', 'application/graphql-response+json'])(
    'for an overload say so to the transport: 503 and Retry-After, for %s',
    async accept => {
      const { yoga } = server(keys => keys, { maxPending: 1 })
      const response = await respond(yoga, '{ list { item } }', { headers: { accept } })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      // What was answered is answered.
      const { data, errors } = await response.json()
      expect(data.list[0]).toEqual({ item: 'a' })
      expect(errors).toHaveLength(2)
    },
  )

  it.each(['application/json', 'application/graphql-response+json'])(
    'for an overload of all operations of an HTTP batch say so to the transport: 503 and Retry-After, for %s',
    async accept => {
      const { yoga } = server(keys => keys, { maxPending: 1 })
      const response = await respondBatch(yoga, ['{ list { item } }', '{ item(key: "x") }'], {
        headers: { accept },
      })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      const answers = await response.json()
      // What was answered is answered.
      expect(answers[0].data.list[0]).toEqual({ item: 'a' })
      expect(answers.map(({ errors }: Answer) => errors!.map(({ extensions }) => extensions))).toEqual([
        [{ code: 'BULK_OVERFLOW' }, { code: 'BULK_OVERFLOW' }],
        [{ code: 'BULK_OVERFLOW' }],
      ])
    },
  )

  it('for an overload that all contexts of an HTTP batch met say so to the transport', async () => {
    const { yoga } = server(
      keys => keys,
      { maxPending: 1 },
      {
        context: async (initial: any) => {
          await Promise.all(['a', 'b'].map(key => initial.bulk.items.load(key)))
          return {}
        },
      },
    )
    const response = await respondBatch(yoga, ['{ item(key: "c") }', '{ item(key: "d") }'])
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  })

  it.each([
    ['was answered', '{ caught }', { data: { caught: 'a' } }],
    ['is not valid', '{ nothing }', { errors: [{ message: expect.any(String) }] }],
    ['failed otherwise', '{ isKey(key: {}) }', { errors: [{ message: expect.any(String) }] }],
  ])(
    'for an overload leave the status of an HTTP batch alone in which another operation %s: its client would lose it',
    async (_, query, told) => {
      const { yoga } = server(keys => keys, { maxPending: 1 })
      const response = await respondBatch(yoga, [query, '{ list { item } }'])
      expect(response.status).toBe(200)
      expect(response.headers.get('retry-after')).toBeNull()
      const [other, refused] = await response.json()
      expect(other).toMatchObject(told)
      expect(refused.errors[0].extensions).toEqual({ code: 'BULK_OVERFLOW' })
    },
  )

  it('that are no overload leave the status of an HTTP batch alone', async () => {
    const { yoga } = server(() => [])
    const response = await respondBatch(yoga, ['{ item(key: "a") }', '{ item(key: "b") }'])
    expect(response.status).toBe(200)
  })

  it('leave an HTTP batch as it is whose errors the application has masked in its own way', async () => {
    const maskedErrors = { maskError: () => new Error('masked') }
    const { yoga } = server(keys => keys, { maxPending: 1 }, { maskedErrors })
    const response = await respondBatch(yoga, ['{ list { item } }', '{ item(key: "x") }'])
    expect(response.status).toBe(200)
    expect(await response.json()).toHaveLength(2)
  })

  it('do not keep an empty HTTP batch from being answered as Yoga answers it', async () => {
    const { yoga } = server(keys => keys, { maxPending: 1 })
    const response = await respondBatch(yoga, [])
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual([])
  })

  it('that are no overload leave the status alone', async () => {
    const { yoga } = server(() => [])
    const response = await respond(yoga, '{ list { item } }')
    expect(response.status).toBe(200)
    expect(response.headers.get('retry-after')).toBeNull()
  })

  it('stay there for plugins that come later, as the original error or the cause', async () => {
    const seen: unknown[] = []
    const watching = {
      onExecute: () => ({
        onExecuteDone({ result }: any) {
          seen.push(
            ...result.errors.map((error: GraphQLError) => [
              error.originalError ?? error.cause,
              error.extensions.code,
            ]),
          )
        },
      }),
    }
    const { yoga } = server(
      () => [],
      {},
      { plugins: [useBulk({ items: { command: () => [] } }), watching as never] },
    )
    await ask(yoga, '{ item(key: "a") }')
    expect(seen).toEqual([[expect.objectContaining({ code: 'BULK_LENGTH' }), 'BULK_LENGTH']])
  })

  it('that a command passes on, from another loader of its own, keep their code as well', async () => {
    const { yoga } = server(() => {
      throw new BulkTimeoutError('inner', 50, 3)
    })
    const { errors } = await ask(yoga, '{ item(key: "a") }')
    expect(errors![0]!.extensions).toEqual({ code: 'BULK_TIMEOUT' })
  })

  it.each(['BULK_MAIL', 'BULK_TIMEOUT', 'BULK_OVERFLOW'])(
    'an error of the application whose code is %s is masked as any other, since its text may be a secret',
    async code => {
      const { yoga } = server(() => {
        throw Object.assign(new Error('the password of the mail server'), { code })
      })
      const { errors } = await ask(yoga, '{ item(key: "a") }')
      expect(errors![0]!.message).toBe('Unexpected error.')
      expect(JSON.stringify(errors)).not.toContain('BULK_')
    },
  )
})

/** A resolver that says more about what has failed. */
const sayMore = (make: (id: number, cause: unknown) => Error) => ({
  Row: {
    item: async ({ id }: { id: number }, _: unknown, ctx: any) => {
      try {
        return await ctx.bulk.items.load(id)
      } catch (error) {
        throw make(id, error)
      }
    },
  },
})

/** A context() that fails because of an error with this code. */
const failing = (code: string): any => ({
  context: async ({ bulk }: any) => {
    const pending = Promise.allSettled([bulk.items.load(1), bulk.items.load(2)])
    const cause = (await pending).map(({ reason }: any) => reason).find(reason => reason?.code === code)
    throw new Error('the password', { cause })
  },
})

describe('errors of ours that say that the program is wrong', () => {
  const mistakes: [string, string, Command, Record<string, unknown>, RegExp][] = [
    [
      'too few results',
      'BULK_LENGTH',
      () => [],
      {},
      /^Bulkcall: items must get one result for each of its 3/,
    ],
    ['a text for results', 'BULK_RESULT', () => 'text', {}, /^Bulkcall: items must get an iterable/],
    ['keys that are undefined', 'BULK_OPTION', keys => keys, { refuses: 'undefined' }, /got undefined/],
    ['keys that are null', 'BULK_OPTION', keys => keys, { refuses: 'null' }, /got null/],
    ['a loader that is closed', 'BULK_CLOSED', keys => keys, { refuses: 'closed' }, /must be open/],
  ]
  const count = 300

  /** A list of rows, each of which loads in one of the ways above. */
  function rows(
    command: Command,
    { refuses, ...settings }: Record<string, unknown>,
    more: object = {},
    resolvers: object = {},
  ) {
    const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const load = async (id: number, { bulk }: any): Promise<unknown> => {
      if (refuses === 'closed') await bulk.items.close()
      return bulk.items.load(refuses === 'undefined' ? undefined : refuses === 'null' ? null : id % 3)
    }
    const yoga = createYoga({
      logging,
      plugins: [useBulk({ items: { command, ...settings } })],
      schema: createSchema<any>({
        typeDefs: 'type Query { rows: [Row!]! } type Row { item: Int }',
        resolvers: {
          Query: { rows: () => Array.from({ length: count }, (_, id) => ({ id })) },
          Row: { item: ({ id }: { id: number }, _, ctx) => load(id, ctx) },
          ...resolvers,
        },
      }),
      ...more,
    })
    return { yoga, logging }
  }

  it.each(mistakes)(
    'S140 %s are masked as any error, and logged once',
    async (_, __, command, how, message) => {
      const { yoga, logging } = rows(command, how)
      const { data, errors } = await ask(yoga, '{ rows { item } }')
      expect(data.rows).toEqual(Array.from({ length: count }, () => ({ item: null })))
      expect(errors).toHaveLength(count)
      for (const error of errors!) {
        expect(error.message).toBe('Unexpected error.')
        expect(error.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' })
      }
      expect(logging.error.mock.calls).toEqual([
        [expect.objectContaining({ message: expect.stringMatching(message), path: ['rows', 0, 'item'] })],
      ])
      await ask(yoga, '{ rows { item } }')
      expect(logging.error).toHaveBeenCalledTimes(2)
    },
  )

  it.each(mistakes)(
    'S140 %s carry the code %s where masking is off, and are logged once as well',
    async (_, code, command, how, message) => {
      const { yoga, logging } = rows(command, how, { maskedErrors: false })
      const { errors } = await ask(yoga, '{ rows { item } }')
      expect(errors).toHaveLength(count)
      for (const error of errors!) {
        expect(error.message).toMatch(message)
        expect(error.extensions).toEqual({ code })
      }
      expect(logging.error).toHaveBeenCalledTimes(1)
    },
  )

  it('S141 a foreign key that is null is none with nullKeys, and one that is misspelt still is', async () => {
    const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const users = { command: (ids: number[]) => ids, nullKeys: 'null' } as const
    const bulk = useBulk({ users, shared: { ...users, shared: true } })
    const yoga = createYoga({
      logging,
      plugins: [bulk],
      schema: createSchema<any>({
        typeDefs: 'type Query { author: Int shared: Int many: [Int] misspelt: Int }',
        resolvers: {
          Query: {
            author: (_, __, ctx) => ctx.bulk.users.load(null),
            shared: (_, __, ctx) => ctx.bulk.shared.load(null),
            many: (_, __, ctx) => ctx.bulk.users.loadMany([1, null]),
            misspelt: (_, __, ctx) => ctx.bulk.users.load(undefined),
          },
        },
      }),
    })
    expect(await ask(yoga, '{ author shared many }')).toEqual({
      data: { author: null, shared: null, many: [1, null] },
    })
    expect(await ask(yoga, '{ misspelt }')).toMatchObject({ errors: [{ message: 'Unexpected error.' }] })
    expect(logging.error).toHaveBeenCalledTimes(1)
  })

  it('S140 are logged for each loader and each mistake', async () => {
    const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const yoga = createYoga({
      logging,
      plugins: [useBulk({ few: () => [], text: () => 'text' as never })],
      schema: createSchema<any>({
        typeDefs: 'type Query { few: Int few2: Int text: Int none: Int }',
        resolvers: {
          Query: {
            few: (_, __, ctx) => ctx.bulk.few.load(1),
            few2: (_, __, ctx) => ctx.bulk.few.load(2),
            text: (_, __, ctx) => ctx.bulk.text.load(1),
            none: (_, __, ctx) => ctx.bulk.few.load(undefined),
          },
        },
      }),
    })
    await ask(yoga, '{ few few2 text none }')
    const codes: string[] = logging.error.mock.calls.map(([error]) => error.originalError.code)
    expect(codes.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'BULK_LENGTH',
      'BULK_OPTION',
      'BULK_RESULT',
    ])
  })

  it('S140 what a command throws is logged once for each result, though many fields wait for it', async () => {
    const { yoga, logging } = rows(() => {
      throw new Error('the database is away')
    }, {})
    for (let i = 1; i <= 2; i++) {
      expect((await ask(yoga, '{ rows { item } }')).errors).toHaveLength(count)
      expect(logging.error).toHaveBeenCalledTimes(i)
    }
    const same = new Error('one for all requests')
    const other = rows(() => Promise.reject(same), {})
    for (let i = 1; i <= 2; i++) {
      await ask(other.yoga, '{ rows { item } }')
      expect(other.logging.error).toHaveBeenCalledTimes(i)
    }
  })

  const withCause = sayMore((id, cause) => new Error(`no item ${id}`, { cause }))

  it.each([
    ['of ours', () => 'text', 'BULK_RESULT'],
    ['of the program', () => Promise.reject(new Error('the database is away')), undefined],
  ])(
    'S250 an error %s is logged once a result also where resolvers make it the cause of their own',
    async (_, command, code) => {
      const { yoga, logging } = rows(command as Command, {}, {}, withCause)
      const { errors } = await ask(yoga, '{ rows { item } }')
      expect(errors).toHaveLength(count)
      for (const error of errors!) expect(error).toMatchObject(masked)
      const [[logged]] = logging.error.mock.calls as any
      expect(logging.error).toHaveBeenCalledTimes(1)
      expect(logged).toMatchObject({ message: 'no item 0', path: ['rows', 0, 'item'] })
      expect(logged.originalError.cause.code).toBe(code)
      const open = rows(command as Command, {}, { maskedErrors: false }, withCause)
      expect((await ask(open.yoga, '{ rows { item } }')).errors![1]!).toMatchObject({ message: 'no item 1' })
    },
  )
  const masked = { message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }

  it('S250 a state of the server keeps its code and its status there, and is reported in our words', async () => {
    const { yoga, logging } = rows(keys => keys, { maxPending: 1 }, {}, withCause)
    const response = await respond(yoga, '{ rows { item } }')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    const { errors } = await response.json()
    expect(errors).toHaveLength(count - 1)
    for (const { message, extensions } of errors) {
      expect(message).toMatch(/^Bulkcall: items must have at most 1 tasks pending/)
      expect(extensions).toEqual({ code: 'BULK_OVERFLOW' })
    }
    expect(logging.error).not.toHaveBeenCalled()
  })

  it('S250 an error of GraphQL says what its resolver wants, whatever its cause', async () => {
    const own = sayMore((id, cause) =>
      Object.assign(new GraphQLError(`no item ${id}`, { extensions: { code: 'AWAY' } }), { cause }),
    )
    const { yoga, logging } = rows(keys => keys, { maxPending: 1 }, {}, own)
    const response = await respond(yoga, '{ rows { item } }')
    expect(response.status).toBe(200)
    const { errors } = await response.json()
    expect(errors[0]).toMatchObject({ message: 'no item 1', extensions: { code: 'AWAY' } })
    expect(logging.error).not.toHaveBeenCalled()
  })

  it('S250 a failure of context() with such a cause is reported as the cause would be', async () => {
    const busy = rows(keys => keys, { maxPending: 1 }, failing('BULK_OVERFLOW'))
    const response = await respond(busy.yoga, '{ rows { item } }')
    expect(response.status).toBe(503)
    expect((await response.json()).errors[0].extensions).toEqual({ code: 'BULK_OVERFLOW' })
    const wrong = rows(() => 'text', {}, failing('BULK_RESULT'))
    const { errors } = await ask(wrong.yoga, '{ rows { item } }')
    expect(errors).toMatchObject([masked])
    expect(wrong.logging.error).toHaveBeenCalledTimes(1)
  })

  it('S250 reasons that end where they began, or never, are looked at no more often than it helps', async () => {
    class Endless extends Error {
      override get cause(): Error {
        return new Endless('more')
      }
    }
    for (const make of [
      () => new Endless('more'),
      () =>
        Object.assign(new Error(), {
          get cause() {
            return this
          },
        }),
    ]) {
      const { yoga } = rows(keys => keys, { maxPending: 1 }, {}, sayMore(make))
      expect((await ask(yoga, '{ rows { item } }')).errors).toHaveLength(count - 1)
    }
  })

  it('S140 errors of keys are logged each, and what the application logs is written as it comes', async () => {
    const { yoga, logging } = rows(keys => keys.map(key => new Error(`no ${key}`)), {})
    await ask(yoga, '{ rows { item } }')
    expect(logging.error.mock.calls.map(([{ message }]) => message)).toEqual(['no 0', 'no 1', 'no 2'])
    const [error] = logging.error.mock.calls[0]!
    yoga.logger.error(error.originalError, 'twice')
    yoga.logger.error(error.originalError, 'twice')
    yoga.logger.warn('a', 1)
    expect(logging.error).toHaveBeenCalledTimes(5)
    expect(logging.error).toHaveBeenLastCalledWith(error.originalError, 'twice')
    expect(logging.warn).toHaveBeenCalledWith('a', 1)
  })

  it('S140 an error whose original throws when it is looked at is masked as Yoga masks it', async () => {
    const original = Object.defineProperty(new Error('hidden'), 'originalError', {
      get: () => {
        throw new Error('a look')
      },
    })
    const { yoga } = rows(() => Promise.reject(original), {})
    const { errors } = await ask(yoga, '{ rows { item } }')
    expect(errors).toHaveLength(count)
    expect(errors![0]!.message).toBe('Unexpected error.')
  })
})

describe('a hostile client', () => {
  it('that asks for 2,000 aliases meets maxPending, and costs no bulk beyond it', async () => {
    const bulks: number[] = []
    const { yoga } = server(
      keys => {
        bulks.push(keys.length)
        return keys
      },
      { maxPending: 100 },
    )
    // GraphQL finds the line and column of each error from the beginning of the document again, so more would take long.
    const query = `{ ${Array.from({ length: 2_000 }, (_, i) => `a${i}: item(key: "${i}")`).join(' ')} }`
    const response = await respond(yoga, query)
    expect(response.status).toBe(503)
    const { data, errors } = await response.json()
    expect(bulks).toEqual([100])
    expect(data.a99).toBe('99')
    expect(data.a100).toBeNull()
    expect(errors).toHaveLength(1_900)
    expect(errors[0].extensions).toEqual({ code: 'BULK_OVERFLOW' })
  })

  it('that asks for 10,000 aliases of one key costs one key', async () => {
    const bulks: number[] = []
    const { yoga } = server(
      keys => {
        bulks.push(keys.length)
        return keys
      },
      { maxPending: 100 },
    )
    const query = `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: item(key: "same")`).join(' ')} }`
    const response = await respond(yoga, query)
    expect(response.status).toBe(200)
    expect((await response.json()).data.a9999).toBe('same')
    expect(bulks).toEqual([1])
  })

  it('does not take what others may wait for', async () => {
    const { yoga } = server(keys => keys, { maxPending: 100 })
    const query = `{ ${Array.from({ length: 1_000 }, (_, i) => `a${i}: item(key: "${i}")`).join(' ')} }`
    const [hostile, friend] = await Promise.all([
      respond(yoga, query),
      respond(yoga, '{ item(key: "mine") }'),
    ])
    expect(hostile.status).toBe(503)
    expect(await friend.json()).toEqual({ data: { item: 'mine' } })
  })

  const keys = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    ' ',
    '\u0000',
    '\ud800',
    'x'.repeat(1_000_000),
    '🦄',
    '0',
    '-0',
    'NaN',
  ]
  it('may use any text as a key', async () => {
    const variables = Object.fromEntries(keys.map((key, i) => [`k${i}`, key]))
    const options: AskOptions = { variables }
    const query = `query (${keys.map((_, i) => `$k${i}: String`).join()}) { ${keys.map((_, i) => `a${i}: item(key: $k${i})`).join(' ')} }`
    for (const command of [
      (some: readonly string[]) => some.map(key => `<${key}>`),
      (some: readonly string[]) => new Map(some.map(key => [key, `<${key}>`])),
    ]) {
      const { yoga } = server(command)
      const { data, errors } = await ask(yoga, query, options)
      expect(errors).toBeUndefined()
      // What is no text that can be told by JSON comes as GraphQL and JSON tell it.
      keys.forEach((key, i) => expect(data[`a${i}`]).toBe(`<${key}>`))
    }
  })

  it('that leaves a key out gets an error for that field alone', async () => {
    const { yoga } = server(some => some, { masked: false })
    const { data, errors } = await ask(yoga, '{ a: item b: item(key: null) c: item(key: "c") }')
    expect(data).toEqual({ a: null, b: null, c: 'c' })
    expect(errors!.map(({ path }) => path)).toEqual([['a'], ['b']])
  })
})

describe('keys of any kind', () => {
  const none = { any: null }
  it.each<[string, unknown[], number, ((key: any) => unknown) | undefined]>([
    ['NaN, which equals itself', [NaN, NaN], 1, undefined],
    ['0 and -0, which are one', [0, -0], 1, undefined],
    ['a number and its text, which are two', [1, '1'], 2, undefined],
    ['bigints', [1n, 1n, 2n], 2, undefined],
    ['symbols', [Symbol.iterator, Symbol.iterator], 1, undefined],
    ['objects, each of which is another', [{ id: 1 }, { id: 1 }], 2, undefined],
    ['objects with a cacheKeyFn', [{ id: 1 }, { id: 1 }, { id: 2 }], 2, key => key.id],
    ['an object without a prototype', [Object.create(null)], 1, undefined],
    ['an object that throws when it is shown', [{ toString: () => none.any!['x'] }], 1, undefined],
  ])('%s', async (_, keys, distinct, cacheKeyFn) => {
    const bulks: unknown[][] = []
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { all: [Boolean] }',
        resolvers: {
          Query: {
            all: (_source, _args, ctx) =>
              Promise.all(
                keys.map(async key => {
                  const got = await ctx.bulk.items.load(key)
                  return got === key || Object.is(got, 0) || cacheKeyFn?.(got) === cacheKeyFn?.(key)
                }),
              ),
          },
        },
      }),
      plugins: [
        useBulk({
          items: {
            command: (some: unknown[]) => {
              bulks.push([...some])
              return some
            },
            cacheKeyFn,
          },
        }),
      ],
    })
    expect(await ask(yoga, '{ all }')).toMatchObject({ data: { all: keys.map(() => true) } })
    expect(bulks.map(bulk => bulk.length)).toEqual([distinct])
  })

  it('fail their own load alone when cacheKeyFn throws', async () => {
    const { yoga } = server(keys => keys, {
      masked: false,
      cacheKeyFn: (key: string) => {
        if (key === 'b') throw new Error('bad key')
        return key
      },
    })
    const { data, errors } = await ask(yoga, '{ list { item } }')
    expect(data).toEqual({ list: [{ item: 'a' }, { item: null }, { item: 'c' }] })
    expect(errors).toMatchObject([{ message: 'bad key', path: ['list', 1, 'item'] }])
  })
})
