import { AsyncLocalStorage } from 'node:async_hooks'
import { runInNewContext } from 'node:vm'
import DataLoader from 'dataloader'
import { describe, expect, it } from 'vitest'
import {
  BulkClosedError,
  BulkLengthError,
  BulkLoader,
  bulkLoaderFactory,
  BulkOptionError,
  BulkOverflowError,
  BulkScope,
  grouped,
  keyed,
  SharedLoader,
  type BulkLoaderOptions,
  type NullKeys,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { Desk, held, turn, watch } from './support/desk.ts'
import { ManualHost } from './support/manual-host.ts'

/** A loader over a back end that answers at once, each key with what it was asked and in which bulk: `a@0`. */
function prompt<K>(options: BulkLoaderOptions<K, string, any, NullKeys> = {}) {
  const bulks: K[][] = []
  const loader = new BulkLoader<K, string, any>(async keys => {
    bulks.push([...keys])
    return keys.map(key => `${String(key)}@${bulks.length - 1}`)
  }, options)
  return { bulks, loader }
}

async function somePromiseJobs(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** A command that gives the keys back. */
const echo = async <K>(keys: readonly K[]): Promise<readonly K[]> => keys
const findUsers = async (ids: readonly number[]): Promise<readonly number[]> => ids

const gone = new Error('gone')

/** How many bulks there are when a key is cleared and loaded anew, and its first bulk fails after that. */
async function bulksAfterFailure(
  desk: Desk<string>,
  loader: DataLoader<string, any> | BulkLoader<string, any>,
): Promise<number> {
  const first = watch(loader.load('a'))
  await turn()
  const second = watch(loader.clear('a').load('a'))
  await turn()
  await desk.fail(0, gone)
  await desk.answer(1)
  void loader.load('a')
  await turn()
  expect([first.outcome, second.outcome]).toEqual([gone, 'a@1'])
  return desk.bulks.length
}

describe('load', () => {
  it('S1 S52 loads one key', async () => {
    const { bulks, loader } = prompt<string>()
    const promise = loader.load('a')
    expect(promise).toBeInstanceOf(Promise)
    expect(await promise).toBe('a@0')
    expect(bulks).toEqual([['a']])
  })

  it('S1 S2 loads of one tick are one bulk, in the order of the loads', async () => {
    const { bulks, loader } = prompt<string>()
    expect(await Promise.all(['c', 'a', 'b'].map(key => loader.load(key)))).toEqual(['c@0', 'a@0', 'b@0'])
    expect(bulks).toEqual([['c', 'a', 'b']])
  })

  it('S10 loads any number of settled promises deep are one bulk', async () => {
    const { bulks, loader } = prompt<number>()
    const deep = async (depth: number): Promise<string> => {
      for (let i = 0; i < depth; i++) await Promise.resolve()
      return loader.load(depth)
    }
    await Promise.all([0, 1, 2, 3, 8, 50].map(deep))
    expect(bulks).toEqual([[0, 1, 2, 3, 8, 50]])
  })

  it('S52 equal keys of one tick are asked once, and each load gets the answer', async () => {
    const { bulks, loader } = prompt<string>()
    const [first, second] = [loader.load('a'), loader.load('a')]
    expect(await first).toBe('a@0')
    expect(await second).toBe('a@0')
    expect(bulks).toEqual([['a']])
  })

  it('S52 a key that is in flight or answered is not asked again', async () => {
    const { desk, loader } = held<string>()
    const first = loader.load('a')
    await turn()
    const second = loader.load('a')
    await turn()
    await desk.answer(0)
    expect(await Promise.all([first, second, loader.load('a')])).toEqual(['a@0', 'a@0', 'a@0'])
    expect(desk.bulks).toEqual([['a']])
  })

  it('S52 each loader has answers of its own', async () => {
    const one = prompt<string>()
    const other = prompt<string>()
    await Promise.all([one.loader.load('a'), other.loader.load('a')])
    expect(one.bulks).toEqual([['a']])
    expect(other.bulks).toEqual([['a']])
  })

  it('S52 what follows from loads that were answered together is one bulk again', async () => {
    const friends = new Map([
      [1, 3],
      [2, 4],
    ])
    const bulks: number[][] = []
    const loader = new BulkLoader(async (ids: readonly number[]) => {
      bulks.push([...ids])
      return ids.map(id => ({ id, friend: friends.get(id) ?? 0 }))
    })
    const friendOf = async (id: number) => loader.load((await loader.load(id)).friend)
    await Promise.all([friendOf(1), friendOf(2)])
    expect(bulks).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('S59 a key that is null or undefined is a rejection, and nothing is asked', async () => {
    const { bulks, loader } = prompt<any>()
    await expect(loader.load(null)).rejects.toBeInstanceOf(BulkOptionError)
    await expect(loader.load(undefined)).rejects.toThrow(/a key of .* must be neither null nor undefined/)
    await turn()
    expect(bulks).toEqual([])
  })

  it('S59 S141 a key that is null says what gives null for it', async () => {
    const { loader } = prompt<any>({ name: 'users' })
    await expect(loader.load(null)).rejects.toThrow(
      `Bulkcall: a key of users must be neither null nor undefined, got null (nullKeys: 'null' gives null for it)`,
    )
    await expect(loader.load(undefined)).rejects.toThrow(
      /^Bulkcall: a key of users must be neither null nor undefined, got undefined$/,
    )
  })

  it.each([
    {},
    { cache: false },
    { cacheMap: new Map() },
    { delay: 5 },
    { cacheKeyFn: (key: unknown) => JSON.stringify(key) },
  ])('S141 with nullKeys a key that is null gives null and is not asked, with %o', async options => {
    const { bulks, loader } = prompt<any>({ ...options, nullKeys: 'null' })
    const answers = await Promise.all([
      loader.load(null),
      loader.load(1),
      loader.load(null),
      loader.loadMany([null, 2, null, 1]),
      loader.loadMany([null]),
    ])
    expect(answers).toEqual([null, '1@0', null, [null, '2@0', null, '1@0'], [null]])
    expect(bulks).toEqual([[1, 2]])
    expect(loader.pending).toBe(0)
  })

  it('S141 with nullKeys a key that is undefined is an error, as one of a misspelt property', async () => {
    const { bulks, loader } = prompt<any>({ nullKeys: 'null' })
    await expect(loader.load(undefined)).rejects.toBeInstanceOf(BulkOptionError)
    expect(await loader.loadMany([null, undefined])).toEqual([null, expect.any(BulkOptionError)])
    expect(bulks).toEqual([])
  })

  it('S141 with nullKeys nothing is kept of a key that is null', async () => {
    const { loader } = prompt<any>({ nullKeys: 'null' })
    loader.prime(null, 'primed').prime(null, Promise.reject(gone)).clear(null)
    expect(await loader.load(null)).toBeNull()
    expect(() => prompt<any>().loader.prime(null, 'primed')).toThrow(BulkOptionError)
    expect(() => prompt<any>().loader.clear(null)).toThrow(BulkOptionError)
  })

  it('S48 nullKeys is one of two words', () => {
    for (const nullKeys of [null, true, 'Null', 'none'])
      expect(() => prompt({ nullKeys } as never)).toThrow(
        /^Bulkcall: nullKeys must be 'error' or 'null', got/,
      )
  })

  it('S141 loaders of a factory, and those of a shared loader, may have it', async () => {
    const made = bulkLoaderFactory<number, number, 'null'>({ nullKeys: 'null' })(findUsers)
    expect(await made.loadMany([1, null])).toEqual([1, null])
    const shared = new SharedLoader(findUsers).loader({ nullKeys: 'null' })
    expect(await Promise.all([shared.load(2), shared.load(null)])).toEqual([2, null])
  })

  it('S59 a cacheKeyFn that throws is a rejection with its error, and nothing is asked', async () => {
    const { bulks, loader } = prompt<string>({
      cacheKeyFn: () => {
        throw gone
      },
    })
    const promise = loader.load('a')
    await expect(promise).rejects.toBe(gone)
    await turn()
    expect(bulks).toEqual([])
    expect(loader.pending).toBe(0)
  })

  it('S59 keys that are falsy but there are keys', async () => {
    const { bulks, loader } = prompt<unknown>()
    await Promise.all([0, '', false, NaN].map(key => loader.load(key)))
    expect(bulks).toEqual([[0, '', false, NaN]])
  })

  it('S24 S26 none is null for each key, and so is what a Map leaves out', async () => {
    const none = new BulkLoader(async (_keys: readonly string[]) => null)
    expect(await Promise.all([none.load('a'), none.load('b')])).toEqual([null, null])
    const some = new BulkLoader(async (_keys: readonly string[]) => new Map([['a', 1]]))
    expect(await Promise.all([some.load('a'), some.load('b'), some.loadMany(['b', 'a'])])).toEqual([
      1,
      null,
      [null, 1],
    ])
  })

  it('S34 S35 it takes commands made by keyed and grouped', async () => {
    const rows = [
      { id: 2, of: 1 },
      { id: 3, of: 1 },
    ]
    const byId = new BulkLoader(
      keyed(
        async (_ids: number[]) => rows,
        row => row.id,
      ),
    )
    const byOwner = new BulkLoader(
      grouped(
        async (_ids: number[]) => rows,
        row => row.of,
      ),
    )
    expect(await byId.loadMany([3, 1])).toEqual([rows[1], null])
    expect(await byOwner.loadMany([3, 1])).toEqual([[], rows])
  })
})

describe('loadMany', () => {
  it('S58 gives one value per key, in their order', async () => {
    const { bulks, loader } = prompt<string>()
    expect(await loader.loadMany(['c', 'a', 'b'])).toEqual(['c@0', 'a@0', 'b@0'])
    expect(bulks).toEqual([['c', 'a', 'b']])
  })

  it('S58 of no keys is no values, and asks nothing', async () => {
    const { bulks, loader } = prompt<string>()
    expect(await loader.loadMany([])).toEqual([])
    expect(bulks).toEqual([])
  })

  it('S58 takes any iterable', async () => {
    const { loader } = prompt<string>()
    expect(await loader.loadMany(new Set(['a', 'b']))).toEqual(['a@0', 'b@0'])
    expect(await loader.loadMany(new Map([['a', 1]]).keys())).toEqual(['a@0'])
  })

  it('S58 gives an Error where a key failed, and values everywhere else', async () => {
    const loader = new BulkLoader(async (keys: readonly string[]) =>
      keys.map(key => (key === 'bad' ? gone : key)),
    )
    expect(await loader.loadMany(['a', 'bad', 'b'])).toEqual(['a', gone, 'b'])
  })

  it('S58 gives the error of a failed bulk for each of its keys, and does not reject', async () => {
    const { desk, loader } = held<string>({ size: 2 })
    const many = loader.loadMany(['a', 'b', 'c'])
    await turn()
    await desk.fail(0, gone)
    await desk.answer(1)
    expect(await many).toEqual([gone, gone, 'c@1'])
  })

  it('S58 a key that is wrong is an Error at its place, and the others are loaded', async () => {
    const { bulks, loader } = prompt<any>({
      cacheKeyFn: key => {
        if (key === 'bad') throw gone
        return key
      },
    })
    const results = await loader.loadMany(['a', null, 'bad', undefined, 'b'])
    expect(results[0]).toBe('a@0')
    expect(results[1]).toBeInstanceOf(BulkOptionError)
    expect(results[2]).toBe(gone)
    expect(results[3]).toBeInstanceOf(BulkOptionError)
    expect(results[4]).toBe('b@0')
    expect(bulks).toEqual([['a', 'b']])
  })

  it('S58 what is no list of keys is a rejection, and no throw', async () => {
    const { loader } = prompt<any>()
    await expect(loader.loadMany(1 as never)).rejects.toBeInstanceOf(TypeError)
  })

  it('S52 a key that comes twice is asked once and given twice', async () => {
    const { bulks, loader } = prompt<string>()
    expect(await loader.loadMany(['a', 'b', 'a'])).toEqual(['a@0', 'b@0', 'a@0'])
    expect(bulks).toEqual([['a', 'b']])
  })

  it('S52 asks only what is not known yet, and puts each value at its place', async () => {
    const { bulks, loader } = prompt<string>()
    await loader.load('b')
    loader.prime('d', 'primed')
    const pending = loader.load('e')
    expect(await loader.loadMany(['a', 'b', 'c', 'd', 'e', 'a'])).toEqual([
      'a@1',
      'b@0',
      'c@1',
      'primed',
      'e@1',
      'a@1',
    ])
    expect(await pending).toBe('e@1')
    expect(bulks).toEqual([['b'], ['e', 'a', 'c']])
  })

  it('S52 its keys are known to later loads, each by itself', async () => {
    const { bulks, loader } = prompt<string>({ size: 2 })
    await loader.loadMany(['a', 'b', 'c'])
    expect(await Promise.all([loader.load('c'), loader.load('a'), loader.loadMany(['b', 'c'])])).toEqual([
      'c@1',
      'a@0',
      ['b@0', 'c@1'],
    ])
    expect(bulks).toEqual([['a', 'b'], ['c']])
  })

  it('S3 its keys and those of loads fill bulks together', async () => {
    const { bulks, loader } = prompt<number>({ size: 3 })
    await Promise.all([loader.load(0), loader.loadMany([1, 2, 3, 4]), loader.load(5), loader.loadMany([6])])
    expect(bulks).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })

  it('S58 what its caller does to the array changes no answer', async () => {
    const { bulks, loader } = prompt<string>()
    const values = await loader.loadMany(['c', 'a', 'b'])
    values.reverse()
    expect(await Promise.all(['a', 'b', 'c'].map(key => loader.load(key)))).toEqual(['a@0', 'b@0', 'c@0'])
    values.length = 0
    expect(await loader.loadMany(['b', 'c', 'a'])).toEqual(['b@0', 'c@0', 'a@0'])
    expect(bulks).toEqual([['c', 'a', 'b']])
  })

  it('S58 a result that throws when it is looked at is the Error of its key alone', async () => {
    const nasty = new Proxy(
      {},
      {
        get() {
          throw gone
        },
      },
    )
    const loader = new BulkLoader<string, unknown>(keys => keys.map(key => (key === 'bad' ? nasty : key)))
    expect(await loader.loadMany(['a', 'bad', 'b'])).toEqual(['a', gone, 'b'])
  })

  it('S57 a load of a key whose bulk has answered does not wait for the rest of its loadMany', async () => {
    const { desk, loader } = held<string>({ size: 1 })
    const many = watch(loader.loadMany(['a', 'b']))
    await turn()
    const before = watch(loader.load('a'))
    await desk.answer(0)
    const after = watch(loader.load('a'))
    await turn()
    expect([before.outcome, after.outcome, many.outcome]).toEqual(['a@0', 'a@0', 'waits'])
    await desk.answer(1)
    expect(many.outcome).toEqual(['a@0', 'b@1'])
  })

  it('S57 a first load of a key whose bulk has answered is given at once, while the rest of its loadMany waits', async () => {
    const { desk, loader } = held<string>({ size: 2 })
    const many = watch(loader.loadMany(['a', 'b', 'c']))
    await turn()
    await desk.answer(0)
    const loads = ['a', 'b', 'c'].map(key => watch(loader.load(key)))
    await turn()
    expect(loads.map(load => load.outcome)).toEqual(['a@0', 'b@0', 'waits'])
    await desk.answer(1)
    expect(loads[2]!.outcome).toBe('c@1')
    expect(many.outcome).toEqual(['a@0', 'b@0', 'c@1'])
  })

  it('S27 a load of a key that was streamed already does not wait for the rest of its loadMany', async () => {
    const { desk, loader } = held<string>()
    const rest = new Deferred<void>()
    async function* stream() {
      yield 'first'
      await rest.promise
      yield 'second'
    }
    const many = watch(loader.loadMany(['a', 'b']))
    const single = watch(loader.load('a'))
    await turn()
    await desk.answer(0, stream())
    expect([single.outcome, many.outcome]).toEqual(['first', 'waits'])
    rest.resolve()
    await turn()
    expect(many.outcome).toEqual(['first', 'second'])
  })

  it('S30 a load of a key that loadMany asks rejects with the very thing that was thrown', async () => {
    const { desk, loader } = held<string>()
    const many = loader.loadMany(['a'])
    const single = watch(loader.load('a'))
    await turn()
    await desk.fail(0, 'no error at all')
    expect(single.outcome).toBe('no error at all')
    expect((await many)[0]).toBeInstanceOf(Error)
  })
})

describe('size, delay and concurrent', () => {
  it('S3 with a size, keys are asked in bulks of at most so many', async () => {
    const { bulks, loader } = prompt<number>({ size: 2 })
    await Promise.all([1, 2, 3, 4, 5].map(key => loader.load(key)))
    expect(bulks).toEqual([[1, 2], [3, 4], [5]])
  })

  it('S3 S52 only keys that are asked count for the size', async () => {
    const { bulks, loader } = prompt<number>({ size: 2 })
    loader.prime(9, 'primed')
    await Promise.all([1, 1, 9, 1, 2, 9, 3].map(key => loader.load(key)))
    expect(bulks).toEqual([[1, 2], [3]])
  })

  it('S3 with a size of 1, each key is asked alone', async () => {
    const { bulks, loader } = prompt<number>({ size: 1 })
    expect(await Promise.all([1, 2, 1].map(key => loader.load(key)))).toEqual(['1@0', '2@1', '1@0'])
    expect(bulks).toEqual([[1], [2]])
  })

  it('S9 with a delay, keys of several turns are one bulk', async () => {
    const host = new ManualHost()
    const { bulks, loader } = prompt<number>({ delay: 10, host })
    void loader.load(1)
    await host.advance(9)
    void loader.load(2)
    await host.turn()
    expect(bulks).toEqual([])
    await host.advance(1)
    expect(bulks).toEqual([[1, 2]])
    void loader.load(3)
    await host.advance(10)
    expect(bulks).toEqual([[1, 2], [3]])
  })

  it('S11 S41 with a delay of Infinity, flush asks, and resolves when all is answered', async () => {
    const { desk, loader } = held<number>({ delay: Infinity })
    const load = watch(loader.load(1))
    await turn()
    expect(desk.bulks).toEqual([])
    const flushed = watch(loader.flush())
    await turn()
    expect(desk.bulks).toEqual([[1]])
    expect(flushed.outcome).toBe('waits')
    await desk.answer(0)
    expect([load.outcome, flushed.outcome]).toEqual(['1@0', undefined])
  })

  it('S12 S16 with concurrent, keys that wait for a slot go on gathering', async () => {
    const { desk, loader } = held<number>({ concurrent: 1 })
    void loader.load(1)
    await turn()
    void loader.load(2)
    await turn()
    void loader.loadMany([3, 2])
    await turn()
    expect(desk.bulks).toEqual([[1]])
    expect([loader.pending, loader.inFlight]).toEqual([2, 1])
    await desk.answer(0)
    expect(desk.bulks).toEqual([[1], [2, 3]])
    await desk.answer(1)
    expect([loader.pending, loader.inFlight]).toEqual([0, 0])
  })

  it('S45 in a scope, a bulk leaves when nothing more can come', async () => {
    const host = new ManualHost()
    const scope = new BulkScope({ host })
    const { bulks, loader } = prompt<number>({ delay: 1000, scope, host })
    void scope.run(() => loader.load(1))
    void scope.run(async () => loader.load(2))
    await host.turn()
    expect(bulks).toEqual([[1, 2]])
    expect(host.time).toBe(0)
  })

  it('S5 past maxPending a load is refused, and hits are given all the same', async () => {
    const { bulks, loader } = prompt<number>({ maxPending: 2 })
    const first = loader.load(1)
    const second = loader.load(2)
    const third = loader.load(3)
    const again = loader.load(1)
    await expect(third).rejects.toBeInstanceOf(BulkOverflowError)
    expect(await Promise.all([first, second, again])).toEqual(['1@0', '2@0', '1@0'])
    expect(await loader.load(3)).toBe('3@1')
    expect(bulks).toEqual([[1, 2], [3]])
  })

  it('S42 a closed loader asks nothing more, and gives what it knows', async () => {
    const { bulks, loader } = prompt<number>({ delay: Infinity })
    const first = loader.load(1)
    await loader.close()
    expect(await first).toBe('1@0')
    expect(await loader.load(1)).toBe('1@0')
    await expect(loader.load(2)).rejects.toBeInstanceOf(BulkClosedError)
    const [known, refused] = await loader.loadMany([1, 2])
    expect(known).toBe('1@0')
    expect(refused).toBeInstanceOf(BulkClosedError)
    expect(await loader.prime(2, 'primed').load(2)).toBe('primed')
    expect(bulks).toEqual([[1]])
  })

  it('S42 it is disposed of by closing', async () => {
    const { loader } = prompt<number>()
    const first = loader.load(1)
    await loader[Symbol.asyncDispose]()
    expect(await first).toBe('1@0')
    await expect(loader.load(2)).rejects.toBeInstanceOf(BulkClosedError)
  })
})

describe('errors', () => {
  it('S28 S53 an Error for one key rejects its loads alone, and is kept', async () => {
    let asked = 0
    const loader = new BulkLoader(async (keys: readonly string[]) => {
      asked++
      return keys.map(key => (key === 'bad' ? gone : key))
    })
    const [bad, good] = [loader.load('bad'), loader.load('good')]
    await expect(bad).rejects.toBe(gone)
    expect(await good).toBe('good')
    await expect(loader.load('bad')).rejects.toBe(gone)
    expect(await loader.loadMany(['bad'])).toEqual([gone])
    expect(asked).toBe(1)
  })

  it('S53 an Error that was kept is forgotten by clear', async () => {
    const { desk, loader } = held<string>()
    const first = watch(loader.load('a'))
    await turn()
    await desk.answer(0, [gone])
    expect(first.outcome).toBe(gone)
    const second = loader.clear('a').load('a')
    await turn()
    await desk.answer(1)
    expect(await second).toBe('a@1')
  })

  it.each([
    ['load', (loader: BulkLoader<string, unknown>, key: string) => loader.load(key)],
    ['loadMany', (loader: BulkLoader<string, unknown>, key: string) => loader.loadMany([key])],
  ])('S53 with cacheErrors: false an Error for one key is not kept, asked by %s', async (_name, ask) => {
    const { desk, loader } = held<string>({ cacheErrors: false })
    for (const key of ['a', 'b']) ask(loader, key).catch(() => {})
    await turn()
    await desk.answer(0, [gone, 'b@0'])
    const loads = ['a', 'b'].map(key => watch(loader.load(key)))
    await turn()
    await desk.answer(1)
    expect(loads.map(load => load.outcome)).toEqual(['a@1', 'b@0'])
    expect(desk.bulks).toEqual([['a', 'b'], ['a']])
  })

  it('S53 cacheErrors may decide by the error', async () => {
    const [missing, timeout] = [new Error('missing'), new Error('timeout')]
    const { desk, loader } = held<string>({ cacheErrors: error => error === missing })
    const many = loader.loadMany(['a', 'b'])
    await turn()
    await desk.answer(0, [missing, timeout])
    expect(await many).toEqual([missing, timeout])
    const again = loader.loadMany(['a', 'b'])
    await turn()
    await desk.answer(1)
    expect(await again).toEqual([missing, 'b@1'])
    expect(desk.bulks).toEqual([['a', 'b'], ['b']])
  })

  it('S53 with cacheErrors: false a streamed Error is not kept either', async () => {
    const { desk, loader } = held<string>({ cacheErrors: false })
    const many = loader.loadMany(['a', 'b'])
    await turn()
    async function* stream() {
      yield gone
      yield 'streamed'
    }
    await desk.answer(0, stream())
    expect(await many).toEqual([gone, 'streamed'])
    const again = loader.loadMany(['a', 'b'])
    await turn()
    await desk.answer(1)
    expect(await again).toEqual(['a@1', 'streamed'])
  })

  it('S29 S53 with cacheErrors: false a result that is a promise and rejects is not kept either', async () => {
    const { desk, loader } = held<string>({ cacheErrors: false })
    const first = watch(loader.load('a'))
    await turn()
    await desk.answer(0, [Promise.reject(gone)])
    expect(first.outcome).toBe(gone)
    const second = watch(loader.load('a'))
    await turn()
    expect(desk.bulks).toEqual([['a'], ['a']])
    await desk.answer(1)
    expect(second.outcome).toBe('a@1')
  })

  it('S53 primed Errors are kept whatever cacheErrors says', async () => {
    const { bulks, loader } = prompt<string>({ cacheErrors: false })
    loader.prime('a', gone)
    await expect(loader.load('a')).rejects.toBe(gone)
    await expect(loader.load('a')).rejects.toBe(gone)
    expect(bulks).toEqual([])
  })

  it('S30 S53 what the command throws rejects all loads of the bulk, and is not kept', async () => {
    const { desk, loader } = held<string>()
    const loads = [loader.load('a'), loader.load('b'), loader.load('a')].map(watch)
    await turn()
    await desk.fail(0, gone)
    expect(loads.map(load => load.outcome)).toEqual([gone, gone, gone])
    const again = loader.loadMany(['a', 'b'])
    await turn()
    await desk.answer(1)
    expect(await again).toEqual(['a@1', 'b@1'])
  })

  it('S31 S53 too few results fail the bulk, and nothing is kept', async () => {
    const { desk, loader } = held<string>()
    const first = loader.loadMany(['a', 'b'])
    await turn()
    await desk.answer(0, ['a'])
    expect((await first).every(error => error instanceof BulkLengthError)).toBe(true)
    const second = loader.load('a')
    await turn()
    await desk.answer(1)
    expect(await second).toBe('a@1')
  })

  it('S27 S53 of a stream that breaks, what came is kept and the rest is asked again', async () => {
    const { desk, loader } = held<string>()
    const loads = ['a', 'b', 'c'].map(key => watch(loader.load(key)))
    await turn()
    async function* stream() {
      yield 'streamed'
      throw gone
    }
    await desk.answer(0, stream())
    expect(loads.map(load => load.outcome)).toEqual(['streamed', gone, gone])
    const again = loader.loadMany(['a', 'b', 'c'])
    await turn()
    await desk.answer(1)
    expect(await again).toEqual(['streamed', 'b@1', 'c@1'])
    expect(desk.bulks).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ])
  })

  it('S53 a cacheErrors that throws leaves no load behind', async () => {
    const { desk, loader } = held<string>({
      cacheErrors: () => {
        throw gone
      },
    })
    const loads = ['a', 'b'].map(key => watch(loader.load(key)))
    await turn()
    await desk.answer(0, [new Error('for a'), 'b'])
    expect(loads.every(load => load.outcome !== 'waits')).toBe(true)
    expect(loader.inFlight).toBe(0)
  })
})

describe('prime', () => {
  it('S55 gives a value without asking', async () => {
    const { bulks, loader } = prompt<string>()
    loader.prime('a', 'primed')
    expect(await loader.load('a')).toBe('primed')
    expect(await loader.loadMany(['a', 'b'])).toEqual(['primed', 'b@0'])
    expect(bulks).toEqual([['b']])
  })

  it('S55 gives an Error without asking', async () => {
    const { bulks, loader } = prompt<string>()
    loader.prime('a', gone)
    await expect(loader.load('a')).rejects.toBe(gone)
    expect(await loader.loadMany(['a'])).toEqual([gone])
    expect(bulks).toEqual([])
  })

  it('S55 gives what a promise will give, also when that is an error', async () => {
    const { bulks, loader } = prompt<string>()
    const later = new Deferred<string>()
    const never = Promise.reject(gone)
    loader.prime('a', later.promise).prime('b', never)
    const loads = [loader.load('a'), loader.load('b')].map(watch)
    later.resolve('later')
    await turn()
    expect(loads.map(load => load.outcome)).toEqual(['later', gone])
    expect(bulks).toEqual([])
  })

  it('S55 changes neither an answer, nor one that was primed before', async () => {
    const { loader } = prompt<string>()
    await loader.load('a')
    loader.prime('b', 'first')
    loader.prime('a', 'primed').prime('b', 'second')
    expect(await loader.loadMany(['a', 'b'])).toEqual(['a@0', 'first'])
  })

  it('S55 changes nothing for a key that is in flight', async () => {
    const { desk, loader } = held<string>()
    const first = loader.load('a')
    await turn()
    loader.prime('a', 'primed')
    await desk.answer(0)
    expect(await Promise.all([first, loader.load('a')])).toEqual(['a@0', 'a@0'])
  })

  it('S55 after clear, replaces an answer', async () => {
    const { bulks, loader } = prompt<string>()
    await loader.load('a')
    loader.clear('a').prime('a', 'primed')
    expect(await loader.load('a')).toBe('primed')
    expect(bulks).toEqual([['a']])
  })

  it('S55 settles pending loads of its key at once, and the command is not asked for it', async () => {
    const { bulks, loader } = prompt<string>({ delay: Infinity })
    const loads = [loader.load('a'), loader.load('b'), loader.load('a')].map(watch)
    loader.prime('a', 'primed')
    await turn()
    expect(loads.map(load => load.outcome)).toEqual(['primed', 'waits', 'primed'])
    expect(loader.pending).toBe(1)
    await loader.flush()
    expect(bulks).toEqual([['b']])
    expect(await loader.load('a')).toBe('primed')
  })

  it('S55 settles a pending load of its key with an Error', async () => {
    const { bulks, loader } = prompt<string>({ delay: Infinity })
    const load = watch(loader.load('a'))
    loader.prime('a', gone)
    await turn()
    expect(load.outcome).toBe(gone)
    await loader.flush()
    expect(bulks).toEqual([])
  })

  it('S55 settles its key of a pending loadMany; the others are asked', async () => {
    const { bulks, loader } = prompt<string>({ delay: Infinity })
    const many = loader.loadMany(['a', 'b', 'c'])
    loader.prime('b', 'primed')
    await loader.flush()
    expect(await many).toEqual(['a@0', 'primed', 'c@0'])
    expect(bulks).toEqual([['a', 'c']])
  })

  it('S55 settles at once the loads of its key that wait beside a loadMany of it', async () => {
    const { loader } = prompt<string>({ delay: Infinity })
    void loader.loadMany(['a', 'b'])
    const before = watch(loader.load('a'))
    loader.prime('a', 'primed')
    const after = watch(loader.load('a'))
    await turn()
    expect([before.outcome, after.outcome]).toEqual(['primed', 'primed'])
  })

  it('S55 a first load of a key of a pending loadMany, after it was primed, is settled at once', async () => {
    const { loader } = prompt<string>({ delay: Infinity })
    void loader.loadMany(['a', 'b'])
    loader.prime('a', 'primed')
    const load = watch(loader.load('a'))
    await turn()
    expect(load.outcome).toBe('primed')
  })

  it('S13 S57 a load of a key of a loadMany that moved up does not wait for the keys that it stood with', async () => {
    const { desk, loader } = held<string>({ size: 3 })
    watch(loader.loadMany(['a', 'b', 'c', 'd', 'e']))
    loader.prime('a', 'primed')
    await turn()
    expect(desk.bulks).toEqual([['b', 'c', 'd'], ['e']])
    await desk.answer(0)
    const load = watch(loader.load('d'))
    await turn()
    expect(load.outcome).toBe('d@0')
  })

  it('S55 settles a pending load without a cache too', async () => {
    const { bulks, loader } = prompt<string>({ cache: false, delay: Infinity })
    const loads = [loader.load('a'), loader.load('b')]
    loader.prime('a', 'primed')
    await loader.flush()
    expect(await Promise.all(loads)).toEqual(['primed', 'b@0'])
    const later = loader.load('a')
    await loader.flush()
    expect(await later).toBe('a@1')
    expect(bulks).toEqual([['b'], ['a']])
  })

  it('S13 S55 the place that a primed key has left is filled', async () => {
    const { bulks, loader } = prompt<number>({ size: 2 })
    const loads = [1, 2, 3, 4].map(key => loader.load(key))
    loader.prime(1, 'primed')
    expect(await Promise.all(loads)).toEqual(['primed', '2@0', '3@0', '4@1'])
    expect(bulks).toEqual([[2, 3], [4]])
  })
  it('S13 S23 equal keys of a bulk that moves up to fill a place are all answered', async () => {
    const { desk, loader } = held<string>({ size: 3, concurrent: 1 })
    void loader.loadMany(['x', 'y', 'z'])
    await turn()
    const loads = ['a', 'b', 'c', 'd', 'e', 'f'].map(key => watch(loader.load(key)))
    loader.prime('a', 'primed')
    // Nobody has looked one of these up, so nobody has seen that they are equal.
    const equal = ['g', 'g'].map(key => watch(loader.load(key)))
    for (const bulk of [0, 1, 2]) await desk.answer(bulk)
    expect(desk.bulks).toEqual([
      ['x', 'y', 'z'],
      ['b', 'c', 'd'],
      ['e', 'f', 'g'],
    ])
    expect(loads.map(({ outcome }) => outcome)).toEqual(['primed', 'b@1', 'c@1', 'd@1', 'e@2', 'f@2'])
    expect(equal.map(({ outcome }) => outcome)).toEqual(['g@2', 'g@2'])
  })
})

describe('clear and clearAll', () => {
  it('S56 clear forgets one answer', async () => {
    const { bulks, loader } = prompt<string>()
    await loader.loadMany(['a', 'b'])
    loader.clear('a')
    expect(await loader.loadMany(['a', 'b'])).toEqual(['a@1', 'b@0'])
    expect(bulks).toEqual([['a', 'b'], ['a']])
  })

  it('S56 clearAll forgets all answers', async () => {
    const { bulks, loader } = prompt<string>()
    await loader.loadMany(['a', 'b'])
    loader.clearAll()
    expect(await loader.loadMany(['a', 'b'])).toEqual(['a@1', 'b@1'])
    expect(bulks).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  it('S56 clear of what was never asked does nothing', async () => {
    const { bulks, loader } = prompt<string>()
    loader.clear('a').clearAll().clear('a')
    expect(await loader.load('a')).toBe('a@0')
    expect(bulks).toEqual([['a']])
  })

  it('S56 loads in flight get their answer, and later ones ask anew', async () => {
    const { desk, loader } = held<string>()
    const before = loader.load('a')
    await turn()
    loader.clear('a')
    const after = loader.load('a')
    await turn()
    expect(desk.bulks).toEqual([['a'], ['a']])
    await desk.answer(1)
    await desk.answer(0)
    expect(await Promise.all([before, after, loader.load('a')])).toEqual(['a@0', 'a@1', 'a@1'])
  })

  it.each([
    ['clear', (loader: BulkLoader<string, string>) => loader.clear('a')],
    ['clearAll', (loader: BulkLoader<string, string>) => loader.clearAll()],
  ])('S56 a pending key is not asked twice after %s', async (_name, clear) => {
    const { bulks, loader } = prompt<string>()
    const before = loader.load('a')
    clear(loader)
    const after = [loader.load('a'), loader.loadMany(['b', 'a'])]
    expect(await Promise.all([before, ...after])).toEqual(['a@0', 'a@0', ['b@0', 'a@0']])
    expect(bulks).toEqual([['a', 'b']])
    expect(await loader.load('a')).toBe('a@0')
  })

  it('S56 a pending key that was cleared and not loaded again is not kept', async () => {
    const { bulks, loader } = prompt<string>()
    const before = loader.load('a')
    loader.clear('a')
    expect(await before).toBe('a@0')
    expect(await loader.load('a')).toBe('a@1')
    expect(bulks).toEqual([['a'], ['a']])
  })

  it('S52 prime, clear and clearAll give the loader, to be chained', () => {
    const { loader } = prompt<string>()
    expect(loader.prime('a', 'x')).toBe(loader)
    expect(loader.clear('a')).toBe(loader)
    expect(loader.clearAll()).toBe(loader)
  })

  it('S56 a command that clears all keeps nothing beyond its bulk', async () => {
    const bulks: string[][] = []
    const loader: BulkLoader<string, string> = new BulkLoader(async (keys: readonly string[]) => {
      loader.clearAll()
      bulks.push([...keys])
      return keys
    })
    await Promise.all([loader.load('a'), loader.load('b'), loader.load('a')])
    await loader.load('a')
    expect(bulks).toEqual([['a', 'b'], ['a']])
  })
})

describe('cache: false', () => {
  it.each<[string, BulkLoaderOptions<string, string>]>([
    ['cache: false', { cache: false }],
    ['cacheMap: null', { cacheMap: null }],
  ])('S52 with %s equal keys are asked once within a bulk, and again in the next', async (_name, options) => {
    const { bulks, loader } = prompt<string>(options)
    expect(await Promise.all([loader.load('a'), loader.load('b'), loader.load('a')])).toEqual([
      'a@0',
      'b@0',
      'a@0',
    ])
    expect(await loader.loadMany(['a', 'c', 'a'])).toEqual(['a@1', 'c@1', 'a@1'])
    expect(bulks).toEqual([
      ['a', 'b'],
      ['a', 'c'],
    ])
  })

  it('S52 without a cache, a key that is pending in another bulk is not asked twice', async () => {
    const { desk, loader } = held<number>({ cache: false, size: 2, concurrent: 1 })
    const loads = [1, 2, 3, 4, 1, 3, 5].map(key => loader.load(key))
    const many = loader.loadMany([2, 5, 6])
    for (let bulk = 0; bulk < 3; bulk++) {
      await turn()
      await desk.answer(bulk)
    }
    expect(desk.bulks).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(await Promise.all(loads)).toEqual(['1@0', '2@0', '3@1', '4@1', '1@0', '3@1', '5@2'])
    expect(await many).toEqual(['2@0', '5@2', '6@2'])
  })

  it('S52 without a cache, a key in flight is asked again', async () => {
    const { desk, loader } = held<string>({ cache: false })
    const first = loader.load('a')
    await turn()
    const second = loader.load('a')
    await turn()
    await desk.answer(1)
    await desk.answer(0)
    expect(await Promise.all([first, second])).toEqual(['a@0', 'a@1'])
  })

  it('S52 without a cache, errors are not kept either', async () => {
    const { desk, loader } = held<string>({ cache: false })
    const first = watch(loader.load('a'))
    await turn()
    await desk.answer(0, [gone])
    const second = watch(loader.load('a'))
    await turn()
    await desk.answer(1)
    expect([first.outcome, second.outcome]).toEqual([gone, 'a@1'])
  })

  it('S13 S52 without a cache, a key that moves up to fill a place is not in its bulk twice', async () => {
    const { bulks, loader } = prompt<number>({ cache: false, size: 2 })
    const loads = [1, 2, 1].map(key => loader.load(key))
    loader.prime(2, 'primed')
    const [first, primed, again] = await Promise.all(loads)
    expect(primed).toBe('primed')
    expect([first, again].every(value => value!.startsWith('1@'))).toBe(true)
    for (const bulk of bulks) expect(new Set(bulk).size).toBe(bulk.length)
  })

  it('S13 S52 without a cache, a key that moved up and started is asked again by a later load', async () => {
    const { desk, loader } = held<number>({ cache: false, size: 3, concurrent: 1 })
    void loader.load(0)
    await turn()
    for (const key of [1, 2, 3, 4, 5]) void loader.load(key)
    loader.prime(1, 'primed')
    await desk.answer(0)
    expect(desk.bulks).toEqual([[0], [2, 3, 4]])
    // Key 4 has started, key 5 has not: who asks now must not get what was true before.
    const late = watch(loader.load(4))
    await desk.answer(1)
    await desk.answer(2)
    expect(late.outcome).toBe('4@2')
  })
})

interface Place {
  readonly city: string
  readonly street: string
}

const at = (city: string, street: string): Place => ({ city, street })

describe('cacheKeyFn', () => {
  it('S52 says which keys are equal; the command gets the first of them', async () => {
    const bulks: Place[][] = []
    const loader = new BulkLoader(
      async (places: readonly Place[]) => {
        bulks.push([...places])
        return places.map(place => place.street)
      },
      { cacheKeyFn: place => JSON.stringify([place.city, place.street]) },
    )
    const [first, second] = [at('Bern', 'Gasse'), at('Bern', 'Gasse')]
    expect(await Promise.all([loader.load(first), loader.load(second)])).toEqual(['Gasse', 'Gasse'])
    expect(await loader.load(at('Bern', 'Gasse'))).toBe('Gasse')
    expect(bulks).toEqual([[first]])
    expect(bulks[0]![0]).toBe(first)
  })

  it('S52 without it, objects are equal only to themselves', async () => {
    const { bulks, loader } = prompt<Place>()
    const place = at('Bern', 'Gasse')
    await Promise.all([loader.load(place), loader.load(at('Bern', 'Gasse')), loader.load(place)])
    expect(bulks[0]!.length).toBe(2)
  })

  it('S52 S55 S56 counts for prime, clear and loadMany too', async () => {
    const { bulks, loader } = prompt<{ id: number }>({ cacheKeyFn: key => key.id })
    loader.prime({ id: 1 }, 'primed')
    expect(await loader.load({ id: 1 })).toBe('primed')
    loader.clear({ id: 1 })
    expect(await loader.loadMany([{ id: 1 }, { id: 2 }, { id: 1 }])).toHaveLength(3)
    expect(bulks).toEqual([[{ id: 1 }, { id: 2 }]])
    const pending = loader.load({ id: 3 })
    loader.prime({ id: 3 }, 'primed')
    expect(await pending).toBe('primed')
    expect(bulks).toHaveLength(1)
  })

  it('S52 counts without a cache too', async () => {
    const { bulks, loader } = prompt<{ id: number }>({ cache: false, cacheKeyFn: key => key.id })
    await Promise.all([loader.load({ id: 1 }), loader.load({ id: 1 })])
    expect(bulks).toEqual([[{ id: 1 }]])
  })
})

describe('cacheMap', () => {
  it('S52 holds the promise of each key under what cacheKeyFn gives', async () => {
    const store = new Map<string, Promise<string>>()
    const { loader } = prompt<number>({ cacheMap: store, cacheKeyFn: key => `key ${key}` })
    const single = loader.load(1)
    const many = loader.loadMany([2, 3])
    expect([...store.keys()]).toEqual(['key 1', 'key 2', 'key 3'])
    expect(await Promise.all(store.values())).toEqual(['1@0', '2@0', '3@0'])
    expect(await Promise.all([single, many])).toEqual(['1@0', ['2@0', '3@0']])
    loader.clear(1)
    expect([...store.keys()]).toEqual(['key 2', 'key 3'])
    loader.prime(4, 'primed')
    expect(await store.get('key 4')).toBe('primed')
    loader.clearAll()
    expect(store.size).toBe(0)
  })

  it('S52 what is in it already is an answer', async () => {
    const store = new Map([['a', Promise.resolve('stored')]])
    const { bulks, loader } = prompt<string>({ cacheMap: store })
    expect(await loader.load('a')).toBe('stored')
    expect(await loader.loadMany(['a'])).toEqual(['stored'])
    expect(bulks).toEqual([])
  })

  it('S52 may be shared by two loaders', async () => {
    const cacheMap = new Map<string, Promise<string>>()
    const [one, other] = [prompt<string>({ cacheMap }), prompt<string>({ cacheMap })]
    await one.loader.load('a')
    expect(await other.loader.load('a')).toBe('a@0')
    expect(other.bulks).toEqual([])
  })

  it('S53 loses what a bulk that failed has put there', async () => {
    const store = new Map<string, Promise<string>>()
    const { desk, loader } = held<string>({ cacheMap: store })
    const loads = ['a', 'b'].map(key => watch(loader.load(key)))
    await turn()
    await desk.fail(0, gone)
    expect(loads.map(load => load.outcome)).toEqual([gone, gone])
    expect(store.size).toBe(0)
  })

  /** A store that holds so many answers and drops the oldest. */
  class Bounded extends Map<string, Promise<string>> {
    readonly #most: number
    constructor(most: number) {
      super()
      this.#most = most
    }
    override set(key: string, value: Promise<string>): this {
      super.set(key, value)
      if (this.size > this.#most) this.delete(this.keys().next().value!)
      return this
    }
  }

  it('S52 may forget by itself: what it has dropped is asked again', async () => {
    const { bulks, loader } = prompt<string>({ cacheMap: new Bounded(2) })
    for (const key of ['a', 'b', 'c', 'c', 'b', 'a']) await loader.load(key)
    expect(bulks).toEqual([['a'], ['b'], ['c'], ['a']])
  })

  it('S52 however soon it forgets, no key is in one bulk twice', async () => {
    const { bulks, loader } = prompt<string>({ cacheMap: new Bounded(1) })
    expect(await Promise.all(['a', 'b', 'a', 'b'].map(key => loader.load(key)))).toEqual([
      'a@0',
      'b@0',
      'a@0',
      'b@0',
    ])
    expect(bulks).toEqual([['a', 'b']])
  })

  it('S48 must have its four methods', () => {
    const broken = { get: () => undefined, set: () => undefined }
    expect(() => new BulkLoader(echo, { cacheMap: broken as never })).toThrow(BulkOptionError)
    expect(() => new BulkLoader(echo, { cacheMap: broken as never })).toThrow(/get, set, delete, clear/)
  })
})

describe('the options', () => {
  it('S48 name is what it was given, or else the name of the command', () => {
    expect(new BulkLoader(findUsers).name).toBe('findUsers')
    expect(new BulkLoader(findUsers, { name: 'users' }).name).toBe('users')
    expect(new BulkLoader(async (ids: readonly number[]) => ids).name).toBe('anonymous')
  })

  it('S48 S49 a length error names the loader and no key', async () => {
    const loader = new BulkLoader(async (_keys: readonly string[]) => [], { name: 'users' })
    const load = watch(loader.load('secret'))
    await turn()
    expect(String(load.outcome)).toContain('users')
    expect(String(load.outcome)).not.toContain('secret')
  })

  it.each<[string, unknown]>([
    ['cache', 'yes'],
    ['cache', null],
    ['cacheKeyFn', 'id'],
    ['cacheKeyFn', null],
    ['cacheMap', 1],
    ['cacheMap', {}],
    ['cacheErrors', 'no'],
    ['cacheErrors', null],
    ['size', 0],
    ['delay', NaN],
    ['concurrent', 1.5],
    ['cach', true],
    ['batch', false],
    ['maxBatchSize', 10],
  ])('S48 refuses %s: %j', (name, value) => {
    const make = () => new BulkLoader(async (keys: readonly string[]) => keys, { [name]: value })
    expect(make).toThrow(BulkOptionError)
    expect(make).toThrow(name)
  })

  it('S48 the command must be a function', () => {
    expect(() => new BulkLoader('find' as never)).toThrow(BulkOptionError)
  })

  it('S48 an option that is undefined is one that was left out', async () => {
    const { bulks, loader } = prompt<string>({
      cache: undefined,
      cacheKeyFn: undefined,
      cacheMap: undefined,
      cacheErrors: undefined,
      size: undefined,
    })
    await Promise.all([loader.load('a'), loader.load('a')])
    expect(bulks).toEqual([['a']])
  })
})

describe('S57 hits beside an open bulk', () => {
  it('S57 with delay: 0, a hit is given together with the bulk that is open', async () => {
    const { desk, loader } = held<string>()
    loader.prime('known', 'primed')
    const miss = watch(loader.load('a'))
    const hit = watch(loader.load('known'))
    await turn()
    expect(hit.outcome).toBe('waits')
    await desk.answer(0)
    expect([miss.outcome, hit.outcome]).toEqual(['a@0', 'primed'])
  })

  it('S57 what follows from a hit and from a miss goes out together', async () => {
    const { bulks, loader } = prompt<string>()
    loader.prime('known', 'primed')
    const next = async (key: string) => loader.load(`after ${await loader.load(key)}`)
    await Promise.all([next('a'), next('known'), next('a'), next('known')])
    expect(bulks).toEqual([['a'], ['after a@0', 'after primed']])
  })

  it('S57 in a scope, what follows from a hit and from a miss goes out together', async () => {
    const host = new ManualHost()
    const scope = new BulkScope({ host })
    const { bulks, loader } = prompt<string>({ delay: 1000, scope, host })
    loader.prime('known', 'primed')
    for (const key of ['a', 'known']) {
      const first = scope.run(() => loader.load(key))
      void first.then(value => scope.run(() => loader.load(`after ${value}`)))
    }
    for (let i = 0; i < 5; i++) await host.turn()
    expect(bulks).toEqual([['a'], ['after a@0', 'after primed']])
    expect(host.time).toBe(0)
  })

  it('S57 hits of one key while one bulk is open share one promise', async () => {
    const { loader } = prompt<string>()
    loader.prime('known', 'primed').prime('other', 'primed')
    const miss = loader.load('a')
    expect(loader.load('known')).toBe(loader.load('known'))
    expect(loader.load('known')).not.toBe(loader.load('other'))
    await miss
  })

  it('S57 when no bulk is open, a hit is given at once', async () => {
    const { loader } = prompt<string>()
    loader.prime('known', 'primed')
    const hit = watch(loader.load('known'))
    await somePromiseJobs()
    expect(hit.outcome).toBe('primed')
  })

  it('S57 a bulk in flight is not open: a hit is given at once', async () => {
    const { loader } = held<string>()
    loader.prime('known', 'primed')
    void loader.load('a')
    await turn()
    const hit = watch(loader.load('known'))
    await turn()
    expect(hit.outcome).toBe('primed')
  })

  it('S57 with a plain window, a hit is given at once', async () => {
    const { loader } = prompt<string>({ delay: Infinity })
    loader.prime('known', 'primed')
    const miss = watch(loader.load('a'))
    const hit = watch(loader.load('known'))
    await turn()
    expect([miss.outcome, hit.outcome]).toEqual(['waits', 'primed'])
  })

  it('S56 S57 a hit is the answer of now, although an older one waits beside the same bulk', async () => {
    const { desk, loader } = held<string>()
    loader.prime('known', 'old')
    void loader.load('open')
    const old = watch(loader.load('known'))
    loader.clear('known').prime('known', 'new')
    const late = watch(loader.load('known'))
    const many = watch(loader.loadMany(['known']))
    await turn()
    await desk.answer(0)
    expect([old.outcome, late.outcome, many.outcome]).toEqual(['old', 'new', ['new']])
  })

  it('S52 S57 without a cache too, a hit is the answer of now', async () => {
    const { desk, loader } = held<string>({ cache: false, size: 2 })
    watch(loader.loadMany(['a', 'b', 'c', 'a']))
    await somePromiseJobs()
    expect(desk.bulks).toEqual([['a', 'b']])
    const late = watch(loader.loadMany(['a', 'a']))
    await turn()
    await desk.answer(0)
    await desk.answer(1)
    expect(desk.bulks[1]).toEqual(['c', 'a'])
    expect(late.outcome).toEqual(['a@1', 'a@1'])
  })

  it('S57 a hit is given although its bulk fails', async () => {
    const { desk, loader } = held<string>()
    loader.prime('known', 'primed')
    const miss = watch(loader.load('a'))
    const hit = watch(loader.load('known'))
    await turn()
    await desk.fail(0, gone)
    expect([miss.outcome, hit.outcome]).toEqual([gone, 'primed'])
  })

  it('S57 a hit does not run ahead because another key of the bulk is primed', async () => {
    const { desk, loader } = held<string>()
    loader.prime('known', 'primed')
    const misses = ['a', 'b'].map(key => watch(loader.load(key)))
    const hit = watch(loader.load('known'))
    loader.prime('b', 'primed too')
    await turn()
    expect(misses.map(miss => miss.outcome)).toEqual(['waits', 'primed too'])
    expect(hit.outcome).toBe('waits')
    await desk.answer(0)
    expect(hit.outcome).toBe('primed')
  })

  it('S57 a hit is given when all keys of its bulk are primed', async () => {
    const { desk, loader } = held<string>()
    loader.prime('known', 'primed')
    const miss = watch(loader.load('a'))
    const hit = watch(loader.load('known'))
    loader.prime('a', 'primed too')
    await turn()
    expect([miss.outcome, hit.outcome]).toEqual(['primed too', 'primed'])
    expect(desk.bulks).toEqual([])
  })

  it('S13 S57 a hit beside a bulk whose keys all move up is given with the bulk that they move to', async () => {
    const { desk, loader } = held<string>({ size: 2 })
    loader.prime('known', 'primed')
    const misses = ['a', 'b', 'c'].map(key => watch(loader.load(key)))
    const hit = watch(loader.load('known'))
    loader.prime('b', 'primed too')
    await turn()
    expect(desk.bulks).toEqual([['a', 'c']])
    expect(hit.outcome).toBe('waits')
    await desk.answer(0)
    expect(misses.map(miss => miss.outcome)).toEqual(['a@0', 'primed too', 'c@0'])
    expect(hit.outcome).toBe('primed')
  })

  it('S13 S45 a piece of work whose hit was given so is known to run again', async () => {
    const host = new ManualHost()
    const scope = new BulkScope({ host })
    const { desk, loader } = held<string>({ size: 2, delay: 1000, scope, host })
    loader.prime('known', 'primed')
    const slow = new Deferred<void>()
    const first = scope.run(async () => {
      await Promise.all([loader.load('a'), loader.load('b'), loader.load('c')])
      await loader.load('after the misses')
    })
    const second = scope.run(async () => {
      await loader.load('known')
      await slow.promise
      await loader.load('after the hit')
    })
    loader.prime('b', 'primed too')
    await host.turn()
    await desk.answer(0)
    // The first waits again. The second does not: it is at something slow, and will load more.
    await host.turn()
    expect(desk.bulks).toEqual([['a', 'c']])
    slow.resolve()
    await host.turn()
    expect(desk.bulks).toEqual([
      ['a', 'c'],
      ['after the misses', 'after the hit'],
    ])
    await desk.answer(1)
    await Promise.all([first, second])
  })
})

describe('patterns that dataloader documents', () => {
  it('S55 two loaders that prime each other', async () => {
    const user = { id: 1, name: 'ada' }
    let asked = 0
    const byName: BulkLoader<string, typeof user> = new BulkLoader(async (names: readonly string[]) => {
      asked++
      return names.map(() => user)
    })
    const byId = new BulkLoader(async (ids: readonly number[]) => {
      for (const found of ids.map(() => user)) byName.prime(found.name, found)
      return ids.map(() => user)
    })
    expect(await byId.load(1)).toBe(user)
    expect(await byName.load('ada')).toBe(user)
    expect(asked).toBe(0)
  })

  it('S52 a command that freezes its results', async () => {
    const loader = new BulkLoader(async (ids: number[]) => ids.map(id => Object.freeze({ id })))
    expect(Object.isFrozen(await loader.load(1))).toBe(true)
  })

  it('S26 a command that gets an object of values by key', async () => {
    const found: Record<string, number> = { a: 1 }
    const loader = new BulkLoader(async (_keys: readonly string[]) => new Map(Object.entries(found)))
    expect(await loader.loadMany(['a', '__proto__', 'constructor'])).toEqual([1, null, null])
  })
})

const emptying = async (keys: readonly string[]): Promise<string[]> => (keys as string[]).splice(0)
const holes = async (keys: readonly string[]): Promise<string[]> => new Array<string>(keys.length)
const tooMany = async (_keys: readonly string[]): Promise<string[]> => ['the value', 'another']
const none = async (_keys: readonly string[]): Promise<any> => null

describe('differs from dataloader', () => {
  it('S8 a full bulk starts at once; theirs waits for the end of the tick', async () => {
    const ours = new Desk<number>()
    const theirs = new Desk<number>()
    const loaders = [
      new BulkLoader(ours.command, { size: 2 }),
      new DataLoader<number, unknown>(theirs.command, { maxBatchSize: 2 }),
    ]
    for (const loader of loaders) for (const key of [1, 2]) void loader.load(key)
    await somePromiseJobs()
    expect(ours.bulks).toEqual([[1, 2]])
    expect(theirs.bulks).toEqual([])
    await turn()
    expect(theirs.bulks).toEqual([[1, 2]])
  })

  it('S59 load of null is a rejection; theirs throws', async () => {
    const ours = new BulkLoader<any, any>(keys => keys)
    const theirs = new DataLoader<any, any>(async keys => keys)
    await expect(ours.load(null)).rejects.toBeInstanceOf(BulkOptionError)
    expect(() => theirs.load(null)).toThrow(TypeError)
  })

  it('S58 loadMany with a null loads the others; theirs throws, having asked the first', async () => {
    const ours = prompt<any>()
    const asked: unknown[] = []
    const theirs = new DataLoader<any, any>(async keys => {
      asked.push([...keys])
      return keys
    })
    expect(await ours.loader.loadMany([1, null, 2])).toEqual(['1@0', expect.any(BulkOptionError), '2@0'])
    expect(() => theirs.loadMany([1, null, 2])).toThrow(TypeError)
    await turn()
    expect(asked).toEqual([[1]])
  })

  it('S58 loadMany takes any iterable; theirs takes an array alone, and throws', async () => {
    const keys = new Set([1, 2])
    const theirs = new DataLoader<number, number>(async some => [...some])
    expect(await prompt<number>().loader.loadMany(keys)).toEqual(['1@0', '2@0'])
    expect(() => theirs.loadMany(keys as never)).toThrow(TypeError)
  })

  it('S54 a bulk that fails late leaves the newer answer; theirs deletes it and asks a third time', async () => {
    const [ours, theirs] = [new Desk<string>(), new Desk<string>()]
    expect(await bulksAfterFailure(ours, new BulkLoader(ours.command))).toBe(2)
    expect(await bulksAfterFailure(theirs, new DataLoader(theirs.command))).toBe(3)
  })

  it('S33 a command may empty its keys; with theirs the loads wait for ever', async () => {
    const ours = watch(new BulkLoader(emptying).load('a'))
    const theirs = watch(new DataLoader(emptying).load('a'))
    await turn()
    expect([ours.outcome, theirs.outcome]).toEqual(['a', 'waits'])
  })

  it("S44 the command runs in the loader's own async context; theirs in the first caller's", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const command = async (keys: readonly number[]) => keys.map(() => tenant.getStore())
    const make = () => [new BulkLoader(command), new DataLoader(command)] as const
    const [ours, theirs] = tenant.run('whose loader it is', make)
    const load = (name: string, key: number) =>
      tenant.run(name, () => Promise.all([ours.load(key), theirs.load(key)]))
    const [first, second] = await Promise.all([load('first caller', 1), load('second caller', 2)])
    expect(first).toEqual(['whose loader it is', 'first caller'])
    expect(second).toEqual(['whose loader it is', 'first caller'])
  })

  it('S52 with cache: false equal keys of a bulk are asked once; theirs as often as they are loaded', async () => {
    const bulks: string[][] = []
    const command = async (keys: readonly string[]) => {
      bulks.push([...keys])
      return keys
    }
    const ours = new BulkLoader(command, { cache: false })
    const theirs = new DataLoader(command, { cache: false })
    await Promise.all([ours.load('a'), ours.load('a')])
    await Promise.all([theirs.load('a'), theirs.load('a')])
    expect(bulks).toEqual([['a'], ['a', 'a']])
  })

  it('S55 prime settles a pending load; theirs asks all the same', async () => {
    const ours = prompt<string>()
    const asked: string[] = []
    const theirs = new DataLoader<string, string>(async keys => {
      asked.push(...keys)
      return keys
    })
    const [our, their] = [ours.loader.load('a'), theirs.load('a')]
    ours.loader.prime('a', 'primed')
    theirs.prime('a', 'primed')
    expect(await our).toBe('primed')
    expect(await their).toBe('a')
    expect(ours.bulks).toEqual([])
    expect(asked).toEqual(['a'])
  })

  it('S55 clear and prime settle a pending load; theirs gives it what the command says', async () => {
    const ours = prompt<string>()
    const theirs = new DataLoader<string, string>(async keys => keys)
    const [our, their] = [ours.loader.load('a'), theirs.load('a')]
    ours.loader.clear('a').prime('a', 'primed')
    theirs.clear('a').prime('a', 'primed')
    expect(await Promise.all([our, ours.loader.load('a')])).toEqual(['primed', 'primed'])
    expect(await Promise.all([their, theirs.load('a')])).toEqual(['a', 'primed'])
  })

  it('S56 a key that is cleared while it is pending is asked once; theirs twice in one bulk', async () => {
    const bulks: string[][] = []
    const command = async (keys: readonly string[]) => {
      bulks.push([...keys])
      return keys
    }
    for (const loader of [new BulkLoader(command), new DataLoader(command)]) {
      const first = loader.load('a')
      await Promise.all([first, loader.clear('a').load('a')])
    }
    expect(bulks).toEqual([['a'], ['a', 'a']])
  })

  it('S57 a hit while no bulk is open is given at once; theirs waits for the end of the tick', async () => {
    const ours = prompt<string>().loader.prime('a', 'primed')
    const theirs = new DataLoader<string, string>(async keys => keys).prime('a', 'primed')
    const [our, their] = [watch(ours.load('a')), watch(theirs.load('a'))]
    await somePromiseJobs()
    expect([our.outcome, their.outcome]).toEqual(['primed', 'waits'])
    await turn()
    expect(their.outcome).toBe('primed')
  })

  it('S30 what the command throws is what callers get; theirs is another error, which has its text', async () => {
    const command = (): never => {
      throw gone
    }
    await expect(new BulkLoader<string, string>(command).load('a')).rejects.toBe(gone)
    const theirs = watch(new DataLoader<string, string>(command).load('a'))
    await turn()
    expect(theirs.outcome).not.toBe(gone)
    expect(theirs.outcome).toBeInstanceOf(TypeError)
    expect(String(theirs.outcome)).toContain(String(gone))
  })

  it('S24 S25 S26 S27 the command may answer at once, in any shape; theirs must promise an array', async () => {
    const shapes: ((keys: readonly string[]) => any)[] = [
      keys => [...keys],
      keys => new Set(keys),
      keys => new Map(keys.map(key => [key, key])),
      async keys => new Set(keys),
      function* (keys) {
        yield* keys
      },
      async function* (keys) {
        yield* keys
      },
    ]
    for (const command of shapes) {
      expect(await new BulkLoader<string, string>(command).load('a')).toBe('a')
      await expect(new DataLoader<string, string>(command).load('a')).rejects.toBeInstanceOf(TypeError)
    }
    expect(await new BulkLoader<string, null>(none).load('a')).toBe(null)
    await expect(new DataLoader<string, null>(none).load('a')).rejects.toBeInstanceOf(TypeError)
  })

  it('S25 holes are undefined; an array that ends in one is no array for theirs', async () => {
    expect(await new BulkLoader(holes).load('a')).toBe(undefined)
    await expect(new DataLoader(holes).load('a')).rejects.toBeInstanceOf(TypeError)
  })

  it('S28 an Error of another realm rejects; theirs resolves with it', async () => {
    const foreign: unknown = runInNewContext('new Error("foreign")')
    const command = async (keys: readonly string[]) => keys.map(() => foreign)
    await expect(new BulkLoader<string, unknown>(command).load('a')).rejects.toBe(foreign)
    expect(await new DataLoader<string, unknown>(command).load('a')).toBe(foreign)
  })

  it('S49 a length error prints no key and no value; theirs prints all', async () => {
    const ours = watch(new BulkLoader(tooMany).load('the key'))
    const theirs = watch(new DataLoader(tooMany).load('the key'))
    await turn()
    expect(String(ours.outcome)).toMatch(/^BulkLengthError: /)
    expect(String(ours.outcome)).not.toMatch(/the key|the value/)
    expect(String(theirs.outcome)).toMatch(/the key/)
    expect(String(theirs.outcome)).toMatch(/the value/)
  })

  it('S48 a size that is no whole number is refused; theirs is taken', () => {
    for (const size of [NaN, 1.5]) {
      expect(() => new BulkLoader(echo, { size })).toThrow(BulkOptionError)
      expect(() => new DataLoader(echo, { maxBatchSize: size })).not.toThrow()
    }
  })

  it('S48 an option with a wrong name is refused; theirs is ignored', () => {
    expect(() => new BulkLoader(echo, { maxBatchSise: 1 } as never)).toThrow(BulkOptionError)
    expect(() => new DataLoader(echo, { maxBatchSise: 1 } as never)).not.toThrow()
  })

  it('S48 the name is that of the command where none is given; theirs is null', () => {
    expect(new BulkLoader(findUsers).name).toBe('findUsers')
    expect(new DataLoader(findUsers).name).toBe(null)
  })
})
