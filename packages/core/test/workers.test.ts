/**
 * Workers of Cloudflare, whose `AsyncResource` throws at options that it does not have.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

it('S184 where an AsyncResource takes no options, commands run in the async context of their scope', async () => {
  class Bare extends AsyncResource {
    constructor(type: string, options?: object) {
      if (options !== undefined)
        throw new Error("The 'triggerAsyncId' field on 'Options' is not implemented.")
      super(type)
    }
  }
  vi.spyOn(process, 'getBuiltinModule').mockImplementation((name: string): any =>
    name === 'node:async_hooks' ? { AsyncResource: Bare, AsyncLocalStorage } : undefined,
  )
  vi.resetModules()
  const { AsyncBulkCall, BulkScope } = await import('../src/index.ts')

  const store = new AsyncLocalStorage<string>()
  const scope = store.run('of the scope', () => new BulkScope())
  const call = new AsyncBulkCall((tasks: unknown[]) => tasks.map(() => store.getStore()), { scope })

  expect(await store.run('of the caller', () => call.call(1))).toBe('of the scope')
})
