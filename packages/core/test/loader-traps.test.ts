import { describe, expect, it } from 'vitest'
import {
  BulkClosedError,
  BulkLengthError,
  BulkLoader,
  BulkOptionError,
  BulkOverflowError,
  type BulkLoaderOptions,
} from '../src/index.ts'
import { unhandledDuring } from '../../../test/support/unhandled.ts'
import { held, turn, watch } from './support/desk.ts'

/** All orders of some things. */
function orders<V>(things: readonly V[]): V[][] {
  if (things.length <= 1) return [[...things]]
  return things.flatMap((thing, i) => orders(things.toSpliced(i, 1)).map(rest => [thing].concat(rest)))
}

const gone = new Error('gone')

type Loader = BulkLoader<string, unknown>

/** The ways to ask for one key. */
const asks: readonly (readonly [string, (loader: Loader, key: string) => Promise<unknown>])[] = [
  ['load', (loader, key) => loader.load(key)],
  ['loadMany', async (loader, key) => (await loader.loadMany([key]))[0]],
]

/** The ways to forget one key. */
const clears: readonly (readonly [string, (loader: Loader, key: string) => unknown])[] = [
  ['clear', (loader, key) => loader.clear(key)],
  ['clearAll', loader => loader.clearAll()],
]

/** The places where answers may be kept. */
const caches: readonly (readonly [string, () => BulkLoaderOptions<string, unknown>])[] = [
  ['its own cache', () => ({})],
  ['a cacheMap', () => ({ cacheMap: new Map<string, Promise<unknown>>() })],
]

/** All ways to choose some of them. */
function subsets<V>(things: readonly V[]): V[][] {
  return Array.from({ length: 2 ** things.length }, (_, mask) =>
    things.filter((_thing, i) => mask & (1 << i)),
  )
}

/** Each way with each other. */
function each<A, B>(some: readonly A[], others: readonly B[]): (readonly [A, B])[] {
  return some.flatMap(one => others.map(other => [one, other] as const))
}

describe('when keys are asked', () => {
  it('trap 5 hits, duplicates and keys that were primed away do not count for the size', async () => {
    const { desk, loader } = held<string>({ size: 3, delay: Infinity })
    loader.prime('known', 'primed')
    for (const key of ['a', 'a', 'known', 'b', 'a', 'known']) void loader.load(key)
    void loader.loadMany(['a', 'b', 'known', 'a'])
    await turn()
    expect(desk.bulks).toEqual([])
    loader.prime('b', 'primed')
    void loader.load('c')
    await turn()
    expect(desk.bulks).toEqual([])
    void loader.load('d')
    await turn()
    expect(desk.bulks).toEqual([['a', 'c', 'd']])
  })

  it('trap 8 loads that the command makes itself go into a bulk of their own', async () => {
    const bulks: number[][] = []
    const loader: BulkLoader<number, number> = new BulkLoader(async (ids: readonly number[]) => {
      bulks.push([...ids])
      const inner = ids.includes(1) ? await loader.loadMany([2, 3]) : []
      return ids.map(id => id * 10 + inner.length)
    })
    expect(await Promise.all([loader.load(1), loader.load(4)])).toEqual([12, 42])
    expect(bulks).toEqual([
      [1, 4],
      [2, 3],
    ])
  })

  it('trap 38 without a cache, equal keys of different bulks are asked again: nothing is kept', async () => {
    for (const [, ask] of asks) {
      const { desk, loader } = held<string>({ cache: false })
      for (let bulk = 0; bulk < 3; bulk++) {
        const load = watch(ask(loader, 'a'))
        await turn()
        await desk.answer(bulk)
        expect(load.outcome).toBe(`a@${bulk}`)
      }
      expect(desk.bulks).toEqual([['a'], ['a'], ['a']])
      expect([loader.pending, loader.inFlight]).toEqual([0, 0])
    }
  })

  it('trap 38 a cacheMap with a bound bounds what is kept, for loadMany too', async () => {
    const cacheMap = new Map<string, Promise<unknown>>()
    const set = cacheMap.set.bind(cacheMap)
    cacheMap.set = (key, value) => {
      if (cacheMap.size === 2) cacheMap.delete(cacheMap.keys().next().value!)
      return set(key, value)
    }
    const { desk, loader } = held<string>({ cacheMap })
    const many = watch(loader.loadMany(['a', 'b', 'c', 'd']))
    await turn()
    await desk.answer(0)
    expect(many.outcome).toEqual(['a@0', 'b@0', 'c@0', 'd@0'])
    expect([...cacheMap.keys()]).toEqual(['c', 'd'])
  })
})

