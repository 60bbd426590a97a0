import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  AsyncBulkCall,
  BulkClosedError,
  BulkLoader,
  BulkOptionError,
  BulkOverflowError,
  BulkScope,
  onBulk,
  semaphore,
  SharedLoader,
  type Host,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass, promiseJobs } from './support/time.ts'

/** A command that answers each task with itself, and the bulks that it got. */
function echo<T>() {
  const bulks: T[][] = []
  const command = (tasks: T[]): T[] => {
    bulks.push(tasks)
    return tasks
  }
  return { bulks, command }
}

/** A command that answers when the test says so, the oldest bulk first. */
function held<T>() {
  const bulks: T[][] = []
  const ends: (() => void)[] = []
  const command = (tasks: T[]): Promise<T[]> => {
    const { promise, resolve } = new Deferred<T[]>()
    bulks.push(tasks)
    ends.push(() => resolve(tasks))
    return promise
  }
  const end = async (): Promise<void> => {
    ends.shift()!()
    await promiseJobs()
  }
  return { bulks, command, end }
}

function sleep(ms: number): Promise<void> {
  return new Promise(done => {
    setTimeout(done, ms)
  })
}

const nothing = Promise.resolve()

function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

/** Why the bulks started that start while this runs. */
async function causesOf(work: () => Promise<unknown>): Promise<string[]> {
  const causes: string[] = []
  const stop = onBulk({ started: event => causes.push(event.cause) })
  try {
    await work()
  } finally {
    stop()
  }
  return causes
}

afterEach(() => {
  vi.useRealTimers()
})

describe('what the Python class was tested for', () => {
  const sizes = [1, 10, 100, 1000, 2, 3, 5, 7, 97, 2129]

  it.each(sizes)('S3 with 3 * %i + 5 calls at once, task i is in bulk floor(i / size)', async size => {
    let bulk = -1
    const call = new AsyncBulkCall(
      (tasks: number[]) => {
        bulk++
        return tasks.map(() => bulk)
      },
      { size, delay: 5 },
    )
    const tasks = numbers(3 * size + 5)
    const got = await Promise.all(tasks.map(task => call.call(task)))
    expect(got).toEqual(tasks.map(i => Math.floor(i / size)))
  })

  it('S1 S9 calls that come within the delay are one bulk', async () => {
    vi.useFakeTimers()
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 1000, delay: 20 })
    const calls = [call.call(0)]
    await vi.advanceTimersByTimeAsync(10)
    calls.push(call.call(1))
    await vi.advanceTimersByTimeAsync(9)
    calls.push(call.call(2))
    expect(bulks).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await Promise.all(calls)).toEqual([0, 1, 2])
    expect(bulks).toEqual([[0, 1, 2]])
  })

  it('S15 it works again after a pause, with a delay of 256 seconds', async () => {
    vi.useFakeTimers()
    const { bulks, command } = echo<string>()
    const call = new AsyncBulkCall(command, { delay: 256_000 })
    for (const task of ['first', 'second']) {
      const promise = call.call(task)
      await vi.advanceTimersByTimeAsync(255_999)
      expect(call.pending).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(await promise).toBe(task)
      await vi.advanceTimersByTimeAsync(3_600_000)
    }
    expect(bulks).toEqual([['first'], ['second']])
  })

  it.each([
    { size: 0 },
    { size: -1 },
    { size: 1.5 },
    { delay: -1 },
    { concurrent: 0 },
    { concurrent: -1 },
    { concurrent: 1.5 },
  ])('S48 an illegal setting is refused: %o', options => {
    expect(() => new AsyncBulkCall(() => null, options)).toThrow(BulkOptionError)
  })
})

