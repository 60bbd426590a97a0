/**
 * From what a command gave to one outcome per task. An outcome is a result, or an Error that rejects its task alone.
 * @module
 */

import { BulkLengthError, BulkResultError } from '../errors.ts'
import { drop } from '../promises.ts'

/** One outcome per task, in task order; `null` where the command gave none, so that each task gets `null`. */
export type Outcomes = readonly unknown[] | null

/** Whose results they are. The name is looked up for an error alone. */
export interface Named {
  readonly name: string
}

/** Whether the outcomes come one by one, later. */
export function isStream(results: unknown): results is AsyncIterable<unknown> {
  return (
    typeof results === 'object' &&
    results !== null &&
    !Array.isArray(results) &&
    typeof (results as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === 'function' &&
    !(Symbol.iterator in results)
  )
}

/** How what a command gave is read. */
export type Shape = 'none' | 'list' | 'stream' | 'map' | 'iterable' | 'other'

/** One place that tells them apart: who looks at results before the engine does must not see something else in them. */
export function shapeOf(results: unknown): Shape {
  if (results === null || results === undefined) return 'none'
  if (isList(results)) return 'list'
  if (isStream(results)) return 'stream'
  const isObject = typeof results === 'object' || typeof results === 'function'
  if (!isObject || tagOf(results) === '[object String]') return 'other'
  if (isMap(results)) return 'map'
  return isIterable(results) ? 'iterable' : 'other'
}

/**
 * The outcomes in what a command gave. All or nothing: where their number is wrong nothing is handed out, because a
 * result at a wrong place is worse than an error.
 */
export function outcomesOf(results: unknown, tasks: readonly unknown[], call: Named): Outcomes {
  if (isList(results)) {
    if (results.length !== tasks.length) throw wrongLength(results, tasks.length, call)
    // A copy: the command may keep its array and change it before the last caller has looked. Holes become undefined.
    return [...results]
  }
  const shape = shapeOf(results)
  if (shape === 'none') return null
  if (shape === 'map') return tasks.map(task => (results as Map<unknown, unknown>).get(task) ?? null)
  if (shape === 'iterable') return drawn(results as Iterable<unknown>, tasks.length, call)
  throw new BulkResultError(call.name, results)
}

function wrongLength(outcomes: readonly unknown[], expected: number, call: Named): BulkLengthError {
  for (const outcome of outcomes) drop(outcome)
  return new BulkLengthError(call.name, expected, outcomes.length)
}

/** Draws one outcome per task, and one more to see that there is none: an endless generator must not hang the bulk. */
function drawn(results: Iterable<unknown>, expected: number, call: Named): Outcomes {
  const outcomes: unknown[] = []
  for (const outcome of results) {
    outcomes.push(outcome)
    if (outcomes.length > expected) break
  }
  if (outcomes.length !== expected) throw wrongLength(outcomes, expected, call)
  return outcomes
}

/**
 * Hands out each outcome as soon as it is yielded, and resolves when the stream has ended. `give` answers whether anyone
 * still waits: a stream that nobody listens to is closed.
 */
export async function handOut(
  results: AsyncIterable<unknown>,
  expected: number,
  call: Named,
  give: (place: number, outcome: unknown) => boolean,
): Promise<void> {
  let received = 0
  for await (const outcome of results) {
    if (received === expected) throw new BulkLengthError(call.name, expected, received + 1)
    if (!give(received++, outcome)) return
  }
  if (received < expected) throw new BulkLengthError(call.name, expected, received)
}

/** An array that is read as any other, so that its length is the number of its results. */
function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value[Symbol.iterator] === elementsOf
}

const elementsOf = Array.prototype[Symbol.iterator]

function isIterable(value: object): value is Iterable<unknown> {
  return typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
}

function isMap(value: object): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map || tagOf(value) === '[object Map]'
}

/** What a value is, in whichever realm it was made; `instanceof` knows those of its own realm alone. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}
