/**
 * The warning of a window that stays open: with `delay: Infinity` it may hang for ever, and then says who is waited for.
 */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

afterEach(() => vi.restoreAllMocks())

/** A copy of the package that has not warned yet, a host that is driven by hand, and the warnings of the process. */
async function fresh() {
  vi.resetModules()
  const core = { ...(await import('../src/index.ts')), ...(await import('../src/kit.ts')) }
  const warnings: unknown[][] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((...warning: unknown[]) => void warnings.push(warning))
  const host = new ManualHost()
  const scope = new core.BulkScope({ host })
  return { core, host, scope, warnings }
}

const never = (): Promise<void> => new Promise(() => {})

const rows = (ids: unknown[]): unknown[] => ids

describe('a window that stays open', () => {
  it('S79 is warned of after 5 s, with its loader and the resolvers that are waited for, once', async () => {
    const { core, host, scope, warnings } = await fresh()
    const load = (name: string) => new core.BulkLoader(rows, { name, delay: Infinity, scope, host })
    const [users, posts] = [load('users'), load('posts')]
    void scope.run(never, new core.Evidence('Post.slow'))
    void scope.run(never, new core.Evidence('Post.slower'))
    void scope.run(() => Promise.all([users.load(1), users.load(2)]))
    await pass(host, 1)
    void scope.run(() => posts.load(3))
    await pass(host, 4998)
    expect(warnings).toEqual([])
    await pass(host, 20_000)
    expect(warnings).toEqual([
      [
        'Bulkcall: users has had its window open for 5 s, with 2 pending, waiting for Post.slow, Post.slower',
        { code: 'BULKCALL_WINDOW_OPEN' },
      ],
    ])
    expect(host.timers).toBe(0)
  })

  it('S79 is warned of where no resolver is known by name', async () => {
    const { core, host, scope, warnings } = await fresh()
    const users = new core.BulkLoader(rows, { name: 'users', delay: 60_000, scope, host })
    void scope.run(never)
    void scope.run(() => users.load(1))
    await pass(host, 5000)
    expect(warnings).toMatchObject([
      [expect.stringContaining('waiting for work that is not known by name'), {}],
    ])
  })

  it('S79 is not where it may stay open for 5 s and no longer', async () => {
    const { core, host, scope, warnings } = await fresh()
    const users = new core.BulkLoader(rows, { delay: 5000, scope, host })
    void scope.run(never)
    void scope.run(() => users.load(1))
    await pass(host, 4999)
    expect(host.timers).toBe(1)
    await pass(host, 10_000)
    expect(warnings).toEqual([])
  })

  it('S79 has its 5 s from the last call that it got', async () => {
    const { core, host, scope, warnings } = await fresh()
    const users = new core.BulkLoader(rows, { delay: Infinity, scope, host })
    void scope.run(never)
    void scope.run(() => users.load(1))
    await pass(host, 3000)
    void scope.run(() => users.load(2))
    await pass(host, 4999)
    expect(warnings).toEqual([])
    await pass(host, 1)
    expect(warnings).toHaveLength(1)
  })

  it('S79 S15 that closes in time leaves no timer behind', async () => {
    const { core, host, scope, warnings } = await fresh()
    const users = new core.BulkLoader(rows, { delay: Infinity, scope, host })
    const slow = new Deferred<void>()
    void scope.run(() => slow.promise)
    const load = scope.run(() => users.load(1))
    await pass(host, 4999)
    expect(host.timers).toBe(1)
    slow.resolve()
    await host.turn()
    expect(await load).toBe(1)
    expect(host.timers).toBe(0)
    expect(warnings).toEqual([])
  })

  it('S79 S15 whose last caller has gone leaves no timer behind', async () => {
    const { core, host, scope } = await fresh()
    const users = new core.AsyncBulkCall(rows, { delay: Infinity, scope, host })
    const controller = new AbortController()
    void scope.run(never)
    const load = scope.run(() => users.call(1, { signal: controller.signal })).catch(String)
    await pass(host, 1)
    expect(host.timers).toBe(1)
    controller.abort('gone')
    await host.turn()
    expect(await load).toBe('gone')
    expect(host.timers).toBe(0)
  })

  it('S79 keeps no program alive by that', async () => {
    const { core, host, scope } = await fresh()
    const unref = vi.fn()
    vi.spyOn(host, 'setTimer').mockReturnValue({ unref })
    const users = new core.BulkLoader(rows, { delay: Infinity, scope, host })
    void scope.run(never)
    void scope.run(() => users.load(1))
    await host.turn()
    expect(unref).toHaveBeenCalledOnce()
  })
})

describe('a bulk that waits for a slot', () => {
  it('S79 has no open window, and is not warned of', async () => {
    const { core, host, scope, warnings } = await fresh()
    const limiter = { acquire: () => null, leave: () => {} }
    const options = { delay: Infinity, size: 2, concurrent: limiter, scope, host }
    const users = new core.AsyncBulkCall(rows, options)
    void scope.run(never)
    void scope.run(() => users.callMany([1, 2]))
    await pass(host, 20_000)
    expect(warnings).toEqual([])
    expect(users.pending).toBe(2)
  })
})
