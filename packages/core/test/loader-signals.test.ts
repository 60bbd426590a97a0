/**
 * Loads whose callers may go, and closing that need not wait for ever.
 */

import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import {
  AsyncBulkCall,
  BulkClosedError,
  BulkLoader,
  BulkOptionError,
  BulkScope,
  BulkTimeoutError,
  type BulkLoaderOptions,
} from '../src/index.ts'
import { Desk, turn, watch } from './support/desk.ts'
import { ManualHost } from './support/manual-host.ts'

/** A loader over a desk that keeps the signals of its commands. */
function held(options: BulkLoaderOptions<any, any, any> = {}) {
  const desk = new Desk<any>()
  const signals: AbortSignal[] = []
  const loader = new BulkLoader<any, any, any>((keys, { signal }) => {
    signals.push(signal)
    return desk.command(keys)
  }, options)
  /** What is pending starts, and nothing else has to happen for that. */
  const start = async (): Promise<void> => {
    void loader.flush()
    await turn()
  }
  return { desk, signals, loader, start, bulks: desk.bulks }
}

const reason = new Error('gone')

/** A caller who may go. */
function caller(loader: BulkLoader<any, any, any>, key: unknown) {
  const controller = new AbortController()
  const seen = watch(loader.load(key, { signal: controller.signal }))
  return { seen, go: () => controller.abort(reason) }
}

/** How many keys are compared or looked at when the signal of so many loads aborts. */
async function stepsOf(count: number, inFlight: boolean): Promise<number> {
  let compared = 0
  const { loader, start } = held({
    cacheKeyFn: (key: number) => {
      compared++
      return key
    },
  })
  const controller = new AbortController()
  const loads = Array.from({ length: count }, (_, key) =>
    loader.load(key, { signal: controller.signal }).catch(() => {}),
  )
  if (inFlight) await start()
  const every = vi.spyOn(Array.prototype, 'every')
  controller.abort(reason)
  const looked = every.mock.contexts.map(list => (list as unknown[]).length)
  every.mockRestore()
  await Promise.all(loads)
  return looked.reduce((sum, length) => sum + length, compared)
}

function ask(call: any, task: number): Promise<unknown> {
  return call.call ? call.call(task) : call.load(task)
}

const kinds: [string, () => BulkLoaderOptions<any, any, any>][] = [
  ['a cache', () => ({})],
  ['no cache', () => ({ cache: false })],
  ['a map of the user', () => ({ cacheMap: new Map() })],
  ['keys that are objects', () => ({ cacheKeyFn: (key: unknown) => JSON.stringify(key) })],
  ['a window', () => ({ delay: 1_000 })],
  ['a scope', () => ({ delay: 1_000, scope: new BulkScope() })],
]

