import { readFile } from 'node:fs/promises'
import type Original from 'dataloader'
import { expectTypeOf, test } from 'vitest'
import DataLoader, { type BatchLoadFn, type CacheMap, type Options } from '../src/index.ts'

interface User {
  readonly id: number
}
const users = (ids: readonly number[]): Promise<(User | Error)[]> => Promise.resolve(ids.map(id => ({ id })))

test('a loader is what dataloader says it is, and either can stand for the other', () => {
  const loader = new DataLoader(users)
  expectTypeOf(loader).toEqualTypeOf<DataLoader<number, User>>()
  expectTypeOf(loader.load(1)).toEqualTypeOf<Promise<User>>()
  expectTypeOf(loader.loadMany([1])).toEqualTypeOf<Promise<(User | Error)[]>>()
  expectTypeOf<DataLoader<number, User>>().toExtend<Original<number, User>>()
  expectTypeOf<Original<number, User>>().toExtend<DataLoader<number, User>>()
  expectTypeOf<typeof DataLoader>().toExtend<typeof Original>()
})

test('the options of dataloader are options', () => {
  expectTypeOf<Original.Options<User, string, number>>().toExtend<Options<User, string, number>>()
  expectTypeOf<Original.BatchLoadFn<number, User>>().toExtend<BatchLoadFn<number, User>>()
  expectTypeOf<BatchLoadFn<number, User>>().toExtend<Original.BatchLoadFn<number, User>>()
  expectTypeOf<Original.CacheMap<number, User>>().toExtend<CacheMap<number, User>>()
})

test('the types of the namespace are those by name', () => {
  expectTypeOf<DataLoader.BatchLoadFn<number, User>>().toEqualTypeOf<BatchLoadFn<number, User>>()
  expectTypeOf<DataLoader.Options<number, User, string>>().toEqualTypeOf<Options<number, User, string>>()
  expectTypeOf<DataLoader.CacheMap<number, User>>().toEqualTypeOf<CacheMap<number, User>>()
})

test('a load may have a signal, and what compiles with dataloader does so still', () => {
  const loader = new DataLoader(users)
  const { signal } = new AbortController()
  expectTypeOf(loader.load(1, { signal })).toEqualTypeOf<Promise<User>>()
  expectTypeOf(loader.load(1, { signal: undefined })).toEqualTypeOf<Promise<User>>()
  expectTypeOf(loader.loadMany([1], { signal })).toEqualTypeOf<Promise<(User | Error)[]>>()
  expectTypeOf<DataLoader.LoadOptions>().toEqualTypeOf<{ readonly signal?: AbortSignal | undefined }>()
  // oxlint-disable typescript/unbound-method
  expectTypeOf([1].map(loader.load, loader)).toEqualTypeOf<Promise<User>[]>()
  expectTypeOf(Array.from([1], loader.load, loader)).toEqualTypeOf<Promise<User>[]>()
  expectTypeOf<Parameters<typeof loader.load>>().toEqualTypeOf<[key: number]>()
  expectTypeOf<Parameters<typeof loader.loadMany>>().toEqualTypeOf<[keys: ArrayLike<number>]>()
  // oxlint-enable typescript/unbound-method
  class Signalled extends DataLoader<number, User> {
    override load(id: number, options?: DataLoader.LoadOptions): Promise<User> {
      return super.load(id, options)
    }
  }
  expectTypeOf(new Signalled(users).load(1, { signal })).toEqualTypeOf<Promise<User>>()
  // @ts-expect-error: a controller is no signal
  void loader.load(1, { signal: new AbortController() })
})

test('a class may extend it, and a key of another type is refused', () => {
  class Users extends DataLoader<number, User, string> {
    constructor() {
      super(users, { cacheKeyFn: String })
    }
    override load(id: number): Promise<User> {
      return super.load(id)
    }
  }
  expectTypeOf(new Users().prime(1, { id: 1 })).toEqualTypeOf<Users>()
  // @ts-expect-error: a string is no key
  void new Users().load('1')
  // @ts-expect-error: a batch function gives a promise of a list
  void new DataLoader((ids: readonly number[]) => ids)
  // @ts-expect-error: a batch function with more than its keys to ask for
  void new DataLoader((ids: readonly string[], path: string) => readFile(path).then(() => ids))
})
