/**
 * Storms: many calls, aborts, primes and flushes at once.
 */

import { AsyncBulkCall, BulkLoader, BulkScope, semaphore, SharedLoader } from '../../src/index.ts'

type Signals = readonly AbortController[]

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const echo = async (tasks: readonly unknown[]): Promise<readonly unknown[]> => tasks
const ignored = (): null => null

/** A command that answers when it is told to. */
function held() {
  let open!: () => void
  const gate = new Promise<void>(done => (open = done))
  return { open, command: async (tasks: readonly unknown[]) => gate.then(() => tasks) }
}

const own = (): AbortController => new AbortController()

function common(): () => AbortController {
  const controller = new AbortController()
  return () => controller
}

function abortAll(signals: Signals): void {
  for (const controller of signals) controller.abort()
}

/** Loads of so many keys, each with a signal. */
function loads(loader: BulkLoader<any, any>, count: number, signalOf: () => AbortController) {
  const signals = numbers(count).map(signalOf)
  return { signals, all: signals.map((controller, key) => loader.load(key, controller).catch(ignored)) }
}

async function abortPending(count: number, signalOf: () => AbortController): Promise<void> {
  const { signals, all } = loads(new BulkLoader(echo, { delay: 9 }), count, signalOf)
  abortAll(signals)
  await Promise.all(all)
}

async function abortInFlight(count: number, signalOf: () => AbortController): Promise<void> {
  const { open, command } = held()
  const loader = new BulkLoader(command)
  const { signals, all } = loads(loader, count, signalOf)
  const flushed = loader.flush()
  abortAll(signals)
  open()
  await Promise.all([...all, flushed])
}

/** Does something with each of so many keys that are pending. */
async function withPending(
  loader: BulkLoader<any, any>,
  keys: readonly number[],
  work: (key: number) => void,
): Promise<void> {
  const all = numbers(keys.length).map(key => loader.load(key))
  for (const key of keys) work(key)
  await Promise.all([...all, loader.flush()])
}

async function prime(keys: readonly number[], options: object): Promise<void> {
  const loader = new BulkLoader(echo, { delay: 9, ...options })
  await withPending(loader, keys, key => void loader.prime(key, key))
}

/** Calls of which some are aborted, so that their places are filled from behind, once the first bulk has ended. */
async function refill(
  count: number,
  options: { readonly size: number; readonly scope?: BulkScope },
  stays: (task: number) => boolean,
): Promise<void> {
  const { open, command } = held()
  const call = new AsyncBulkCall(command, { concurrent: 1, delay: 9, ...options })
  const first = [call.call(-1), call.flush()]
  const controllers = numbers(count).map(own)
  const ask = async (task: number): Promise<unknown> =>
    call.call(task, stays(task) ? undefined : controllers[task]).catch(ignored)
  const all = numbers(count).map(task =>
    options.scope === undefined ? ask(task) : options.scope.run(() => ask(task)),
  )
  abortAll(controllers)
  open()
  await Promise.all([...first, ...all])
}

async function flushEach(count: number, options: object, command = echo): Promise<void> {
  const call = new AsyncBulkCall(command, options)
  await Promise.all(numbers(count).flatMap(task => [call.call(task), call.flush()]))
}

/** What each does with so many calls, keys or units of work. */
export const storms: Readonly<Record<string, (count: number) => Promise<unknown>>> = {
  'the abort of one signal of pending loads': count => abortPending(count, common()),
  'the abort of one signal of loads in flight': count => abortInFlight(count, common()),
  'the aborts of the signals of pending loads': count => abortPending(count, own),
  'the aborts of the signals of loads in flight': count => abortInFlight(count, own),
  'prime of pending keys': count => prime(numbers(count), {}),
  'prime of pending keys, the last one first': count => prime(numbers(count).toReversed(), {}),
  'prime of pending keys, in small bulks without a cache': count =>
    prime(numbers(count), { cache: false, size: 10, concurrent: 1 }),
  "prime of pending keys, with a map of the user's": count => prime(numbers(count), { cacheMap: new Map() }),
  'clear of pending keys, and loads of them': async count => {
    const loader = new BulkLoader(echo, { delay: 9 })
    await withPending(loader, numbers(count), key => void loader.clear(key).load(key))
  },
  'large bulks that are filled after aborts': count =>
    refill(4 * count, { size: count }, task => task >= count || task % 2 === 0),
  'small bulks that are filled after aborts': count => refill(count, { size: 10 }, task => task % 10 === 0),
  'bulks of a scope that are filled after aborts': count =>
    refill(4 * count, { size: count, scope: new BulkScope() }, task => task >= count || task % 2 === 0),
  'a flush after each call': count => flushEach(count, {}),
  'a flush after each call, for one slot': count => flushEach(count, { size: 2, concurrent: 1, delay: 9 }),
  'a flush after each call, none of which is answered before the last': async count => {
    const { open, command } = held()
    const all = flushEach(count, {}, command)
    open()
    await all
  },
  'hits beside bulks of a scope in flight': async count => {
    const { open, command } = held()
    const loader = new BulkLoader(command, { size: 1, delay: 9, scope: new BulkScope() })
    const all = numbers(count).map(key => loader.load(key))
    const flushed = loader.flush()
    for (const key of numbers(count)) all.push(loader.load(key))
    open()
    await Promise.all([...all, flushed])
  },
  'the abort of a scope': async count => {
    const scope = new BulkScope()
    const call = new AsyncBulkCall(echo, { size: 1, concurrent: 1, delay: 9, scope })
    const all = numbers(count).map(task => scope.run(async () => call.call(task)).catch(ignored))
    scope.abort(new Error('over'))
    await Promise.all(all)
  },
  'calls that leave the line of a limiter': async count => {
    const concurrent = semaphore(1)
    const { open, command } = held()
    const first = new AsyncBulkCall(command, { concurrent })
    const all: Promise<unknown>[] = [first.call(0), first.flush()]
    const controller = new AbortController()
    for (const task of numbers(count)) {
      const call = new AsyncBulkCall(echo, { concurrent })
      all.push(call.call(task, controller).catch(ignored), call.flush())
    }
    controller.abort()
    open()
    await Promise.all(all)
  },
  'units of work with one key each': async count => {
    const shared = new SharedLoader(echo, { size: 10 })
    await Promise.all(numbers(count).map(key => shared.loader().load(key)))
  },
  'partitions of one key each': async count => {
    const shared = new SharedLoader<number, unknown, number>(echo)
    await Promise.all(numbers(count).map(key => shared.loader({ partition: key }).load(key)))
  },
}