describe('what the Python class gets wrong', () => {
  it('S17 its semaphore is never released, so that concurrent: n hangs after n bulks', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(async (tasks: number[]) => command(tasks), { size: 1, concurrent: 2 })
    const tasks = numbers(9)
    expect(await Promise.all(tasks.map(task => call.call(task)))).toEqual(tasks)
    expect(bulks).toHaveLength(9)
  })

  it('S38 one cancelled caller hangs the others of its bulk', async () => {
    const { command, end } = held<string>()
    const call = new AsyncBulkCall(command)
    const controller = new AbortController()
    const mates = [call.call('a'), call.call('c')]
    const cancelled = call.call('b', { signal: controller.signal })
    await promiseJobs()
    controller.abort(new Error('gone'))
    await expect(cancelled).rejects.toThrow('gone')
    await end()
    expect(await Promise.all(mates)).toEqual(['a', 'c'])
  })

  it('S12 a bulk is sealed before it waits for its slot', async () => {
    vi.useFakeTimers()
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 3, delay: 10, concurrent: 1 })
    void call.call(0)
    await vi.advanceTimersByTimeAsync(10)
    void call.call(1)
    await vi.advanceTimersByTimeAsync(10)
    // The window of task 1 is over and its bulk waits for the slot: others may still join it.
    void call.call(2)
    await vi.advanceTimersByTimeAsync(500)
    void call.call(3)
    vi.useRealTimers()
    await end()
    expect(bulks).toEqual([[0], [1, 2, 3]])
  })

  it('S12 a tiny delay gives bulks of one from a full queue', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 10, delay: Number.MIN_VALUE })
    await Promise.all(numbers(25).map(task => call.call(task)))
    expect(bulks.map(bulk => bulk.length)).toEqual([10, 10, 5])
  })

  it('S12 a tiny delay gives bulks of one from a full queue, also where it fills while it waits', async () => {
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 10, delay: Number.MIN_VALUE, concurrent: 1 })
    void call.call(0)
    const until = (count: number): Promise<void> =>
      vi.waitFor(() => expect(bulks).toHaveLength(count), { timeout: 30_000, interval: 1 })
    await until(1)
    for (const task of numbers(25, 1)) {
      void call.call(task)
      await promiseJobs()
    }
    for (let i = 0; i < 4; i++) {
      await until(i + 1)
      await end()
    }
    expect(bulks.map(bulk => bulk.length)).toEqual([1, 10, 10, 5])
  })

  it('S25 a string result is split into letters', async () => {
    const call = new AsyncBulkCall<string, unknown>(() => 'ab' as never, { name: 'letters' })
    const got = await call.callMany(['x', 'y'])
    expect(got.map(String)).toEqual(new Array(2).fill(expect.stringContaining('BulkResultError')))
  })

  it('S27 an async generator is refused', async () => {
    const call = new AsyncBulkCall(async function* double(tasks: number[]) {
      for (const task of tasks) yield task * 2
    })
    expect(await Promise.all([call.call(1), call.call(2)])).toEqual([2, 4])
  })

  it('S48 NaN passes as a delay', () => {
    expect(() => new AsyncBulkCall(() => null, { delay: NaN })).toThrow(
      'Bulkcall: delay must be a number from 0 or Infinity, got NaN',
    )
  })

  it('S23 a dispatcher that dies takes every later call with it', async () => {
    const deadly: (() => unknown)[] = [
      () => {
        throw new Error('thrown')
      },
      () => Promise.reject(new Error('rejected')),
      () => ({
        [Symbol.iterator]: () => {
          throw new Error('no iterator')
        },
      }),
      () => ({
        get [Symbol.asyncIterator]() {
          throw new Error('no async iterator')
        },
      }),
      () => 42,
      () => [],
    ]
    const call = new AsyncBulkCall((tasks: unknown[]): any => deadly.shift()?.() ?? tasks, { concurrent: 1 })
    const rounds = deadly.length
    for (let i = 0; i < rounds; i++) await expect(call.call(i)).rejects.toThrow(/./)
    expect(await call.call('alive')).toBe('alive')
  })
})

