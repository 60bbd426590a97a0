/**
 * Events: what a listener hears of each bulk, by `onBulk` and by the tracing channel.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import {
  AsyncBulkCall,
  BulkLengthError,
  BulkLoader,
  BulkResultError,
  BulkScope,
  BulkTimeoutError,
  onBulk,
  semaphore,
  type BulkCallOptions,
  type BulkEvent,
  type BulkListener,
} from '../src/index.ts'
import { ManualHost } from './support/manual-host.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

const unwatches: (() => void)[] = []

afterEach(() => {
  for (const unwatch of unwatches.splice(0)) unwatch()
})

function listen(listener: BulkListener): void {
  unwatches.push(onBulk(listener))
}

/** All events from here on, as they were when they were told. */
function record(): { started: BulkEvent[]; settled: BulkEvent[] } {
  const told: { started: BulkEvent[]; settled: BulkEvent[] } = { started: [], settled: [] }
  listen({
    started: event => told.started.push({ ...event }),
    settled: event => told.settled.push({ ...event }),
  })
  return told
}

const echo = (tasks: readonly unknown[]): readonly unknown[] => tasks

/** A command that ends when it is told to. */
function heldCommand() {
  const ends: ((results: readonly unknown[] | null | Promise<never>) => void)[] = []
  const command = (): Promise<readonly unknown[] | null> =>
    new Promise(resolve => {
      ends.push(resolve)
    })
  return { command, end: (results: readonly unknown[] | null | Promise<never>) => ends.shift()!(results) }
}

/** A call whose command is held, on a host that is driven by hand. */
function heldCall(options: BulkCallOptions) {
  const host = new ManualHost(1000)
  const { command, end } = heldCommand()
  const call = new AsyncBulkCall<unknown, unknown>(command, { host, name: 'held', ...options })
  const settle = async (results: readonly unknown[] | null | Promise<never>): Promise<void> => {
    end(results)
    await host.drain()
  }
  return { host, call, settle }
}

function quietly(...promises: readonly Promise<unknown>[]): void {
  for (const promise of promises) promise.catch(() => {})
}

/** A result that throws whenever it is looked at. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** A stream that gives what it has as it is: a generator would look whether it is a promise. */
function streamOf(results: readonly unknown[]): AsyncIterable<unknown> {
  const left = [...results]
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => (left.length === 0 ? { done: true, value: undefined } : { value: left.shift() }),
    }),
  }
}

async function outcomesOfRevoked(): Promise<string[]> {
  const list = new AsyncBulkCall(() => ['good', revoked()])
  const stream = new AsyncBulkCall(() => streamOf([revoked(), 'good']))
  const calls = [list.call(1), list.call(2), stream.call(1), stream.call(2)]
  return (await Promise.allSettled(calls)).map(({ status }) => status)
}

function instants({ openedAt, readyAt, startedAt, settledAt }: BulkEvent): unknown[] {
  return [openedAt, readyAt, startedAt, settledAt]
}

