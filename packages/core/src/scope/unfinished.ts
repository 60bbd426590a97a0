/**
 * What work has given, and whether it goes on: a promise, a list with promises in it, or an async iterable.
 * @module
 */

import { isThenable, originalThen } from '../engine/settle.ts'
import type { Work } from './work.ts'

/** Whether work goes on that has given this: a promise, a list with promises in it, or an async iterable. */
export function isUnfinished(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return typeof result === 'function' && isThenable(result)
  if (Array.isArray(result))
    return result.some(item => isThenable(item) || (Array.isArray(item) && isUnfinished(item)))
  return isThenable(result) || Symbol.asyncIterator in result
}

/**
 * What work has given, with its end noted: that of a list, or of lists in one, is the end of the last promise in it. A promise
 * of the language is observed and given as it is; any other thenable may be a query that runs each time that it is asked, so
 * it is asked once, here. Who does not observe gets a promise of its own, so that a rejection that nobody handles is still
 * reported. An async iterable goes on for as long as somebody draws from it, and nobody says how long that is.
 */
export function follow<R>(work: Work, result: R, observes: boolean): R {
  const end = (value?: unknown): void => {
    // A promise may be one of a list of promises, which whoever observes it handles.
    if (Array.isArray(value)) each(value, true)
    if (--work.left === 0) work.ends()
  }
  const each = (item: unknown, isWithin: boolean): unknown => {
    if (Array.isArray(item)) return item.map(inner => each(inner, isWithin))
    if (!isThenable(item)) return item
    const isPlain = Object.getPrototypeOf(item) === Promise.prototype
    if (isWithin && !isPlain) return item
    work.left++
    if (!observes || !isPlain) return Promise.resolve(item).finally(end)
    void originalThen.call(item, end, end)
    return item
  }
  return each(result, false) as R
}