describe('accepting', () => {
  it('S1 a bulk has at least one task and at most `size`', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 4 })
    await Promise.all(numbers(10).map(task => call.call(task)))
    await call.flush()
    expect(bulks.map(bulk => bulk.length)).toEqual([4, 4, 2])
  })

  it('S1 without a size, all calls of a tick are one bulk', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command)
    await Promise.all(numbers(10_000).map(task => call.call(task)))
    expect(bulks.map(bulk => bulk.length)).toEqual([10_000])
  })

  it('S2 tasks start in the order of their calls, `call` and `callMany` alike', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 3 })
    const { signal } = new AbortController()
    await Promise.all([
      call.call(0),
      call.callMany([1, 2, 3, 4]),
      call.call(5, { signal }),
      call.callMany([6, 7]),
      call.callMany([8, 9], { signal }),
      call.call(10),
    ])
    expect(bulks).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
      [9, 10],
    ])
  })

  it('S3 each task gets its own result, whatever the mix of calls in its bulk', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => tasks.map(task => task * 10), { size: 4 })
    const { signal } = new AbortController()
    const got = await Promise.all([
      call.call(0),
      call.callMany([1, 2]),
      call.call(3, { signal }),
      call.callMany([4, 5, 6, 7, 8], { signal }),
      call.call(9),
    ])
    expect(got).toEqual([0, [10, 20], 30, [40, 50, 60, 70, 80], 90])
  })

  it('S4 the command never runs inside `call` or `callMany`, even where the bulk is full', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 1 })
    const calls = [call.call(0), call.callMany([1, 2, 3])]
    expect(bulks).toEqual([])
    await Promise.all(calls)
    expect(bulks).toEqual([[0], [1], [2], [3]])
  })

  it('S4 what `call` has to say it says by its promise', async () => {
    const full = new AsyncBulkCall((tasks: number[]) => tasks, { maxPending: 1, delay: Infinity })
    void full.call(0)
    await expect(full.call(1)).rejects.toThrow(BulkOverflowError)
    await full.close()
    await expect(full.call(2)).rejects.toThrow(BulkClosedError)
    const open = new AsyncBulkCall((tasks: number[]) => tasks)
    await expect(open.call(3, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
  })

  it('S4 S38 a signal that is none is a rejection, and no other call notices', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command)
    const before = call.call(1)
    const signal = { aborted: false } as AbortSignal
    const wrong = call.call(2, { signal })
    const after = call.call(3)
    await expect(wrong).rejects.toThrow(/./)
    expect(await Promise.all([before, after])).toEqual([1, 3])
    expect(bulks).toEqual([[1, 3]])
    expect(call.pending).toBe(0)
  })

  it('S5 trap 44 at most `maxPending` tasks are pending, and one more is refused at once', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: Infinity, maxPending: 3, name: 'stat' })
    const blocked = semaphore(1)
    const slow = new AsyncBulkCall(command, { size: 2, delay: Infinity, maxPending: 3, concurrent: blocked })
    blocked.acquire({ granted: () => {}, refused: () => {} })
    const accepted = [slow.call(0), slow.call(1), slow.call(2)]
    expect(slow.pending).toBe(3)
    await expect(slow.call(3)).rejects.toMatchObject({ code: 'BULK_OVERFLOW', maxPending: 3 })
    expect(slow.pending).toBe(3)
    expect(bulks).toEqual([])
    void accepted

    // Tasks that have started are not pending: the bound lets the next ones in.
    const calls = [call.call(0), call.call(1), call.call(2)]
    await promiseJobs()
    expect(call.pending).toBe(1)
    calls.push(call.call(3), call.call(4))
    await call.flush()
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3, 4])
  })

  it('S5 trap 44 `callMany` past the bound gives an Error for each task that was refused', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { maxPending: 3 })
    const got = await call.callMany(numbers(5))
    expect(got.slice(0, 3)).toEqual([0, 1, 2])
    expect(got.slice(3).map(each => each instanceof BulkOverflowError)).toEqual([true, true])
    expect(bulks).toEqual([[0, 1, 2]])
  })

  it('S5 a task that its caller has aborted makes room for another', async () => {
    const call = new AsyncBulkCall(echo<number>().command, { maxPending: 1 })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    controller.abort(new Error('gone'))
    const next = call.call(1)
    await expect(gone).rejects.toThrow('gone')
    expect(await next).toBe(1)
  })

  it('S6 `callMany` is one promise of one value or Error per task, in their order, over several bulks', async () => {
    const call = new AsyncBulkCall(
      (tasks: number[]) => {
        if (tasks.includes(4)) throw new Error('bulk')
        return tasks.map(task => (task === 1 ? new Error('task') : task))
      },
      { size: 3 },
    )
    const got = await call.callMany(numbers(8))
    expect(got.map(each => (each instanceof Error ? each.message : each))).toEqual([
      0,
      'task',
      2,
      'bulk',
      'bulk',
      'bulk',
      6,
      7,
    ])
  })

  it('S6 `callMany` takes any iterable, and an empty one asks nothing', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command)
    expect(await call.callMany(new Set([1, 2]))).toEqual([1, 2])
    expect(await call.callMany([])).toEqual([])
    expect(await call.callMany([], { signal: AbortSignal.abort() })).toEqual([])
    expect(bulks).toEqual([[1, 2]])
  })

  it('S6 `callMany` rejects only if the tasks cannot be iterated, and then asks nothing', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command)
    const tearing = (function* () {
      yield 1
      throw new Error('torn')
    })()
    await expect(call.callMany(tearing)).rejects.toThrow('torn')
    await expect(call.callMany(5 as unknown as number[])).rejects.toThrow(TypeError)
    await call.close()
    expect(bulks).toEqual([])
    expect(await call.callMany([1])).toEqual([expect.any(BulkClosedError)])
  })

  it('S6 what is no Error is given as one, also when it throws as soon as it is looked at', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const reason of ['word', undefined, null, Symbol('s'), Object.create(null), proxy]) {
      const call = new AsyncBulkCall((_tasks: number[]) => Promise.reject(reason))
      expect(await call.callMany([1, 2])).toEqual([expect.any(Error), expect.any(Error)])
    }
  })

  it('S6 S37 the signal of a `callMany` gives up all its tasks', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 2 })
    const controller = new AbortController()
    const many = call.callMany([1, 2, 3], { signal: controller.signal })
    const mate = call.call(4)
    controller.abort('gone')
    expect((await many).map(each => each instanceof Error && each.cause)).toEqual(['gone', 'gone', 'gone'])
    expect(await mate).toBe(4)
    expect(bulks).toEqual([[4]])
  })

  it('S7 traps 35 and 37 a task may be any value, and equal tasks are distinct', async () => {
    const { bulks, command } = echo<unknown>()
    const call = new AsyncBulkCall(command)
    const tasks = [null, undefined, 0, '', NaN, false, 'same', 'same', Symbol.iterator, [], {}, tasksItself]
    const many = call.callMany(['same', null])
    expect(await Promise.all(tasks.map(task => call.call(task)))).toEqual(tasks)
    expect(await many).toEqual(['same', null])
    expect(bulks).toEqual([['same', null, ...tasks]])
  })

  it('S7 trap 37 each of two equal tasks gets the result at its own place', async () => {
    const call = new AsyncBulkCall((tasks: string[]) => tasks.map((task, place) => `${task} ${place}`))
    expect(await Promise.all([call.call('a'), call.call('a')])).toEqual(['a 0', 'a 1'])
  })
})

