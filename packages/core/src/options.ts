/**
 * The options of a call: what each means, and what comes of them once they are checked.
 * @module
 */

import { check, hasMethods, isWholeFrom, readContext, readHost } from './validate.ts'
import { host as realHost, nobody, type AsyncContext, type Host } from './host.ts'
import { semaphore, type Limiter } from './limiter.ts'
import type { BulkScope } from './scope/bulk-scope.ts'
import type { Tracker } from './scope/tracker.ts'

/** The options of an `AsyncBulkCall`; a `BulkLoader` takes them too. */
export interface BulkCallOptions {
  /**
   * The most tasks in one bulk. A bulk that is full starts at once, if a slot is free.
   * A whole number from 1, or `Infinity`.
   * @default Infinity
   */
  readonly size?: number | undefined
  /**
   * The longest that a task waits for others (the batch window), in milliseconds; it may wait longer only for a slot. From 0,
   * which is the end of the tick (after all microtasks, the moment of `dataloader`), to `Infinity`, with which only `size`, a quiet
   * scope, `flush()` and `close()` start a bulk.
   * @default 0
   */
  readonly delay?: number | undefined
  /**
   * How many bulks may be in flight at once: a whole number from 1, `null` for no limit, or a {@link Limiter} that several
   * calls share. A bulk that waits for its slot goes on collecting up to `size`.
   * @default null
   */
  readonly concurrent?: number | null | Limiter | undefined
  /**
   * How many tasks may be pending (accepted, not started); a call past it rejects at once with `BulkOverflowError`.
   * A whole number from `size` (from 1 where `size` is `Infinity`), or `Infinity`.
   * @default Infinity
   */
  readonly maxPending?: number | undefined
  /**
   * How long a command may run, in milliseconds, above 0. Then its tasks reject with `BulkTimeoutError` and its signal
   * aborts; after as long again it is abandoned: its slot is given back although it has not settled.
   * @default Infinity
   */
  readonly timeout?: number | undefined
  /**
   * The name in errors, events and metrics.
   * @default the name of the command
   */
  readonly name?: string | undefined
  /**
   * The unit of work that closes the window early when it is quiet (idle), see `BulkScope`.
   * @default none
   */
  readonly scope?: BulkScope | undefined
  /**
   * The async context (what `AsyncLocalStorage` holds) in which the command runs: an `AsyncResource` is one.
   * @default that of the scope; without a scope an empty one, since a call may serve all requests, and be made in the
   * first. For a loader with a cache, it is the context in which the loader was made
   */
  readonly context?: AsyncContext | undefined
  /**
   * The clock, the timer, the end of the tick and the async context: another one lets a test or a simulation drive the
   * call by hand.
   * @default the host that the program runs on
   */
  readonly host?: Host | undefined
}

/** The options of a single call. */
export interface CallOptions {
  /**
   * When it aborts, the call rejects at once with its reason. A pending task leaves its bulk; for a task in flight, the
   * command goes on. Other callers are not affected.
   */
  readonly signal?: AbortSignal | undefined
}

/** The options, checked, complete, and the same for all calls that have them. */
export interface BulkCallSettings {
  readonly size: number
  /** 0 is the end of the tick. */
  readonly delay: number
  readonly limiter: Limiter | null
  readonly maxPending: number
  readonly timeout: number
  /** `null`: that of the command. */
  readonly name: string | null
  readonly host: Host
}

export const bulkCallOptions = [
  'size',
  'delay',
  'concurrent',
  'maxPending',
  'timeout',
  'name',
  'scope',
  'context',
  'host',
] as const

/** Checks the options, each of them, and fills in the defaults. */
export function readOptions(options: BulkCallOptions): BulkCallSettings {
  const { size = Infinity, delay = 0, maxPending = Infinity, timeout = Infinity } = options
  const { concurrent = null, name } = options
  const least = size === Infinity ? 1 : size

  check('size', size === Infinity || isWholeFrom(1, size), 'a whole number from 1 or Infinity', size)
  check('delay', typeof delay === 'number' && delay >= 0, 'a number from 0 or Infinity', delay)
  // Words are made only for who needs them: a call may be made for each request.
  if (maxPending !== Infinity && !isWholeFrom(least, maxPending)) {
    const from = least === 1 ? 1 : `size (${least})`
    check('maxPending', false, `a whole number from ${from} or Infinity`, maxPending)
  }
  check('timeout', typeof timeout === 'number' && timeout > 0, 'a number above 0 or Infinity', timeout)
  check('name', name === undefined || typeof name === 'string', 'a string', name)
  const host = readHost(options.host)
  return { size, delay, limiter: readConcurrent(concurrent), maxPending, timeout, name: name ?? null, host }
}

/** Checks the command. */
export function readCommand(command: unknown): void {
  check('the command', typeof command === 'function', 'a function', command)
}

/** The name of a call in errors, events and metrics. */
export function nameOf(command: { readonly name: string }, { name }: BulkCallSettings): string {
  return name ?? (command.name || 'anonymous')
}

/**
 * The async context in which the command of a call runs that is made now: the one that is given, else that of its scope.
 * @param belongs whether the call is its maker's alone
 */
export function contextOf(
  given: AsyncContext | undefined,
  tracker: Tracker | null,
  { host }: BulkCallSettings,
  belongs: boolean,
): AsyncContext {
  const context = readContext(given) ?? tracker?.context
  if (context !== undefined) return context
  return belongs || host !== realHost ? host.captureContext() : nobody
}

function readConcurrent(concurrent: unknown): Limiter | null {
  if (concurrent === null) return null
  if (isWholeFrom(1, concurrent)) return semaphore(concurrent)
  const isLimiter = hasMethods(concurrent, ['acquire', 'leave'])
  check('concurrent', isLimiter, 'a whole number from 1, null or a Limiter', concurrent)
  return concurrent as Limiter
}
