/**
 * Whatever a client sends and a command gives: each field of an operation has its answer or its error, while all that watches
 * bulks is on.
 */

import { createSchema, createYoga } from 'graphql-yoga'
import { GraphQLScalarType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { counts, hostile } from '../../../test/support/hostile-values.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'
import { useBulkInspector } from '../../inspector/src/index.ts'
import { BulkcallInstrumentation } from '../../opentelemetry/src/index.ts'
import { measureBulks } from '../../prometheus/src/index.ts'
import { bulkResolver, useBulk } from '../src/index.ts'

type Make = (i: number) => any
type Command = (keys: any[]) => any

/** A value that is made of a number: as a key, in an argument of a client. */
let make: Make
let command: Command

const commands: Record<string, Command> = {
  'takes them as keys': keys => keys.map((_, i) => i),
  'throws it': () => {
    throw make(0)
  },
  'rejects with it': () => Promise.reject(make(0)),
  'gives it': () => make(0),
  'gives it for each': keys => keys.map((_, i) => make(i)),
  'gives it in a Map': keys => new Map(keys.map((key, i) => [key, make(i)])),
  'gives thenables that reject with it': keys =>
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    keys.map((_, i) => ({ then: (_resolve: unknown, reject: (reason: unknown) => void) => reject(make(i)) })),
  async *'yields it, and then throws it'(keys) {
    for (const i of keys.keys()) yield make(i)
    throw make(0)
  },
}

const values: Record<string, Make> = {
  ...hostile,
  'an error that is its own origin': () => {
    const error = new Error('hidden')
    return Object.assign(error, { originalError: error })
  },
  'an error whose origin and extensions throw': () => {
    const error = new Error('hidden')
    for (const name of ['originalError', 'extensions', 'path', 'http'])
      Object.defineProperty(error, name, {
        get: () => {
          throw new Error(name)
        },
      })
    return error
  },
  'an error without a prototype': () => Object.setPrototypeOf(new Error('hidden'), null),
  'an object whose then throws': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    get then(): never {
      throw new Error('then')
    },
  }),
}

const ways = ['own', 'shared', 'parted', 'uncached']
const load = (name: string) => (_: unknown, args: any, context: any) =>
  context.bulk[name].load(args.key ?? args.object)

const yoga = createYoga({
  logging: false,
  plugins: [
    useBulk<any>()(
      Object.fromEntries(
        [{}, { shared: true }, { shared: () => make(1) }, { cache: false, size: 10, timeout: 5000 }].map(
          (settings, i) => [
            ways[i]!,
            // A judge of errors as people write it.
            {
              command: (keys: any[]) => command(keys),
              cacheErrors: (error: any) => error.code !== 'E',
              ...settings,
            },
          ],
        ),
      ),
      { extensions: true },
    ),
    useBulkInspector({ enabled: () => true, values: true }),
  ],
  schema: createSchema<any>({
    typeDefs: /* GraphQL */ `
      scalar Any
      input Key {
        id: Int
      }
      type Query {
        own(key: Any, object: Key): Any
        shared(key: Any, object: Key): Any
        parted(key: Any, object: Key): Any
        uncached(key: Any, object: Key): Any
        many(objects: [Key]): [Any]
        primed(key: Any): Any
        batched(key: Any): Any
      }
    `,
    resolvers: {
      Any: new GraphQLScalarType({
        name: 'Any',
        serialize: () => 'any',
        parseValue: value => make(Number(value)),
        parseLiteral: node => make('value' in node ? Number(node.value) : 0),
      }),
      Query: {
        ...Object.fromEntries(ways.map(name => [name, load(name)])),
        many: (_, { objects }, { bulk }) => bulk.own.loadMany(objects),
        batched: bulkResolver((calls: any[]) => command(calls)),
        async primed(_, { key }, { bulk }) {
          bulk.own.prime(key, make(3)).clear(key).prime(key, make(4))
          await bulk.own.load(key).catch(() => {})
          return bulk.own.clearAll().load(key)
        },
      },
    },
  }),
})