function tasksItself(): void {}

describe('starting', () => {
  it('S8 a bulk starts by size, tick, delay, flush, close or quiet', async () => {
    const { command } = echo<number>()
    const bySize = new AsyncBulkCall(command, { size: 1, delay: Infinity })
    expect(await causesOf(() => bySize.call(1))).toEqual(['size'])
    const byTick = new AsyncBulkCall(command)
    expect(await causesOf(() => byTick.call(1))).toEqual(['tick'])
    const byDelay = new AsyncBulkCall(command, { delay: 1 })
    expect(await causesOf(() => byDelay.call(1))).toEqual(['delay'])
    const byHand = new AsyncBulkCall(command, { delay: Infinity })
    void byHand.call(1)
    expect(await causesOf(() => byHand.flush())).toEqual(['flush'])
    void byHand.call(1)
    expect(await causesOf(() => byHand.close())).toEqual(['close'])
    const scope = new BulkScope()
    const byQuiet = new AsyncBulkCall(command, { delay: Infinity, scope })
    expect(await causesOf(() => byQuiet.call(1))).toEqual(['quiet'])
  })

  it('S8 trap 4 a full bulk does not wait for its window, and its timer does not fire on the next bulk', async () => {
    const host = new ManualHost()
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: 20, host })
    void call.call(0)
    await pass(host, 15)
    void call.call(1)
    await host.turn()
    expect(bulks).toEqual([[0, 1]])
    expect(host.timers).toBe(0)
    void call.call(2)
    await pass(host, 19)
    expect(bulks).toEqual([[0, 1]])
    await pass(host, 1)
    expect(bulks).toEqual([[0, 1], [2]])
  })

  it('S8 trap 5 what has been aborted does not count towards the size', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: Infinity })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    const first = call.call(1)
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    await promiseJobs()
    expect(bulks).toEqual([])
    const second = call.call(2)
    expect(await Promise.all([first, second])).toEqual([1, 2])
    expect(bulks).toEqual([[1, 2]])
  })

  it('S8 a flush starts the bulk that was open, not the one that opens after it', async () => {
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: Infinity, concurrent: 1 })
    for (const task of numbers(4)) void call.call(task)
    const flushed = call.flush()
    void call.call(4)
    await end()
    await end()
    await flushed
    expect(bulks).toEqual([
      [0, 1],
      [2, 3],
    ])
    expect(call.pending).toBe(1)
  })

  it('S9 the window stands still: later calls do not move it', async () => {
    const host = new ManualHost()
    const starts: number[] = []
    const call = new AsyncBulkCall(
      (tasks: number[]) => {
        starts.push(host.time)
        return tasks
      },
      { delay: 10, host },
    )
    for (let i = 0; i < 30; i++) {
      void call.call(i)
      await pass(host, 1)
    }
    expect(starts).toEqual([10, 20, 30])
  })

  it('S9 the window stays where it is if the task that opened it leaves', async () => {
    const host = new ManualHost()
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { delay: 10, host })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    await pass(host, 4)
    void call.call(1)
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    await pass(host, 5)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toEqual([[1]])
  })

  it('S9 trap 6 the wait for a slot is part of the window: it does not begin anew', async () => {
    const host = new ManualHost()
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: 10, concurrent: 1, host })
    void call.call(0)
    void call.call(1)
    await host.turn()
    // Two bulks wait for the slot, the second one with room left, both past their windows.
    for (const task of [2, 3, 4]) void call.call(task)
    await pass(host, 50)
    expect(bulks).toEqual([[0, 1]])
    await end()
    expect(bulks).toEqual([
      [0, 1],
      [2, 3],
    ])
    await end()
    // No time has passed since the slot came.
    expect(bulks).toEqual([[0, 1], [2, 3], [4]])
  })

  it('S10 with `delay: 0` calls that follow awaited promises are in one bulk', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command)
    const deep = async (awaits: number): Promise<number> => {
      for (let i = 0; i < awaits; i++) await nothing
      return call.call(awaits)
    }
    await Promise.all([0, 3, 1, 8].map(deep))
    expect(bulks).toEqual([[0, 1, 3, 8]])
  })

  it('S11 trap 10 with `delay: Infinity` time starts nothing; `pending` tells what waits for a flush', async () => {
    const host = new ManualHost()
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 3, delay: Infinity, host })
    const calls = [call.call(0), call.call(1)]
    await pass(host, 1e12)
    expect(host.timers).toBe(0)
    expect(bulks).toEqual([])
    expect(call.pending).toBe(2)
    void call.flush()
    calls.push(call.call(2))
    void call.close()
    expect(await Promise.all(calls)).toEqual([0, 1, 2])
    expect(bulks).toEqual([[0, 1], [2]])
  })

  it('S12 a bulk that waits for a slot goes on filling, up to `size`', async () => {
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 3, concurrent: 1 })
    for (const task of numbers(6)) {
      void call.call(task)
      await promiseJobs()
    }
    await end()
    await end()
    expect(bulks).toEqual([[0], [1, 2, 3], [4, 5]])
  })

  it('S13 trap 5 a place that an aborted task has left is filled from the tasks behind it', async () => {
    const { bulks, command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 3, concurrent: 1 })
    const first = call.call(-1)
    await promiseJobs()
    const leaving = new AbortController()
    const gone: Promise<unknown>[] = []
    const staying: Promise<number>[] = [first]
    for (const task of numbers(10)) {
      if (task % 3 === 1) gone.push(call.call(task, { signal: leaving.signal }))
      else staying.push(call.call(task))
    }
    await promiseJobs()
    const left = Promise.allSettled(gone)
    leaving.abort(new Error('gone'))
    expect((await left).map(each => each.status)).toEqual(['rejected', 'rejected', 'rejected'])
    for (let i = 0; i < 4; i++) await end()
    expect(await Promise.all(staying)).toEqual([-1, 0, 2, 3, 5, 6, 8, 9])
    expect(bulks).toEqual([[-1], [0, 2, 3], [5, 6, 8], [9]])
  })

  it('S13 results find their tasks after places have been filled, calls and `callMany` mixed', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 3, delay: Infinity })
    const leaving = new AbortController()
    const gone = call.call(0, { signal: leaving.signal })
    const many = call.callMany([1, 2, 3, 4, 5])
    const last = call.call(6)
    leaving.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    await call.flush()
    expect(await many).toEqual([1, 2, 3, 4, 5])
    expect(await last).toBe(6)
    expect(bulks).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })
})

