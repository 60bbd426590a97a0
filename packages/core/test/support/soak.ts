/**
 * A program: makes a million calls in several ways and tells, as JSON on its standard output, what is left of them. It runs
 * on its own, with `--expose-gc`, so that nothing but the calls is in its heap.
 */

import { getEventListeners, setMaxListeners } from 'node:events'
import { AsyncBulkCall, BulkLoader, BulkScope, semaphore } from '../../src/index.ts'
import { Evidence, Plan, Profile } from '../../src/kit.ts'
import { ManualHost } from './manual-host.ts'

export interface Leftovers {
  readonly calls: number
  /** How many bytes the heap has grown by, from the first fifth of the calls to the last one. */
  readonly growth: number
  readonly listeners: number
  readonly timers: number
  readonly pending: number
  readonly inFlight: number
  readonly slotsInUse: number
  /** What kept the process alive before the first call, and what does after the last. */
  readonly resourcesBefore: readonly string[]
  readonly resourcesAfter: readonly string[]
}

const total = 1_000_000
const perRound = 500

const manualHost = new ManualHost()
const { signal } = new AbortController()
setMaxListeners(0, signal)
const limiter = semaphore(4)

const echo = async (tasks: readonly number[]): Promise<readonly number[]> => tasks
const none = (): null => null
async function* stream(tasks: readonly number[]): AsyncGenerator<number> {
  yield* tasks
}

const tick = new AsyncBulkCall(echo)
const bounded = new AsyncBulkCall(echo, { size: 100, concurrent: limiter })
const window = new AsyncBulkCall(none, { size: 20, delay: 10, timeout: 1000, host: manualHost })
const withSignal = new AsyncBulkCall(echo, { size: 50, concurrent: limiter })
const withDeadline = new AsyncBulkCall(echo, { size: 10, timeout: 60_000 })
const streamed = new AsyncBulkCall(stream, { size: 10 })
const uncached = new BulkLoader(echo, { cache: false, size: 10 })
const engines = [tick, bounded, window, withSignal, withDeadline, streamed, uncached]

const tasks = Array.from({ length: perRound }, (_, task) => task)
/** Each makes as many calls as there are tasks, and resolves when all of them have settled. */
const ways: readonly (() => Promise<unknown>)[] = [
  () => Promise.all(tasks.map(task => tick.call(task))),
  () => Promise.all(tasks.map(task => bounded.call(task))),
  async () => {
    const calls = Promise.all(tasks.map(() => window.call(1)))
    await manualHost.advance(10)
    await calls
  },
  () => Promise.all(tasks.map(task => withSignal.call(task, { signal }))),
  () => Promise.all(tasks.map(task => withDeadline.call(task))),
  () => Promise.all(tasks.map(task => streamed.call(task))),
  () => Promise.all(tasks.map(task => uncached.load(task))),
  () => bounded.callMany(tasks),
  abortAll,
  freshLoaders,
  observedScopes,
]

/** Half of the calls are aborted while they are pending, half while they are in flight. */
async function abortAll(): Promise<void> {
  const pending = new AbortController()
  const running = new AbortController()
  setMaxListeners(0, pending.signal, running.signal)
  const hold = new AsyncBulkCall(
    (_: readonly number[], context) => {
      // At the end of the turn all slots are taken.
      setImmediate(() => pending.abort())
      setImmediate(() => running.abort())
      return new Promise<null>(resolve => {
        context.signal.addEventListener('abort', () => resolve(null))
      })
    },
    { size: 50, concurrent: limiter },
  )
  const calls = tasks.map(task => hold.call(task, { signal: (task < 200 ? running : pending).signal }))
  await Promise.allSettled(calls)
}

/** A loader for every ten keys, as a server makes them for every request; what they share lives on. */
async function freshLoaders(): Promise<void> {
  for (let from = 0; from < perRound; from += 10) {
    const loader = new BulkLoader(echo, { concurrent: limiter, size: 5 })
    await Promise.all(tasks.slice(from, from + 10).map(task => loader.load(task)))
  }
}

const profile = new Profile()
const plan = new Plan(profile, () => true)
const evidence = new Evidence('late')

/** A scope for every ten calls, each late and observed; what is learned of them lives on. */
async function observedScopes(): Promise<void> {
  for (let from = 0; from < perRound; from += 10) {
    profile.outlived()
    const scope = new BulkScope({ plan })
    const loader = new BulkLoader(echo, { delay: 1000, scope })
    const load = async (task: number): Promise<unknown> => {
      await Promise.resolve()
      return loader.load(task)
    }
    await Promise.all(tasks.slice(from, from + 10).map(task => scope.run(() => load(task), evidence)))
  }
}

/** The size of the heap without its rubbish. What finalizers free is rubbish for the next collection. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await new Promise(resolve => {
      setImmediate(resolve)
    })
  }
  return process.memoryUsage().heapUsed
}

async function soak(): Promise<Leftovers> {
  const resourcesBefore = process.getActiveResourcesInfo()
  let calls = 0
  let early = 0
  while (calls < total) {
    for (const way of ways) {
      await way()
      calls += perRound
    }
    if (early === 0 && calls >= total / 5) early = await heap()
  }
  const late = await heap()
  return {
    calls,
    growth: late - early,
    listeners: getEventListeners(signal, 'abort').length,
    timers: manualHost.timers,
    pending: engines.reduce((sum, engine) => sum + engine.pending, 0),
    inFlight: engines.reduce((sum, engine) => sum + engine.inFlight, 0),
    slotsInUse: limiter.inUse,
    resourcesBefore,
    resourcesAfter: process.getActiveResourcesInfo(),
  }
}

process.stdout.write(JSON.stringify(await soak()))
