/**
 * The host: the clock, the timer, the end of the tick and the async context, and nothing else.
 *
 * All that the engine knows of time comes through here, so a test or a simulation can drive a whole engine by hand.
 * The globals are looked up at each use: fake timers that are installed later are obeyed, and a host without
 * `process` or `setImmediate` is no error.
 * @module
 */

/** Where an engine gets its time from. Pass your own as the option `host` to drive an engine by hand. */
export interface Host {
  /** Milliseconds on a clock that never goes back. Only differences are used. */
  now(): number
  /** Calls `wake` once after `ms` milliseconds (from 0 to 2^31 - 1) and gives what {@link Host.clearTimer} takes. */
  setTimer(wake: () => void, ms: number): unknown
  /** Takes a timer back. One that has fired, or was taken back before, is ignored. */
  clearTimer(timer: unknown): void
  /**
   * Calls `job` once the microtasks of the current tick have drained, those that they themselves add included; in whatever
   * async context.
   */
  endOfTick(job: () => void): void
  /** Remembers the async context of now. */
  captureContext(): AsyncContext
}

/** An async context (what `AsyncLocalStorage` holds) that was remembered, to run something in later: an `AsyncResource` is one. */
export interface AsyncContext {
  runInAsyncScope<T, A, R>(work: (this: T, a: A) => R, thisArg: T, a: A): R
}

/** Whether this is a worker of Cloudflare, which ends a request that waits for what another one has to settle. */
export const isWorker: boolean =
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === 'Cloudflare-Workers'

const settled = Promise.resolve()

/**
 * The `process.nextTick` that has been watched, and whether it runs after the microtasks. Node's does, at the moment that
 * `dataloader` taught everyone to expect; workers and some shims make it one more microtask, which would tear bulks apart. Its
 * name does not tell, so the first end of a tick watches what it really does.
 */
let watched: unknown
let isAfterMicrotasks = false
/** The object is looked up once, which is expensive where it is a getter; what it has, at each use. */
const { process } = globalThis

/**
 * Calls `job` once the microtasks of the current tick have drained, those that they themselves add included, in the async
 * context of whoever asks.
 */
export function endOfTick(job: () => void): void {
  // One microtask first: then the tick is asked for while microtasks run, and Node keeps it until they have drained.
  void settled.then(() => tick(job))
}

function tick(job: () => void): void {
  const nextTick: unknown = (process as { nextTick?: unknown } | undefined)?.nextTick
  if (nextTick === watched && isAfterMicrotasks) process.nextTick(job)
  else if (nextTick === watched || !isReal(process, 'nextTick')) macrotask(job)
  else watchNextTick(job, nextTick)
}

/** Who has asked for a share since the last round of asking was over: one alone as a rule. */
let asking: (() => void)[] | null = null

/**
 * The same in whatever async context: all who ask until the microtask share it and its tick. Who asks later may be in
 * another tick, whose microtasks have yet to run.
 */
function shareOfTick(job: () => void): void {
  if (asking !== null) {
    asking.push(job)
    return
  }
  asking = [job]
  void settled.then(endAsking)
}

function endAsking(): void {
  const jobs = asking!
  asking = null
  tick(jobs.length === 1 ? jobs[0]! : () => runAll(jobs))
}

/** Each has a tick of its own, as far as the others can tell: one that throws takes none of them along. */
function runAll(jobs: (() => void)[]): void {
  try {
    for (let job; (job = jobs.shift()) !== undefined;) job()
  } finally {
    for (const job of jobs) shareOfTick(job)
  }
}

function watchNextTick(job: () => void, nextTick: unknown): void {
  let drained = false
  void settled.then(() => settled).then(() => (drained = true))
  process.nextTick(() => {
    watched = nextTick
    isAfterMicrotasks = drained
    if (drained) job()
    else macrotask(job)
  })
}

/**
 * Whether there is this function, and it is no fake one: the end of a tick is no matter of time, and must not wait until a test
 * lets some pass.
 */