describe('onBulk', () => {
  it('S50 tells each bulk twice, when it starts and when it has ended, by one and the same object', async () => {
    const told: [string, BulkEvent][] = []
    listen({
      started: event => told.push(['started', event]),
      settled: event => told.push(['settled', event]),
    })
    const call = new AsyncBulkCall(echo, { size: 2, name: 'twice' })
    await Promise.all([call.call(1), call.call(2), call.call(3)])
    expect(told.map(([what, { tasks }]) => [what, tasks])).toEqual([
      ['started', 2],
      ['settled', 2],
      ['started', 1],
      ['settled', 1],
    ])
    expect(told[0]![1]).toBe(told[1]![1])
    expect(told[2]![1].id).toBeGreaterThan(told[0]![1].id)
    expect(told[0]![1].name).toBe('twice')
  })

  it('S50 tells that a bulk starts before its command is called, and that it has ended before the next has its slot', async () => {
    const order: string[] = []
    listen({ started: () => order.push('started'), settled: () => order.push('settled') })
    const limiter = semaphore(1)
    const command = (tasks: readonly unknown[]): readonly unknown[] => {
      order.push('command')
      return tasks
    }
    const [one, other] = [1, 2].map(() => new AsyncBulkCall(command, { concurrent: limiter }))
    await Promise.all([one!.call(1), other!.call(2)])
    expect(order).toEqual(['started', 'command', 'settled', 'started', 'command', 'settled'])
  })

  it('S50 tells every listener, and tells it nothing more once it has ended its listening', async () => {
    let [first, second] = [0, 0]
    const unwatch = onBulk({ started: () => first++ })
    listen({ started: () => second++ })
    const call = new AsyncBulkCall(echo)
    await call.call(1)
    unwatch()
    unwatch()
    await call.call(2)
    expect([first, second]).toEqual([1, 2])
  })

  it('S50 a listener that is given twice is notified twice, and each end of listening ends one of them', async () => {
    let told = 0
    const listener: BulkListener = { settled: () => told++ }
    const unwatch = onBulk(listener)
    listen(listener)
    const call = new AsyncBulkCall(echo)
    await call.call(1)
    unwatch()
    await call.call(2)
    expect(told).toBe(3)
  })

  it('S252 a listener may be of a class: its methods are called on it, and those that it has, whoever has them', async () => {
    class Base {
      readonly seen: string[] = []
      readonly #note = (method: string): number => this.seen.push(method)
      called(): void {
        this.#note('called')
      }
      pending(): void {
        this.#note('pending')
      }
      hit(): void {
        this.#note('hit')
      }
      run(_: BulkEvent, command: () => void): void {
        this.#note('run')
        command()
      }
    }
    class Counter extends Base {
      started(): void {
        this.seen.push('started')
      }
      settled = (): void => {
        this.seen.push('settled')
      }
    }
    const counter = new Counter()
    listen(counter)
    const loader = new BulkLoader(async (keys: number[]) => keys)
    expect(await Promise.all([loader.load(1), loader.load(1)])).toEqual([1, 1])
    expect(new Set(counter.seen)).toEqual(new Set(['called', 'pending', 'hit', 'started', 'run', 'settled']))
  })

  it('S50 a listener that comes while a bulk is in flight is not notified of its end without its start', async () => {
    const { host, call, settle } = heldCall({})
    const calls = call.call(1)
    await host.turn()
    const { settled } = record()
    await settle([1])
    await calls
    expect(settled).toEqual([])
  })

  it('S50 a listener that throws hurts no bulk and no other listener, and its error is reported as uncaught', async () => {
    const [inStart, inEnd] = [new Error('in started'), new Error('in settled')]
    listen({
      started: () => {
        throw inStart
      },
      settled: () => {
        throw inEnd
      },
    })
    const { started, settled } = record()
    const call = new AsyncBulkCall(echo, { concurrent: 1, size: 1 })
    const uncaught = await uncaughtDuring(async () => {
      expect(await Promise.all([call.call('a'), call.call('b')])).toEqual(['a', 'b'])
    })
    expect(uncaught).toEqual([inStart, inEnd, inStart, inEnd])
    expect([started.length, settled.length, call.inFlight]).toEqual([2, 2, 0])
  })

  it('S50 watching changes no outcome, even of a result that throws when it is looked at', async () => {
    const unwatched = await outcomesOfRevoked()
    listen({})
    expect(await outcomesOfRevoked()).toEqual(unwatched)
    expect(unwatched).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  })
})

describe('while nobody listens', () => {
  it('S50 no clock is read', async () => {
    const host = new ManualHost()
    let reads = 0
    host.now = () => reads++
    const call = new AsyncBulkCall(echo, { host, size: 2, concurrent: 1 })
    const calls = Promise.all([1, 2, 3].map(task => call.call(task)))
    await host.turn()
    expect(await calls).toEqual([1, 2, 3])
    const closed = call.close()
    await host.turn()
    await closed
    expect(reads).toBe(0)
  })

  it('S50 no event is made: the next one that is made has the next number', async () => {
    const { started } = record()
    const call = new AsyncBulkCall(echo)
    await call.call(1)
    for (const unwatch of unwatches.splice(0)) unwatch()
    await call.call(2)
    await call.call(3)
    const later = record()
    await call.call(4)
    expect(later.started[0]!.id).toBe(started[0]!.id + 1)
  })
})

