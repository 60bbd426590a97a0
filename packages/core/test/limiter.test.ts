import { describe, expect, it, vi } from 'vitest'
import {
  AsyncBulkCall,
  BulkOptionError,
  semaphore,
  type Limiter,
  type Slot,
  type Waiter,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass, promiseJobs } from './support/time.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

/** Calls that share a limiter and write down which of their bulks start; the test ends them, the oldest first. */
function shared(concurrent: Limiter) {
  const log: string[] = []
  const running: Deferred<null>[] = []
  let most = 0
  const caller = (name: string, size = 1): AsyncBulkCall<number, null> =>
    new AsyncBulkCall(
      async (tasks: number[]) => {
        log.push(`${name}${tasks.join('+')}`)
        const end = new Deferred<null>()
        running.push(end)
        most = Math.max(most, running.length)
        return end.promise
      },
      { size, concurrent, name },
    )
  const end = async (): Promise<void> => {
    running.shift()!.resolve(null)
    await promiseJobs()
  }
  return { log, caller, end, running, most: () => most }
}

/** A limiter as another process would give it: slots come, or are refused, when the test says so. */
class Remote implements Limiter {
  readonly line: Waiter[] = []
  readonly left: Waiter[] = []
  released = 0

  acquire(waiter: Waiter): Slot | null {
    this.line.push(waiter)
    return null
  }

  leave(waiter: Waiter): void {
    this.left.push(waiter)
  }

  grant(waiter = this.line.shift()!): void {
    waiter.granted({ release: () => void this.released++ })
  }

  refuse(error: unknown, waiter = this.line.shift()!): void {
    waiter.refused(error)
  }
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

describe('semaphore', () => {
  it('S16 at most so many commands run at once, over all that share it', async () => {
    const { caller, end, running, most } = shared(semaphore(3))
    const callers = numbers(4).map(i => caller(`c${i}`))
    const calls = callers.flatMap(each => numbers(5).map(task => each.call(task)))
    await promiseJobs()
    expect(running).toHaveLength(3)
    while (running.length > 0) await end()
    expect(await Promise.all(calls)).toEqual(new Array(20).fill(null))
    expect(most()).toBe(3)
  })

  it('S16 the same holds for a number, for each call by itself', async () => {
    const running: Deferred<null>[] = []
    const command = (_tasks: number[]): Promise<null> => {
      running.push(new Deferred())
      return running.at(-1)!.promise
    }
    const one = new AsyncBulkCall(command, { size: 1, concurrent: 2 })
    const other = new AsyncBulkCall(command, { size: 1, concurrent: 2 })
    for (const task of numbers(5)) {
      void one.call(task)
      void other.call(task)
    }
    await promiseJobs()
    expect([one.inFlight, other.inFlight]).toEqual([2, 2])
    expect([one.pending, other.pending]).toEqual([3, 3])
    expect(running).toHaveLength(4)
  })

  it('S19 a caller with a thousand bulks waiting does not starve one with a single bulk', async () => {
    const { log, caller, end } = shared(semaphore(1))
    const greedy = caller('greedy ')
    const modest = caller('modest ')
    for (const task of numbers(1000)) void greedy.call(task)
    await promiseJobs()
    void modest.call(0)
    await promiseJobs()
    for (let i = 0; i < 3; i++) await end()
    // The place in line that the greedy one had before is the only one that is served earlier.
    expect(log).toEqual(['greedy 0', 'greedy 1', 'modest 0', 'greedy 2'])
  })

  it('S19 those who share a limiter are served in turn, one bulk a turn', async () => {
    const { log, caller, end } = shared(semaphore(1))
    void caller('holder').call(0)
    await promiseJobs()
    const callers = ['a', 'b', 'c'].map(name => caller(name, 2))
    for (const each of callers) for (const task of numbers(5)) void each.call(task)
    await promiseJobs()
    for (let i = 0; i < 10; i++) await end()
    expect(log.slice(1)).toEqual(['a0+1', 'b0+1', 'c0+1', 'a2+3', 'b2+3', 'c2+3', 'a4', 'b4', 'c4'])
  })

  it('S18 a slot is handed straight to the next in line: a newcomer cannot steal it', async () => {
    const { log, caller, running } = shared(semaphore(1))
    const [holder, waiting, newcomer] = [caller('holder'), caller('waiting'), caller('newcomer')]
    const held = holder.call(0).then(() => {
      // The first that hears of the end tries to be quicker than the one who waits.
      void newcomer.call(0)
      return newcomer.flush()
    })
    await promiseJobs()
    void waiting.call(0)
    await promiseJobs()
    running.shift()!.resolve(null)
    await promiseJobs()
    expect(log).toEqual(['holder0', 'waiting0'])
    running.shift()!.resolve(null)
    await promiseJobs()
    expect(log).toEqual(['holder0', 'waiting0', 'newcomer0'])
    running.shift()!.resolve(null)
    await held
  })

  it('S22 at the end of a tick no slot is free while a bulk is ready', async () => {
    const slots = semaphore(2)
    const { caller, end, running } = shared(slots)
    const callers = [caller('a', 2), caller('b', 3)]
    for (const each of callers) for (const task of numbers(7)) void each.call(task)
    await promiseJobs()
    for (let left = 7; left > 0; left--) {
      expect(slots.inUse).toBe(Math.min(2, left))
      expect(running).toHaveLength(Math.min(2, left))
      await end()
    }
    expect([slots.inUse, slots.waiting]).toEqual([0, 0])
  })

  it('S18 a long line of commands that settle at once does not overflow the stack', async () => {
    const slots = semaphore(1)
    const first = new Deferred<null>()
    const holder = new AsyncBulkCall(() => first.promise, { concurrent: slots })
    const held = holder.call(0)
    await promiseJobs()
    const order: number[] = []
    const calls = numbers(10_000).map(i =>
      new AsyncBulkCall((tasks: number[]) => void order.push(...tasks), { concurrent: slots }).call(i),
    )
    await promiseJobs()
    expect(slots.waiting).toBe(10_000)
    first.resolve(null)
    await Promise.all([held, ...calls])
    expect(order).toEqual(numbers(10_000))
    expect([slots.inUse, slots.waiting]).toEqual([0, 0])
  })

  it('S18 nor does a long queue of one call', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { size: 1, concurrent: 1 })
    expect(await Promise.all(numbers(10_000).map(task => call.call(task)))).toEqual(numbers(10_000))
  })

