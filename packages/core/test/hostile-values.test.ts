import { describe, expect, it } from 'vitest'
import { createContext, runInContext } from 'node:vm'
import { AsyncBulkCall, BulkLoader, isolated, onBulk, SharedLoader } from '../src/index.ts'
import { oddValues } from '../../../test/support/hostile-values.ts'

const realm = createContext()

/** Values that throw, or lie, when they are looked at. Each call makes another one. */
const hostile: Readonly<Record<string, (i: number) => unknown>> = {
  ...oddValues,
  'an object of another realm': i => runInContext(`({ id: ${i} })`, realm) as unknown,
  'an object that throws when it is made a primitive': i => ({
    id: i,
    [Symbol.toPrimitive]: () => {
      throw new Error('toPrimitive')
    },
  }),
  'a proxy that throws at every look': () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('get')
        },
        has: () => {
          throw new Error('has')
        },
        getPrototypeOf: () => {
          throw new Error('getPrototypeOf')
        },
      },
    ),
  'an error whose every property throws': () => {
    const error = new Error('hidden')
    for (const name of ['stack', 'message', 'code', 'cause', 'name'])
      Object.defineProperty(error, name, {
        get: () => {
          throw new Error(name)
        },
      })
    return error
  },
  'an error whose then throws': () =>
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    Object.defineProperty(new Error('hidden'), 'then', {
      get: () => {
        throw new Error('then')
      },
    }),
  'a promise with a then of its own': () =>
    Object.assign(Promise.resolve(1), {
      // oxlint-disable-next-line unicorn/no-thenable -- that is the point
      then: () => {
        throw new Error('then')
      },
    }),
}

const counts = [1, 3, 16, 17, 70]

/** A command that gives its results one by one, later. */
function yielding(make: (i: number) => unknown) {
  return async function* each(keys: number[]): AsyncGenerator {
    for (const key of keys) yield await Promise.resolve(make(key))
  }
}

it('S212 no function of the user gets an object of ours as its `this`', async () => {
  const seen: unknown[] = []
  const spy = <R>(result: (given: any) => R) =>
    function (this: unknown, given: any): R {
      seen.push(this)
      return result(given)
    }
  const command = spy((keys: number[]) => keys.map(() => new Error('each')))
  const options = { cacheKeyFn: spy((key: number) => key), cacheErrors: spy(() => false) }
  const loader = new BulkLoader(command, options)
  await loader.loadMany([1, 2])
  await loader.load(1).catch(() => {})
  await new AsyncBulkCall(command).callMany([1])
  const shared = new SharedLoader(
    spy((keys: number[]) => keys),
    { cacheKeyFn: options.cacheKeyFn, clone: spy(row => row) },
  )
  await shared.loader({ cacheErrors: options.cacheErrors }).load(1)
  expect(seen.length).toBeGreaterThan(12)
  expect(new Set(seen)).toEqual(new Set([undefined]))
})

describe('whatever a key, a task or a result is', () => {
  for (const [what, make] of Object.entries(hostile)) {
    it.each(counts)(`S23 S59 ${what}, as the key of a loader, %i at a time`, async count => {
      const keys = Array.from({ length: count }, (_, i) => make(i))
      const stop = onBulk({ called() {}, hit() {}, pending() {}, started() {}, settled() {} })
      try {
        for (const cache of [true, false]) {
          const loader = new BulkLoader((asked: unknown[]) => asked.map((_, i) => i), { cache })
          const places = keys.map((_, i) => i)
          expect(await Promise.all(keys.map(key => loader.load(key)))).toEqual(places)
          // Again, and each twice: from the cache, or from another bulk.
          const again = await loader.loadMany([...keys, ...keys])
          expect(again).toEqual([...places, ...places])
          loader.clear(keys[0]).prime(keys[0], -1)
          expect(await loader.load(keys[0])).toBe(cache ? -1 : 0)
          loader.clearAll()
        }
      } finally {
        stop()
      }
    })

    it.each(counts)(`S7 S23 ${what}, as a task, %i at a time`, async count => {
      const call = new AsyncBulkCall((tasks: unknown[]) => tasks.map((_, i) => i), { size: 20 })
      const tasks = Array.from({ length: count }, (_, i) => make(i))
      const places = tasks.map((_, i) => i % 20)
      expect(await Promise.all(tasks.map(task => call.call(task)))).toEqual(places)
      expect(await call.callMany(tasks)).toEqual(places)
    })

    it.each(counts)(
      `S6 S23 S30 S58 ${what}, thrown, given and yielded as a result, %i at a time`,
      async count => {
        const keys = Array.from({ length: count }, (_, i) => i)
        const commands: ((asked: number[]) => any)[] = [
          asked => asked.map(make),
          asked => new Map(asked.map(key => [key, make(key)])),
          yielding(make),
          () => {
            throw make(0)
          },
          () => Promise.reject(make(0)),
          () => make(0),
        ]
        for (const command of commands) {
          const loader = new BulkLoader(command)
          const settled = await Promise.allSettled(keys.map(key => loader.load(key)))
          expect(settled).toHaveLength(count)
          // Known now, and so is what became of each.
          const again = await Promise.allSettled(keys.map(key => loader.load(key)))
          expect(again).toHaveLength(count)
          const { signal } = new AbortController()
          const many = [
            loader.loadMany(keys),
            new BulkLoader(command).loadMany(keys),
            new BulkLoader(command).loadMany(keys, { signal }),
            new AsyncBulkCall(command).callMany(keys),
            new AsyncBulkCall(command).callMany(keys, { signal }),
            new AsyncBulkCall(isolated(command)).callMany(keys),
          ]
          for (const results of await Promise.all(many)) expect(results).toHaveLength(count)
        }
      },
    )

    it(`S23 S71 ${what}, as the key of a shared loader`, async () => {
      const shared = new SharedLoader((asked: unknown[]) => asked.map((_, i) => i))
      const keys = Array.from({ length: 70 }, (_, i) => make(i))
      const [one, other] = [shared.loader(), shared.loader()]
      const answers = await Promise.all([...keys, ...keys].map((key, i) => (i < 70 ? one : other).load(key)))
      expect(answers.every(answer => typeof answer === 'number')).toBe(true)
    })
  }
})

function broken(): Promise<number> {
  return Object.assign(Promise.resolve(1), {
    // oxlint-disable-next-line unicorn/no-thenable -- that is the point
    then: () => {
      throw new Error('then')
    },
  })
}

it('S23 a promise with a then of its own, as the result of a call with a signal', async () => {
  const call = new AsyncBulkCall((tasks: number[]) => tasks.map(broken))
  const { signal } = new AbortController()
  await expect(call.call(1, { signal })).rejects.toThrow('then')
})
