/**
 * The loaders of a server outside of GraphQL: `create`.
 */

import { BulkScope } from '@bulkcall/core'
import { parse } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { expect, expectTypeOf, it } from 'vitest'

import { useBulk, type BulkCommandContext } from '../src/index.ts'

interface User {
  readonly id: number
}

/** What was asked, with the tenant of its context. */
function server(
  settings: { readonly concurrent?: number; readonly shared?: true | ((context: any) => unknown) } = {},
) {
  const asked: unknown[] = []
  let running = 0
  const most = { running: 0 }
  const command = async (ids: readonly number[], context: BulkCommandContext): Promise<User[]> => {
    asked.push([context.context?.tenant, ...ids])
    most.running = Math.max(most.running, ++running)
    await new Promise(resolve => setTimeout(resolve, 5))
    running--
    return ids.map(id => ({ id }))
  }
  const users = { command, ...settings } as { readonly command: typeof command }
  const bulk = useBulk({ users })
  return { bulk, asked, most }
}

it('S185 loads of one unit of work are one bulk, which gets its context, and are kept', async () => {
  const { bulk, asked } = server()
  const loaders = bulk.create({ tenant: 'acme' })
  expectTypeOf(loaders.users).toHaveProperty('load').returns.resolves.toEqualTypeOf<User>()

  expect(await Promise.all([1, 2, 1].map(id => loaders.users.load(id)))).toEqual(
    [1, 2, 1].map(id => ({ id })),
  )
  await loaders.users.load(2)

  expect(asked).toEqual([['acme', 1, 2]])
})

it('S185 each unit of work has a cache of its own, and one without a context is fine', async () => {
  const { bulk, asked } = server()
  for (const loaders of [bulk.create(), bulk.create({})]) await loaders.users.load(1)

  expect(asked).toEqual([
    [undefined, 1],
    [undefined, 1],
  ])
})

it('S185 the limit of a server bounds all its units of work', async () => {
  const { bulk, most } = server({ concurrent: 1 })
  await Promise.all([1, 2, 3].map(id => bulk.create().users.load(id)))

  expect(most.running).toBe(1)
})

it('S185 bulks that a server shares take keys of units of work too', async () => {
  const { bulk, asked } = server({ shared: true })
  await Promise.all([1, 2, 1].map(id => bulk.create().users.load(id)))

  expect(asked).toEqual([[undefined, 1, 2]])
})

it('S185 bulks of a partition take keys of units of work too, whose context is what they were given', async () => {
  const { bulk, asked } = server({ shared: ({ tenant }) => tenant })
  await Promise.all(['a', 'b', 'a'].map((tenant, id) => bulk.create({ tenant }).users.load(id)))

  expect(asked).toEqual([
    [undefined, 0, 2],
    [undefined, 1],
  ])
})

it('S185 work that runs in the scope of its loaders has windows that close with it', async () => {
  const { bulk, asked } = server()
  const loaders = bulk.create()
  const { [BulkScope.symbol]: scope } = loaders as never as { readonly [BulkScope.symbol]: BulkScope }

  await Promise.all([1, 2].map(id => scope.run(() => loaders.users.load(id))))

  expect(asked).toEqual([[undefined, 1, 2]])
})

it('S185 with loaders that were made outside of it, the server executes as with its own', async () => {
  const { bulk, asked } = server()
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: 'type Query { users(ids: [Int!]!): [User] } type User { id: Int }',
      resolvers: {
        Query: {
          users: (_, { ids }, ctx) =>
            ids.map(async (id: number) => {
              await new Promise(resolve => setTimeout(resolve, id))
              return ctx.bulk.users.load(id)
            }),
        },
      },
    }),
    plugins: [bulk],
  })
  const { execute, schema } = yoga.getEnveloped()
  const contextValue = bulk.extendContext({ tenant: 'acme' })
  for (const id of [1, 1]) {
    const { data }: any = await execute({
      schema,
      document: parse(`{ users(ids: [${id}, 2]) { id } }`),
      contextValue,
    })
    expect(data.users).toEqual([{ id: 1 }, { id: 2 }])
  }

  expect(asked).toEqual([
    ['acme', 1, 2],
    ['acme', 1, 2],
  ])
})