  it('S18 a command that calls another call of the same limiter, and does not wait, gets a turn later', async () => {
    const slots = semaphore(1)
    const log: string[] = []
    const inner = new AsyncBulkCall((tasks: string[]) => void log.push(...tasks), {
      concurrent: slots,
      size: 1,
    })
    const outer = new AsyncBulkCall(
      (tasks: string[]) => {
        log.push(...tasks)
        void inner.call('inner')
        void inner.flush()
        log.push('outer ends')
      },
      { concurrent: slots },
    )
    await outer.call('outer')
    await inner.flush()
    expect(log).toEqual(['outer', 'outer ends', 'inner'])
  })

  it.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['2', "'2'"],
    [2n, '2n'],
    [null, 'null'],
    [undefined, 'undefined'],
  ])('S48 semaphore(%s) is refused', (slots, shown) => {
    const make = (): unknown => semaphore(slots as number)
    expect(make).toThrow(BulkOptionError)
    expect(make).toThrow(`Bulkcall: the slots of a semaphore must be a whole number from 1, got ${shown}`)
  })
})

describe('a slot belongs to the command', () => {
  const ways: [string, () => unknown][] = [
    ['it gives results', () => [1]],
    ['it gives results later', async () => [1]],
    ['it throws', () => fail()],
    ['it rejects', async () => fail()],
    ['it gives too few results', () => []],
    ['it gives what is no list of results', () => 42],
    [
      'its iterator throws',
      () =>
        (function* () {
          yield fail()
        })(),
    ],
    [
      'its stream throws',
      () =>
        (async function* () {
          yield fail()
        })(),
    ],
    ['it gives a thenable that throws', () => new Proxy({}, { get: fail, has: fail })],
  ]

  it.each(ways)('S17 trap 9 it is given back when %s', async (_, way) => {
    const slots = semaphore(1)
    const call = new AsyncBulkCall((_tasks: number[]): any => way(), { concurrent: slots })
    for (let i = 0; i < 3; i++) await call.callMany([i])
    await call.flush()
    expect([slots.inUse, slots.waiting, call.inFlight]).toEqual([0, 0, 0])
  })

  it('S17 trap 9 it is not given back because the callers have gone, but when the command settles', async () => {
    const slots = semaphore(1)
    const { log, caller, end } = shared(slots)
    const [abandoned, waiting] = [caller('abandoned'), caller('waiting')]
    const controller = new AbortController()
    const gone = abandoned.call(0, { signal: controller.signal })
    await promiseJobs()
    void waiting.call(0)
    await promiseJobs()
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    await promiseJobs()
    expect(log).toEqual(['abandoned0'])
    expect(slots.inUse).toBe(1)
    await end()
    expect(log).toEqual(['abandoned0', 'waiting0'])
    await end()
    expect(slots.inUse).toBe(0)
  })

  it('S17 S43 trap 9 it is given back once, also when the command settles after it was abandoned', async () => {
    const host = new ManualHost()
    const remote = new Remote()
    const end = new Deferred<null>()
    const call = new AsyncBulkCall(() => end.promise, { concurrent: remote, timeout: 10, host })
    const late = call.call(0)
    await host.turn()
    remote.grant()
    const timedOut = late.catch((error: unknown) => error)
    await pass(host, 19)
    expect(await timedOut).toMatchObject({ code: 'BULK_TIMEOUT' })
    expect(remote.released).toBe(0)
    await pass(host, 1)
    expect(remote.released).toBe(1)
    end.resolve(null)
    await pass(host, 100)
    expect(remote.released).toBe(1)
  })
})

