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
