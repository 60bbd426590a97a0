import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import { BulkLoader, bulkLoaderFactory, BulkOptionError, BulkScope, semaphore } from '../src/index.ts'
import { firstOf, placesOf } from '../src/engine/duplicates.ts'
import { held, turn, watch } from './support/desk.ts'

/** The reference: a `Map`, key by key. */
function placesByMap(keys: readonly unknown[]): number[] | null {
  const places = new Map<unknown, number>()
  const all = keys.map(key => {
    if (!places.has(key)) places.set(key, places.size)
    return places.get(key)!
  })
  return places.size === keys.length ? null : all
}

/** So many keys in an order of their own, each with this number of equals. */
function mixed<K>(count: number, times: number, keyOf: (number: number) => K): K[] {
  return Array.from({ length: count }, (_, i) => keyOf(Math.floor(((i * 7919) % count) / times)))
}

describe('equal keys', () => {
  const odd = fc.constantFrom<unknown>(
    0,
    -0,
    NaN,
    1.5,
    2 ** 31,
    -(2 ** 31),
    2 ** 40,
    '0',
    'a',
    true,
    null,
    1n,
  )
  const keys = fc.oneof(
    fc.array(fc.integer(), { maxLength: 200 }),
    fc.array(fc.nat(300), { maxLength: 200 }),
    fc.array(fc.oneof(fc.nat(300), odd), { maxLength: 200 }),
    fc.array(fc.string({ maxLength: 2 }), { maxLength: 200 }),
  )

  it('S52 are found as a Map finds them, however many keys there are and of whatever kind', () => {
    fc.assert(
      fc.property(keys, some => {
        expect(placesOf(some)).toEqual(placesByMap(some))
      }),
      { numRuns: rounds(3_000) },
    )
  })

  it('S52 are found among whole numbers that crowd in one part of the table', () => {
    // The inverse of the factor by which numbers are spread: their places follow each other.
    const inverse = 0x144cbc89
    const crowd = Array.from({ length: 2_000 }, (_, i) => Math.imul(i, inverse))
    expect(placesOf(crowd)).toBeNull()
    expect(placesOf([...crowd, crowd[1_000]!])).toEqual([...crowd.keys(), 1_000])
  })

  it('S52 are not found where one look had them and the next has not', () => {
    const some = Array.from({ length: 100 }, (_, i) => i)
    for (let look = 0; look < 1_000; look++) expect(placesOf(some)).toBeNull()
  })

  it('S52 the first of each stands for it', () => {
    const some = ['a', 'b', 'a', 'c', 'b']
    expect(firstOf(some, placesOf(some))).toEqual(['a', 'b', 'c'])
  })
})