describe('the tracing channel bulkcall:bulk', () => {
  const channel = tracingChannel<unknown, BulkEvent>('bulkcall:bulk')
  type Handlers = Parameters<typeof channel.subscribe>[0]

  function subscribe(handlers: Handlers): void {
    channel.subscribe(handlers)
    unwatches.push(() => channel.unsubscribe(handlers))
  }

  /** Handlers that write down which of them was called with what. */
  function tracing(): [string, BulkEvent][] {
    const told: [string, BulkEvent][] = []
    const handler = (what: string) => (event: unknown) => void told.push([what, event as BulkEvent])
    subscribe({
      start: handler('start'),
      end: handler('end'),
      asyncStart: handler('asyncStart'),
      asyncEnd: handler('asyncEnd'),
      error: handler('error'),
    })
    return told
  }

  it('S50 tells start and end around the call of the command, and asyncStart and asyncEnd when it has settled', async () => {
    const told = tracing()
    const { host, call, settle } = heldCall({})
    const calls = call.call(1)
    await host.turn()
    expect(told.map(([what]) => what)).toEqual(['start', 'end'])
    await settle([1])
    await calls
    expect(told.map(([what]) => what)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(new Set(told.map(([, event]) => event)).size).toBe(1)
    expect(told[0]![1]).toMatchObject({ name: 'held', tasks: 1, cause: 'tick', startedAt: 1000 })
  })

  it('S50 tells error, with what the command threw, before asyncStart', async () => {
    const error = new Error('no connection')
    const told = tracing()
    const call = new AsyncBulkCall(async () => {
      throw error
    })
    await expect(call.call(1)).rejects.toBe(error)
    expect(told.map(([what]) => what)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(told[2]![1].error).toBe(error)
  })

  it('S50 tells end also where the command throws at once', async () => {
    const told = tracing()
    const call = new AsyncBulkCall((): null => {
      throw new Error('at once')
    })
    await expect(call.call(1)).rejects.toThrow('at once')
    expect(told.map(([what]) => what)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  })

  it('S50 tells what onBulk tells, and both may listen at once', async () => {
    const told = tracing()
    const { started, settled } = record()
    const call = new AsyncBulkCall(echo)
    await call.call(1)
    expect(told[0]![1].id).toBe(started[0]!.id)
    expect(told.at(-1)![1].settledAt).toBe(settled[0]!.settledAt)
  })

  it('S44 S50 a store that is bound to start holds for the command, and for it alone', async () => {
    const span = new AsyncLocalStorage<string>()
    const tenant = new AsyncLocalStorage<string>()
    channel.start.bindStore(span, event => `span of ${event.name}`)
    unwatches.push(() => channel.start.unbindStore(span))
    const seen: unknown[] = []
    const context = tenant.run('its own', () => new AsyncResource('call'))
    const call = new AsyncBulkCall(
      async (tasks: readonly unknown[]) => {
        seen.push(span.getStore(), tenant.getStore())
        await Promise.resolve()
        seen.push(span.getStore(), tenant.getStore())
        return tasks
      },
      { name: 'users', context },
    )
    await tenant.run('caller', () => call.call(1))
    expect(seen).toEqual(['span of users', 'its own', 'span of users', 'its own'])
    expect(span.getStore()).toBeUndefined()
  })

  it('S50 a subscriber that throws hurts no bulk, and its error is reported as uncaught', async () => {
    const error = new Error('in a subscriber')
    subscribe({
      start: () => {
        throw error
      },
      end() {},
      asyncStart() {},
      asyncEnd: () => {
        throw error
      },
      error() {},
    })
    const call = new AsyncBulkCall(echo)
    const uncaught = await uncaughtDuring(async () => {
      expect(await call.call('a')).toBe('a')
    })
    expect(uncaught).toEqual([error, error])
    expect(call.inFlight).toBe(0)
  })
})

describe('an event agrees with what happened', () => {
  const causes: readonly [string, BulkCallOptions, (of: ReturnType<typeof heldCall>) => unknown][] = [
    ['size', { size: 1, delay: Infinity }, ({ host }) => host.drain()],
    ['tick', {}, ({ host }) => host.turn()],
    ['delay', { delay: 10 }, ({ host }) => host.advance(10)],
    ['flush', { delay: 10 }, ({ call }) => void call.flush()],
    ['close', { delay: 10 }, ({ call }) => void call.close()],
  ]

  it.each(causes)('S8 S51 the cause is %s', async (cause, options, bringAbout) => {
    const { started } = record()
    const held = heldCall(options)
    const calls = held.call.call(1)
    await bringAbout(held)
    expect(started.map(event => event.cause)).toEqual([cause])
    await held.settle([1])
    await calls
  })

  it('S8 S45 S51 the cause is quiet', async () => {
    const { started } = record()
    const host = new ManualHost()
    const scope = new BulkScope({ host })
    const call = new AsyncBulkCall(echo, { host, scope, delay: 10 })
    const calls = scope.run(() => call.call(1))
    await host.turn()
    expect(started.map(event => event.cause)).toEqual(['quiet'])
    await calls
  })

  it('S51 pending are the tasks left behind it, and in flight the bulks of its call, itself among them', async () => {
    const { started } = record()
    const { host, call, settle } = heldCall({ size: 2, concurrent: 2 })
    const calls = [1, 2, 3, 4, 5].map(task => call.call(task))
    await host.turn()
    await settle([1, 2])
    expect(started.map(({ tasks, pending, inFlight }) => [tasks, pending, inFlight])).toEqual([
      [2, 3, 1],
      [2, 1, 2],
      [1, 0, 2],
    ])
    await settle([3, 4])
    await settle([5])
    await Promise.all(calls)
  })

  it('S51 the instants tell a wait for others from a wait for a slot, and both from the run', async () => {
    const { started, settled } = record()
    const { host, call, settle } = heldCall({ delay: 10, size: 2, concurrent: 1 })
    const calls = [call.call(1), call.call(2), call.call(3)]
    await host.advance(15)
    await settle([1, 2])
    await host.advance(5)
    await settle([3])
    await Promise.all(calls)
    expect(started.map(event => event.settledAt)).toEqual([null, null])
    expect(settled.map(instants)).toEqual([
      [1000, 1000, 1000, 1015],
      [1000, 1010, 1015, 1020],
    ])
  })

  it('S51 a bulk that finds a slot at once was ready when it started, however late its timer was', async () => {
    const { started } = record()
    const { host, call, settle } = heldCall({ delay: 10, concurrent: 1 })
    const answered = call.call('first')
    host.time = 1030
    host.fireNext()
    await settle(null)
    await answered

    expect(started.map(({ openedAt, readyAt, startedAt }) => [openedAt, readyAt, startedAt])).toEqual([
      [1000, 1030, 1030],
    ])
  })

  it('S51 a bulk whose timer was late, and found no slot, was ready when it stood in line', async () => {
    const limiter = semaphore(1)
    const other = heldCall({ concurrent: limiter })
    const blocking = other.call.call(0)
    await other.host.turn()

    const { started } = record()
    const { host, call, settle } = heldCall({ delay: 10, concurrent: limiter })
    const answered = call.call('first')
    host.time = 1030
    host.fireNext()
    host.time = 1050
    await other.settle([0])
    await settle(null)
    await Promise.all([blocking, answered])

    expect(started.map(({ openedAt, readyAt, startedAt }) => [openedAt, readyAt, startedAt])).toEqual([
      [1000, 1030, 1050],
    ])
  })

  /** Each makes a bulk ready at 1010, while the one slot is taken until 1050. */
  const readies: readonly [string, BulkCallOptions, (call: AsyncBulkCall<unknown, unknown>) => unknown][] = [
    ['size', { size: 2, delay: Infinity }, call => call.call('second')],
    ['tick', {}, () => {}],
    ['delay', { delay: 10 }, () => {}],
    ['flush', { delay: 30 }, call => call.flush()],
    ['close', { delay: Infinity }, call => call.close()],
  ]

  it.each(readies)(
    'S51 a bulk that waits for its slot is ready from the instant of its %s',
    async (_, options, makeReady) => {
      const limiter = semaphore(1)
      const other = heldCall({ concurrent: limiter })
      const blocking = other.call.call(0)
      await other.host.turn()

      const { started } = record()
      const { host, call, settle } = heldCall({ ...options, concurrent: limiter })
      const tickAt = options.delay === undefined ? 1010 : 1000
      host.time = tickAt
      const calls = [call.call('first')]
      await host.turn()
      await host.advance(1010 - host.time)
      const more = makeReady(call)
      await host.turn()
      await host.advance(40)
      await other.settle([0])
      expect(started.map(({ openedAt, readyAt, startedAt }) => [openedAt, readyAt, startedAt])).toEqual([
        [tickAt, 1010, 1050],
      ])
      await settle(null)
      await host.turn()
      await Promise.all([blocking, ...calls, more])
    },
  )

  it('S51 a bulk is ready from the first of its causes: one that its delay made ready may fill up later', async () => {
    const { started } = record()
    const { host, call, settle } = heldCall({ delay: 10, size: 2, concurrent: 1 })
    const calls = [call.call(1), call.call(2), call.call(3)]
    await host.advance(20)
    calls.push(call.call(4))
    await host.advance(5)
    await settle([1, 2])
    await settle([3, 4])
    await Promise.all(calls)
    expect(started[1]).toMatchObject({ tasks: 2, openedAt: 1000, readyAt: 1010, startedAt: 1025 })
  })

  it('S14 S51 the instants stay in their order when a timer fires a little early', async () => {
    const { settled } = record()
    const { host, call, settle } = heldCall({ delay: 10, size: 2 })
    const calls = [call.call(1)]
    await host.advance(9.5)
    host.fireNext()
    await host.drain()
    calls.push(call.call(2), call.call(3))
    await host.drain()
    await settle([1])
    await settle([2, 3])
    await Promise.all(calls)
    expect(settled).toHaveLength(2)
    for (const event of settled) {
      const told = instants(event) as number[]
      expect(told.toSorted((a, b) => a - b)).toEqual(told)
    }
  })

  it('S51 the opening is null, and the rest is known, where nobody listened when the bulk opened', async () => {
    const { host, call, settle } = heldCall({})
    const calls = call.call(1)
    const { settled } = record()
    await host.turn()
    host.time = 1005
    await settle([1])
    await calls
    expect(settled.map(instants)).toEqual([[null, 1000, 1000, 1005]])
  })

  const ends: readonly [string, () => unknown, Partial<BulkEvent>][] = [
    ['none', () => null, { none: true, failed: 0, error: undefined }],
    ['a result for each', () => [1, 2, 3], { none: false, failed: 0, error: undefined }],
    ['an Error at some places', () => [new Error('a'), 2, new Error('c')], { failed: 2, error: undefined }],
    [
      'an Error for some tasks in a Map',
      () => new Map<unknown, unknown>([[1, new Error('a')]]),
      { none: false, failed: 1, error: undefined },
    ],
    ['too few', () => [1], { failed: 3, error: expect.any(BulkLengthError) }],
    ['what is no result', () => 'abc', { failed: 3, error: expect.any(BulkResultError) }],
    [
      'a throw',
      () => {
        throw new RangeError('bad')
      },
      { failed: 3, error: new RangeError('bad') },
    ],
    ['a rejection with nothing', () => Promise.reject(), { failed: 3, error: expect.any(Error) }],
    [
      'a stream that breaks',
      async function* () {
        yield 1
        yield new Error('b')
        throw new RangeError('broken')
      },
      { failed: 2, error: new RangeError('broken') },
    ],
    [
      'a stream that breaks after its last result',
      async function* () {
        yield* [1, 2, 3]
        throw new RangeError('broken')
      },
      { failed: 0, error: new RangeError('broken') },
    ],
  ]

  it.each(ends)('S51 none, failed and error, where the command gives %s', async (_, command, expected) => {
    const { started, settled } = record()
    const call = new AsyncBulkCall<unknown, unknown>(command as () => null)
    await Promise.allSettled([1, 2, 3].map(task => call.call(task)))
    await call.flush()
    expect(started).toMatchObject([{ none: false, failed: 0, error: undefined, abandoned: false }])
    expect(settled).toMatchObject([{ ...expected, abandoned: false }])
  })

  it('S43 S51 a bulk that ran out of its time has failed, and ends when its command does, whatever that says', async () => {
    for (const late of [[1, new Error('late')], null]) {
      const { settled } = record()
      const { host, call, settle } = heldCall({ timeout: 10 })
      const calls = [call.call(1), call.call(2)]
      quietly(...calls)
      await host.turn()
      await host.advance(15)
      expect(settled).toEqual([])
      await settle(late)
      await Promise.allSettled(calls)
      expect(settled).toMatchObject([{ tasks: 2, failed: 2, none: false, abandoned: false, settledAt: 1015 }])
      expect(settled[0]!.error).toBeInstanceOf(BulkTimeoutError)
    }
  })

  it('S43 S51 a bulk whose command never settles ends abandoned, after twice its time, and is reported once', async () => {
    const { settled } = record()
    const { host, call, settle } = heldCall({ timeout: 10 })
    const calls = [call.call(1), call.call(2)]
    quietly(...calls)
    await host.turn()
    await host.advance(25)
    await settle([1, 2])
    await Promise.allSettled(calls)
    expect(settled).toMatchObject([{ failed: 2, none: false, abandoned: true, settledAt: 1020 }])
    expect(settled[0]!.error).toBeInstanceOf(BulkTimeoutError)
  })

  it('S37 S51 an aborted pending task is no task of the event, and no bulk is reported where none is left', async () => {
    const { started } = record()
    const { host, call, settle } = heldCall({})
    const controller = new AbortController()
    const calls = [call.call(1), call.call(2, { signal: controller.signal })]
    controller.abort()
    await host.turn()
    await settle([1])
    const gone = call.call(3, { signal: AbortSignal.abort() })
    await host.turn()
    await Promise.allSettled([...calls, gone])
    expect(started.map(event => event.tasks)).toEqual([1])
  })

  it('S49 S51 no task and no result is in an event, nor in the errors of ours that it holds', async () => {
    const { started, settled } = record()
    const commands = [
      async (tasks: readonly unknown[]) => tasks,
      async () => ['secret'],
      async () => 'secret' as unknown as null,
      async () => null,
    ]
    for (const command of commands) {
      const call = new AsyncBulkCall<unknown, unknown>(command, { name: 'users' })
      await Promise.allSettled([call.call('secret'), call.call({ token: 'secret' })])
    }
    expect(settled).toHaveLength(commands.length)
    const shown = [...started, ...settled].map(event => JSON.stringify(event) + inspect(event, { depth: 9 }))
    expect(shown.filter(text => text.includes('secret'))).toEqual([])
  })
})

describe('onBulk, for those who want to know more', () => {
  it('S51 names the scope, the settings and the limiter of the call', async () => {
    const { started } = record()
    const scope = new BulkScope({ name: 'Feed' })
    const limiter = semaphore(2)
    await scope.run(() =>
      new AsyncBulkCall(echo, { size: 7, delay: 3, concurrent: limiter, scope, name: 'rows' }).call(1),
    )
    expect(started[0]).toMatchObject({ name: 'rows', size: 7, delay: 3 })
    expect(started[0]!.scope).toBe(scope)
    expect(started[0]!.limiter).toBe(limiter)
    expect(limiter).toMatchObject({ slots: 2, inUse: 0, waiting: 0 })
    await new AsyncBulkCall(echo).call(1)
    expect(started[1]).toMatchObject({ scope: null, size: Infinity, delay: 0, limiter: null })
  })

  it('S51 a scope has a number of its own, and a name that may become known later', () => {
    const [one, other] = [new BulkScope(), new BulkScope()]
    expect(other.id).toBeGreaterThan(one.id)
    expect(one.name).toBeUndefined()
    one.name = 'Feed'
    expect(one.name).toBe('Feed')
  })

  it('S61 tells each task once, with the number of its bulk, in the context of its caller, with who asks', async () => {
    const callers = new AsyncLocalStorage<string>()
    const told: unknown[] = []
    const { started } = record()
    listen({
      called: ({ name, id, scope }, tasks, caller) => void told.push([name, id, scope, tasks, caller]),
    })
    const scope = new BulkScope({ caller: () => callers.getStore() })
    const call = new AsyncBulkCall(echo, { name: 'rows', size: 2, scope })
    const first = callers.run('Post.author', () => call.call(1))
    const more = callers.run('Post.editor', () => call.callMany([2, 3]))
    await Promise.all([first, more])
    const [one, other] = started.map(({ id }) => id)
    expect(told).toEqual([
      ['rows', one, scope, 1, 'Post.author'],
      ['rows', one, scope, 1, 'Post.editor'],
      ['rows', other, scope, 1, 'Post.editor'],
    ])
  })

  it('S61 does not ask who asks when nobody listens to calls', async () => {
    let asked = 0
    const scope = new BulkScope({ caller: () => String(++asked) })
    const call = new AsyncBulkCall(echo, { scope })
    record()
    await call.call(1)
    expect(asked).toBe(0)
    listen({ called: () => {} })
    await call.call(2)
    expect(asked).toBe(1)
  })

  it('S61 a `caller` or a listener that throws hurts no call', async () => {
    listen({
      called() {
        throw new Error('of the listener')
      },
    })
    const scope = new BulkScope({
      caller() {
        throw new Error('of the caller')
      },
    })
    const call = new AsyncBulkCall(echo, { scope })
    let result: unknown
    const uncaught = await uncaughtDuring(async () => (result = await call.call(1)))
    expect(result).toBe(1)
    expect(uncaught.map(error => (error as Error).message)).toEqual(['of the caller', 'of the listener'])
  })

  it.each([
    ['keeps its answers', {}],
    ['has no cache', { cache: false }],
    ['has a cache of the user', { cacheMap: new Map() }],
  ])('S62 tells every key of a loader that %s as a call or as a hit', async (_, options) => {
    const told = { calls: 0, hits: 0 }
    listen({
      called: (__, tasks) => void (told.calls += tasks),
      hit: (name, keys) => {
        expect(name).toBe('rows')
        told.hits += keys
      },
    })
    const loader = new BulkLoader(echo, { name: 'rows', ...options })
    const keys = [1, 2, 1, 3]
    await Promise.all([...keys.map(key => loader.load(key)), loader.loadMany([3, 4, 4])])
    expect(told).toEqual({ calls: 4, hits: 3 })
    await loader.load(1)
    expect(told.calls + told.hits).toBe(8)
  })

  it('S63 runs the command in the async context that a listener wants, several listeners in each other', async () => {
    const [outer, inner] = [new AsyncLocalStorage<number>(), new AsyncLocalStorage<string>()]
    listen({ run: ({ id }, command) => outer.run(id, command) })
    listen({ run: ({ name }, command) => inner.run(name, command) })
    const { started } = record()
    const call = new AsyncBulkCall(
      async (tasks: readonly unknown[]) => {
        await Promise.resolve()
        return tasks.map(() => [outer.getStore(), inner.getStore()])
      },
      { name: 'rows' },
    )
    expect(await call.call(1)).toEqual([started[0]!.id, 'rows'])
  })

  const streams: [string, (read: () => unknown) => unknown][] = [
    [
      'a generator',
      function* (read) {
        yield read()
      },
    ],
    [
      'an async generator',
      async function* (read) {
        await Promise.resolve()
        yield read()
      },
    ],
    [
      'a query that runs when it is awaited',
      // oxlint-disable-next-line unicorn/no-thenable -- as some query builders are
      read => ({ then: (done: (r: unknown) => void) => done([read()]) }),
    ],
  ]
  it.each(streams)('S63 what a command does later runs in that context as well: %s', async (_, stream) => {
    const bulk = new AsyncLocalStorage<string>()
    listen({ run: ({ name }, command) => bulk.run(name, command) })
    const call = new AsyncBulkCall(() => stream(() => bulk.getStore()) as Iterable<string>, { name: 'rows' })
    expect(await call.call(1)).toBe('rows')
  })

  it('S6 S61 a listener that calls the same call while it is notified of a `callMany` adds no task to that', async () => {
    const bulks: string[][] = []
    const call = new AsyncBulkCall((tasks: string[]) => {
      bulks.push(tasks)
      return tasks.map(task => `${task}!`)
    })
    let told = 0
    listen({
      called() {
        if (told++ === 0) void call.call('audit')
      },
    })
    expect(await call.callMany(['a', 'b'])).toEqual(['a!', 'b!'])
    expect(bulks).toEqual([['a', 'b', 'audit']])
  })

  it('S52 S61 a listener that loads by the same loader while it is notified of a key takes no place of another key', async () => {
    const loader = new BulkLoader((keys: string[]) => keys.map(key => `${key}!`))
    let told = 0
    listen({
      called() {
        if (told++ === 0) void loader.load('audit')
      },
    })
    const many = loader.loadMany(['a', 'b'])
    const loads = ['a', 'b', 'audit'].map(key => loader.load(key))
    expect(await many).toEqual(['a!', 'b!'])
    expect(await Promise.all(loads)).toEqual(['a!', 'b!', 'audit!'])
    expect(await loader.loadMany(['a', 'b', 'audit'])).toEqual(['a!', 'b!', 'audit!'])
  })

  it('S52 S61 nor does one that loads a key that opens the next bulk', async () => {
    const loader = new BulkLoader((keys: string[]) => keys.map(key => `${key}!`), { size: 1 })
    let told = 0
    listen({
      called() {
        if (told++ === 0) void loader.load('audit')
      },
    })
    expect(await loader.load('a')).toBe('a!')
    expect(await loader.loadMany(['audit', 'a'])).toEqual(['audit!', 'a!'])
  })

  it('S61 the event has the opening that was reported when its tasks were called', async () => {
    const openings: unknown[] = []
    listen({ called: opening => void openings.push(opening) })
    const { started } = record()
    await new AsyncBulkCall(echo).callMany([1, 2])
    expect(openings).toHaveLength(1)
    expect(started[0]!.opening).toBe(openings[0])
  })

  it('S64 tells how many tasks are pending: they come, start, are given up and are aborted', async () => {
    const told: unknown[] = []
    const scope = new BulkScope({ name: 'Feed', host: new ManualHost(0) })
    listen({ pending: (name, change, of) => void told.push([name, change, of?.name]) })
    const { host, call, settle } = heldCall({ size: 2, delay: Infinity })
    const controller = new AbortController()
    const calls = [call.call(1, { signal: controller.signal }), call.callMany([2, 3, 4])]
    controller.abort()
    await host.drain()
    await settle([2, 3])
    void call.flush()
    await settle([4])
    await Promise.allSettled(calls)
    const scoped = new AsyncBulkCall(echo, { name: 'scoped', delay: 5, scope, host: new ManualHost(0) })
    const dropped = scoped.call(1)
    scope.abort(new Error('nobody waits'))
    await dropped.catch(() => {})

    expect(told.slice(0, 2)).toEqual([
      ['held', 1, undefined],
      ['held', 1, undefined],
    ])
    expect(told.slice(-2)).toEqual([
      ['scoped', 1, 'Feed'],
      ['scoped', -1, 'Feed'],
    ])
    let pending = 0
    for (const [, change] of told as [string, number][]) expect((pending += change)).toBeGreaterThanOrEqual(0)
    expect(pending).toBe(0)
  })

  const runs: [string, (command: () => void) => void][] = [
    ['forgets it', () => {}],
    ['calls it twice', command => (command(), command())],
    [
      'throws before it calls it',
      () => {
        throw new Error('of the listener')
      },
    ],
    [
      'throws after it has called it',
      command => {
        command()
        throw new Error('of the listener')
      },
    ],
  ]
  it.each(runs)(
    'S63 a command runs once, and has its own outcome, with a listener that %s',
    async (_, run) => {
      listen({ run: (__, command) => run(command) })
      let ran = 0
      const call = new AsyncBulkCall((tasks: readonly unknown[]) => {
        ran++
        if (tasks[0] === 'bad') throw new Error('of the command')
        return tasks
      })
      const outcomes: unknown[] = []
      await uncaughtDuring(async () => {
        outcomes.push(await call.call('good'), await call.call('bad').catch((error: Error) => error.message))
      })
      expect(outcomes).toEqual(['good', 'of the command'])
      expect(ran).toBe(2)
    },
  )
})
