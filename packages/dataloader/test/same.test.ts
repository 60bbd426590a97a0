/**
 * What random programs do not meet, side by side with dataloader: the door, the shape of the class, moments and contexts.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { inherits } from 'node:util'
import Original from 'dataloader'
import { expect, test } from 'vitest'
import DataLoader from '../src/index.ts'
import type { LoaderClass } from './support/program.ts'

/** What a piece of work gives, or says when it throws. */
function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

const echo = (keys: readonly unknown[]): Promise<readonly unknown[]> => Promise.resolve(keys)
const turn = (): Promise<void> => new Promise(done => setImmediate(done))

/** The same of both, and what it is. */
async function check<T>(watch: (Class: any) => T | Promise<T>): Promise<T> {
  const theirs = await watch(Original)
  const ours = await watch(DataLoader)
  expect(ours).toEqual(theirs)
  return ours
}

test.each([
  [undefined],
  [{}],
  [echo, { maxBatchSize: 0 }],
  [echo, { maxBatchSize: -1 }],
  [echo, { maxBatchSize: '2' }],
  [echo, { maxBatchSize: null }],
  [echo, { batchScheduleFn: 1 }],
  [echo, { batchScheduleFn: null }],
  [echo, { cacheKeyFn: 'id' }],
  [echo, { cacheKeyFn: null }],
  [echo, { cacheMap: {} }],
  [echo, { cacheMap: { get: echo, clear: echo } }],
  [echo, { cacheMap: 5 }],
])('what cannot be made is refused in the same words: %j, %j', async (...given) => {
  expect(await check(Class => outcome(() => new Class(...given)))).toMatch(/^TypeError: /)
})

test.each([
  ['all in one batch', [1, 2]],
  ['one of them a hit', [0, 2]],
  ['equal ones', [1, 1]],
])(
  'many keys are answered as many promise jobs after one that is loaded beside them: %s',
  async (_, keys) => {
    const order = await check(async Class => {
      const loader = new Class(echo)
      await loader.load(0)
      const seen: string[] = []
      const many = loader.loadMany(keys).then(() => seen.push('many'))
      let one = loader.load(3)
      for (let jobs = 0; jobs < 8; jobs++) one = one.then(() => void seen.push(`one, ${jobs}`))
      await Promise.all([many, one])
      return seen
    })
    expect(order).toHaveLength(9)
    expect(order.at(-1)).not.toBe('many')
  },
)

test.each([
  [{ batch: false, maxBatchSize: 0 }],
  [{ cache: false, cacheMap: {} }],
  [{ unknown: true }],
  [{ name: '' }],
  [{ name: 'users' }],
  [{ maxBatchSize: undefined, cacheKeyFn: undefined, cacheMap: undefined, batchScheduleFn: undefined }],
])('what can be made has the same name: %j', async options => {
  const name = await check(Class => new Class(echo, options).name as unknown)
  expect(name).toBe('name' in options && options.name !== '' ? 'users' : null)
})

test.each([
  ['load', undefined],
  ['load', null],
  ['loadMany', undefined],
  ['loadMany', 5],
  ['loadMany', 'ab'],
  ['loadMany', new Set([1])],
  ['loadMany', { length: 1 }],
])('%s(%o) throws in the same words', async (method, given) => {
  expect(await check(Class => outcome(() => new Class(echo)[method](given)))).toMatch(
    /^TypeError: The loader\./,
  )
})

test.each([[0], [''], [false], [Number.NaN], [{ length: 2, 0: 'a', 1: 'b' }], [[]]])(
  'a key, or a list of keys, that is %o is taken',
  async given => {
    expect(await check(Class => new Class(echo).load(given))).toEqual(given)
    if (typeof given === 'object') await check(Class => new Class(echo).loadMany(given))
  },
)

test.each([
  [undefined],
  [[1]],
  [Promise.resolve()],
  [Promise.resolve('a')],
  [Promise.resolve(new Set([1]))],
  [Promise.resolve({ length: 1 })],
  [Promise.resolve({ length: 1, 0: 'like an array' })],
  // oxlint-disable-next-line unicorn/no-thenable
  [Promise.resolve([{ then: (give: (value: string) => void) => give('thenable') }])],
])('a batch function that gives %o is answered in the same way', async given => {
  await check(Class =>
    new Class(() => given).load(1).then(
      (value: unknown) => ({ value }),
      (error: Error) => `${error.name}: ${error.message}`,
    ),
  )
})

test('the class has the same name, length and methods, and its methods the same lengths', async () => {
  await check(Class => [
    Class.name,
    Class.length,
    Class.prototype.constructor === Class,
    ...['load', 'loadMany', 'prime', 'clear', 'clearAll'].map(name => Class.prototype[name].length as number),
  ])
})

test('the batch function is a method of its loader, and gets the keys alone', async () => {
  await check(async Class => {
    const loader = new Class(function (this: unknown, ...given: unknown[]) {
      return Promise.resolve([[this === loader, given]])
    })
    return loader.load('key') as unknown
  })
})

test('clear, clearAll and prime give the loader back', async () => {
  const chained = await check(Class => {
    const loader = new Class(echo)
    return loader.prime(1, 2).clear(1).clearAll().prime(3, 4) === loader
  })
  expect(chained).toBe(true)
})

