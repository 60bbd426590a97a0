/**
 * Windows that close themselves, on shapes of resolvers that people write: in each of many runs beside a fixed window of
 * the same `delay`, in exact virtual time.
 */

// A helper stands beside the tests that use it.
/* oxlint-disable unicorn/consistent-function-scoping */
import { createSchema, createYoga } from 'graphql-yoga'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useBulk } from '../src/index.ts'
import { dataOf } from './support/ask.ts'
import { recorded, user } from './support/commands.ts'
import { pass, stopTime, withBulk, withDataLoader, type Run, type Server } from './support/contest.ts'
import { chainBesideIdle, plainNested, shapes, siblings } from './support/shapes.ts'
import { gate } from './support/wait.ts'

const delay = 5
/** How many runs, and how many clients at once: enough to be past what is learned in the first three. */
const [count, clients] = process.env.BULKCALL_ALL ? [30, 10] : [8, 3]

beforeEach(stopTime)
afterEach(() => void vi.useRealTimers())

async function many(server: Server): Promise<Run[]> {
  const runs: Run[] = []
  while (runs.length < count) runs.push(await server.run())
  return runs
}

const figures = ({ data, bulks, ms, timers }: Run) => ({ data, bulks: bulks.length, ms, timers })

describe('in each of many runs', () => {
  it.each(Object.entries(shapes))(
    'S89 %s: no more bulks than with a fixed window, and no later',
    async (_, shape) => {
      const fixed = await withDataLoader(shape, delay).run()
      for (const { data, bulks, ms } of await many(withBulk(shape, delay))) {
        expect(data).toBe(fixed.data)
        expect(bulks.length).toBeLessThanOrEqual(fixed.bulks.length)
        expect(ms).toBeLessThanOrEqual(fixed.ms)
      }
    },
  )

  it('S45 plain nested fields have the bulks of a tick, at its moment, and no timer is set', async () => {
    const tick = await many(withDataLoader(plainNested))
    const runs = await many(withBulk(plainNested, delay))
    expect(runs.map(figures)).toEqual(tick.map(figures))
  })

  it('S84 a chain of three loaders is done when it is with a tick, however long `delay` is', async () => {
    const chain = shapes['a command that loads from another loader, three in a chain']!
    const tick = await withDataLoader(chain).run()
    const runs = await many(withBulk(chain, 100))
    expect(runs.map(({ ms }) => ms)).toEqual(runs.map(() => tick.ms))
  })
})

describe('of many clients at once, beside documents that are written to spoil what is learned', () => {
  /** The same fields in other places, under other names, twice, and left out. */
  const hostile = (query: string): string[] => {
    const selection = query.slice(query.indexOf('{'))
    return [
      `query { a: __typename ...F } fragment F on Query ${selection}`,
      `query { ... @skip(if: true) ${selection} }`,
      `query { ... @include(if: true) ${selection} ... ${selection} }`,
    ]
  }

  it.each(Object.entries(shapes))(
    'S89 S86 %s: no more bulks than with a fixed window, and no later',
    async (_, shape) => {
      const fixed = await withDataLoader(shape, delay).run(shape.query, clients)
      const server = withBulk(shape, delay)
      for (let run = 0; run < 9; run++) {
        const { data, bulks, ms } = await server.run(shape.query, clients)
        expect(data).toBe(fixed.data)
        expect(bulks.length).toBeLessThanOrEqual(fixed.bulks.length)
        expect(ms).toBeLessThanOrEqual(fixed.ms)
        await server.run(hostile(shape.query)[run % 3], 3)
      }
    },
  )
})