describe('time', () => {
  it('S14 delays above 2^31 - 1 ms work', async () => {
    const delay = 2 ** 31 - 1 + 60_000
    vi.useFakeTimers()
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { delay })
    const promise = call.call(1)
    await vi.advanceTimersByTimeAsync(delay - 1)
    expect(bulks).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await promise).toBe(1)
  })

  it('S14 a timer is never asked for more than 2^31 - 1 ms', async () => {
    const host = new ManualHost()
    const waits: number[] = []
    const measured = bend(host, {
      setTimer: (wake, ms) => {
        waits.push(ms)
        return host.setTimer(wake, ms)
      },
    })
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { delay: 3 * 2 ** 31, host: measured })
    void call.call(1)
    await pass(host, 3 * 2 ** 31 - 1)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toEqual([[1]])
    expect(waits).toEqual([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 3])
  })

  it('S14 a timer that fires early or late starts what waits, once', async () => {
    for (const error of [-3, 40]) {
      const host = new ManualHost()
      const wrong: Host = bend(host, { setTimer: (wake, ms) => host.setTimer(wake, Math.max(0, ms + error)) })
      const { bulks, command } = echo<number>()
      const call = new AsyncBulkCall(command, { delay: 10, host: wrong })
      const calls = [call.call(0), call.call(1)]
      await pass(host, 10 + error)
      expect(await Promise.all(calls)).toEqual([0, 1])
      calls.push(call.call(2))
      await pass(host, 10 + error)
      expect(await calls[2]).toBe(2)
      expect(bulks).toEqual([[0, 1], [2]])
    }
  })

  it('S14 a timer that fires although it was taken back does not cut the next window', async () => {
    const host = new ManualHost()
    const deaf: Host = bend(host, { clearTimer: () => {} })
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: 10, host: deaf })
    void call.call(0)
    await pass(host, 5)
    void call.call(1)
    await host.turn()
    void call.call(2)
    await pass(host, 9)
    expect(bulks).toEqual([[0, 1]])
    await pass(host, 1)
    expect(bulks).toEqual([[0, 1], [2]])
  })

  it('S14 a clock that goes back keeps no task waiting for longer', async () => {
    const host = new ManualHost()
    let offset = 0
    const turned: Host = bend(host, { now: () => host.now() + offset })
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { delay: 10, host: turned })
    void call.call(0)
    offset = -3_600_000
    await pass(host, 10)
    expect(bulks).toEqual([[0]])
    void call.call(1)
    await pass(host, 10)
    expect(bulks).toEqual([[0], [1]])
  })

  it('S14 S43 a clock that has gone back does not cut the time of a command', async () => {
    const host = new ManualHost()
    let offset = 3_600_000
    const turned: Host = bend(host, { now: () => host.now() + offset })
    const { command, end } = held<number>()
    const call = new AsyncBulkCall(command, { delay: 10, timeout: 1000, host: turned })
    const before = call.call(0)
    await pass(host, 10)
    await end()
    expect(await before).toBe(0)
    // As when fake timers, which start at 0, are installed between two calls.
    offset = 0
    const after = call.call(1)
    await pass(host, 500)
    await end()
    expect(await after).toBe(1)
  })

  it('S15 there is one timer while a window is open, and none otherwise', async () => {
    const host = new ManualHost()
    const { command, end } = held<number>()
    const call = new AsyncBulkCall(command, { size: 2, delay: 10, timeout: 100, concurrent: 1, host })
    expect(host.timers).toBe(0)
    for (let round = 0; round < 3; round++) {
      for (const task of numbers(5)) void call.call(task)
      expect(host.timers).toBe(1)
      for (let bulk = 0; bulk < 3; bulk++) {
        await pass(host, 10)
        expect(host.timers).toBe(1)
        await end()
      }
      expect([call.pending, call.inFlight, host.timers]).toEqual([0, 0, 0])
    }
  })

  it('S15 a window whose tasks have all been aborted leaves no timer', async () => {
    const host = new ManualHost()
    const call = new AsyncBulkCall(echo<number>().command, { delay: 10, host })
    const controller = new AbortController()
    const gone = call.call(0, { signal: controller.signal })
    expect(host.timers).toBe(1)
    controller.abort(new Error('gone'))
    expect(host.timers).toBe(0)
    await expect(gone).rejects.toThrow('gone')
  })
})

