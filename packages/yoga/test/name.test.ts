/**
 * The name of the loaders in the context: `bulk`, or another one where the application has something else there.
 */

import { envelop, useEngine, useSchema } from '@envelop/core'
import * as GraphQLJS from 'graphql'
import { createSchema, createYoga, type Plugin, type YogaServerOptions } from 'graphql-yoga'
import { expect, it, vi } from 'vitest'
import { bulkResolver, useBulk, type UseBulkOptions } from '../src/index.ts'
import { ask, respond } from './support/ask.ts'

const mailer = { send: () => 'sent' }

const schema = createSchema<any>({
  typeDefs: /* GraphQL */ `
    type Query {
      user(id: Int!): Int
      users: [User!]!
      mail: String
    }
    type User {
      twice: Int
    }
    type Mutation {
      user(id: Int!): Int
    }
    type Subscription {
      ticks: Int
    }
  `,
  resolvers: {
    Query: {
      user: (_, { id }, ctx) => (ctx.loaders ?? ctx.bulk).users.load(id),
      users: () => [1, 2].map(id => ({ id })),
      mail: (_, __, ctx) => (ctx.bulk ?? ctx.mail).send(),
    },
    User: {
      twice: bulkResolver((calls: { source: { id: number } }[]) => calls.map(({ source }) => 2 * source.id)),
    },
    Mutation: { user: (_, { id }, ctx) => (ctx.loaders ?? ctx.bulk).users.load(id) },
    Subscription: {
      ticks: {
        async *subscribe() {
          yield 1
          yield 2
        },
        resolve: (id: number, _: unknown, ctx: any) => ctx.loaders.users.load(id),
      },
    },
  },
})

function server(
  options: UseBulkOptions<string>,
  more: Partial<YogaServerOptions<any, any>> = {},
  plugins: Plugin[] = [],
) {
  const logging = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const bulk = useBulk({ users: (ids: number[]) => ids }, options)
  const yoga = createYoga({ schema, logging, batching: true, plugins: [bulk, ...plugins], ...more })
  return { yoga, logging }
}

const refusal = (what: string): object =>
  expect.objectContaining({
    message: `Bulkcall: the property ${what} of the context must be the loaders of useBulk or defineBulk, got a plain object (rename one of the two: { as: 'loaders' })`,
  })

const replacing: [string, string, Partial<YogaServerOptions<any, any>>, Plugin[]][] = [
  ['context()', 'bulk', { context: () => ({ bulk: mailer }) }, []],
  ['context(), though it has another name', 'loaders', { context: () => ({ loaders: mailer }) }, []],
  [
    'a plugin',
    'bulk',
    {},
    [{ onContextBuilding: ({ extendContext }: any) => extendContext({ bulk: mailer }) }],
  ],
  [
    'a plugin, when the context is finished',
    'bulk',
    {},
    [{ onExecute: ({ extendContext }: any) => extendContext({ bulk: mailer }) }],
  ],
]

it.each(replacing)(
  'S144 loaders that are replaced by %s are an error, in the log',
  async (_, as, more, plugins) => {
    const { yoga, logging } = server({ as }, more, plugins)
    for (const query of ['{ mail }', 'mutation { user(id: 1) }']) {
      logging.error.mockClear()
      const response = await respond(yoga, query)
      expect(response.status).toBe(500)
      expect((await response.json()).errors).toEqual([
        { message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ])
      expect(logging.error.mock.calls).toEqual([[refusal(as)]])
    }
  },
)

it('S144 something that is there before the loaders is not replaced by them in silence', async () => {
  const { yoga, logging } = server({})
  const context: any = { bulk: mailer }
  const response = await yoga.fetch('http://yoga/graphql?query={mail}', {}, context)
  expect(response.status).toBe(500)
  expect(logging.error.mock.calls).toEqual([[refusal('bulk')]])
})

it('S144 a context that is copied, or empty, is as it was', async () => {
  const { yoga } = server({}, { context: (initial: any) => ({ ...initial }) })
  expect(await ask(yoga, '{ user(id: 1) }')).toEqual({ data: { user: 1 } })
  const getEnveloped = envelop({
    plugins: [useEngine(GraphQLJS), useSchema(schema), useBulk({}) as never],
  })
  const { parse, execute, schema: wrapped } = getEnveloped() as any
  const answer = await execute({ schema: wrapped, document: parse('{ users { __typename } }') })
  expect(answer.data.users).toHaveLength(2)
})

it('S144 the loaders have the name that they are given, in every way an operation can run', async () => {
  const { yoga, logging } = server({ as: 'loaders' }, { context: () => ({ bulk: mailer }) })
  expect(await ask(yoga, '{ mail user(id: 1) users { twice } }')).toEqual({
    data: { mail: 'sent', user: 1, users: [{ twice: 2 }, { twice: 4 }] },
  })
  expect(await ask(yoga, 'mutation { user(id: 3) }')).toEqual({ data: { user: 3 } })
  const headers = { accept: 'text/event-stream' }
  const events = await (await respond(yoga, 'subscription { ticks }', { headers })).text()
  expect(events).toContain('{"data":{"ticks":2}}')
  expect(logging.error).not.toHaveBeenCalled()
})

it('S144 servers that share a schema may call them differently', async () => {
  const [bulk, loaders] = [server({}), server({ as: 'loaders' })]
  for (const { yoga } of [bulk, loaders, bulk])
    expect(await ask(yoga, '{ user(id: 1) users { twice } }')).toEqual({
      data: { user: 1, users: [{ twice: 2 }, { twice: 4 }] },
    })
})

it.each([5, '', null, Symbol.iterator])('S48 the name is a text: not %s', as => {
  expect(() => useBulk({}, { as } as never)).toThrow(/^Bulkcall: as must be a name, got/)
})