describe('S52 many loads of one tick', () => {
  const kinds: [string, (number: number) => unknown][] = [
    ['whole numbers', number => number],
    ['strings', number => `key ${number}`],
    ['numbers and strings', number => (number % 2 === 0 ? number : `key ${number}`)],
  ]
  const cases = [10, 17, 63, 64, 65, 300, 1_000].flatMap(count =>
    [1, 2, 5].flatMap(times => [Infinity, 100, 64, 7].map(size => ({ count, times, size }))),
  )

  it.each(kinds)(
    'S3 S52 of %s: each key is asked once, in its bulk, and each load has its answer',
    async (_, keyOf) => {
      for (const { count, times, size } of cases) {
        const loads = mixed(count, times, keyOf)
        const distinct = [...new Set(loads)]
        for (const options of [
          {},
          { cache: false },
          { cacheKeyFn: (key: unknown) => `${typeof key} ${String(key)}` },
        ]) {
          const bulks: unknown[][] = []
          const loader = new BulkLoader<unknown, string, any>(
            async asked => {
              bulks.push(asked)
              return asked.map(String)
            },
            { size, ...options },
          )
          const answers = loads.map(key => loader.load(key))
          expect(loader.pending).toBe(distinct.length)
          expect(await Promise.all(answers)).toEqual(loads.map(String))
          expect(
            bulks
              .map(bulk => bulk.length)
              .slice(0, -1)
              .every(length => length === size),
          ).toBe(true)
          expect(bulks.flat()).toEqual(distinct)
        }
      }
    },
  )

  it('S52 S58 of loads and loadManys mixed: each key is asked once, and each has its answers', async () => {
    for (const { count, times, size } of cases) {
      const loads = mixed(count, times, number => number)
      const bulks: number[][] = []
      const loader = new BulkLoader<number, number>(
        async asked => {
          bulks.push(asked)
          return asked.map(key => key * 10)
        },
        { size },
      )
      const answers = [
        loader.load(loads[0]!),
        loader.loadMany(loads.slice(0, count >> 1)),
        loader.load(loads.at(-1)!),
        loader.loadMany(loads),
      ]
      const due = loads.map(key => key * 10)
      expect(await Promise.all(answers)).toEqual([due[0], due.slice(0, count >> 1), due.at(-1), due])
      expect(bulks.flat()).toHaveLength(new Set(loads).size)
      expect(new Set(bulks.flat())).toEqual(new Set(loads))
      expect(await loader.loadMany(loads)).toEqual(due)
    }
  })

  it('S5 S52 equal keys take no room that is bounded', async () => {
    const loader = new BulkLoader<number, number>(async asked => asked, { maxPending: 3, delay: 0 })
    const loads = [1, 1, 2, 2, 1, 3, 3, 1].map(key => loader.load(key))
    const refused = watch(loader.load(4))
    expect(await Promise.all(loads)).toEqual([1, 1, 2, 2, 1, 3, 3, 1])
    expect((refused.outcome as Error).name).toBe('BulkOverflowError')
  })

  it('S45 S52 a scope is quiet although equal keys of it wait', async () => {
    const scope = new BulkScope()
    const { desk, loader } = held<string>({ scope, delay: 60_000 })
    const loads = ['a', 'b', 'a', 'a'].map(key => scope.run(async () => loader.load(key)))
    await turn()
    await turn()
    expect(desk.bulks).toEqual([['a', 'b']])
    await desk.answer(0)
    expect(await Promise.all(loads)).toEqual(['a@0', 'b@0', 'a@0', 'a@0'])
  })
})

describe('a factory of loaders', () => {
  it('S48 checks its options at once, and knows none that is of one loader', () => {
    expect(() => bulkLoaderFactory({ size: 0 })).toThrow(BulkOptionError)
    expect(() => bulkLoaderFactory({ cacheMap: new Map() } as never)).toThrow(/cacheMap/)
    expect(() => bulkLoaderFactory({ scope: new BulkScope() } as never)).toThrow(/scope/)
    expect(() => bulkLoaderFactory()('find' as never)).toThrow(/the command/)
    expect(() => bulkLoaderFactory()(async (keys: number[]) => keys, {} as never)).toThrow(/scope/)
  })

  it('S48 S52 makes loaders with these options, each with answers of its own', async () => {
    const make = bulkLoaderFactory<number>({ size: 2, cacheKeyFn: key => key % 10 })
    const bulks: number[][] = []
    async function rows(keys: number[]): Promise<number[]> {
      bulks.push(keys)
      return keys
    }
    const [one, other] = [make(rows), make(rows)]
    expect(one.name).toBe('rows')
    expect(await one.loadMany([1, 2, 11, 3])).toEqual([1, 2, 1, 3])
    expect(await other.load(21)).toBe(21)
    expect(bulks).toEqual([[1, 2], [3], [21]])
  })

  it('S16 its loaders share their limit', async () => {
    const limiter = semaphore(1)
    let most = 0
    const make = bulkLoaderFactory<number>({ concurrent: limiter })
    const command = async (keys: number[]): Promise<number[]> => {
      most = Math.max(most, limiter.inUse)
      await Promise.resolve()
      return keys
    }
    const loaders = [make(command), make(command)]
    const loads = loaders.map(loader => loader.load(1))
    await turn()
    expect(await Promise.all(loads)).toEqual([1, 1])
    expect(most).toBe(1)
  })
})