function fail(): never {
  throw new Error('fault')
}

describe('a limiter of another make', () => {
  it('S21 its slots may come later, from outside', async () => {
    const remote = new Remote()
    const command = vi.fn((tasks: number[]) => tasks)
    const call = new AsyncBulkCall(command, { concurrent: remote, size: 3 })
    const calls = [call.call(0), call.call(1)]
    await promiseJobs()
    expect(remote.line).toHaveLength(1)
    // S12: while it waits the bulk goes on filling.
    calls.push(call.call(2), call.call(3))
    await promiseJobs()
    expect(command).not.toHaveBeenCalled()
    remote.grant()
    expect(command.mock.calls.map(([tasks]) => tasks)).toEqual([[0, 1, 2]])
    await promiseJobs()
    remote.grant()
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3])
    expect([remote.released, remote.line.length]).toEqual([2, 0])
  })

  it('S21 a waiter is never in line twice', async () => {
    const remote = new Remote()
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { concurrent: remote, size: 1 })
    const calls = numbers(5).map(task => call.call(task))
    await promiseJobs()
    void call.flush()
    await promiseJobs()
    for (let i = 0; i < 5; i++) {
      expect(remote.line).toHaveLength(1)
      remote.grant()
      await promiseJobs()
    }
    expect(await Promise.all(calls)).toEqual(numbers(5))
    expect(remote.line).toHaveLength(0)
  })

  it('S21 when it refuses, the tasks of the bulk that waited reject with its error, and no others', async () => {
    const remote = new Remote()
    const command = vi.fn((tasks: number[]) => tasks)
    const call = new AsyncBulkCall(command, { concurrent: remote, size: 2 })
    const calls = Promise.allSettled(numbers(4).map(task => call.call(task)))
    await promiseJobs()
    const error = new Error('no slot')
    remote.refuse(error)
    await promiseJobs()
    remote.grant()
    expect(await calls).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 2 },
      { status: 'fulfilled', value: 3 },
    ])
    expect(command).toHaveBeenCalledTimes(1)
    expect([call.pending, call.inFlight, remote.released]).toEqual([0, 0, 1])
  })

  it('S21 it may grant or refuse inside `acquire`, or throw', async () => {
    const answers: ((waiter: Waiter) => Slot | null)[] = [
      waiter => {
        waiter.granted({ release: () => {} })
        return null
      },
      waiter => {
        waiter.refused(new Error('refused'))
        return null
      },
      () => {
        throw new Error('thrown')
      },
      () => ({ release: () => {} }),
    ]
    const limiter: Limiter = { acquire: waiter => answers.shift()!(waiter), leave: () => {} }
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { concurrent: limiter, size: 1 })
    const got = await call.callMany(numbers(4))
    expect(got.map(each => (each instanceof Error ? each.message : each))).toEqual([
      0,
      'refused',
      'thrown',
      3,
    ])
  })

  it('S20 when everything has been aborted, the place in line is given up', async () => {
    const slots = semaphore(1)
    const { log, caller, end } = shared(slots)
    const [holder, leaving, next] = [caller('holder'), caller('leaving'), caller('next')]
    void holder.call(0)
    await promiseJobs()
    const controller = new AbortController()
    const gone = leaving.call(0, { signal: controller.signal })
    await promiseJobs()
    void next.call(0)
    await promiseJobs()
    expect(slots.waiting).toBe(2)
    controller.abort(new Error('gone'))
    expect(slots.waiting).toBe(1)
    await expect(gone).rejects.toThrow('gone')
    await end()
    expect(log).toEqual(['holder0', 'next0'])
    await end()
    expect([slots.inUse, slots.waiting]).toEqual([0, 0])
  })

  it('S20 a slot that arrives after everything has been aborted is released, and the call works on', async () => {
    const remote = new Remote()
    const command = vi.fn((tasks: number[]) => tasks)
    const call = new AsyncBulkCall(command, { concurrent: remote })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    await promiseJobs()
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    expect(remote.left).toEqual(remote.line)
    // It was on its way already when the place in line was given up.
    remote.grant()
    expect(remote.released).toBe(1)
    expect(command).not.toHaveBeenCalled()

    const next = call.call(1)
    await promiseJobs()
    remote.grant()
    expect(await next).toBe(1)
    expect(remote.released).toBe(2)
  })

  it('S20 S21 a refusal that arrives after everything has been aborted rejects nobody else', async () => {
    const remote = new Remote()
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { concurrent: remote, delay: Infinity })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    const flushed = call.flush()
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    await flushed
    const innocent = call.call(1)
    const outcome = Promise.allSettled([innocent])
    remote.refuse(new Error('no slot'))
    expect(call.pending).toBe(1)
    void call.flush()
    remote.grant()
    expect(await outcome).toEqual([{ status: 'fulfilled', value: 1 }])
  })

  it.each(['a command that settles at once', 'a command that takes a while'])(
    'S261 where it throws when it gets a slot back, what waits goes on, and all of it settles: %s',
    async way => {
      const failure = new Error('no release')
      const throwing: Limiter = {
        acquire: () => ({
          release() {
            throw failure
          },
        }),
        leave() {},
      }
      const command = (tasks: number[]) => (way.endsWith('once') ? tasks : promiseJobs().then(() => tasks))
      const call = new AsyncBulkCall(command, { concurrent: throwing, size: 1 })
      const uncaught = await uncaughtDuring(async () => {
        const calls = call.callMany([1, 2])
        await call.flush()
        expect(await calls).toEqual([1, 2])
        await call.close()
      })
      expect(uncaught).toEqual([failure, failure])
    },
  )

  it('S261 nor is anything lost where it throws when a place in line, or a slot without a use, is given up', async () => {
    const failure = new Error('no leave')
    const throwing: Limiter & { waiter?: Waiter } = {
      acquire(waiter) {
        this.waiter = waiter
        return null
      },
      leave() {
        throw failure
      },
    }
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { concurrent: throwing })
    const uncaught = await uncaughtDuring(async () => {
      const controller = new AbortController()
      const gone = call.call(0, { signal: controller.signal })
      const flushed = call.flush()
      controller.abort(new Error('gone'))
      await expect(gone).rejects.toThrow('gone')
      await flushed
      throwing.waiter!.granted({
        release() {
          throw failure
        },
      })
      const next = call.call(1)
      await promiseJobs()
      throwing.waiter!.granted({ release() {} })
      expect(await next).toBe(1)
      await call.close()
    })
    expect(uncaught).toEqual([failure, failure])
  })
})