test('a class of ES5, a subclass with a load of its own and a Proxy work', async () => {
  const seen = await check(async Class => {
    function Old(this: unknown) {
      Class.call(this, echo)
    }
    inherits(Old, Class)
    class Doubled extends Class {
      constructor() {
        super(echo)
      }
      load(key: number) {
        return super.load(key * 2)
      }
    }
    const old = new (Old as unknown as new () => any)()
    const proxy = new Proxy(new Class(echo), {})
    return [
      old instanceof Class,
      await old.load(1),
      await new Doubled().loadMany([1, 2]),
      await proxy.load(3),
      await proxy.loadMany([4]),
      await Object.create(new Class(echo)).load(5),
    ]
  })
  expect(seen).toEqual([true, 1, [2, 4], 3, [4], 5])
})

test('a batch that fails clears its keys by the method clear, which a subclass may have of its own', async () => {
  const cleared = await check(async Class => {
    const seen: unknown[] = []
    class Two extends Class {
      clear(key: unknown) {
        seen.push(key)
        return super.clear(key)
      }
    }
    const loader = new (Two as any)(() => Promise.reject(new Error('no')))
    await Promise.allSettled([loader.load(1), loader.load(2), loader.load(1)])
    return seen
  })
  expect(cleared).toEqual([1, 2])
})

test('the cache of the user holds promises, under the keys of cacheKeyFn', async () => {
  await check(async Class => {
    const cacheMap = new Map<string, Promise<unknown>>()
    const loader = new Class(echo, { cacheMap, cacheKeyFn: (key: { id: number }) => `id ${key.id}` })
    await Promise.all([loader.load({ id: 1 }), loader.loadMany([{ id: 2 }, { id: 1 }])])
    loader.prime({ id: 3 }, 'primed')
    return Promise.all(
      [...cacheMap].map(async ([key, promise]) => [key, promise instanceof Promise, await promise]),
    )
  })
})

test('loads fifty microtasks deep leave together, loads of the next tick apart', async () => {
  const batches = await check(async Class => {
    const seen: unknown[][] = []
    const loader = new Class((keys: unknown[]) => {
      seen.push([...keys])
      return echo(keys)
    })
    const deep = async (jobs: number): Promise<void> => {
      for (let i = 0; i < jobs; i++) await Promise.resolve()
      await loader.load(jobs)
    }
    const ticked = new Promise<void>(done => setImmediate(() => done(loader.load('later') as Promise<void>)))
    await Promise.all([deep(0), deep(5), deep(50), ticked])
    return seen
  })
  expect(batches).toEqual([[0, 5, 50], ['later']])
})

test('a hit waits for the batch of its tick, so what follows from it and from a miss is one batch', async () => {
  const batches = await check(async Class => {
    const seen: unknown[][] = []
    const loader = new Class((keys: unknown[]) => {
      seen.push([...keys])
      return turn().then(() => keys)
    })
    await loader.load('known')
    await Promise.all(['known', 'new'].map(async key => loader.load(`after ${await loader.load(key)}`)))
    return seen
  })
  expect(batches).toEqual([['known'], ['new'], ['after new', 'after known']])
})

test('a full batch waits for its moment as well', async () => {
  const seen = await check(async Class => {
    const events: string[] = []
    const loader = new Class(
      (keys: number[]) => {
        events.push(keys.join(' '))
        return echo(keys)
      },
      { maxBatchSize: 2 },
    )
    const loaded = Promise.all([1, 2, 3].map(key => loader.load(key)))
    for (let i = 0; i < 20; i++) await Promise.resolve()
    events.push('the promise jobs have drained')
    await loaded
    return events
  })
  expect(seen).toEqual(['the promise jobs have drained', '1 2', '3'])
})

test('the batch function runs in the async context of the first caller', async () => {
  const seen = await check(async Class => {
    const store = new AsyncLocalStorage<string>()
    const loader = store.run(
      'maker',
      () => new Class(() => Promise.resolve([store.getStore(), store.getStore()])),
    )
    const first = store.run('first', () => loader.load(1))
    const second = store.run('second', () => loader.load(2))
    return Promise.all([first, second])
  })
  expect(seen).toEqual(['first', 'first'])
})

test('with microtasks as schedule an answer comes one microtask later', async () => {
  expect((await jobsOf(DataLoader)) - (await jobsOf(Original))).toBe(1)
})

/** After how many promise jobs an answer comes. */
async function jobsOf(Class: LoaderClass): Promise<number> {
  const state = { jobs: 0, answered: false }
  const loader = new Class(echo, { batchScheduleFn: queueMicrotask })
  void loader.load(1).then(() => (state.answered = true))
  for (; !state.answered; state.jobs++) await Promise.resolve()
  return state.jobs
}

test('`this` in a cacheKeyFn is the loader', async () => {
  const seen = await check(async Class => {
    const selves: unknown[] = []
    const loader = new Class(echo, {
      cacheKeyFn(this: unknown, key: number) {
        selves.push(this === loader)
        return key
      },
    })
    loader.prime(1, 1).clear(1)
    await Promise.all([loader.load(1), loader.loadMany([1, 2])])
    return new Set(selves)
  })
  expect(seen).toEqual(new Set([true]))
})

test.each([null, 0, '', undefined, false])('`batch` and `cache` that are %j mean the same', async given => {
  await check(async Class => {
    const batches: unknown[] = []
    const batchLoadFn = (keys: readonly unknown[]): unknown =>
      echo(keys).finally(() => batches.push([...keys]))
    for (const options of [{ batch: given }, { cache: given }])
      await new Class(batchLoadFn, options).loadMany([1, 1, 2])
    return batches
  })
})