describe.each(kinds)('S145 a load with a signal, with %s', (what, options) => {
  const remembers = what !== 'no cache'

  it('that aborts in time rejects at once, and its key is neither asked nor known', async () => {
    const { loader, bulks, desk, start } = held(options())
    const gone = caller(loader, 1)
    const stays = watch(loader.load(2))
    gone.go()
    await Promise.resolve()
    expect(gone.seen.outcome).toBe(reason)
    expect(loader.pending).toBe(1)
    await start()
    expect(bulks).toEqual([[2]])
    await desk.answer(0)
    expect(stays.outcome).toBe('2@0')
    const again = watch(loader.load(1))
    await start()
    await desk.answer(1)
    expect(again.outcome).toBe('1@1')
  })

  it('whose key others wait for changes nothing for them', async () => {
    const { loader, bulks, desk, start } = held(options())
    const [one, other] = [caller(loader, 1), caller(loader, 1)]
    const [before, late] = [watch(loader.load(2)), caller(loader, 2)]
    const [early, after] = [caller(loader, 3), watch(loader.loadMany([3]))]
    for (const { go } of [one, late, early]) go()
    await start()
    expect(bulks).toEqual([[1, 2, 3]])
    await desk.answer(0)
    expect([one, late, early].map(({ seen }) => seen.outcome)).toEqual([reason, reason, reason])
    expect([other.seen, before, after].map(({ outcome }) => outcome)).toEqual(['1@0', '2@0', ['3@0']])
  })

  it('of which the last caller goes leaves, and the command is not called for nobody', async () => {
    const { loader, bulks, start } = held(options())
    const callers = [1, 1, 2].map(key => caller(loader, key))
    for (const { go } of callers) go()
    await start()
    expect(bulks).toEqual([])
    expect(callers.map(({ seen }) => seen.outcome)).toEqual([reason, reason, reason])
    expect([loader.pending, loader.inFlight]).toEqual([0, 0])
  })

  it('that aborts in flight rejects at once, and the answer is kept while somebody waits for the bulk', async () => {
    const { loader, bulks, signals, desk, start } = held(options())
    const gone = caller(loader, 1)
    const stays = watch(loader.load(2))
    await start()
    gone.go()
    await turn()
    expect(gone.seen.outcome).toBe(reason)
    expect(signals[0]!.aborted).toBe(false)
    // Without a cache it would be asked again.
    const again = watch(loader.load(remembers ? 1 : null))
    await desk.answer(0)
    expect(stays.outcome).toBe('2@0')
    const refusal: unknown = expect.any(BulkOptionError)
    expect(again.outcome).toEqual(remembers ? '1@0' : refusal)
    expect(bulks).toHaveLength(1)
  })

  it('lets the command know when the callers of all keys have gone, and then nothing is kept', async () => {
    const { loader, signals, desk, start } = held(options())
    const callers = [1, 2, 1].map(key => caller(loader, key))
    await start()
    callers[0]!.go()
    callers[1]!.go()
    expect(signals[0]!.aborted).toBe(false)
    callers[2]!.go()
    expect(signals[0]!.reason).toBe(reason)
    await desk.answer(0)
    const again = watch(loader.load(1))
    await start()
    await desk.answer(1)
    expect(again.outcome).toBe('1@1')
  })

  it('that has aborted before asks nothing', async () => {
    const { loader, bulks, start } = held(options())
    await expect(loader.load(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await loader.loadMany([1, 2], { signal: AbortSignal.abort(reason) })).toEqual([reason, reason])
    await start()
    expect(bulks).toEqual([])
  })

  it('of many keys gives the reason in the place of each that has no answer', async () => {
    const { loader, desk, start } = held(options())
    const known = watch(loader.loadMany([1]))
    await start()
    await desk.answer(0)
    expect(known.outcome).toEqual(['1@0'])
    const controller = new AbortController()
    const many = watch(loader.loadMany([1, 2], { signal: controller.signal }))
    await turn()
    controller.abort(reason)
    await start()
    expect(many.outcome).toEqual([remembers && loader.pending === 0 ? '1@0' : reason, reason])
  })

  it('leaves nothing on its signal, which has one listener at most', async () => {
    const { loader, desk, start } = held(options())
    const { signal } = new AbortController()
    const loads = Promise.all([1, 2, 3, 1].map(key => loader.load(key, { signal })))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await start()
    await desk.answer(0)
    expect(await loads).toEqual(['1@0', '2@0', '3@0', '1@0'])
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('S145 a load with a signal', () => {
  it('takes back that all have gone when somebody comes again', async () => {
    const { loader, signals, desk, start } = held()
    const [one, two] = [caller(loader, 1), caller(loader, 2)]
    await start()
    one.go()
    const again = caller(loader, 1)
    two.go()
    expect(signals[0]!.aborted).toBe(false)
    const without = watch(loader.load(2))
    again.go()
    expect(signals[0]!.aborted).toBe(false)
    await desk.answer(0)
    expect([again.seen.outcome, without.outcome]).toEqual([reason, '2@0'])
  })

  it('does not count keys that a stream has given', async () => {
    const signals: AbortSignal[] = []
    let go!: () => void
    const rest = new Promise<void>(resolve => (go = resolve))
    const loader = new BulkLoader(async function* (keys: number[], { signal }) {
      signals.push(signal)
      yield keys[0]!
      await rest
      yield* keys.slice(1)
    })
    const callers = [1, 2, 3].map(key => caller(loader, key))
    await turn()
    expect(callers[0]!.seen.outcome).toBe(1)
    callers[1]!.go()
    expect(signals[0]!.aborted).toBe(false)
    go()
    await turn()
    expect(callers[2]!.seen.outcome).toBe(3)
  })

  it.each(Array.from({ length: 12 }, (_, jobs) => jobs))(
    'that aborts %i promise jobs after another key was given leaves the rest of the bulk alone',
    async jobs => {
      let abort!: () => void
      const loader = new BulkLoader(async function* (keys: number[]) {
        await turn()
        let job = Promise.resolve()
        for (let i = 0; i < jobs; i++) job = job.then(() => {})
        void job.then(abort)
        yield keys[0]!
        await turn()
        yield* keys.slice(1)
      })
      const [one, two, three] = [1, 2, 3].map(key => caller(loader, key))
      abort = two!.go
      await Promise.resolve()
      await new Promise(done => process.nextTick(done))
      one!.go()
      for (let i = 0; i < 4; i++) await turn()
      expect([one, two, three].map(each => each!.seen.outcome)).toEqual([reason, reason, 3])
    },
  )

  it('that comes again looks at no other key', async () => {
    const { loader, start } = held()
    const callers = Array.from({ length: 10 }, (_, key) => caller(loader, key))
    await start()
    for (const { go } of callers.slice(1)) go()
    const every = vi.spyOn(Array.prototype, 'every')
    for (let i = 0; i < 20; i++) caller(loader, 1).go()
    void loader.load(2)
    callers[0]!.go()
    const looked = every.mock.contexts.filter(list => (list as unknown[]).length === callers.length)
    every.mockRestore()
    expect(looked).toHaveLength(0)
  })

  it('that is the last of a stream lets it know', async () => {
    const signals: AbortSignal[] = []
    const loader = new BulkLoader(async function* (keys: number[], { signal }) {
      signals.push(signal)
      yield keys[0]!
      await new Promise(() => {})
    })
    const callers = [1, 2, 3].map(key => caller(loader, key))
    await turn()
    callers[1]!.go()
    callers[2]!.go()
    expect(signals[0]!.aborted).toBe(true)
    expect(await loader.load(1)).toBe(1)
  })

  it('refuses a signal that is none, and passes over what is no option', async () => {
    const { loader, desk, start } = held()
    await expect(loader.load(1, { signal: 5 as never })).rejects.toThrow(
      'Bulkcall: signal must be an AbortSignal, got 5',
    )
    await expect(loader.loadMany([1], { signal: {} as never })).rejects.toThrow(/signal must be/)
    const some = Promise.all([1, 2].map((key, place) => loader.load(key, place as never)))
    await start()
    await desk.answer(0)
    expect(await some).toEqual(['1@0', '2@0'])
    await expect(loader.load(undefined, { signal: new AbortController().signal })).rejects.toThrow(/a key of/)
  })

  it('ends in a number of steps that is linear in the keys of its signal', async () => {
    for (const inFlight of [false, true]) {
      const [few, many] = [await stepsOf(100, inFlight), await stepsOf(1_000, inFlight)]
      expect(many).toBeLessThan(11 * few)
    }
  })
})

describe('S146 close', () => {
  const makes: [string, (command: any, options: any) => any][] = [
    ['a call', (command, options) => new AsyncBulkCall(command, options)],
    ['a loader', (command, options) => new BulkLoader(command, options)],
  ]

  it.each(makes)('of %s with a timeout gives up what has not settled by then', async (_, make) => {
    const host = new ManualHost()
    const signals: AbortSignal[] = []
    const hanging = (_tasks: number[], { signal }: any): Promise<never> => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const call = make(hanging, { host, size: 1, concurrent: 1, name: 'hanging' })
    const [running, pending] = [watch(ask(call, 1)), watch(ask(call, 2))]
    await host.turn()
    expect([call.inFlight, call.pending]).toEqual([1, 1])
    const closed = watch(call.close({ timeout: 50 }))
    const late = watch(ask(call, 3))
    await host.advance(49)
    expect(closed.outcome).toBe('waits')
    await host.advance(1)
    await host.turn()
    expect(closed.outcome).toBeUndefined()
    for (const { outcome } of [running, pending]) {
      expect(outcome).toBeInstanceOf(BulkTimeoutError)
      expect(outcome).toMatchObject({
        message: 'Bulkcall: hanging must settle all tasks within 50 ms of close(), got no answer',
        timeout: 50,
        tasks: null,
      })
    }
    expect(late.outcome).toBeInstanceOf(BulkClosedError)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(host.timers).toBe(0)
  })

  it.each(makes)('of %s with a signal gives up when that aborts, with its reason', async (_, make) => {
    const call = make(() => new Promise(() => {}), {})
    const running = watch(ask(call, 1))
    await turn()
    const controller = new AbortController()
    const closed = watch(call.close({ signal: controller.signal }))
    await turn()
    expect(closed.outcome).toBe('waits')
    controller.abort(reason)
    await turn()
    expect([closed.outcome, running.outcome]).toEqual([undefined, reason])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await call.close({ signal: AbortSignal.abort(reason) })
  })

  it.each(makes)('of %s ends for all who wait for its end, be it in other words', async (_, make) => {
    const host = new ManualHost()
    const call = make(() => new Promise(() => {}), { host })
    const running = watch(ask(call, 1))
    await host.turn()
    const waiting = [call.flush(), call.close(), call.close({ timeout: 1_000 })].map(watch)
    waiting.push(watch(call.close({ timeout: 0 })))
    await host.advance(0)
    waiting.push(...[call.flush(), call.close(), call[Symbol.asyncDispose]()].map(watch))
    await host.turn()
    expect(waiting.map(({ outcome }) => outcome)).toEqual(waiting.map(() => undefined))
    expect(running.outcome).toMatchObject({ code: 'BULK_TIMEOUT', timeout: 0 })
    expect(host.timers).toBe(0)
  })

  it.each(makes)('of %s in time gives up nothing, and leaves nothing behind', async (_, make) => {
    const host = new ManualHost()
    const call = make(async (tasks: number[]) => tasks, { host })
    const asked = ask(call, 1)
    const { signal } = new AbortController()
    const closed = call.close({ timeout: 1_000, signal })
    await host.turn()
    await closed
    expect(await asked).toBe(1)
    expect(host.timers).toBe(0)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await call.close({ timeout: 0 })
    await call[Symbol.asyncDispose]()
  })

  it.each([
    [{ timeout: -1 }, /^Bulkcall: timeout must be a number from 0 or Infinity, got -1/],
    [{ timeout: NaN }, /timeout must be/],
    [{ signal: 5 }, /signal must be an AbortSignal/],
    [{ timeot: 5 }, /did you mean 'timeout'/],
  ])('refuses %o, and the call stays open', async (options, message) => {
    const call = new AsyncBulkCall(async (tasks: number[]) => tasks)
    await expect(call.close(options as never)).rejects.toThrow(message)
    expect(await call.call(1)).toBe(1)
  })
})
