/**
 * Validation: each option is checked once, where it is given, and nothing behind that checks again.
 * @module
 */

import { BulkOptionError } from './errors.ts'
import { host as realHost, type AsyncContext, type Host } from './host.ts'

/** Throws an error for an option that nobody knows: a misspelt `size` must not quietly mean no limit. */
export function checkNames(options: unknown, known: readonly string[]): void {
  check('options', typeof options === 'object' && options !== null, 'an object', options)
  for (const name in options as object) {
    if (known.includes(name) || !Object.hasOwn(options as object, name)) continue
    const nearest = known.find(other => distance(name.toLowerCase(), other.toLowerCase()) <= 2)
    const hint = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`
    throw new BulkOptionError('an option', `one of ${known.join(', ')}`, name, hint)
  }
}

/** Throws an error in the one grammar of all options: what, bound, got. */
export function check(what: string, good: boolean, bound: string, got: unknown): void {
  if (!good) throw new BulkOptionError(what, bound, got)
}

export function isWholeFrom(least: number, value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}

export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every(name => typeof Reflect.get(value, name) === 'function')
  )
}

/** An AbortSignal: by what it can do, not by `instanceof`, since a signal of another realm is one. */
export function isSignal(value: unknown): value is AbortSignal {
  return hasMethods(value, ['addEventListener', 'removeEventListener']) && 'aborted' in (value as object)
}

/** The host, which is the real one if none is given. */
export function readHost(host: Host = realHost): Host {
  check('host', host === realHost || hasMethods(host, hostMethods), 'a Host', host)
  return host
}

const hostMethods = ['now', 'setTimer', 'clearTimer', 'endOfTick', 'captureContext'] as const

/** An async context, if there is one. */
export function readContext(context: AsyncContext | undefined): AsyncContext | undefined {
  const isGood = context === undefined || hasMethods(context, ['runInAsyncScope'])
  check('context', isGood, 'an AsyncResource', context)
  return context
}

/** The signal in the options of a load. What is no object with a signal is no option: `keys.map(loader.load)` gives an index. */
export function readSignal(options: unknown): AbortSignal | undefined {
  const signal = typeof options === 'object' && options !== null ? Reflect.get(options, 'signal') : undefined
  check('signal', signal === undefined || isSignal(signal), 'an AbortSignal', signal)
  return signal as AbortSignal | undefined
}

/** Does what a load with options does; a signal that is none rejects, since a load never throws. */
export function withSignal<R>(
  options: unknown,
  load: (signal: AbortSignal | undefined) => Promise<R>,
): Promise<R> {
  try {
    return load(readSignal(options))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** How many letters must be put in, left out or changed to make one word of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(change, above[j]! + 1, row[j - 1]! + 1)
    }
  }
  return row[b.length]!
}