/** What some drivers give for a promise. */
class Lame implements PromiseLike<any> {
  readonly #value: unknown
  constructor(value: unknown) {
    this.#value = value
  }
  // oxlint-disable-next-line unicorn/no-thenable -- a thenable is what it is for
  then(resolve?: ((value: any) => any) | null): any {
    resolve?.(this.#value)
  }
}

describe('what a command gives', () => {
  it('trap 11 a command that sorts or empties its keys changes no answer and forgets no wrong one', async () => {
    const spoilers: ((keys: string[]) => void)[] = [
      keys => keys.push(keys.shift()!),
      keys => (keys.length = 0),
    ]
    for (const [[, ask], spoil] of each(asks, spoilers)) {
      let fails = true
      const loader = new BulkLoader<string, string>(async keys => {
        const values = keys.map(key => `value of ${key}`)
        spoil(keys)
        if (fails) throw gone
        return values
      })
      loader.prime('kept', 'primed')
      const failing = ['c', 'a', 'b'].map(key => watch(ask(loader as Loader, key)))
      await turn()
      expect(failing.map(load => load.outcome)).toEqual([gone, gone, gone])
      fails = false
      const loads = ['c', 'a', 'b', 'kept'].map(key => watch(ask(loader as Loader, key)))
      await turn()
      expect(loads.map(load => load.outcome)).toEqual(['value of c', 'value of a', 'value of b', 'primed'])
    }
  })

  it('trap 12 a wrong number of results fails all loads alike, keeps nothing, and prints no key', async () => {
    const { desk, loader } = held<string>()
    const loads = [watch(loader.load('secret')), watch(loader.loadMany(['secret', 'b']))]
    await turn()
    await desk.answer(0, ['x', 'y', 'z'])
    const error = loads[0]!.outcome as BulkLengthError
    expect(error).toBeInstanceOf(BulkLengthError)
    expect([error.expected, error.received]).toEqual([2, 3])
    expect(error.message).not.toContain('secret')
    expect(loads[1]!.outcome).toEqual([error, error])
    void loader.loadMany(['secret', 'b'])
    await turn()
    expect(desk.bulks).toHaveLength(2)
  })

  it('trap 16 a rejected promise among the results fails its key alone', async () => {
    for (const [, ask] of asks) {
      const { desk, loader } = held<string>()
      const loads = ['a', 'b', 'c'].map(key => watch(ask(loader, key)))
      await turn()
      await desk.answer(0, ['a', Promise.reject(gone), Promise.resolve('c')])
      expect(loads.map(load => load.outcome)).toEqual(['a', gone, 'c'])
    }
  })

  it('trap 17 a thenable whose then gives nothing back is no crash, and counts as a promise', async () => {
    const reasons = await unhandledDuring(async () => {
      const loader = new BulkLoader<string, any>(keys => new Lame([...keys]))
      expect(await Promise.all([loader.load('a'), loader.loadMany(['b'])])).toEqual(['a', ['b']])
    })
    expect(reasons).toEqual([])
  })

  it('trap 18 what the command throws at once is the error of its loads, as it was thrown', async () => {
    for (const [, ask] of asks) {
      const loader = new BulkLoader<string, unknown>(() => {
        throw gone
      })
      const loads = ['a', 'b'].map(key => watch(ask(loader, key)))
      await turn()
      expect(loads.map(load => load.outcome)).toEqual([gone, gone])
    }
  })

  it('trap 19 the others in a failed bulk get the very error, unchanged, a frozen one too', async () => {
    const frozen = Object.freeze(new TypeError('frozen'))
    const { desk, loader } = held<string>()
    const loads = ['a', 'b'].map(key => watch(loader.load(key)))
    const many = watch(loader.loadMany(['b', 'c']))
    await turn()
    await desk.fail(0, frozen)
    expect(loads.map(load => load.outcome === frozen)).toEqual([true, true])
    expect((many.outcome as unknown[]).map(error => error === frozen)).toEqual([true, true])
  })

  it('trap 22 two loads of a key get the same object: a loader copies nothing', async () => {
    const loader = new BulkLoader(async (keys: readonly string[]) => keys.map(key => ({ key })))
    const [first, second] = await Promise.all([loader.load('a'), loader.load('a')])
    const [third] = await loader.loadMany(['a'])
    expect(second).toBe(first)
    expect(third).toBe(first)
  })

  it('trap 22 each loadMany gets an array of its own', async () => {
    const { desk, loader } = held<string>()
    const both = Promise.all([loader.loadMany(['a', 'b']), loader.loadMany(['a', 'b'])])
    await turn()
    await desk.answer(0)
    const [first, second] = await both
    const third = await loader.loadMany(['a', 'b'])
    first.reverse()
    second.length = 0
    expect(third).toEqual(['a@0', 'b@0'])
    expect(await loader.loadMany(['a', 'b'])).toEqual(['a@0', 'b@0'])
    expect(await loader.load('a')).toBe('a@0')
  })

  it('trap 40 the command gets no `this`, and a context instead', async () => {
    const seen: unknown[] = []
    const loader = new BulkLoader(
      async function (this: unknown, keys: readonly string[], context) {
        seen.push(this, context.name, context.signal instanceof AbortSignal)
        return keys
      },
      { name: 'words' },
    )
    await loader.load('a')
    expect(seen).toEqual([undefined, 'words', true])
  })
})

describe('trap 29 hits and the bulk that they belong to', () => {
  /** Loads two keys in a row, as a resolver and its child do. */
  const follow = async (loader: Loader, ask: (typeof asks)[number][1], key: string): Promise<unknown> =>
    ask(loader, `after ${String(await ask(loader, key))}`)

  const kinds = ['miss', 'another miss', 'primed', 'answered', 'streamed before']

  it.each(each(asks, asks).map(([[one, ask], [other, fill]]) => [one, other, ask, fill] as const))(
    'trap 29 in whatever order hits and misses are asked by %s (known by %s), what follows is one bulk',
    async (_one, _other, ask, fill) => {
      for (const order of orders(kinds)) {
        const { desk, loader } = held<string>()
        const known = watch(Promise.all(['answered', 'streamed before'].map(key => fill(loader, key))))
        await turn()
        async function* stream() {
          yield* desk.bulks[0]!
        }
        await desk.answer(0, stream())
        expect(known.outcome).toEqual(['answered', 'streamed before'])
        loader.prime('primed', 'primed')

        // A bulk must be open before the first hit, or that hit is given at once.
        const loads = ['miss', ...order].map(key => watch(follow(loader, ask, key)))
        await turn()
        await desk.answer(1)
        await desk.answer(2)
        expect(desk.bulks).toHaveLength(3)
        expect(desk.bulks[1]!.toSorted()).toEqual(['another miss', 'miss'])
        expect(desk.bulks[2]).toHaveLength(5)
        expect(loads.every(load => String(load.outcome).endsWith('@2'))).toBe(true)
      }
    },
  )

  it('trap 29 hits cost one promise per key and bulk, however many there are', async () => {
    const { desk, loader } = held<string>()
    loader.prime('a', 'primed').prime('b', 'primed')
    void loader.load('open')
    const promises = Array.from({ length: 100 }, (_, i) => loader.load(i % 2 === 0 ? 'a' : 'b'))
    expect(new Set(promises).size).toBe(2)
    await turn()
    await desk.answer(0)
    expect(new Set(await Promise.all(promises))).toEqual(new Set(['primed']))
    void loader.load('open again')
    expect(promises).not.toContain(loader.load('a'))
  })

  it('trap 29 a hit that nothing follows does not keep anybody waiting when no bulk is open', async () => {
    for (const [, ask] of asks) {
      const { loader } = held<string>()
      loader.prime('a', 'primed')
      const hit = watch(ask(loader, 'a'))
      for (let i = 0; i < 10; i++) await Promise.resolve()
      expect(hit.outcome).toBe('primed')
    }
  })
})

describe('trap 30 errors and the cache', () => {
  it.each(each(asks, caches).map(([[one, ask], [other, cache]]) => [one, other, ask, cache] as const))(
    'trap 30 an Error for one key, asked by %s and kept in %s: kept, or not, or by kind',
    async (_one, _other, ask, cache) => {
      const rare = new TypeError('rare')
      const choices = [undefined, true, false, (error: Error) => error === rare]
      const kept = choices.map(choice => (error: Error) => {
        return typeof choice === 'function' ? choice(error) : (choice ?? true)
      })
      for (const [i, cacheErrors] of choices.entries()) {
        const { desk, loader } = held<string>({ ...cache(), cacheErrors })
        const loads = ['a', 'b', 'c'].map(key => watch(ask(loader, key)))
        await turn()
        await desk.answer(0, [gone, rare, 'c@0'])
        expect(loads.map(load => load.outcome)).toEqual([gone, rare, 'c@0'])

        const again = ['a', 'b', 'c'].map(key => watch(ask(loader, key)))
        await turn()
        const asked = [gone, rare].flatMap((error, place) => (kept[i]!(error) ? [] : ['ab'[place]!]))
        expect(desk.bulks.slice(1)).toEqual(asked.length === 0 ? [] : [asked])
        if (asked.length > 0) await desk.answer(1)
        const [a, b] = [gone, rare].map((error, place) => (kept[i]!(error) ? error : `${'ab'[place]}@1`))
        expect(again.map(load => load.outcome)).toEqual([a, b, 'c@0'])
      }
    },
  )
})

describe('trap 31 a bulk takes only its own entries away', () => {
  const ways = each(each(asks, asks), each(clears, caches)).map(
    ([[[first, ask], [second, askAgain]], [[forget, clear], [store, cache]]]) =>
      [first, forget, second, store, { ask, askAgain, clear, cache }] as const,
  )

  it.each(ways)(
    'trap 31 %s, %s, %s again (%s), failure and answer, in every order',
    async (_first, _forget, _second, _store, { ask, askAgain, clear, cache }) => {
      for (const order of orders(['clear', 'reload', 'fail first', 'end second'])) {
        for (const secondFails of [false, true]) {
          const { desk, loader } = held<string>(cache())
          const first = watch(ask(loader, 'a'))
          await turn()

          // The model: which asking the cache holds, by the number of its bulk.
          let cached: number | null = 0
          let reloaded = watch(Promise.resolve())
          let joined: number | null = null
          let askings = 1
          let firstFailed = false
          const endSecond = async (): Promise<void> => {
            if (askings < 2) return
            if (secondFails) await desk.fail(1, gone)
            else await desk.answer(1)
            if (secondFails && cached === 1) cached = null
          }
          let endsLater = false
          for (const step of order) {
            if (step === 'clear') {
              clear(loader, 'a')
              cached = null
            } else if (step === 'reload') {
              cached ??= askings++
              joined = cached
              reloaded = watch(askAgain(loader, 'a'))
              await turn()
            } else if (step === 'fail first') {
              await desk.fail(0, gone)
              firstFailed = true
              if (cached === 0) cached = null
            } else if (askings === 2) await endSecond()
            else endsLater = true
          }
          if (endsLater) await endSecond()

          expect(firstFailed).toBe(true)
          expect(first.outcome).toBe(gone)
          expect(reloaded.outcome).toBe(joined === 0 || secondFails ? gone : 'a@1')
          expect(desk.bulks).toHaveLength(askings)
          const last = watch(loader.load('a'))
          await turn()
          expect(desk.bulks).toHaveLength(cached === null ? askings + 1 : askings)
          expect(last.outcome).toBe(cached === null ? 'waits' : `a@${cached}`)
        }
      }
    },
  )

  it.each(
    each(each(asks, clears), caches).map(
      ([[[a, ask], [b, clear]], [c, cache]]) => [a, b, c, { ask, clear, cache }] as const,
    ),
  )(
    'trap 31 %s, %s and prime (%s): what was primed outlives the failure, in every order',
    async (_a, _b, _c, { ask, clear, cache }) => {
      for (const order of orders(['clear', 'prime', 'fail'])) {
        const { desk, loader } = held<string>(cache())
        const first = watch(ask(loader, 'a'))
        await turn()
        let cached: 'asking' | 'primed' | null = 'asking'
        for (const step of order) {
          if (step === 'clear') {
            clear(loader, 'a')
            cached = null
          } else if (step === 'prime') {
            loader.prime('a', 'primed')
            cached ??= 'primed'
          } else {
            await desk.fail(0, gone)
            if (cached === 'asking') cached = null
          }
        }
        expect(first.outcome).toBe(gone)
        const last = watch(loader.load('a'))
        await turn()
        expect(last.outcome).toBe(cached === 'primed' ? 'primed' : 'waits')
        expect(desk.bulks).toHaveLength(cached === 'primed' ? 1 : 2)
      }
    },
  )

  it('trap 31 of one loadMany in several bulks, the bulk that fails takes its own keys alone', async () => {
    for (const failing of [0, 1, 2]) {
      const { desk, loader } = held<string>({ size: 2 })
      const keys = ['a', 'b', 'c', 'd', 'e']
      const many = watch(loader.loadMany(keys))
      await turn()
      for (const bulk of [2, 0, 1]) await (bulk === failing ? desk.fail(bulk, gone) : desk.answer(bulk))
      const at = [0, 0, 1, 1, 2]
      expect(many.outcome).toEqual(
        keys.map((key, place) => (at[place] === failing ? gone : `${key}@${at[place]}`)),
      )
      void loader.loadMany(keys)
      for (const key of keys) void loader.load(key)
      await turn()
      expect(desk.bulks.slice(3).flat()).toEqual(keys.filter((_, place) => at[place] === failing))
    }
  })

  it.each(caches)(
    'trap 31 whichever keys are primed away, and so move others into earlier bulks, a failed bulk takes its own (%s)',
    async (_name, cache) => {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
      const askings: ((loader: Loader) => unknown)[] = [
        loader => keys.map(key => watch(loader.load(key))),
        loader => watch(loader.loadMany(keys)),
        loader => {
          watch(loader.load('a'))
          watch(loader.loadMany(['b', 'a', 'c', 'd', 'b']))
          watch(loader.load('e'))
          watch(loader.loadMany(['f', 'g', 'a']))
        },
      ]
      for (const [primed, ask] of each(subsets(keys), askings)) {
        const rest = keys.filter(key => !primed.includes(key))
        const chunks = [rest.slice(0, 3), rest.slice(3, 6), rest.slice(6)].filter(chunk => chunk.length > 0)
        for (let failing = 0; failing < chunks.length; failing++) {
          const { desk, loader } = held<string>({ ...cache(), size: 3 })
          ask(loader)
          for (const key of primed) loader.prime(key, `${key} primed`)
          await turn()
          expect(desk.bulks).toEqual(chunks)
          for (let bulk = 0; bulk < chunks.length; bulk++) {
            if (bulk === failing) await desk.fail(bulk, gone)
            else await desk.answer(bulk)
          }
          const again = watch(loader.loadMany(keys))
          await turn()
          expect(desk.bulks.slice(chunks.length).flat()).toEqual(chunks[failing])
          for (let bulk = chunks.length; bulk < desk.bulks.length; bulk++) await desk.answer(bulk)
          expect(again.outcome).toEqual(
            keys.map(key => {
              const bulk = chunks.findIndex(chunk => chunk.includes(key))
              if (bulk === -1) return `${key} primed`
              return bulk === failing ? `${key}@${chunks.length}` : `${key}@${bulk}`
            }),
          )
        }
      }
    },
  )

  it('trap 31 a stream that breaks takes away what it had not given yet, of its own entries', async () => {
    for (const [[, ask], given] of each(asks, [0, 1, 2, 3])) {
      const { desk, loader } = held<string>()
      const keys = ['a', 'b', 'c']
      const loads = keys.map(key => watch(ask(loader, key)))
      await turn()
      // Asked anew while the stream runs: not the stream's to take away.
      loader.clear('c')
      const newer = watch(loader.load('c'))
      await turn()
      async function* stream() {
        yield* ['1', '2', '3'].slice(0, given)
        throw gone
      }
      await desk.answer(0, stream())
      await desk.answer(1)
      expect(loads.map(load => load.outcome)).toEqual(['1', '2', '3'].map((v, i) => (i < given ? v : gone)))
      expect(newer.outcome).toBe('c@1')
      void loader.loadMany(keys)
      await turn()
      expect(desk.bulks.slice(2).flat()).toEqual(['a', 'b'].slice(Math.min(given, 2)))
    }
  })

  it('trap 31 keys that were refused leave nothing in the cache', async () => {
    for (const [[, ask], [, cache]] of each(asks, caches)) {
      const { desk, loader } = held<string>({ ...cache(), maxPending: 2, delay: Infinity })
      const loads = ['a', 'b', 'c', 'a'].map(key => watch(ask(loader, key)))
      const many = watch(loader.loadMany(['b', 'd', 'e', 'd']))
      await turn()
      expect(loads[2]!.outcome).toBeInstanceOf(BulkOverflowError)
      const flushed = loader.flush()
      await turn()
      await desk.answer(0)
      await flushed
      const overflow = expect.any(BulkOverflowError)
      expect(loads.map(load => load.outcome)).toEqual(['a@0', 'b@0', overflow, 'a@0'])
      expect(many.outcome).toEqual(['b@0', overflow, overflow, overflow])

      const again = watch(loader.loadMany(['c', 'd']))
      void loader.flush()
      await turn()
      await desk.answer(1)
      expect(again.outcome).toEqual(['c@1', 'd@1'])

      await loader.close()
      const late = ['a', 'x'].map(key => watch(ask(loader, key)))
      await turn()
      expect(late.map(load => load.outcome)).toEqual(['a@0', expect.any(BulkClosedError)])
      loader.prime('x', 'primed')
      expect(await loader.load('x')).toBe('primed')
    }
  })

  it('trap 31 of one loadMany that is too long, the keys that were taken are kept and the others not', async () => {
    const { desk, loader } = held<string>({ size: 2, maxPending: 3, concurrent: 1 })
    const many = watch(loader.loadMany(['a', 'b', 'c', 'd', 'e', 'd', 'a']))
    await turn()
    await desk.answer(0)
    await desk.answer(1)
    const overflow = expect.any(BulkOverflowError)
    expect(many.outcome).toEqual(['a@0', 'b@0', 'c@1', overflow, overflow, overflow, 'a@0'])
    const again = watch(loader.loadMany(['a', 'c', 'd', 'e']))
    await turn()
    await desk.answer(2)
    expect(desk.bulks[2]).toEqual(['d', 'e'])
    expect(again.outcome).toEqual(['a@0', 'c@1', 'd@2', 'e@2'])
  })
})

/** One asking of a key, in the model: what its loads get. */
interface Asking {
  outcome: string
}

describe('trap 32 clear and prime while a key is on its way', () => {
  const moments = ['pending', 'in flight', 'answered'] as const

  it.each(
    each(each(asks, moments), caches).map(
      ([[[a, ask], moment], [b, cache]]) => [a, moment, b, { ask, cache }] as const,
    ),
  )(
    'trap 32 %s of a key that is %s (%s): clear, prime and load in every order',
    async (_a, moment, _b, { ask, cache }) => {
      for (const order of orders(['clear', 'prime', 'load'])) {
        const { desk, loader } = held<string>({ ...cache(), delay: Infinity })
        const run = async (): Promise<void> => {
          void loader.flush()
          await turn()
        }
        const first = watch(ask(loader, 'a'))
        if (moment !== 'pending') await run()
        if (moment === 'answered') await desk.answer(0)

        // The model: who waits for which asking, and which asking the cache holds. One that is pending stays so through
        // a `clear`, and settles when its key is primed.
        const one: Asking = { outcome: 'a@0' }
        let pending = moment === 'pending' ? one : null
        let cached: Asking | null = one
        let later = { expected: one, seen: first }
        for (const step of order) {
          if (step === 'clear') {
            loader.clear('a')
            cached = null
          } else if (step === 'load') {
            cached ??= pending ??= { outcome: 'asked at the end' }
            later = { expected: cached, seen: watch(ask(loader, 'a')) }
          } else {
            loader.prime('a', 'primed')
            if (pending === null) cached ??= { outcome: 'primed' }
            else {
              pending.outcome = 'primed'
              cached = pending
              pending = null
            }
          }
        }
        await run()
        for (let bulk = moment === 'answered' ? 1 : 0; bulk < desk.bulks.length; bulk++)
          await desk.answer(bulk)
        if (pending !== null) pending.outcome = `a@${desk.bulks.length - 1}`
        expect(desk.bulks).toHaveLength((moment === 'pending' ? 0 : 1) + (pending === null ? 0 : 1))
        expect(first.outcome).toBe(one.outcome)
        expect(later.seen.outcome).toBe(later.expected.outcome)
      }
    },
  )

  it('trap 32 a key primed while pending settles everyone who waits for it, however they asked', async () => {
    const { desk, loader } = held<string>()
    const many = watch(loader.loadMany(['a', 'b', 'a']))
    const single = watch(loader.load('a'))
    loader.clear('a')
    const rejoined = watch(loader.load('a'))
    const rejoinedMany = watch(loader.loadMany(['c', 'a']))
    loader.prime('a', 'primed')
    await turn()
    await desk.answer(0)
    expect(desk.bulks).toEqual([['b', 'c']])
    expect(many.outcome).toEqual(['primed', 'b@0', 'primed'])
    expect([single.outcome, rejoined.outcome]).toEqual(['primed', 'primed'])
    expect(rejoinedMany.outcome).toEqual(['c@0', 'primed'])
  })

  it('trap 32 an Error primed while its key is pending rejects those who wait, and is kept', async () => {
    for (const [, ask] of asks) {
      const { desk, loader } = held<string>()
      const first = watch(ask(loader, 'a'))
      loader.prime('a', gone)
      await turn()
      const second = watch(ask(loader, 'a'))
      await turn()
      expect([first.outcome, second.outcome]).toEqual([gone, gone])
      expect(desk.bulks).toEqual([])
    }
  })
})

describe('traps 33 and 34: rejections that nobody handles', () => {
  it('trap 33 what is primed and never loaded is no unhandled rejection', async () => {
    for (const options of [{}, { cache: false }, { cacheMap: new Map() }]) {
      const reasons = await unhandledDuring(() => {
        const { loader } = held<string>(options)
        loader.prime('a', gone)
        if (options.cache !== false) loader.prime('b', Promise.reject(gone))
      })
      expect(reasons).toEqual([])
    }
  })

  it("trap 33 a load of what was primed is its caller's: left alone, it is reported", async () => {
    const primes: ((loader: Loader) => unknown)[] = [
      loader => loader.prime('a', gone),
      loader => loader.prime('a', Promise.reject(gone)),
    ]
    for (const [prime, [, cache]] of each(primes, caches)) {
      const reasons = await unhandledDuring(async () => {
        const { loader } = held<string>(cache())
        prime(loader)
        await turn()
        void loader.load('a')
      })
      expect(reasons).toEqual([gone])
    }
  })

  it("trap 33 a load of what was primed is its caller's: handled, it is not reported", async () => {
    const reasons = await unhandledDuring(async () => {
      const { loader } = held<string>()
      loader.prime('a', gone)
      await turn()
      await expect(loader.load('a')).rejects.toBe(gone)
      expect(await loader.loadMany(['a'])).toEqual([gone])
      void loader.load('open')
      const aligned = loader.load('a')
      await turn()
      watch(aligned)
    })
    expect(reasons).toEqual([])
  })

  it('trap 34 each load of a failed bulk that is left alone is reported, once', async () => {
    const reasons = await unhandledDuring(async () => {
      const { desk, loader } = held<string>()
      for (const key of ['a', 'b', 'c']) void loader.load(key)
      watch(loader.load('d'))
      await turn()
      await desk.fail(0, gone)
    })
    expect(reasons).toEqual([gone, gone, gone])
  })

  it('trap 34 nothing of ours is reported when callers handle theirs', async () => {
    for (const [[, ask], [, cache]] of each(asks, caches)) {
      const reasons = await unhandledDuring(async () => {
        const { desk, loader } = held<string>({ ...cache(), size: 3, cacheErrors: false })
        for (const key of ['a', 'b', 'c', 'a', 'd']) watch(ask(loader, key))
        loader.prime('b', gone)
        loader.clear('c')
        watch(ask(loader, 'c'))
        await turn()
        await desk.answer(0, [gone, Promise.reject(gone), 'd'])
        for (const key of ['a', 'b', 'c']) watch(ask(loader, key))
        await turn()
        await desk.fail(1, gone)
      })
      expect(reasons).toEqual([])
    }
  })

  it('trap 34 a loadMany that is left alone reports nothing: it never rejects', async () => {
    const reasons = await unhandledDuring(async () => {
      const { desk, loader } = held<any>({ size: 2 })
      void loader.loadMany(['a', null, 'b', 'c', 'a'])
      await turn()
      await desk.fail(0, gone)
      await desk.answer(1, [gone])
      void loader.loadMany(['a', 'c'])
    })
    expect(reasons).toEqual([])
  })

  it('trap 33 an Error primed for a key that only a loadMany waits for is not reported', async () => {
    const reasons = await unhandledDuring(async () => {
      const { desk, loader } = held<string>({ size: 2 })
      const many = watch(loader.loadMany(['a', 'b', 'c']))
      loader.prime('a', gone)
      await turn()
      await desk.fail(0, gone)
      expect(many.outcome).toEqual([gone, gone, gone])
    })
    expect(reasons).toEqual([])
  })

  it('trap 34 a hit on an Error that is kept, beside an open bulk, is not reported before it is given', async () => {
    for (const [, ask] of asks) {
      const reasons = await unhandledDuring(async () => {
        const { desk, loader } = held<string>()
        watch(ask(loader, 'a'))
        await turn()
        await desk.answer(0, [gone])
        watch(loader.load('open'))
        const hit = watch(loader.load('a'))
        await turn()
        await desk.answer(1)
        expect(hit.outcome).toBe(gone)
      })
      expect(reasons).toEqual([])
    }
  })

  it('trap 34 a hit that waits for a later bulk is not reported before it is given', async () => {
    for (const fail of ['the key', 'the bulk']) {
      const reasons = await unhandledDuring(async () => {
        const { desk, loader } = held<string>({ concurrent: 1 })
        // Asked by loadMany, which never rejects; so nobody but the hit waits for the promise of this very key.
        void loader.loadMany(['a'])
        await turn()
        void loader.load('b')
        const hit = watch(loader.load('a'))
        await turn()
        if (fail === 'the key') await desk.answer(0, [gone])
        else await desk.fail(0, gone)
        await desk.answer(1)
        expect(hit.outcome).toBe(gone)
      })
      expect(reasons).toEqual([])
    }
  })
})

describe('trap 35 keys that are wrong', () => {
  it('trap 35 load of null or undefined rejects and does not throw', async () => {
    const { desk, loader } = held<any>()
    for (const key of [null, undefined]) {
      const seen = watch(loader.load(key))
      await turn()
      expect(seen.outcome).toBeInstanceOf(BulkOptionError)
    }
    expect(desk.bulks).toEqual([])
  })

  it('trap 35 wherever the wrong key stands in a loadMany, the others are asked once, in their order', async () => {
    for (const order of orders(['a', 'b', null, undefined])) {
      const { desk, loader } = held<any>()
      const many = watch(loader.loadMany(order))
      await turn()
      await desk.answer(0)
      expect(desk.bulks).toEqual([order.filter(key => typeof key === 'string')])
      const wrong: unknown = expect.any(BulkOptionError)
      expect(many.outcome).toEqual(order.map(key => (typeof key === 'string' ? `${key}@0` : wrong)))
    }
  })

  it('trap 35 an iterable that throws midway asks nothing', async () => {
    const { desk, loader } = held<string>()
    function* keys() {
      yield 'a'
      throw gone
    }
    const many = watch(loader.loadMany(keys()))
    await turn()
    expect(many.outcome).toBe(gone)
    expect(desk.bulks).toEqual([])
  })
})

describe('trap 36 which keys are equal', () => {
  it('trap 36 keys are compared as a Map compares them, and reach the command as they are', async () => {
    const date = new Date(0)
    const list = [1]
    const keys: unknown[] = [
      1,
      '1',
      1n,
      true,
      'true',
      date,
      new Date(0),
      list,
      [1],
      NaN,
      0,
      '__proto__',
      'constructor',
    ]
    for (const [, ask] of asks) {
      const { desk, loader } = held<any>()
      const loads = [...keys, date, list, NaN, -0, '__proto__'].map(key => watch(ask(loader, key as string)))
      await turn()
      expect(desk.bulks[0]).toHaveLength(keys.length)
      expect(desk.bulks[0]!.every((key, i) => Object.is(key, keys[i]))).toBe(true)
      await desk.answer(0, keys.keys())
      expect(loads.slice(0, keys.length).map(load => load.outcome)).toEqual([...keys.keys()])
      expect(loads.slice(keys.length).map(load => load.outcome)).toEqual([5, 7, 9, 10, 11])
    }
  })

  it('trap 36 keys that are pending are found as a Map finds them', async () => {
    for (const key of [NaN, 0, '__proto__', 'a', Symbol('s'), 1n]) {
      const { desk, loader } = held<any>({ delay: Infinity })
      const before = watch(loader.load(key))
      loader.clear(key)
      const after = watch(loader.load(Object.is(key, 0) ? -0 : key))
      loader.prime(key, 'primed')
      await turn()
      expect([before.outcome, after.outcome]).toEqual(['primed', 'primed'])
      void loader.flush()
      await turn()
      expect(desk.bulks).toEqual([])
    }
  })

  it('trap 36 a cacheKeyFn may keep apart what a joined string would mix', async () => {
    const { desk, loader } = held<[string, string]>({ cacheKeyFn: ([a, b]) => JSON.stringify([a, b]) })
    void loader.load(['a1', 'b'])
    void loader.load(['a', '1b'])
    void loader.load(['a1', 'b'])
    await turn()
    expect(desk.bulks).toEqual([
      [
        ['a1', 'b'],
        ['a', '1b'],
      ],
    ])
  })
})

describe('trap 37 equal keys without a cache', () => {
  it('trap 37 one result is given to all who asked in one bulk, value or Error', async () => {
    for (const [one, other] of each(asks, asks)) {
      const { desk, loader } = held<string>({ cache: false })
      const loads = ['a', 'b', 'a'].map(key => watch(one[1](loader, key)))
      const more = ['a', 'b'].map(key => watch(other[1](loader, key)))
      await turn()
      expect(desk.bulks).toEqual([['a', 'b']])
      await desk.answer(0, ['x', gone])
      expect([...loads, ...more].map(load => load.outcome)).toEqual(['x', gone, 'x', 'x', gone])
    }
  })

  it('trap 37 in whatever order keys are loaded and primed, no bulk has one twice', async () => {
    const steps = ['load a', 'load b', 'load a', 'load c', 'prime b', 'load b'] as const
    for (const order of orders(steps)) {
      const { desk, loader } = held<string>({ cache: false, size: 2 })
      const loads: { key: string; outcome: { outcome: unknown } }[] = []
      for (const step of order) {
        const key = step.at(-1)!
        if (step.startsWith('prime')) loader.prime(key, `${key}@primed`)
        else loads.push({ key, outcome: watch(loader.load(key)) })
      }
      await turn()
      for (let bulk = 0; bulk < desk.bulks.length; bulk++) await desk.answer(bulk)
      for (const bulk of desk.bulks) expect(new Set(bulk).size).toBe(bulk.length)
      for (const { key, outcome } of loads) expect(String(outcome.outcome)).toMatch(`${key}@`)
    }
  })
})

describe('S214 a map of the user, or a judge of errors, that throws', () => {
  const answers: [string, (keys: number[]) => any][] = [
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['gives errors', keys => keys.map(() => new Error('no'))],
    ['gives promises that reject', keys => keys.map(() => Promise.reject(new Error('no')))],
    ['yields errors', yielding],
  ]

  for (const cacheErrors of [true, false, broken]) {
    it.each(answers)(
      `leaves nobody waiting where the command %s (cacheErrors: ${typeof cacheErrors === 'function' ? 'throws' : cacheErrors})`,
      async (_, command) => {
        for (const method of ['get', 'delete', 'nothing'] as const) {
          const cacheMap = new Map<number, Promise<unknown>>()
          const loader = new BulkLoader(command, { cacheMap, cacheErrors })
          const controller = new AbortController()
          const loads = [1, 2, 2].map(key => loader.load(key))
          const leaving = [3, 4].map(key => loader.load(key, controller))
          if (method !== 'nothing') cacheMap[method] = broken
          controller.abort(new Error('gone'))
          const outcomes = await Promise.all([...loads, ...leaving].map(load => load.catch(message)))
          expect(outcomes).toEqual(['no', 'no', 'no', 'gone', 'gone'])
          await loader.flush()
          expect([loader.pending, loader.inFlight]).toEqual([0, 0])
        }
      },
    )
  }

  it('keeps no error of which a judge has not said so', async () => {
    const asked: number[][] = []
    const command = (keys: number[]): Error[] => {
      asked.push(keys)
      return keys.map(() => new Error('no'))
    }
    const loader = new BulkLoader(command, { cacheErrors: broken })
    for (let time = 0; time < 2; time++) await loader.loadMany([1, 2])
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  it('that cannot keep an answer rejects its load, and nothing else', async () => {
    const cacheMap = Object.assign(new Map<number, Promise<unknown>>(), { set: broken })
    const loader = new BulkLoader(() => Promise.reject(new Error('no')), { cacheMap })
    expect(await loader.load(1).catch(message)).toBe('broken')
    await loader.flush()
  })
})

async function* yielding(keys: number[]): AsyncGenerator {
  for (const _ of keys) yield await Promise.resolve(new Error('no'))
}

function broken(): never {
  throw new Error('broken')
}

function message(error: unknown): string {
  return (error as Error).message
}