function isReal(holder: object | undefined, name: string): boolean {
  const job: unknown = holder && Reflect.get(holder, name)
  // The mark of the fake timers of Jest, Vitest and Sinon.
  return typeof job === 'function' && !Object.hasOwn(job, 'clock')
}

/** What timers are made by. Where it changes, fake timers have come or gone, and what was made before may never fire. */
export function timerMaker(): unknown {
  return globalThis.setTimeout
}

/**
 * Between two macrotasks every host drains its microtasks. The first of these that exists is the quickest one; in workers of
 * Cloudflare a message comes among microtasks.
 */
function macrotask(job: () => void): void {
  if (isReal(globalThis, 'setImmediate')) globalThis.setImmediate(job)
  else if (typeof globalThis.MessageChannel === 'function' && !isWorker) postMessage(job)
  else globalThis.setTimeout(job, 0)
}

/** A channel for each: one that stays open would keep the process alive. */
function postMessage(job: () => void): void {
  const { port1, port2 } = new globalThis.MessageChannel()
  const onmessage = (): void => {
    port1.close()
    job()
  }
  // The types of Node do not know the property.
  Object.assign(port1, { onmessage })
  port2.postMessage(null)
}

const direct: AsyncContext = { runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }

type AsyncHooks = typeof import('node:async_hooks')
type AsyncResourceOptions = import('node:async_hooks').AsyncResourceOptions
const hooks: AsyncHooks | undefined = process?.getBuiltinModule?.('node:async_hooks')
/** The host need not note who has caused each, nor report its end. */
let resourceOptions: AsyncResourceOptions | undefined = { triggerAsyncId: 0, requireManualDestroy: true }
try {
  captureContext()
} catch {
  // Workers throw at options that they do not have.
  resourceOptions = undefined
}

/**
 * An `AsyncResource`, not `AsyncLocalStorage.snapshot()`: it holds the same context and is made in tens of nanoseconds where
 * a snapshot takes microseconds, and loaders are made for every request.
 */
function captureContext(): AsyncContext {
  return hooks?.AsyncResource === undefined ? direct : new hooks.AsyncResource('BULKCALL', resourceOptions)
}

/**
 * The async context of nobody, for what is shared: it may be made, and this module be loaded, within a user's request, as
 * serverless hosts do, and would keep what is theirs for ever. So what a resource took over when it was made is taken out of it,
 * all but its numbers. Where a host keeps that in another way, it is the context in which the module was loaded.
 */
export const nobody: AsyncContext = captureContext()
for (const place of placesIn(nobody)) Reflect.set(nobody, place, undefined)

/** Where a resource keeps what it took over. */
function placesIn(context: AsyncContext): readonly symbol[] {
  return Object.getOwnPropertySymbols(context).filter(place => !place.description?.includes('async_id'))
}

/** What it took over, by the store: each has a place of its own, or all are in one map. Node 22 has both, and uses the former. */
function storesIn(context: AsyncContext): ReadonlyMap<unknown, unknown> {
  const stores = new Map<unknown, unknown>()
  for (const place of placesIn(context)) {
    const value: unknown = Reflect.get(context, place)
    if (place.description !== 'context_frame') stores.set(place, value)
    else for (const [store, its] of (value ?? []) as Iterable<[unknown, unknown]>) stores.set(store, its)
  }
  return stores
}

/**
 * Whether each store has the same value in both. Where a host does not show what a resource took over, it takes each for
 * another than all others.
 */
export function isSameContext(a: AsyncContext, b: AsyncContext): boolean {
  if (a === b) return true
  if (Object.getOwnPropertySymbols(a).length === 0) return false
  const [one, other] = [storesIn(a), storesIn(b)]
  return [...one.keys(), ...other.keys()].every(store => Object.is(one.get(store), other.get(store)))
}

/** The host that the program runs on. */
export const host: Host = {
  now: () => (globalThis.performance === undefined ? Date.now() : performance.now()),
  setTimer: (wake, ms) => globalThis.setTimeout(wake, ms),
  clearTimer: timer => globalThis.clearTimeout(timer as ReturnType<typeof setTimeout>),
  endOfTick: shareOfTick,
  captureContext,
}
