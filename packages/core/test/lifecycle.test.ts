import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import {
  AsyncBulkCall,
  BulkLoader,
  BulkTimeoutError,
  onBulk,
  SharedLoader,
  type BulkEvent,
  type CommandContext,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass, promiseJobs } from './support/time.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

/** A call whose commands end when the test says so, the oldest first. */
function held(options: ConstructorParameters<typeof AsyncBulkCall>[1] = {}) {
  const bulks: number[][] = []
  const contexts: CommandContext[] = []
  const running: Deferred<number[] | null>[] = []
  const call = new AsyncBulkCall(
    (tasks: number[], context) => {
      bulks.push(tasks)
      contexts.push(context)
      running.push(new Deferred())
      return running.at(-1)!.promise
    },
    { name: 'held', ...options },
  )
  const end = async (results: number[] | null = null): Promise<void> => {
    running.shift()!.resolve(results)
    await promiseJobs()
  }
  return { call, bulks, contexts, running, end }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

/** What some promises came to: a value, or what they rejected with. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map(each => (each.status === 'fulfilled' ? each.value : each.reason))
}

describe('abort', () => {
  it('S37 trap 42 a pending task leaves its bulk, and its call rejects at once with the reason', async () => {
    const { call, bulks, end } = held({ delay: Infinity })
    const reason = { any: 'reason' }
    const controller = new AbortController()
    const gone = call.call(1, { signal: controller.signal })
    const stays = call.call(2)
    const rejected = vi.fn()
    const caught = gone.catch(rejected)
    controller.abort(reason)
    expect(call.pending).toBe(1)
    await caught
    expect(rejected.mock.calls).toEqual([[reason]])
    void call.flush()
    await end([20])
    expect(await stays).toBe(20)
    expect(bulks).toEqual([[2]])
  })

  it('S37 trap 42 the command is not called for nobody', async () => {
    const { call, bulks } = held()
    const controller = new AbortController()
    const gone = outcomes([1, 2, 3].map(task => call.call(task, { signal: controller.signal })))
    controller.abort('gone')
    expect(await gone).toEqual(['gone', 'gone', 'gone'])
    await call.flush()
    expect(bulks).toEqual([])
    expect([call.pending, call.inFlight]).toEqual([0, 0])
  })

  it('S37 a signal of several calls gives all of them up, also where their bulks are full', async () => {
    const bulks: number[][] = []
    const call = new AsyncBulkCall((tasks: number[]) => void bulks.push(tasks), { size: 2 })
    const controller = new AbortController()
    const gone = outcomes([1, 2, 3, 4, 5].map(task => call.call(task, { signal: controller.signal })))
    const stays = call.call(6)
    controller.abort('gone')
    // Whoever aborts finds no command on his own stack.
    expect(bulks).toEqual([])
    expect(await gone).toEqual(['gone', 'gone', 'gone', 'gone', 'gone'])
    await stays
    expect(bulks).toEqual([[6]])
  })

  it('S37 a call whose signal has aborted already rejects with its reason and asks nothing', async () => {
    const { call, bulks } = held()
    await expect(call.call(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(await outcomes([call.call(1, { signal: AbortSignal.abort(0) })])).toEqual([0])
    expect(await call.callMany([1, 2], { signal: AbortSignal.abort('no') })).toEqual([
      expect.objectContaining({ cause: 'no' }),
      expect.objectContaining({ cause: 'no' }),
    ])
    await call.flush()
    expect(bulks).toEqual([])
  })

  it('S37 S38 a running task settles at once, and the others get what the command gives', async () => {
    const { call, end } = held()
    const controller = new AbortController()
    const mates = [call.call(1), call.call(3)]
    const many = call.callMany([4, 5])
    const gone = call.call(2, { signal: controller.signal })
    await promiseJobs()
    controller.abort('gone')
    expect(await outcomes([gone])).toEqual(['gone'])
    await end([10, 30, 40, 50, 20])
    expect(await Promise.all(mates)).toEqual([10, 30])
    expect(await many).toEqual([40, 50])
  })

  it('S38 trap 42 whoever aborts, before or while the bulk runs, the others get their own', async () => {
    const tasks = [0, 1, 2, 3, 4]
    for (const when of ['pending', 'running']) {
      for (let who = 0; who < 2 ** tasks.length; who++) {
        const { call, running } = held({ size: 3, delay: Infinity })
        const gone = (task: number): boolean => ((who >> task) & 1) === 1
        const controllers = tasks.map(() => new AbortController())
        const settled = outcomes(tasks.map(task => call.call(task, { signal: controllers[task]!.signal })))
        const abort = (): void => {
          for (const task of tasks) if (gone(task)) controllers[task]!.abort(`gone ${task}`)
        }
        if (when === 'pending') abort()
        const flushed = call.flush()
        if (when === 'running') abort()
        running.forEach(each => each.resolve(null))
        await flushed
        expect(await settled).toEqual(tasks.map(task => (gone(task) ? `gone ${task}` : null)))
      }
    }
  })

  it('S37 an abort after the call has settled changes nothing', async () => {
    const { call, contexts, end } = held()
    const controller = new AbortController()
    const settled = call.call(1, { signal: controller.signal })
    await promiseJobs()
    await end([10])
    controller.abort('late')
    expect(await settled).toBe(10)
    expect(contexts[0]!.signal.aborted).toBe(false)
  })

  it('S39 trap 42 the signal of a bulk aborts when all its callers have gone, and not before', async () => {
    const { call, contexts, end } = held()
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const gone = outcomes(controllers.map(({ signal }, task) => call.call(task, { signal })))
    await promiseJobs()
    const { signal } = contexts[0]!
    controllers[0]!.abort('first')
    controllers[2]!.abort('second')
    expect(signal.aborted).toBe(false)
    controllers[1]!.abort('last')
    expect([signal.aborted, signal.reason]).toEqual([true, 'last'])
    expect(await gone).toEqual(['first', 'last', 'second'])
    await end()
  })

  it('S39 a command may hand its signal to as many waits as it likes, without a warning', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error): number => warnings.push(warning)
    process.on('warning', listen)
    try {
      const call = new AsyncBulkCall((_tasks: number[], { signal }) => {
        for (let i = 0; i < 30; i++) signal.addEventListener('abort', () => {})
      })
      await call.call(1)
      await promiseJobs()
    } finally {
      process.off('warning', listen)
    }
    expect(warnings).toEqual([])
  })

  it('S39 a caller without a signal never goes, nor does one of `callMany`', async () => {
    for (const join of [
      (call: AsyncBulkCall<number, unknown>) => call.call(9),
      (call: AsyncBulkCall<number, unknown>) => call.callMany([9]),
    ]) {
      const { call, contexts, end } = held()
      const controller = new AbortController()
      const stays = join(call)
      const gone = outcomes([call.call(1, { signal: controller.signal })])
      await promiseJobs()
      controller.abort('gone')
      expect(await gone).toEqual(['gone'])
      expect(contexts[0]!.signal.aborted).toBe(false)
      await end()
      expect([await stays].flat()).toEqual([null])
    }
  })

  it('S39 a command that asks for the signal after everyone has gone gets an aborted one', async () => {
    const { call, contexts, end } = held()
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    await promiseJobs()
    controller.abort('gone')
    await gone
    const { signal } = contexts[0]!
    expect([signal.aborted, signal.reason]).toEqual([true, 'gone'])
    expect(contexts[0]!.signal).toBe(signal)
    await end()
  })

  it('S39 a command that fails because it was aborted hurts nobody', async () => {
    const call = new AsyncBulkCall(
      (_tasks: number[], { signal }) =>
        new Promise<null>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
      { concurrent: 1 },
    )
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    await promiseJobs()
    controller.abort('gone')
    expect(await gone).toEqual(['gone'])
    await call.flush()
    expect(call.inFlight).toBe(0)
  })

  it('S39 an abort listener of the command may call back into the call', async () => {
    const bulks: number[][] = []
    const again: Promise<unknown>[] = []
    const call = new AsyncBulkCall(
      (tasks: number[], { signal }) => {
        bulks.push(tasks)
        if (bulks.length > 1) return null
        return new Promise<null>(done => {
          signal.addEventListener('abort', () => {
            again.push(call.call(2), call.flush(), call.close())
            done(null)
          })
        })
      },
      { concurrent: 1, delay: Infinity },
    )
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    void call.flush()
    controller.abort('gone')
    expect(await gone).toEqual(['gone'])
    expect(await Promise.all(again)).toEqual([null, undefined, undefined])
    expect(bulks).toEqual([[1], [2]])
  })

  it('S39 an abort listener of the command that throws hurts neither the callers nor the call', async () => {
    const { call, contexts, end } = held({ concurrent: 1 })
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    await promiseJobs()
    const next = call.call(2)
    contexts[0]!.signal.addEventListener('abort', () => {
      throw new Error('listener')
    })
    const reported = await uncaughtDuring(() => controller.abort('gone'))
    expect(reported).toEqual([new Error('listener')])
    expect(await gone).toEqual(['gone'])
    await end()
    await end([20])
    expect(await next).toBe(20)
  })

  it('S37 a caller that aborts another one while it is notified of an abort gives up both', async () => {
    const { call, bulks } = held({ delay: Infinity })
    const [first, second] = [new AbortController(), new AbortController()]
    first.signal.addEventListener('abort', () => second.abort('second'))
    const gone = outcomes([first, second].map(({ signal }, task) => call.call(task, { signal })))
    second.signal.addEventListener('abort', () => void call.flush())
    first.abort('first')
    expect(await gone).toEqual(['first', 'second'])
    await call.close()
    expect(bulks).toEqual([])
  })

  it('S40 nothing stays on a signal, however its call has settled', async () => {
    const fates: (readonly [
      string,
      (bulk: ReturnType<typeof held>, own: AbortController) => Promise<void>,
    ])[] = [
      ['result', ({ end }) => end([1])],
      ['none', ({ end }) => end()],
      ['too few results', ({ end }) => end([])],
      ['failure', async ({ running }) => running[0]!.reject(new Error('failed'))],
      ['abort', async (_, own) => own.abort(new Error('gone'))],
    ]
    for (const [, fate] of fates) {
      const bulk = held()
      const own = new AbortController()
      const settled = outcomes([bulk.call.call(1, { signal: own.signal })])
      expect(listeners(own.signal)).toBe(1)
      await promiseJobs()
      await fate(bulk, own)
      await settled
      expect(listeners(own.signal)).toBe(0)
    }
  })

  it('S40 nothing stays on the signal of a pending task that has left, nor of one that was refused', async () => {
    const { call } = held({ maxPending: 1, delay: Infinity })
    const [leaving, refused] = [new AbortController(), new AbortController()]
    const gone = outcomes([leaving, refused].map(({ signal }) => call.call(1, { signal })))
    expect(listeners(refused.signal)).toBe(0)
    leaving.abort('gone')
    expect(listeners(leaving.signal)).toBe(0)
    expect(await gone).toEqual(['gone', expect.objectContaining({ code: 'BULK_OVERFLOW' })])
  })

  it('S40 a thousand calls on one signal bring no warning, and leave nothing', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    try {
      const { call, end } = held()
      const { signal } = new AbortController()
      const calls = Array.from({ length: 1000 }, (_, task) => call.call(task, { signal }))
      expect(listeners(signal)).toBeGreaterThan(0)
      await promiseJobs()
      await end()
      expect(new Set(await Promise.all(calls))).toEqual(new Set([null]))
      expect(listeners(signal)).toBe(0)
      await promiseJobs()
    } finally {
      process.off('warning', warn)
    }
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([])
  })
})

describe('flush and close', () => {
  it('S41 `flush()` starts as many as slots allow and resolves when the last has settled', async () => {
    const { call, bulks, end } = held({ size: 1, delay: Infinity, concurrent: 2 })
    const many = call.callMany([1, 2, 3])
    const flushed = vi.fn()
    void call.flush().then(flushed)
    await promiseJobs()
    expect(bulks).toEqual([[1], [2]])
    await end()
    await end()
    expect(bulks).toEqual([[1], [2], [3]])
    expect(flushed).not.toHaveBeenCalled()
    await end()
    expect(flushed).toHaveBeenCalled()
    expect(await many).toEqual([null, null, null])
  })

  it('S41 `flush()` resolves when those that it waits for have been aborted', async () => {
    const { call, bulks } = held({ delay: Infinity, concurrent: { acquire: () => null, leave: () => {} } })
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    const flushed = call.flush()
    controller.abort('gone')
    await flushed
    expect(await gone).toEqual(['gone'])
    expect(bulks).toEqual([])
  })

  it('S41 `flush()` waits for a command whose callers have gone', async () => {
    const { call, end } = held()
    const controller = new AbortController()
    const gone = outcomes([call.call(1, { signal: controller.signal })])
    await promiseJobs()
    controller.abort('gone')
    await gone
    const flushed = vi.fn()
    void call.flush().then(flushed)
    await promiseJobs()
    expect(flushed).not.toHaveBeenCalled()
    await end()
    expect(flushed).toHaveBeenCalled()
  })

  it('S42 `close()` waits for what is in flight, and again gives the same promise', async () => {
    const { call, end } = held()
    const running = call.call(1)
    await promiseJobs()
    const closed = vi.fn()
    const closing = call.close()
    void closing.then(closed)
    expect(call.close()).toBe(closing)
    expect(call[Symbol.asyncDispose]()).toBe(closing)
    await promiseJobs()
    expect(closed).not.toHaveBeenCalled()
    await end([10])
    expect(await running).toBe(10)
    expect(closed).toHaveBeenCalled()
    await call.flush()
  })

  it('S42 after `close()` a call is refused whatever else is wrong with it', async () => {
    const { call } = held()
    await call.close()
    const closed = { code: 'BULK_CLOSED' }
    await expect(call.call(1, { signal: AbortSignal.abort() })).rejects.toMatchObject(closed)
    expect(await call.callMany([1, 2], { signal: AbortSignal.abort() })).toMatchObject([closed, closed])
  })

  it('S42 a task that waits for its slot when `close()` comes is not lost', async () => {
    const { call, bulks, end } = held({ size: 1, concurrent: 1 })
    const calls = [1, 2].map(task => call.call(task))
    await promiseJobs()
    const closing = call.close()
    await end([10])
    await end([20])
    await closing
    expect(await Promise.all(calls)).toEqual([10, 20])
    expect(bulks).toEqual([[1], [2]])
  })
})

/** A call whose commands have 100 ms, by a clock that the test drives. */
function timed(timeout = 100) {
  const host = new ManualHost()
  return { host, ...held({ timeout, concurrent: 1, host }) }
}

describe('timeout', () => {
  it('S43 trap 21 a command that never settles cannot hang its callers', async () => {
    const { host, call, contexts } = timed()
    const calls = outcomes([call.call(1), call.call(2)])
    const many = call.callMany([3])
    await pass(host, 99)
    expect(contexts[0]!.signal.aborted).toBe(false)
    await pass(host, 1)
    const [one, two] = await calls
    expect(one).toBeInstanceOf(BulkTimeoutError)
    expect(one).toMatchObject({
      code: 'BULK_TIMEOUT',
      timeout: 100,
      message: 'Bulkcall: held must settle its 3 tasks within 100 ms, got no answer',
    })
    expect(two).toBe(one)
    expect(await many).toEqual([one])
    expect([contexts[0]!.signal.aborted, contexts[0]!.signal.reason]).toEqual([true, one])
  })

  it('S43 the slot stays with the command for as long again, and then it is abandoned', async () => {
    const { host, call, bulks, end } = timed()
    const lost = outcomes([call.call(1)])
    await host.turn()
    const next = call.call(2)
    await pass(host, 199)
    expect(bulks).toEqual([[1]])
    expect(call.inFlight).toBe(1)
    await pass(host, 1)
    expect(bulks).toEqual([[1], [2]])
    // The first command answers at last, with results that would do for the second bulk.
    await end([10])
    expect(call.inFlight).toBe(1)
    await end([20])
    expect(await next).toBe(20)
    expect(await lost).toEqual([expect.any(BulkTimeoutError)])
    expect([call.inFlight, host.timers]).toEqual([0, 0])
  })

  it('S43 a command that settles in the second half of its time gives its slot back then, and once', async () => {
    const { host, call, bulks, end } = timed()
    const lost = outcomes([call.call(1)])
    await pass(host, 150)
    const next = [call.call(2), call.call(3)]
    await host.turn()
    await end([10])
    expect(bulks).toEqual([[1], [2, 3]])
    expect(await lost).toEqual([expect.any(BulkTimeoutError)])
    // The second bulk has all of its own time.
    await pass(host, 99)
    await end([20, 30])
    expect(await Promise.all(next)).toEqual([20, 30])
  })

  it('S43 trap 21 what the command says later is ignored: a result, an error, a stream', async () => {
    const ends = [
      (running: Deferred<any>) => running.resolve([10]),
      (running: Deferred<any>) => running.reject(new Error('late')),
      (running: Deferred<any>) =>
        running.resolve(
          (async function* () {
            yield 10
          })(),
        ),
    ]
    for (const end of ends) {
      for (const late of [150, 250]) {
        const { host, call, running } = timed()
        const lost = outcomes([call.call(1)])
        await pass(host, late)
        end(running[0]!)
        await host.turn()
        expect(await lost).toEqual([expect.any(BulkTimeoutError)])
        expect(call.inFlight).toBe(0)
      }
    }
  })

  it('S43 what a stream has given before stays given', async () => {
    const host = new ManualHost()
    const call = new AsyncBulkCall(
      async function* (_tasks: number[]) {
        yield 10
        await new Promise(() => {})
      },
      { timeout: 100, host },
    )
    const calls = outcomes([call.call(1), call.call(2)])
    await pass(host, 200)
    expect(await calls).toEqual([10, expect.any(BulkTimeoutError)])
    expect(call.inFlight).toBe(0)
  })

  it('S43 a command that settles in its time leaves no timer', async () => {
    const { host, call, end } = timed()
    const settled = call.call(1)
    await host.turn()
    expect(host.timers).toBe(1)
    await end([10])
    expect(host.timers).toBe(0)
    expect(await settled).toBe(10)
  })

  it('S43 an event tells that a command was abandoned', async () => {
    const events: BulkEvent[] = []
    const stop = onBulk({ settled: event => events.push(event) })
    try {
      const { host, call } = timed()
      const lost = outcomes([call.call(1)])
      await pass(host, 199)
      expect(events).toEqual([])
      await pass(host, 1)
      expect(events).toMatchObject([{ abandoned: true, failed: 1, settledAt: 200 }])
      expect(await lost).toEqual([events[0]!.error])
    } finally {
      stop()
    }
  })

  it('S43 `flush()` and `close()` wait for no command longer than until it is abandoned', async () => {
    const { host, call } = timed()
    const lost = outcomes([call.call(1)])
    const ended = vi.fn()
    void call.flush().then(ended)
    void call.close().then(ended)
    await pass(host, 199)
    expect(ended).not.toHaveBeenCalled()
    await pass(host, 1)
    expect(ended).toHaveBeenCalledTimes(2)
    expect(await lost).toEqual([expect.any(BulkTimeoutError)])
  })

  it('S43 an abort listener that calls back into the call while its time runs out does no harm', async () => {
    const { host, call, contexts, bulks, end } = timed()
    const lost = outcomes([call.call(1)])
    await host.turn()
    const again: Promise<unknown>[] = []
    contexts[0]!.signal.addEventListener('abort', () => {
      again.push(call.call(2), call.flush())
    })
    await pass(host, 100)
    expect(await lost).toEqual([expect.any(BulkTimeoutError)])
    await end()
    await end([20])
    await host.turn()
    expect(await Promise.all(again)).toEqual([20, undefined])
    expect(bulks).toEqual([[1], [2]])
  })
})

describe('async context', () => {
  const tenant = new AsyncLocalStorage<string>()

  it('S44 trap 23 the command runs in the context of the call, never in that of a caller', async () => {
    const seen: unknown[] = []
    const make = (context?: AsyncResource): AsyncBulkCall<string, null> =>
      new AsyncBulkCall(
        (_tasks: string[]) => {
          seen.push(tenant.getStore())
          return null
        },
        { context },
      )
    const outside = make()
    const inside = make(tenant.run('maker', () => new AsyncResource('maker')))
    await Promise.all([
      tenant.run('A', () => outside.call('a')),
      tenant.run('B', () => outside.call('b')),
      tenant.run('A', () => inside.call('a')),
    ])
    await tenant.run('C', () => outside.callMany(['c']))
    expect(seen).toEqual([undefined, 'maker', undefined])
  })

  it('S44 trap 23 so it does by size, delay and flush, and each caller goes on in its own', async () => {
    for (const options of [{ size: 1 }, { delay: 1 }, {}]) {
      const seen: unknown[] = []
      const call = new AsyncBulkCall((tasks: string[]) => {
        seen.push(tenant.getStore())
        return tasks
      }, options)
      const own = async (name: string): Promise<string | undefined> =>
        tenant.run(name, async () => {
          const answer = call.call(name)
          if (!('size' in options) && !('delay' in options)) void call.flush()
          await answer
          return tenant.getStore()
        })
      expect(await Promise.all([own('A'), own('B')])).toEqual(['A', 'B'])
      expect(new Set(seen)).toEqual(new Set([undefined]))
    }
  })
})

const same = async (keys: number[]): Promise<number[]> => keys

it('S244 logs show our objects by the names that their classes are exported by', () => {
  const made = [new AsyncBulkCall(same), new BulkLoader(same), new SharedLoader(same)]
  expect(made.map(each => inspect(each).split(' ')[0])).toEqual([
    'AsyncBulkCall',
    'BulkLoader',
    'SharedLoader',
  ])
})
