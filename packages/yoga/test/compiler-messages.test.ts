/**
 * What the compiler says about a mistake in a definition, or in a batched field.
 */

import { expect, it } from 'vitest'
import { messagesFor } from '../../../test/support/compiler.ts'

it('S148 the compiler names a misspelt setting, and refuses a batched field whose command gives no results', () => {
  const messages = messagesFor(
    [
      'useBulk({ users: { command: users, sise: 5 } })',
      'useBulk<{ tenant: string }>()({ users: { command: users, concurent: 5 } })',
      'bulkResolver(calls => calls.length)',
      'useBulk({ users: { command: users, size: 5 } }), bulkResolver(calls => calls.map(() => 1))',
    ],
    `import { bulkResolver, useBulk } from '@bulkcall/yoga'
    declare const users: (ids: number[]) => Promise<{ readonly id: number }[]>`,
  )
  expect(messages).toEqual([
    `error TS2322: Type '5' is not assignable to type '5 & { 'a loader has no such setting': "sise"; }'.`,
    `error TS2322: Type '5' is not assignable to type '5 & { 'a loader has no such setting': "concurent"; }'.`,
    `error TS2322: Type 'number' is not assignable to type 'PromiseLike<LoaderResults<any, unknown>> | LoaderResults<any, unknown>'.`,
    undefined,
  ])
})

/** The reason why a command is refused. */
function noResults(given: string): string {
  return `'a command gives one result for each key, in a list or a Map, or null for none': ${given}`
}

function refused(command: string, reason: string): string {
  return `error TS2322: Type '${command}' is not assignable to type '(${command}) & { ${reason}; }'.`
}

