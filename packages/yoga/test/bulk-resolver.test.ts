import { semaphore } from '@bulkcall/core'
import { createSchema, createYoga } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import { bulkResolver, useBulk, type BulkResolverCall, type BulkResolverOptions } from '../src/index.ts'
import { ask, dataOf, respond } from './support/ask.ts'
import { sleep, until } from './support/wait.ts'

interface Row {
  readonly id: number
}
type Call = BulkResolverCall<Row, { by?: number; ms?: number }>
type Command = (calls: Call[], context: any) => any

function server(
  command: Command,
  options?: BulkResolverOptions,
  plugins: readonly object[] = [useBulk({})],
  more = {},
) {
  const bulks: Call[][] = []
  const field = bulkResolver((calls: Call[], context) => {
    bulks.push([...calls])
    return command(calls, context)
  }, options)
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          rows(count: Int = 3): [Row!]!
          slow: Int
        }
        type Row {
          id: Int!
          times(by: Int): Int
          other: Int
          sure: Int!
          row: Row
        }
      `,
      resolvers: {
        Query: {
          rows: (_, { count }) => Array.from({ length: count }, (_unused, id) => ({ id })),
          // Ends when a bulk has started, which it never would without a bound.
          slow: () => until(() => bulks.length > 0, 'a bulk').then(() => 5),
        },
        Row: {
          times: field,
          sure: field,
          other: bulkResolver((calls: Call[]) => calls.map(({ source }) => -source.id)),
          row: async (source: Row) => {
            await sleep(source.id % 3)
            return source
          },
        },
      },
    }),
    plugins: [...plugins],
    logging: false,
    ...more,
  })
  return { yoga, bulks }
}

const multiply: Command = calls => calls.map(({ source, args }) => source.id * (args.by ?? 1))

describe('a batched field', () => {
  it('is answered with one bulk for all of its calls, aliases with other arguments among them', async () => {
    const { yoga, bulks } = server(multiply)
    expect(await dataOf(yoga, '{ rows { a: times(by: 2) b: times(by: 3) times } }')).toEqual({
      rows: [0, 1, 2].map(id => ({ a: id * 2, b: id * 3, times: id })),
    })
    expect(bulks).toHaveLength(1)
    expect(bulks[0]).toHaveLength(9)
  })

  it('is answered with one bulk after I/O of its parents, which take different times', async () => {
    const { yoga, bulks } = server(multiply, { delay: Infinity })
    await dataOf(yoga, '{ rows(count: 9) { row { times } } }')
    expect(bulks.map(calls => calls.length)).toEqual([9])
  })

  it('gives the command the source, the arguments and the info of each call, and the context', async () => {
    const seen: any[] = []
    const { yoga } = server((calls, { context, name, signal }) => {
      for (const { source, args, info } of calls) seen.push([source, args, info.path.key, info.fieldName])
      seen.push([typeof context.request, name, signal.aborted])
      return calls.map(() => 1)
    }, undefined)
    await dataOf(yoga, '{ rows(count: 1) { a: times(by: 7) } }')
    expect(seen).toEqual([
      [{ id: 0 }, { by: 7 }, 'a', 'times'],
      ['object', 'Row.times', false],
    ])
  })

  it('is a field of its own: two of them have two bulks', async () => {
    const { yoga, bulks } = server(multiply)
    expect(await dataOf(yoga, '{ rows { times other } }')).toEqual({
      rows: [0, 1, 2].map(id => ({ times: id, other: -id + 0 })),
    })
    expect(bulks).toHaveLength(1)
  })

  it('asks each call, also of what looks the same: a resolver is no cache', async () => {
    const { yoga, bulks } = server(multiply)
    await dataOf(yoga, '{ rows(count: 1) { a: times(by: 2) b: times(by: 2) } }')
    expect(bulks.map(calls => calls.length)).toEqual([2])
  })

  it('is answered anew in each operation', async () => {
    const { yoga, bulks } = server(multiply)
    await Promise.all([1, 2, 3].map(() => dataOf(yoga, '{ rows { times } }')))
    expect(bulks.map(calls => calls.length)).toEqual([3, 3, 3])
  })
})

describe('results', () => {
  it('that are none are null', async () => {
    for (const none of [null, undefined]) {
      const { yoga } = server(() => none)
      expect(await dataOf(yoga, '{ rows { times } }')).toEqual({
        rows: [0, 1, 2].map(() => ({ times: null })),
      })
    }
  })

  it('that are none for a non-null field are the error of GraphQL, which names the field', async () => {
    const { yoga } = server(() => null, undefined, undefined, { maskedErrors: false })
    const { errors } = await ask(yoga, '{ rows(count: 1) { sure } }')
    expect(errors).toMatchObject([
      { message: 'Cannot return null for non-nullable field Row.sure.', path: ['rows', 0, 'sure'] },
    ])
  })

  it('may be a Map by call, or come one by one', async () => {
    for (const command of [
      (calls: Call[]) => new Map(calls.map(call => [call, call.source.id])),
      async function* (calls: Call[]) {
        for (const { source } of calls) yield source.id
      },
    ] as Command[]) {
      const { yoga } = server(command)
      expect(await dataOf(yoga, '{ rows { times } }')).toEqual({ rows: [0, 1, 2].map(id => ({ times: id })) })
    }
  })

  it('that are Errors fail their own call', async () => {
    const { yoga } = server(
      calls => calls.map(({ source }) => (source.id === 1 ? new Error('one') : source.id)),
      undefined,
      undefined,
      {
        maskedErrors: false,
      },
    )
    const { data, errors } = await ask(yoga, '{ rows { times } }')
    expect(data).toEqual({ rows: [{ times: 0 }, { times: null }, { times: 2 }] })
    expect(errors).toMatchObject([{ message: 'one', path: ['rows', 1, 'times'] }])
  })

  it('that are too few fail all calls, with the coordinate of the field', async () => {
    const { yoga } = server(() => [1], {}, undefined, { maskedErrors: false })
    const { errors } = await ask(yoga, '{ rows { times } }')
    expect(errors!.map(({ path }) => path)).toEqual([0, 1, 2].map(place => ['rows', place, 'times']))
    for (const { message, extensions } of errors!) {
      expect(extensions).toEqual({ code: 'BULK_LENGTH' })
      expect(message).toContain('Row.times must get one result for each of its 3 tasks, got 1')
    }
  })

  it('that are thrown reach each call with its own path, masked', async () => {
    const { yoga } = server(() => {
      throw new Error('secret')
    })
    const { errors } = await ask(yoga, '{ rows { times } }')
    expect(errors!.map(({ path, message }) => [path, message])).toEqual(
      [0, 1, 2].map(place => [['rows', place, 'times'], 'Unexpected error.']),
    )
  })
})

describe('settings', () => {
  it('size bounds a bulk', async () => {
    const { yoga, bulks } = server(multiply, { size: 2 })
    await dataOf(yoga, '{ rows(count: 5) { times } }')
    expect(bulks.map(calls => calls.length)).toEqual([2, 2, 1])
  })

  it('delay bounds what a busy sibling can cost', async () => {
    const { yoga } = server(multiply, { delay: 1 })
    expect(await dataOf(yoga, '{ slow rows(count: 1) { times } }')).toEqual({ slow: 5, rows: [{ times: 0 }] })
  })

  it.each([
    ['a number', () => 2],
    ['a limiter', () => semaphore(2)],
  ])('concurrent holds over all operations of the server, as %s', async (_, concurrent) => {
    let running = 0
    let most = 0
    const { yoga } = server(
      async calls => {
        most = Math.max(most, ++running)
        await sleep(1)
        running--
        return calls.map(({ source }) => source.id)
      },
      { size: 1, concurrent: concurrent() },
    )
    await Promise.all(Array.from({ length: 30 }, () => dataOf(yoga, '{ rows { times } }')))
    expect(most).toBe(2)
    expect(running).toBe(0)
  })

  it('maxPending refuses what is too much, with status 503', async () => {
    const { yoga } = server(multiply, { maxPending: 2 })
    const response = await respond(yoga, '{ rows { times } }')
    expect(response.status).toBe(503)
    expect((await response.json()).errors).toMatchObject([
      { path: ['rows', 2, 'times'], extensions: { code: 'BULK_OVERFLOW' } },
    ])
  })

  it('timeout answers when the command hangs', async () => {
    const { yoga } = server(() => new Promise(() => {}), { timeout: 5 })
    const { errors } = await ask(yoga, '{ rows(count: 1) { times } }')
    expect(errors).toMatchObject([{ extensions: { code: 'BULK_TIMEOUT' } }])
  })

  it('name is what errors say', async () => {
    const { yoga } = server(() => [], { name: 'multiply' }, undefined, { maskedErrors: false })
    const { errors } = await ask(yoga, '{ rows(count: 1) { times } }')
    expect(errors![0]!.message).toContain('multiply must get')
  })

  it('are the defaults of useBulk where the field says nothing', async () => {
    const { yoga, bulks } = server(multiply, undefined, [useBulk({}, { size: 2 })])
    await dataOf(yoga, '{ rows(count: 5) { times } }')
    expect(bulks.map(calls => calls.length)).toEqual([2, 2, 1])
  })

  it.each<[string, any, any, RegExp]>([
    ['a misspelt option', multiply, { sise: 5 }, /did you mean 'size'/],
    ['a size of zero', multiply, { size: 0 }, /size must be a whole number from 1/],
    ['a concurrent of zero', multiply, { concurrent: 0 }, /whole number from 1/],
    ['a concurrent that is no limiter', multiply, { concurrent: 'two' }, /concurrent must be/],
    ['a command that is none', 'multiply', {}, /the command must be a function/],
    ['a scope of its own', multiply, { scope: {} }, /scope/],
  ])('refuse %s when the server starts', (_, command, options, message) => {
    expect(() => bulkResolver(command, options)).toThrow(message)
  })
})

describe('without the plugin', () => {
  it('the field fails with what is missing, which the client does not see', async () => {
    const hidden = await ask(server(multiply, undefined, []).yoga, '{ rows(count: 1) { times } }')
    expect(hidden.errors).toMatchObject([{ message: 'Unexpected error.', path: ['rows', 0, 'times'] }])
    const { yoga } = server(multiply, undefined, [], { maskedErrors: false })
    const { errors } = await ask(yoga, '{ rows(count: 1) { times } }')
    expect(errors![0]!.message).toContain('useBulk')
  })
})
