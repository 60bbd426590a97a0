import { BulkLoader, keyed, type CommandContext } from '@bulkcall/core'
import type { Keyv } from 'keyv'
import { describe, expectTypeOf, it } from 'vitest'

import { withCache, type CacheOptions, type SharedStore } from '../src/index.ts'

interface User {
  readonly id: number
  readonly name: string
}

declare const options: CacheOptions<number>
declare const fetchUsers: (ids: readonly number[]) => Promise<User[]>
declare const fetchWithSignal: (ids: number[], context: CommandContext) => Promise<User[]>
declare const fetchForViewer: (
  ids: number[],
  context: CommandContext & { readonly context: { readonly viewer: string } },
) => Promise<User[]>

describe('a command with a cache', () => {
  it('gives what the command gives', () => {
    const cached = withCache(fetchUsers, options)
    expectTypeOf(new BulkLoader(cached)).toEqualTypeOf<BulkLoader<number, User>>()
    const sparse = withCache(
      keyed(fetchUsers, user => user.id),
      options,
    )
    expectTypeOf(new BulkLoader(sparse)).toEqualTypeOf<BulkLoader<number, User | null>>()
    expectTypeOf(cached.forget).parameter(0).toEqualTypeOf<Iterable<number>>()
  })

  it('may look at the name and the signal of its bulk, and at nothing of the request', () => {
    expectTypeOf(withCache(fetchWithSignal, options)).toBeFunction()
    // @ts-expect-error -- the cache does not know the viewer
    expectTypeOf(withCache(fetchForViewer, options)).toBeFunction()
  })

  it('has keys of the kind that its options name', () => {
    // @ts-expect-error -- the ids are numbers
    expectTypeOf(withCache(fetchUsers, { ...options, key: (id: string) => id })).toBeFunction()
  })
})

it('a Keyv will do as a store', () => {
  expectTypeOf<Keyv>().toExtend<SharedStore>()
})