/** The same where the command is the whole definition. */
function refusedAlone(command: string, reason: string): string {
  return refused(command, reason).replace(/'\.$/, ` & TypedDefinition<unknown, never, never> & object'.`)
}

it('S186 the compiler says in words what is wrong with a command in a definition', () => {
  const messages = messagesFor(
    [
      'useBulk({ users: ids => ids })',
      'useBulk({ users: { command: ids => ids, size: 5 } })',
      'useBulk<{ tenant: string }>()({ users: { command: (ids, { context }) => [context.tenant, ids] } })',
      'useBulk({ users: async (ids: number[]) => {} })',
      'useBulk({ users: { command: (ids: number[]) => {} } })',
      'useBulk({ users: (ids: number[]) => ids.length })',
      'useBulk<{ tenant: string }>()({ users: { command: async (ids: number[]) => "x" } })',
      'bulkResolver(async (calls: { source: 1 }[]) => {})',
      'useBulk({ users: { command: users, cacheKeyFn: (id: string) => id } })',
      'useBulk({ users: async (ids: number[]) => null, all: (ids: any[]) => ids })',
    ],
    `import { bulkResolver, useBulk } from '@bulkcall/yoga'
    declare const users: (ids: number[]) => Promise<{ readonly id: number }[]>`,
  )
  const noType = `'the keys of a command need a type, such as (keys: number[]) => ...': never`
  expect(messages).toEqual([
    refusedAlone('(ids: never) => never', noType),
    refused('(ids: never) => never', noType),
    refused('(ids: never, { context }: BulkCommandContext<{ tenant: string; }>) => string[]', noType),
    refusedAlone('(ids: number[]) => Promise<void>', noResults('void')),
    refused('(ids: number[]) => void', noResults('void')),
    refusedAlone('(ids: number[]) => number', noResults('number')),
    refused('(ids: number[]) => Promise<string>', noResults('string')),
    `error TS2345: Argument of type '(calls: { source: 1; }[]) => Promise<void>' is not assignable to parameter of type '(calls: BulkResolverCall<1, unknown>[], context: BulkCommandContext<any>) => PromiseLike<LoaderResults<any, unknown>> | LoaderResults<...>'.`,
    `error TS2322: Type '(id: string) => string' is not assignable to type '((id: string) => string) & ((key: number) => unknown)'.`,
    undefined,
  ])
})

/** That something has no property `foo`, which names its type. */
function noFoo(type: string): string {
  return `error TS2339: Property 'foo' does not exist on type '${type}'.`
}

it('S286 a setting that gets keys or answers has their types from the command beside it', () => {
  const messages = messagesFor(
    [
      'useBulk({ users: { command: users, cacheKeyFn: key => key.foo } })',
      'useBulk<{ tenant: string }>()({ users: { cacheKeyFn: key => key.foo, command: users } })',
      'defineBulk({ users: { command: users, shared: true, clone: user => user.foo } })',
      // Where the command itself waits for types, the setting cannot have them yet: it is refused, and not `any`.
      'useBulk<{ tenant: string }>()({ users: { command: (ids: number[], { context }) => [context.tenant], cacheKeyFn: key => key.foo } })',
      'useBulk({ users: { command: keyed(users, user => user.id), cacheKeyFn: key => key.foo } })',
      'useBulk({ users: { command: keyed(users, user => user.id), cacheKeyFn: (key: number) => `${key}` } })',
      'new SharedLoader(users, { clone: user => user.foo })',
      'useBulk({ users: { command: users, cacheKeyFn: key => key.toFixed(), shared: true, clone: user => ({ ...user, id: user.id }) } })',
    ],
    `import { keyed, SharedLoader } from '@bulkcall/core'
    import { defineBulk } from '@bulkcall/graphql'
    import { useBulk } from '@bulkcall/yoga'
    interface User { readonly id: number }
    declare const users: (ids: number[]) => Promise<User[]>`,
  )
  expect(messages).toEqual([
    noFoo('number'),
    noFoo('number'),
    noFoo('User'),
    noFoo('never'),
    noFoo('never'),
    undefined,
    noFoo('User'),
    undefined,
  ])
})

it('S287 the compiler says that a command gets all keys, and that its Map must have them', () => {
  const messages = messagesFor(
    [
      'useBulk({ users: user })',
      'useBulk({ users: { command: user } })',
      'useBulk({ users: async (ids: number[]) => new Map([["1", 1]]) })',
      'useBulk({ users: { command: (ids: number[]) => new Map([["1", 1]]) } })',
      'useBulk({ users: (ids: number[]) => new Map([[1 as number | string, 1]]), all: (ids: unknown[]) => new Map([[1, 1]]) })',
    ],
    `import { useBulk } from '@bulkcall/yoga'
    declare const user: (id: number) => Promise<{ readonly id: number }>`,
  )
  const allKeys = `'a command gets all keys of a bulk, in an array, such as (keys: number[]) => ...': number`
  const otherKeys = `'the Map has other keys than the command gets': { inTheMap: string; key: number; }`
  expect(messages).toEqual([
    refusedAlone('(id: number) => Promise<{ readonly id: number; }>', allKeys),
    refused('(id: number) => Promise<{ readonly id: number; }>', allKeys),
    refusedAlone('(ids: number[]) => Promise<Map<string, number>>', otherKeys),
    refused('(ids: number[]) => Map<string, number>', otherKeys),
    undefined,
  ])
})

it('S187 the compiler says that the type of a context needs a second call', () => {
  const messages = messagesFor(
    [
      'useBulk<AppContext>({ users })',
      'useBulk<AppContext>()({ users })',
      'defineBulk<AppContext>({ users })',
    ],
    `import { defineBulk } from '@bulkcall/graphql'
    import { useBulk } from '@bulkcall/yoga'
    interface AppContext { readonly tenant: string }
    declare const users: (ids: number[]) => Promise<{ readonly id: number }[]>`,
  )
  const definitions = 'Readonly<Record<string, AnyCommand<any> | AnyDefinition<any>>>'
  const needed = (call: string) =>
    `error TS2344: Type 'AppContext' does not satisfy the constraint '${definitions} & { readonly 'with the type of a context, definitions go into a second call: ${call}<Context>()({ ... })'?: never; }'.`
  expect(messages).toEqual([needed('useBulk'), undefined, needed('defineBulk')])
})
