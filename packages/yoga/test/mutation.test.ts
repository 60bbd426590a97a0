// A helper stands beside the tests that use it.
/* oxlint-disable unicorn/consistent-function-scoping */
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'
import { ask, dataOf } from './support/ask.ts'
import { sleep } from './support/wait.ts'

/** A server over a small table that mutations change; `log` is what happened, in order. */
function table() {
  const names = new Map([
    [1, 'one'],
    [2, 'two'],
  ])
  const log: string[] = []
  const row = (id: number, ctx: any) => ctx.bulk.rows.load(id)
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          row(id: Int!): Row
        }
        type Mutation {
          rename(id: Int!, name: String!, ms: Int = 0): Row
          renameAtOnce(id: Int!, name: String!): Row
          read(id: Int!): Row
          readNow(id: Int!): Row
          seeThenRename(id: Int!, name: String!): [String]
          prime(id: Int!, name: String!): Row
          fail(id: Int!): Row
          failAtOnce(id: Int!): Row
          admin: Admin
        }
        type Admin {
          rename(id: Int!, name: String!): Row
          read(id: Int!): Row
        }
        type Row {
          id: Int!
          name: String
          again: Row
        }
      `,
      resolvers: {
        Query: { row: (_, { id }, ctx) => row(id, ctx) },
        Mutation: {
          rename: async (_, { id, name, ms }, ctx) => {
            log.push(`begin ${name}`)
            await sleep(ms)
            names.set(id, name)
            log.push(`end ${name}`)
            return row(id, ctx)
          },
          renameAtOnce: (_, { id, name }) => {
            names.set(id, name)
            return { id }
          },
          read: (_, { id }, ctx) => row(id, ctx),
          // Gives no promise: what it loads is read by the fields below it.
          readNow: (_, { id }) => ({ id }),
          seeThenRename: async (_, { id, name }, ctx) => {
            const before = await row(id, ctx)
            names.set(id, name)
            const still = await row(id, ctx)
            ctx.bulk.rows.clear(id)
            const after = await row(id, ctx)
            return [before, still, after].map(({ name: seen }) => seen)
          },
          prime: (_, { id, name }, ctx) => {
            ctx.bulk.rows.prime(id, { id, name })
            return row(id, ctx)
          },
          fail: async (_, { id }, ctx) => {
            await row(id, ctx)
            names.set(id, 'half done')
            throw new Error('failed')
          },
          failAtOnce: (_, { id }) => {
            names.set(id, 'half done at once')
            throw new Error('failed at once')
          },
          admin: () => ({}),
        },
        Admin: {
          rename: (_, { id, name }, ctx) => {
            names.set(id, name)
            return row(id, ctx)
          },
          read: (_, { id }, ctx) => row(id, ctx),
        },
        Row: {
          name: async ({ id }, _, ctx) => (await row(id, ctx)).name,
          again: ({ id }, _, ctx) => row(id, ctx),
        },
      },
    }),
    plugins: [
      useBulk({
        rows: async (ids: readonly number[]) => {
          log.push(`select ${ids.join()}`)
          return ids.map(id => ({ id, name: names.get(id) }))
        },
      }),
    ],
    maskedErrors: false,
  })
  return { yoga, log, names }
}

describe('each root field of a mutation', () => {
  it('sees fresh data, also of what an earlier one has loaded', async () => {
    const { yoga } = table()
    const data = await dataOf(
      yoga,
      'mutation { a: rename(id: 1, name: "A") { name } b: rename(id: 1, name: "B") { name } c: read(id: 1) { name } }',
    )
    expect(data).toEqual({ a: { name: 'A' }, b: { name: 'B' }, c: { name: 'B' } })
  })

  it('sees fresh data in its fields when its resolver gives no promise', async () => {
    const { yoga } = table()
    const data = await dataOf(
      yoga,
      `mutation {
        a: readNow(id: 1) { name } b: renameAtOnce(id: 1, name: "B") { name } c: readNow(id: 1) { name }
        d: renameAtOnce(id: 1, name: "D") { name again { name } }
      }`,
    )
    expect(data).toEqual({
      a: { name: 'one' },
      b: { name: 'B' },
      c: { name: 'B' },
      d: { name: 'D', again: { name: 'D' } },
    })
  })

  it('sees in its fields what its resolver changed after it had loaded it', async () => {
    const { yoga } = table()
    const { errors, data } = await ask(yoga, 'mutation { fail(id: 1) { name } read(id: 1) { name } }')
    expect(errors).toMatchObject([{ message: 'failed', path: ['fail'] }])
    expect(data).toEqual({ fail: null, read: { name: 'half done' } })
  })

  it('sees fresh data after one that threw at once', async () => {
    const { yoga } = table()
    const { errors, data } = await ask(
      yoga,
      'mutation { a: read(id: 1) { name } failAtOnce(id: 1) { name } b: read(id: 1) { name } }',
    )
    expect(errors).toMatchObject([{ message: 'failed at once', path: ['failAtOnce'] }])
    expect(data).toEqual({ a: { name: 'one' }, failAtOnce: null, b: { name: 'half done at once' } })
  })

  it('runs after the one before it has ended', async () => {
    const { yoga, log } = table()
    await dataOf(
      yoga,
      'mutation { a: rename(id: 1, name: "A", ms: 20) { id } b: rename(id: 2, name: "B", ms: 5) { id } }',
    )
    expect(log).toEqual(['begin A', 'end A', 'select 1', 'begin B', 'end B', 'select 2'])
  })

  it('still answers what it has answered itself from its cache', async () => {
    const { yoga, log } = table()
    await dataOf(yoga, 'mutation { rename(id: 1, name: "A") { name again { name again { name } } } }')
    // Once in the resolver itself, and once more, fresh, for all of the fields below it.
    expect(log.filter(line => line.startsWith('select'))).toEqual(['select 1', 'select 1'])
  })

  it('may clear a key itself to see its own change', async () => {
    const { yoga } = table()
    expect(await dataOf(yoga, 'mutation { seeThenRename(id: 1, name: "new") }')).toEqual({
      seeThenRename: ['one', 'one', 'new'],
    })
  })

  it('may prime what it has written', async () => {
    const { yoga, log } = table()
    const data = await dataOf(yoga, 'mutation { prime(id: 1, name: "primed") { id } read(id: 1) { name } }')
    expect(data).toEqual({ prime: { id: 1 }, read: { name: 'one' } })
    // Only the second field asks: the first was answered with what was primed.
    expect(log[0]).toBe('select 1')
    expect(log.every(line => line === 'select 1')).toBe(true)
  })
})

describe('mutations in a namespace', () => {
  it('share a bulk, as fields that GraphQL runs side by side', async () => {
    const { yoga, log } = table()
    const data = await dataOf(
      yoga,
      'mutation { admin { a: rename(id: 1, name: "A") { id } b: rename(id: 2, name: "B") { id } } }',
    )
    expect(data).toEqual({ admin: { a: { id: 1 }, b: { id: 2 } } })
    expect(log).toEqual(['select 1,2'])
  })

  it('see fresh data in the next namespace', async () => {
    const { yoga } = table()
    const data = await dataOf(
      yoga,
      'mutation { a: admin { read(id: 1) { name } } b: admin { rename(id: 1, name: "B") { name } } c: admin { read(id: 1) { name } } }',
    )
    expect(data).toEqual({
      a: { read: { name: 'one' } },
      b: { rename: { name: 'B' } },
      c: { read: { name: 'B' } },
    })
  })
})

describe('the cache', () => {
  it('of a query is not cleared between its root fields', async () => {
    const { yoga, log } = table()
    await dataOf(yoga, '{ a: row(id: 1) { name } b: row(id: 1) { name again { name } } }')
    expect(log).toEqual(['select 1'])
  })

  it('of one mutation is not that of another that runs at the same time', async () => {
    const { yoga, log } = table()
    await Promise.all([1, 2].map(id => dataOf(yoga, `mutation { rename(id: ${id}, name: "x") { id } }`)))
    expect(log.filter(line => line.startsWith('select')).toSorted()).toEqual(['select 1', 'select 2'])
  })

  it('is cleared for root fields of a mutation that are renamed in the schema', async () => {
    const names = ['old', 'new']
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: /* GraphQL */ `
          schema {
            query: Reads
            mutation: Writes
          }
          type Reads {
            name: String
          }
          type Writes {
            name: String
            next: String
          }
        `,
        resolvers: {
          Reads: { name: () => null },
          Writes: {
            name: (_, __, ctx) => ctx.bulk.names.load(0),
            next: async (_, __, ctx) => {
              names.shift()
              return ctx.bulk.names.load(0)
            },
          },
        },
      }),
      plugins: [useBulk({ names: () => [names[0]] })],
    })
    expect(await dataOf(yoga, 'mutation { a: name b: next c: name }')).toEqual({
      a: 'old',
      b: 'new',
      c: 'new',
    })
  })

  it('is cleared around a root field that has no resolver', async () => {
    // The root value's own method is called by the default resolver.
    let name = 'old'
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs:
          'type Query { a: String } type Mutation { read: String  change: Changed } type Changed { name: String }',
        resolvers: {
          Mutation: { read: (_, __, ctx) => ctx.bulk.names.load(0) },
          Changed: { name: (_, __, ctx) => ctx.bulk.names.load(0) },
        },
      }),
      plugins: [
        useBulk({ names: () => [name] }),
        {
          onExecute({ args }: { args: { rootValue: unknown } }) {
            args.rootValue = {
              change() {
                name = 'new'
                return {}
              },
            }
          },
        },
      ],
    })
    expect(await dataOf(yoga, 'mutation { read change { name } again: read }')).toEqual({
      read: 'old',
      change: { name: 'new' },
      again: 'new',
    })
  })

  it.each(['before', 'after'])(
    'S147 is cleared around a root field that a resolver of the server resolves, set %s ours',
    async place => {
      let name = 'old'
      const read = (_: unknown, ctx: any): Promise<string> => ctx.bulk.names.load(0)
      const rootValue = {
        read,
        async change(_: unknown, ctx: any) {
          await read(_, ctx)
          name = 'new'
          return { name: read }
        },
      }
      const resolve = (source: any, args: unknown, ctx: unknown, { fieldName }: { fieldName: string }) =>
        source[fieldName](args, ctx)
      const bulk: Plugin = useBulk({ names: () => [name] })
      const own: Plugin = {
        onExecute: ({ args }) => void Object.assign(args, { rootValue, fieldResolver: resolve }),
      }
      const yoga = createYoga({
        schema: createSchema({
          typeDefs:
            'type Query { a: String } type Mutation { read: String change: Changed } type Changed { name: String }',
        }),
        plugins: place === 'before' ? [own, bulk] : [bulk, own],
      })
      expect(await dataOf(yoga, 'mutation { read change { name } again: read }')).toEqual({
        read: 'old',
        change: { name: 'new' },
        again: 'new',
      })
    },
  )
})
