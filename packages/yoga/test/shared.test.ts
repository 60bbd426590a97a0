/**
 * Shared loaders: bulks that take keys of every operation of a server.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk, type BulkDefinition } from '../src/index.ts'
import { ask, askBatch, dataOf, type AskOptions } from './support/ask.ts'
import { executors } from './support/executors.ts'
import { gate, patient, settled, sleep, until } from './support/wait.ts'

type Ids = readonly number[]

/** A server whose `rows` are shared: `row` loads one, `slow` loads one when the gate opens. */
function server(
  definition: Partial<BulkDefinition> = {},
  answer: (ids: Ids) => unknown = ids => ids,
  got: (row: unknown) => void = () => {},
  plugins: readonly Plugin[] = [],
) {
  const bulks: { ids: Ids; partition: unknown; context: unknown }[] = []
  const held = gate()
  const started = { row: 0, slow: 0 }
  const yoga = createYoga<any>({
    logging: false,
    batching: true,
    context: ({ request }) => ({ tenant: request.headers.get('tenant') }),
    plugins: [
      useBulk(
        {
          rows: {
            delay: patient,
            shared: true,
            ...definition,
            command: async (ids: Ids, context: any) => {
              bulks.push({ ids, partition: context.partition, context: context.context })
              return answer(ids) as Ids
            },
          },
        },
        { extensions: request => request!.headers.has('tell') },
      ),
      ...plugins,
    ],
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Int
          twice(id: Int!): [Int]
          slow(id: Int!): Int
          fails: Int!
        }
      `,
      resolvers: {
        Query: {
          row: async (_: unknown, { id }: { id: number }, { bulk }: any) => {
            started.row++
            const row = await bulk.rows.load(id)
            got(row)
            return typeof row === 'object' ? row.id : row
          },
          fails: async () => null,
          twice: async (_: unknown, { id }: { id: number }, { bulk }: any) => [
            await bulk.rows.load(id),
            await bulk.rows.load(id),
          ],
          slow: async (_: unknown, { id }: { id: number }, { bulk }: any) => {
            started.slow++
            await held.opened
            return bulk.rows.load(id)
          },
        },
      },
    }),
  })
  /** A request that keeps shared windows open until the gate opens. */
  const holding = async (id: number, options: AskOptions = {}, beside = '') => {
    const before = started.slow
    const answered = ask(yoga, `{ slow(id: ${id}) ${beside} }`, options).then(
      ({ data }) => data,
      (error: unknown) => error,
    )
    await until(() => started.slow > before)
    return { answered, open: () => held.open() }
  }
  /** Until so many rows have been asked for. */
  const loaded = (rows: number) => until(() => started.row === rows)
  return { yoga, bulks, started, held, holding, loaded }
}

/** A server that loads in `context()` as well, before it knows the tenant; two tenants ask at once. */
async function twoTenants(shared: (context: any) => unknown, load: (bulk: any) => unknown) {
  const bulks: { partition: unknown; ids: readonly unknown[] }[] = []
  const arrived = { tenants: 0, both: gate() }
  const yoga = createYoga<any>({
    logging: false,
    plugins: [
      useBulk(
        {
          docs: {
            command: async (ids: string[], { partition }: { partition: unknown }) => {
              bulks.push({ partition, ids })
              return ids.map(id => `${id} of ${String(partition)}`)
            },
            shared,
          },
        },
        { delay: patient },
      ),
    ],
    context: async ({ bulk, request }: any) => {
      const early = await load(bulk)
      if (++arrived.tenants === 2) arrived.both.open()
      await arrived.both.opened
      return { early, tenant: request.headers.get('tenant') ?? undefined }
    },
    schema: createSchema<any>({
      typeDefs: 'type Query { doc(id: String!): String early: String as(tenant: String!): String }',
      resolvers: {
        Query: {
          early: (_, __, { early }) => String(early),
          doc: (_, { id }, { bulk }) => bulk.docs.load(id),
          as: async (_, { tenant }, context) => {
            const before = await context.bulk.docs.load('same')
            context.tenant = tenant
            return `${before}, ${await context.bulk.docs.load('same')}`
          },
        },
      },
    }),
  })
  const asks = (query: string, tenants: readonly (string | undefined)[]) =>
    Promise.all(tenants.map(tenant => ask(yoga, query, { headers: tenant === undefined ? {} : { tenant } })))
  return { bulks, asks }
}

/** A server whose tenant stands at the end of the document; `context()` loads before it says so. */
function tenantsOfDocuments(plugins: Plugin[] = []) {
  const bulks: (readonly unknown[])[] = []
  const yoga = createYoga<any>({
    logging: false,
    batching: true,
    plugins: [
      useBulk({
        docs: {
          command: (ids: string[], { partition }: any) => (
            bulks.push(ids),
            ids.map(id => `${id} of ${partition}`)
          ),
          shared: ({ tenant = 'none' }: any) => tenant,
        },
        tenants: (ids: number[], { context }: any) => ids.map(() => context.tenant),
      }),
      ...plugins,
    ],
    context: async ({ bulk, params }: any) => ({
      early: await bulk.docs.load('1'),
      tenant: params.query.split('# ')[1],
    }),
    schema: createSchema<any>({
      typeDefs: 'type Query { doc(id: String!): String early: String tenant: String within: [String] }',
      resolvers: {
        Query: {
          // When the other operations of its HTTP batch have begun as well.
          doc: async (_, { id }, { bulk }) => sleep(1).then(() => bulk.docs.load(id)),
          early: (_, __, { early }) => early,
          within: async (_, __, context) => {
            const { docs } = context.bulk
            const before = await docs.load('1')
            const { schema, parse, execute } = yoga.getEnveloped({} as never)
            const contextValue = { ...context, tenant: 'other' }
            const answer: any = await execute({ schema, document: parse('{ doc(id: "1") }'), contextValue })
            return [before, answer.data.doc, await docs.load('2')]
          },
          tenant: (_, __, { bulk }) => bulk.tenants.load(1),
        },
      },
    }),
  })
  return { yoga, bulks }
}

describe('a shared loader', () => {
  it('S70 takes the keys of many requests into one bulk, each key once', async () => {
    const { yoga, bulks, holding, loaded } = server()
    const slow = await holding(3)
    const answers = [1, 2, 2].map(id => dataOf(yoga, `{ row(id: ${id}) }`))
    await loaded(3)
    expect(bulks).toEqual([])
    slow.open()
    expect(await Promise.all([...answers, slow.answered])).toEqual([
      { row: 1 },
      { row: 2 },
      { row: 2 },
      { slow: 3 },
    ])
    expect(bulks.map(({ ids }) => ids.toSorted((a, b) => a - b))).toEqual([[1, 2, 3]])
  })

  it('S72 does not keep a lone request waiting', async () => {
    const { yoga, bulks } = server()
    expect(await dataOf(yoga, '{ a: row(id: 1) b: row(id: 2) twice(id: 3) }')).toEqual({
      a: 1,
      b: 2,
      twice: [3, 3],
    })
    expect(bulks.map(({ ids }) => ids)).toEqual([[1, 2, 3]])
  })

  it('S70 keeps no answer for another request', async () => {
    let asked = 0
    const { yoga } = server({}, ids => ids.map(() => ++asked))
    expect(await dataOf(yoga, '{ twice(id: 1) }')).toEqual({ twice: [1, 1] })
    expect(await dataOf(yoga, '{ twice(id: 1) }')).toEqual({ twice: [2, 2] })
  })

  it('S71 never mixes partitions; its command gets the partition, and no context', async () => {
    const { yoga, bulks, holding, loaded } = server({
      shared: (context: { tenant: string }) => context.tenant,
    })
    const slow = await holding(9)
    const as = (tenant: string, id: number): Promise<unknown> =>
      dataOf(yoga, `{ row(id: ${id}) }`, { headers: { tenant } })
    const answers = [as('a', 1), as('b', 2), as('a', 3)]
    await loaded(3)
    slow.open()
    await Promise.all([...answers, slow.answered])
    const byTenant = Object.fromEntries(
      bulks.map(({ partition, ids }) => [String(partition), ids.toSorted((a, b) => a - b)]),
    )
    expect(byTenant).toEqual({ a: [1, 3], b: [2], null: [9] })
    expect(bulks.map(({ context }) => context)).toEqual([undefined, undefined, undefined])
  })

  it.each<[string, (bulk: any) => unknown]>([
    ['is not touched', () => undefined],
    ['is touched', bulk => bulk.docs.name],
    ['is loaded from', bulk => bulk.docs.load('session')],
  ])('S125 has the partition of the finished context where it %s before that', async (_, load) => {
    const { bulks, asks } = await twoTenants(({ tenant }) => tenant, load)
    const answers = await asks('{ doc(id: "1") }', ['acme', 'umbrella'])
    expect(answers.map(({ data }) => data.doc)).toEqual(['1 of acme', '1 of umbrella'])
    const early = bulks.filter(({ partition }) => partition === undefined)
    expect(early.map(({ ids }) => ids)).toEqual(early.map(() => ['session']))
    const late = bulks.filter(({ partition }) => partition !== undefined)
    expect(late).toEqual([
      { partition: 'acme', ids: ['1'] },
      { partition: 'umbrella', ids: ['1'] },
    ])
  })

  it('S125 has a bulk of its own before the context is finished, and what that learned is known then', async () => {
    const { bulks, asks } = await twoTenants(
      () => 'all',
      bulk => bulk.docs.load('1'),
    )
    const answers = await asks('{ early doc(id: "1") other: doc(id: "2") }', ['acme', 'umbrella'])
    expect(answers.map(({ data }) => data)).toEqual([
      { early: '1 of all', doc: '1 of all', other: '2 of all' },
      { early: '1 of all', doc: '1 of all', other: '2 of all' },
    ])
    expect(bulks.map(({ ids }) => ids)).toEqual([['1'], ['1'], ['2']])
  })

  it('S125 `undefined` is no partition: nobody else has a key in such a bulk', async () => {
    const { bulks, asks } = await twoTenants(
      ({ tenant }) => tenant,
      () => undefined,
    )
    const answers = await asks('{ doc(id: "1") }', [undefined, undefined])
    expect(answers.map(({ data }) => data.doc)).toEqual(['1 of undefined', '1 of undefined'])
    expect(bulks).toHaveLength(2)
  })

  it('S125 asks the context at each load, and keeps the answers of each partition apart', async () => {
    const { asks } = await twoTenants(
      ({ tenant }) => tenant,
      () => undefined,
    )
    const [answer] = await asks('{ as(tenant: "umbrella") }', ['acme', 'acme'])
    expect(answer!.data.as).toBe('same of acme, same of umbrella')
  })

  it.each<[string, Plugin]>([
    ['Yoga', {}],
    ['another plugin', { onExecute: ({ setExecuteFn }) => setExecuteFn(executors['graphql-js']!) }],
  ])(
    'S201 has the partition of each operation of an HTTP batch, as its own context says, executed by %s',
    async (_, executor) => {
      const { yoga, bulks } = tenantsOfDocuments([executor])
      const answers = await askBatch(yoga, ['{ doc(id: "1") } # acme', '{ early doc(id: "1") } # umbrella'])
      expect(answers.map(({ data }) => data)).toEqual([
        { doc: '1 of acme' },
        { early: '1 of none', doc: '1 of umbrella' },
      ])
      expect(bulks).toHaveLength(3)
    },
  )

  it.each<[string, Plugin]>([
    [
      'a copy',
      {
        onExecute: ({ executeFn, setExecuteFn }) =>
          setExecuteFn(args =>
            executeFn({
              ...args,
              contextValue: { ...args.contextValue, tenant: `copied ${args.contextValue.tenant}` },
            }),
          ),
      },
    ],
    [
      'one that inherits from it',
      {
        onExecute: ({ executeFn, setExecuteFn }) =>
          setExecuteFn(args => {
            const contextValue = Object.assign(Object.create(args.contextValue), {
              tenant: `copied ${args.contextValue.tenant}`,
            })
            return executeFn({ ...args, contextValue })
          }),
      },
    ],
  ])('S201 has the partition, and a command the context, that the resolvers get: %s', async (_, copies) => {
    const { yoga } = tenantsOfDocuments([copies])
    expect(await dataOf(yoga, '{ doc(id: "1") tenant } # acme')).toEqual({
      doc: '1 of copied acme',
      tenant: 'copied acme',
    })
    const answers = await askBatch(yoga, ['{ doc(id: "1") } # acme', '{ doc(id: "1") } # umbrella'])
    expect(answers.map(({ data }) => data.doc)).toEqual(['1 of copied acme', '1 of copied umbrella'])
  })

  it('S201 an execution within another that has a copy of its context changes no partition of that', async () => {
    const { yoga } = tenantsOfDocuments()
    expect(await dataOf(yoga, '{ within } # acme')).toEqual({
      within: ['1 of acme', '1 of other', '2 of acme'],
    })
  })

  it.each<[string, (context: any) => unknown]>([
    ['an object that is made anew', ({ tenant }) => [tenant]],
    ['a promise', async ({ tenant }) => tenant],
  ])('S203 %s is no partition', async (_, shared) => {
    const got: string[] = []
    const { bulks, asks } = await twoTenants(shared, async bulk => {
      got.push(await bulk.docs.load('1').catch((error: Error) => error.message))
    })
    const answers = await asks('{ doc(id: "1") }', ['acme', 'umbrella'])
    expect(answers.map(({ errors }) => errors?.length)).toEqual([1, 1])
    expect(got[0]).toMatch(
      /^Bulkcall: the partition of docs must be the same value each time, got (an array|a)/,
    )
    expect(bulks).toEqual([])
  })

  it('S147 is cleared around each root field of a mutation', async () => {
    let version = 1
    const yoga = createYoga<any>({
      logging: false,
      plugins: [useBulk({ rows: { command: (ids: Ids) => ids.map(() => version), shared: true } })],
      schema: createSchema<any>({
        typeDefs: 'type Query { row: Int } type Mutation { row: Int bump: Int }',
        resolvers: {
          Mutation: {
            row: (_, __, { bulk }) => bulk.rows.load(1),
            bump: (_, __, { bulk }) => (version++, bulk.rows.load(1)),
          },
        },
      }),
    })
    expect(await dataOf(yoga, 'mutation { a: row b: bump c: row d: bump }')).toEqual({
      a: 1,
      b: 2,
      c: 2,
      d: 3,
    })
  })

  it('S125 what the context throws when it is asked is the error of the load', async () => {
    const { asks } = await twoTenants(
      ({ user }) => user.tenant,
      async bulk => [
        await bulk.docs.load('1').catch((error: Error) => error.name),
        (await bulk.docs.loadMany(['1', '2'])).map((error: Error) => error.name),
      ],
    )
    const answers = await asks('{ early doc(id: "1") }', ['acme', 'umbrella'])
    for (const { data, errors } of answers) {
      expect(data).toEqual({ early: 'TypeError,TypeError,TypeError', doc: null })
      expect(errors).toMatchObject([{ path: ['doc'] }])
    }
  })

  it('S73 a request that fails changes nothing for others', async () => {
    const { yoga, holding, loaded } = server({}, ids => {
      if (ids.includes(13)) throw new Error('bad key')
      return ids
    })
    const slow = await holding(1)
    const bad = ask(yoga, '{ row(id: 13) }')
    const good = dataOf(yoga, '{ row(id: 2) }')
    await loaded(2)
    slow.open()
    expect(await good).toEqual({ row: 2 })
    expect(await slow.answered).toEqual({ slow: 1 })
    const { data, errors } = await bad
    expect(data).toEqual({ row: null })
    expect(errors).toMatchObject([{ path: ['row'] }])
  })

  it('S73 a client that leaves takes its keys along, and only these', async () => {
    const { yoga, bulks, holding, loaded } = server()
    const slow = await holding(1)
    const client = new AbortController()
    const gone = ask(yoga, '{ row(id: 5) }', { signal: client.signal }).catch(() => 'gone')
    const stays = dataOf(yoga, '{ row(id: 2) }')
    await loaded(2)
    client.abort()
    slow.open()
    expect(await stays).toEqual({ row: 2 })
    await slow.answered
    await gone
    expect(bulks.map(({ ids }) => ids.toSorted((a, b) => a - b))).toEqual([[1, 2]])
  })

  it("S73 runs its command in the server's async context, never in a request's", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { yoga } = server({}, ids => {
      seen.push(tenant.getStore())
      return ids
    })
    await tenant.run('a', () => dataOf(yoga, '{ row(id: 1) }'))
    expect(seen).toEqual([undefined])
  })

  it('S163 does not wait for a resolver that hangs when its client has gone', async () => {
    const { yoga, holding } = server({ delay: Infinity })
    const client = new AbortController()
    const slow = await holding(1, { signal: client.signal })
    client.abort()
    await slow.answered
    // With an endless `delay`, what waits for it waits for ever.
    expect(await dataOf(yoga, '{ row(id: 2) }')).toEqual({ row: 2 })
    slow.open()
  })

  it('S163 does not wait for a resolver that hangs when its operation has been answered', async () => {
    const { yoga, holding } = server({ delay: Infinity })
    const slow = await holding(1, {}, 'fails')
    await slow.answered
    // With an endless `delay`, what waits for it waits for ever.
    expect(await dataOf(yoga, '{ row(id: 2) }')).toEqual({ row: 2 })
    slow.open()
  })

  it('S163 does not wait for what hangs in an execution of which there has been another', async () => {
    const twice: Plugin = {
      onExecute: ({ executeFn, setExecuteFn }) =>
        setExecuteFn(async args => {
          await executeFn(args)
          return executeFn(args)
        }),
    }
    const { yoga, holding } = server({ delay: Infinity }, undefined, undefined, [twice])
    const slow = await holding(1, {}, 'fails')
    await slow.answered
    expect(await dataOf(yoga, '{ row(id: 2) }')).toEqual({ row: 2 })
    slow.open()
  })

  it('S163 waits for an operation of an HTTP batch of which another has been answered', async () => {
    const { yoga, bulks, started, held, loaded } = server()
    const batch = askBatch(yoga, ['{ fails }', '{ slow(id: 1) }'])
    await until(() => started.slow === 1)
    await settled()
    const row = dataOf(yoga, '{ row(id: 2) }')
    await loaded(1)
    await settled()
    expect(bulks).toEqual([])
    held.open()
    expect([await row, (await batch)[1]!.data]).toEqual([{ row: 2 }, { slow: 1 }])
    expect(bulks).toHaveLength(1)
  })

  it('S164 gives all requests the same frozen answer, or each a copy with `clone`', async () => {
    for (const [clone, frozen] of [
      [undefined, true],
      [structuredClone, false],
    ] as const) {
      const seen: unknown[] = []
      const { yoga } = server(
        { clone },
        ids => ids.map(id => ({ id })),
        row => seen.push(row),
      )
      expect(await dataOf(yoga, '{ row(id: 1) }')).toEqual({ row: 1 })
      expect(seen.map(Object.isFrozen)).toEqual([frozen])
    }
  })

  it('S48 refuses a `clone` of a loader that is not shared', () => {
    expect(() => server({ shared: false, clone: structuredClone })).toThrow(
      'Bulkcall: rows: clone must be of a loader that is shared, got a function',
    )
  })

  it('is counted for the request that asks, in `extensions.bulk`', async () => {
    const { yoga } = server()
    const { extensions } = await ask(yoga, '{ twice(id: 1) }', { headers: { tell: '1' } })
    expect(extensions).toMatchObject({ bulk: { loaders: { rows: { loads: 2, hits: 1, bulks: 1 } } } })
  })

  it('S48 refuses a `shared` that is neither true nor a function', () => {
    expect(() => server({ shared: 'tenant' as never })).toThrow(
      'Bulkcall: rows: shared must be true, false or a function',
    )
  })
})
