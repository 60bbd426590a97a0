/**
 * What other batchers get wrong, or had to learn, where no other test of the engine shows it. The numbers are those that
 * the names of other tests cite as well.
 */

import { describe, expect, it, vi } from 'vitest'
import { AsyncBulkCall, BulkScope } from '../src/index.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

/** Makes a call behind so many hops over `process.nextTick`. */
async function hop(call: AsyncBulkCall<number, unknown>, hops: number): Promise<unknown> {
  for (let i = 0; i < hops; i++) await new Promise<void>(done => process.nextTick(done))
  return call.call(hops)
}

describe('trap 3: a hop over a tick or a timer splits bulks', () => {
  it('S9 trap 3 a window keeps calls together that are 0 to 3 ticks apart', async () => {
    const bulks: number[][] = []
    const call = new AsyncBulkCall((tasks: number[]) => void bulks.push(tasks), { delay: 20 })
    await Promise.all([0, 1, 2, 3].map(hops => hop(call, hops)))
    expect(bulks).toEqual([[0, 1, 2, 3]])
  })

  it('S83 trap 3 so does a scope: a call behind a hop proves nothing', async () => {
    const bulks: number[][] = []
    const scope = new BulkScope()
    const call = new AsyncBulkCall((tasks: number[]) => void bulks.push(tasks), { delay: 20, scope })
    await Promise.all([0, 1, 2, 3].map(hops => scope.run(() => hop(call, hops))))
    expect(bulks).toEqual([[0, 1, 2, 3]])
  })

  it('S9 S83 trap 3 twenty siblings behind 0 to 4 ms of I/O are one bulk, with a window and with a scope', async () => {
    for (const scoped of [false, true]) {
      const host = new ManualHost()
      const scope = new BulkScope({ host })
      const starts: { at: number; tasks: number }[] = []
      const call = new AsyncBulkCall(
        (tasks: number[]) => void starts.push({ at: host.time, tasks: tasks.length }),
        scoped ? { host, delay: 5, scope } : { host, delay: 5 },
      )
      const sibling = async (i: number): Promise<void> => {
        await new Promise<void>(done => host.setTimer(done, i % 5))
        await call.call(i)
      }
      const all = Promise.all(
        Array.from({ length: 20 }, (_, i) => (scoped ? scope.run(() => sibling(i)) : sibling(i))),
      )
      await pass(host, 5)
      await all
      expect(starts).toEqual([{ at: 5, tasks: 20 }])
    }
  })
})

describe('trap 8: calls from within the command', () => {
  it('S4 trap 8 go to a new bulk', async () => {
    const bulks: number[][] = []
    const nested: Promise<unknown>[] = []
    const call = new AsyncBulkCall((tasks: number[]): null => {
      bulks.push(tasks)
      if (tasks.includes(1)) nested.push(call.call(99))
      return null
    })
    await call.call(1)
    await Promise.all(nested)
    expect(bulks).toEqual([[1], [99]])
  })

  it('S8 trap 8 may be awaited where slots are left', async () => {
    const call = new AsyncBulkCall(
      async (depths: number[]): Promise<number[]> =>
        Promise.all(depths.map(async depth => (depth === 0 ? 0 : 1 + (await call.call(depth - 1))))),
      { concurrent: 4 },
    )
    expect(await call.call(3)).toBe(3)
  })

  it('S43 trap 8 awaited with `concurrent: 1` they wait for their own slot, and `timeout` ends that', async () => {
    const host = new ManualHost()
    const call = new AsyncBulkCall(
      async (tasks: number[]): Promise<number[]> => {
        if (tasks.includes(1)) return [await call.call(2)]
        return tasks
      },
      { concurrent: 1, timeout: 50, host },
    )
    const stuck = call.call(1).catch((error: unknown) => error)
    await pass(host, 100)
    expect(await stuck).toMatchObject({ code: 'BULK_TIMEOUT' })
    expect([call.pending, call.inFlight]).toEqual([0, 0])
    const next = call.call(3)
    await host.turn()
    expect(await next).toBe(3)
  })
})

describe('trap 20: everyone settles', () => {
  it('S23 trap 20 a caller whose reaction throws keeps no other from its result', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => tasks)
    const reacted = vi.fn()
    const failing = call.call(1).then(() => {
      throw new Error('reaction')
    })
    const others = [call.call(2).then(reacted), call.callMany([3]).then(reacted)]
    await expect(failing).rejects.toThrow('reaction')
    await Promise.all(others)
    expect(reacted.mock.calls).toEqual([[2], [[3]]])
  })
})

describe('trap 44: a burst', () => {
  it('S5 trap 44 of a hundred thousand calls is bounded: what is too much is refused at once', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { size: 100, maxPending: 1000 })
    const burst = Array.from({ length: 100_000 }, (_, task) => call.call(task))
    expect(call.pending).toBe(1000)
    const settled = await Promise.allSettled(burst)
    const statuses = settled.map(each => each.status)
    expect(statuses.slice(0, 1000).every(status => status === 'fulfilled')).toBe(true)
    expect(statuses.slice(1000).every(status => status === 'rejected')).toBe(true)
    expect(await call.call(1)).toBe(1)
  })
})