describe('once it has been seen what resolvers do', () => {
  const early = [
    'one await, then several loads',
    'inner loads of one resolver, after I/O each',
    'a list of promises, I/O before each',
    'methods of classes',
    'an asynchronous `resolveType` that loads after I/O',
    'asynchronous `isTypeOf`s that load after I/O',
    'references of federation that load after I/O',
    'references of federation that load after I/O, before 0.4.2',
    'guards in front of every field',
    'a schema that is wrapped twice',
    'recursion with guards',
    'loads beside fields that wait and never load',
  ]

  it.each([
    ['siblings with I/O and one load each', siblings] as const,
    ...early.map(name => [name, shapes[name]!] as const),
  ])('S85 %s: as early as with a tick, with the bulks of a fixed window', async (_, shape) => {
    const fixed = await withDataLoader(shape, delay).run()
    const tick = await withDataLoader(shape).run()
    expect(fixed.ms).toBeGreaterThan(tick.ms)
    for (const { bulks, ms } of (await many(withBulk(shape, delay))).slice(3)) {
      expect(bulks.length).toBeLessThanOrEqual(fixed.bulks.length)
      expect(ms).toBe(tick.ms)
    }
  })

  it.each([
    'references of federation that load after I/O',
    'references of federation that load after I/O, before 0.4.2',
  ])('S85 %s, more of them each time: as early as with a tick', async name => {
    const shape = shapes[name]!
    const query = (length: number): string =>
      `{ _entities(ids: [${Array.from({ length }, (_, id) => id).join()}]) { ... on User { id } } }`
    const [tick, server] = [withDataLoader(shape), withBulk(shape, delay)]
    const [ours, theirs]: Run[][] = [[], []]
    for (let length = 4; length < 34; length++) {
      ours!.push(await server.run(query(length)))
      theirs!.push(await tick.run(query(length)))
    }
    expect(ours!.map(({ bulks }) => bulks.length)).toEqual(ours!.map(() => 1))
    expect(ours!.slice(3).map(({ ms }) => ms)).toEqual(theirs!.slice(3).map(({ ms }) => ms))
  })

  it('S85 siblings with I/O and one load each: their bulk starts at the moment of the last load', async () => {
    const last = Math.max(...(await withDataLoader(siblings).run()).bulks.map(({ at }) => at))
    const runs = await many(withBulk(siblings, delay))
    expect(runs[0]!.bulks.map(({ at }) => at)).toEqual([delay])
    for (const { bulks } of runs.slice(3)) expect(bulks.map(({ at }) => at)).toEqual([last])
  })
})

describe('the budget of waiting', () => {
  it('S88 a chain of 20 loads does not wait at each for fields that wait and never load', async () => {
    const tick = await withDataLoader(chainBesideIdle).run()
    const runs = await many(withBulk(chainBesideIdle, delay))
    for (const { data, bulks } of runs) {
      expect(data).toBe(tick.data)
      expect(bulks.length).toBe(tick.bulks.length)
    }
    expect(runs[0]!.ms).toBeLessThanOrEqual(tick.ms + 3 * delay)
    expect(runs.slice(3).map(({ ms }) => ms)).toEqual(runs.slice(3).map(() => tick.ms))
  })
})

describe('a window that stays open', () => {
  it('S79 of an endless `delay` is warned of after 5 s, with its loader and the fields that are waited for', async () => {
    const held = gate()
    const users = recorded(user)
    const wait = async (): Promise<number> => held.opened.then(() => 1)
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { user: User busy: Int } type User { name: String rank: Int friend: User }',
        resolvers: {
          Query: { user: () => ({ id: 1 }), busy: wait },
          User: { rank: wait, friend: (_, __, { bulk }) => bulk.users.load(2) },
        },
      }),
      plugins: [useBulk({ users }, { delay: Infinity })],
      logging: false,
    })
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const answer = dataOf(yoga, '{ busy user { rank friend { name } } }')
    await pass(4_990)
    expect(warn).not.toHaveBeenCalled()
    await pass(20)
    expect(warn.mock.calls).toEqual([
      [
        'Bulkcall: users has had its window open for 5 s, with 1 pending, waiting for Query.busy, User.rank',
        { code: 'BULKCALL_WINDOW_OPEN' },
      ],
    ])
    expect(users.bulks).toEqual([])
    held.open()
    await pass(1)
    expect(await answer).toEqual({ busy: 1, user: { rank: 1, friend: { name: 'user 2' } } })
  })
})
