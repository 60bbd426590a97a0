/**
 * What the compiler says about a mistake in a command.
 */

import { expect, it } from 'vitest'
import { messagesFor } from '../../../test/support/compiler.ts'

it('S92 the compiler says in words that `keyOfTask` is needed, and what the key and the task are', () => {
  const messages = messagesFor(
    [
      'keyed(users, user => user.id)',
      'grouped(users, user => user.id)',
      'keyed(users, user => user.id, Number)',
      'keyed(users, user => user.name)',
    ],
    `import { grouped, keyed } from '@bulkcall/core'
    interface User { readonly id: number }
    declare const users: (ids: string[]) => Promise<User[]>`,
  )
  const needed = `Argument of type '(user: User) => number' is not assignable to parameter of type '((row: User) => number) & { 'keyOfTask is needed: the key of a row is not a task': { key: number; task: string; }; }'.`
  expect(messages).toEqual([
    `error TS2345: ${needed}`,
    `error TS2345: ${needed}`,
    undefined,
    `error TS2339: Property 'name' does not exist on type 'User'.`,
  ])
})

it('S186 a loader whose command gives nothing does not compile, nor does one that gives what holds no results', () => {
  const messages = messagesFor(
    [
      'new BulkLoader(async (ids: number[]) => {})',
      'new BulkLoader<number, null>((ids: number[]) => {})',
      'new SharedLoader(async (ids: number[]) => {})',
      'bulkLoaderFactory()((ids: number[]) => undefined)',
      'new BulkLoader(async (ids: number[]) => ids.length)',
      'new BulkLoader(async (ids: number[]) => null), new AsyncBulkCall(async (ids: number[]) => {})',
    ],
    `import { AsyncBulkCall, BulkLoader, bulkLoaderFactory, SharedLoader } from '@bulkcall/core'`,
  )
  const none = `error TS2769: No overload matches this call. Type 'void' is not assignable to type 'LoaderResults<number, unknown>'.`
  expect(messages).toEqual([
    none,
    `error TS2345: Argument of type '(ids: number[]) => void' is not assignable to parameter of type 'LoaderCommand<number, null>'.`,
    none,
    `error TS2345: Argument of type '(ids: number[]) => undefined' is not assignable to parameter of type '(keys: any[], context: CommandContext) => PromiseLike<LoaderResults<any, unknown>> | LoaderResults<any, unknown>'.`,
    `error TS2769: No overload matches this call. Type 'number' is not assignable to type 'LoaderResults<number, unknown>'.`,
    undefined,
  ])
})