/** A host that is like another one but for some of its ways. */
function bend(host: Host, ways: Partial<Host>): Host {
  return {
    now: () => host.now(),
    setTimer: (wake, ms) => host.setTimer(wake, ms),
    clearTimer: timer => host.clearTimer(timer),
    endOfTick: job => host.endOfTick(job),
    captureContext: () => host.captureContext(),
    ...ways,
  }
}

type Ask = (task: number, ...more: any[]) => Promise<any>

function methodOf(asked: any, name: string): Ask {
  return (...args) => asked[name](...args)
}

function withSignal(ask: Ask): Ask {
  return task => ask(task, { signal: new AbortController().signal })
}

function manyOf(ask: Ask): Ask {
  return async task => (await ask([task] as never))[0]
}

function sharedOf(shared: SharedLoader<number, number>): Ask {
  return task => shared.loader().load(task)
}

describe('with the fake timers of Vitest', () => {
  const { command } = echo<number>()
  const early = new AsyncBulkCall(command, { delay: 10, timeout: 1000 })

  beforeEach(() => {
    vi.useFakeTimers()
  })

  it('S14 a call that was made before they were installed obeys them', async () => {
    const settled = vi.fn()
    void early.call(1).then(settled)
    await vi.advanceTimersByTimeAsync(9)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toHaveBeenCalledWith(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('S14 the end of a tick comes without them', async () => {
    expect(await new AsyncBulkCall(command).call(1)).toBe(1)
  })

  it('S14 the synchronous ways to pass time work as well', async () => {
    const call = new AsyncBulkCall(command, { delay: 10 })
    const promise = call.call(1)
    vi.advanceTimersByTime(10)
    expect(await promise).toBe(1)
    const other = call.call(2)
    vi.runAllTimers()
    expect(await other).toBe(2)
  })

  const window = { delay: 10 }
  const asking: [string, () => (task: number, ...more: any[]) => Promise<unknown>][] = [
    ['calls', () => methodOf(new AsyncBulkCall(command, window), 'call')],
    ['loads', () => methodOf(new BulkLoader(command, window), 'load')],
    [
      'loads beside which something is said',
      () => withSignal(methodOf(new BulkLoader(command, window), 'load')),
    ],
    ['calls that may leave', () => withSignal(methodOf(new AsyncBulkCall(command, window), 'call'))],
    ['many calls at once', () => manyOf(methodOf(new AsyncBulkCall(command, window), 'callMany'))],
    ['loads of a shared loader', () => sharedOf(new SharedLoader(command, window))],
  ]

  it.each(asking)(
    'S213 left with something pending, they hang nothing that comes later: %s',
    async (_, make) => {
      vi.advanceTimersByTime(3_600_000)
      const ask = make()
      const left = ask(1)
      // The window of a shared loader outlives the tick.
      await promiseJobs()
      vi.useRealTimers()
      expect(await Promise.all([left, ask(2)])).toEqual([1, 2])
    },
  )

  it('S43 S213 left with a command in flight, they do not make its time endless', async () => {
    const call = new AsyncBulkCall(() => new Promise<null>(() => {}), { timeout: 20, size: 1, concurrent: 1 })
    const left = call.call(1).catch((error: unknown) => error)
    await promiseJobs()
    vi.useRealTimers()
    const later = call.call(2).catch((error: unknown) => error)
    const timedOut = expect.objectContaining({ code: 'BULK_TIMEOUT' })
    expect(await Promise.all([left, later])).toEqual([timedOut, timedOut])
  })

  it('S43 they count the time of a command', async () => {
    const call = new AsyncBulkCall(() => new Promise<null>(() => {}), { timeout: 50 })
    const promise = call.call(1)
    const settled = vi.fn()
    promise.catch(settled)
    await vi.advanceTimersByTimeAsync(49)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await expect(promise).rejects.toMatchObject({ code: 'BULK_TIMEOUT' })
  })

  it('S14 S43 after them, with hours passed, a command still has all its time', async () => {
    let wait = 0
    const slow = async (tasks: number[]): Promise<number[]> => {
      if (wait > 0) await sleep(wait)
      return tasks
    }
    const call = new AsyncBulkCall(slow, { delay: 10, timeout: 60_000 })
    await vi.advanceTimersByTimeAsync(10 * 3_600_000)
    const fake = call.call(1)
    await vi.advanceTimersByTimeAsync(10)
    expect(await fake).toBe(1)
    vi.useRealTimers()
    wait = 20
    expect(await call.call(2)).toBe(2)
  })
})

describe('flush and close', () => {
  it('S41 `flush()` starts what is pending and resolves when it has settled, failed or not', async () => {
    const call = new AsyncBulkCall(
      async (tasks: number[]) => {
        await promiseJobs()
        if (tasks.includes(2)) throw new Error('failed')
        return tasks
      },
      { size: 2, delay: Infinity },
    )
    const settled: unknown[] = []
    for (const task of numbers(5)) {
      void call.call(task).then(
        value => settled.push(value),
        () => settled.push('failed'),
      )
    }
    await call.flush()
    expect(new Set(settled)).toEqual(new Set([0, 1, 4, 'failed']))
    expect(settled).toHaveLength(5)
    expect([call.pending, call.inFlight]).toEqual([0, 0])
  })

  it('S41 `flush()` waits for what was in flight before it, and not for what comes after it', async () => {
    const { bulks, command, end } = held<string>()
    const call = new AsyncBulkCall(command, { delay: Infinity })
    void call.call('before')
    void call.flush()
    const flushed = vi.fn()
    void call.flush().then(flushed)
    void call.call('after')
    await promiseJobs()
    expect(flushed).not.toHaveBeenCalled()
    await end()
    expect(flushed).toHaveBeenCalled()
    expect(bulks).toEqual([['before']])
    expect(call.pending).toBe(1)
  })

  it('S41 `flush()` of nothing resolves at once', async () => {
    expect(await new AsyncBulkCall(() => null).flush()).toBe(undefined)
  })

  it('S41 when `flush()` resolves, the callers have their answers, also where the command answers at once', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { size: 3, delay: Infinity })
    const { signal } = new AbortController()
    const heard: unknown[] = []
    void call.call(1).then(value => heard.push(value))
    void call.call(2, { signal }).then(value => heard.push(value))
    void call.callMany([3, 4]).then(value => heard.push(value))
    await call.flush()
    expect(heard).toHaveLength(3)
    void call.call(5).then(value => heard.push(value))
    await call.close()
    expect(heard).toHaveLength(4)
  })

  it('S41 a result that is a promise is waited for by its caller, not by `flush()`', async () => {
    const late = new Deferred<string>()
    const call = new AsyncBulkCall((_tasks: number[]) => [late.promise])
    const answer = call.call(1)
    await call.flush()
    expect(call.inFlight).toBe(0)
    late.resolve('late')
    expect(await answer).toBe('late')
  })

  it('S42 `close()` starts what is pending, waits for all and refuses calls from then on', async () => {
    const { bulks, command } = echo<number>()
    const call = new AsyncBulkCall(command, { delay: Infinity, name: 'stat' })
    const last = call.call(0)
    const closing = call.close()
    const message = 'Bulkcall: stat must be open to take a task, got one after close()'
    await expect(call.call(1)).rejects.toThrow(message)
    expect(await call.callMany([2, 3])).toEqual([new BulkClosedError('stat'), new BulkClosedError('stat')])
    await closing
    expect(await last).toBe(0)
    expect(bulks).toEqual([[0]])
    expect(call.close()).toBe(closing)
  })

  it('S42 trap 41 it is `Symbol.asyncDispose`: what is pending is not lost', async () => {
    const { bulks, command } = echo<number>()
    const called: Promise<number>[] = []
    {
      await using call = new AsyncBulkCall(command, { delay: Infinity })
      called.push(call.call(1))
      expect(bulks).toEqual([])
    }
    expect(bulks).toEqual([[1]])
    expect(await Promise.all(called)).toEqual([1])
  })
})