/** Each field so many times, with other arguments. */
function query(count: number): string {
  const numbers = Array.from({ length: count }, (_, i) => i)
  const fields = numbers.flatMap(i => [
    ...ways.flatMap(name => [
      `a${i}${name}: ${name}(key: ${i})`,
      `b${i}${name}: ${name}(object: { id: ${i} })`,
    ]),
    `primed${i}: primed(key: ${i}) batched${i}: batched(key: ${i})`,
  ])
  return `{ ${fields.join('\n')} many(objects: [${numbers.map(i => `{ id: ${i} }`).join()}]) }`
}

describe('S215 a command that gets and gives what throws or lies when it is looked at', () => {
  const stops: (() => void)[] = []

  beforeAll(() => {
    const instrumentation = new BulkcallInstrumentation()
    instrumentation.enable()
    stops.push(measureBulks(), () => instrumentation.disable())
  })
  afterAll(() => stops.forEach(stop => stop()))

  for (const [what, value] of Object.entries(values)) {
    it.each(counts)(`answers each field, or says why not: ${what}, %i at a time`, async count => {
      for (const way of Object.values(commands)) {
        make = value
        command = way
        let result: any
        const uncaught = await uncaughtDuring(async () => {
          const response = await yoga.fetch('http://yoga/graphql', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ query: query(count) }),
          })
          result = await response.json()
        })
        expect(uncaught).toEqual([])
        const failed = new Set((result.errors ?? []).map(({ path }: any) => path?.[0]))
        const names = Object.keys(result.data ?? {})
        // What throws when graphql-js itself looks at an error fails the whole operation, with or without us.
        const isWhole = result.data === null ? failed.has(undefined) : names.length === 10 * count + 1
        expect(isWhole).toBe(true)
        const mayBeNull = way === commands['gives it']
        expect(names.filter(name => result.data[name] === null && !failed.has(name) && !mayBeNull)).toEqual(
          [],
        )
      }
    })
  }
})

const plain = createYoga({
  logging: false,
  plugins: [useBulk({ rows: (keys: number[]) => command(keys) })],
  schema: createSchema<any>({
    typeDefs: 'type Query { row(key: Int): String other: Int }',
    resolvers: {
      Query: {
        row: (_, { key }, { bulk }) => bulk.rows.load(key).then((row: unknown) => typeof row),
        other: () => 1,
      },
    },
  }),
})

async function asked(document: string): Promise<any> {
  const response = await plain.fetch(`http://yoga/graphql?query=${encodeURIComponent(document)}`)
  return response.json()
}

/** A value that throws however it is looked at. */
function shy(): object {
  return new Proxy({}, { get: refuse, getPrototypeOf: refuse })
}

function refuse(): never {
  throw new Error('hidden')
}

describe('what an executor cannot make a text of', () => {
  it.each([
    ['an object of a client', () => Object.create(null)],
    ['a value that throws when it is looked at', shy],
  ])('S215 fails the fields that wait for it, and no other: %s', async (_, makeReason: () => unknown) => {
    for (const reject of [true, false]) {
      command = () => {
        if (reject) return Promise.reject(makeReason())
        throw makeReason()
      }
      const { data, errors } = await asked('{ a: row(key: 1) other b: row(key: 2) }')
      expect(data).toEqual({ a: null, other: 1, b: null })
      expect(errors.map(({ path }: any) => path)).toEqual([['a'], ['b']])
    }
  })

  it('S143 S215 is an answer as any other where it is one of the results', async () => {
    const results = [new Proxy({}, { getPrototypeOf: refuse }), new Error('hidden')]
    command = () => results
    const { data, errors } = await asked('{ a: row(key: 1) other b: row(key: 2) }')
    expect(data).toEqual({ a: 'object', other: 1, b: null })
    expect(errors.map(({ path }: any) => path)).toEqual([['b']])
  })
})
