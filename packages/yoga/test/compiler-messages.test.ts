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
    `error TS2322: Type 'number' is not assignable to type 'PromiseLike<Results<any, unknown>> | Results<any, unknown>'.`,
    undefined,
  ])
})
