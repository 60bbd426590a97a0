/**
 * What work has given, and whether it goes on: a promise, a list with promises in it, or an async iterable.
 * @module
 */

import { isThenable, originalThen } from '../engine/settle.ts'
import type { Work } from './work.ts'

/** Whether work goes on that has given this: a promise, a list with promises in it, or an async iterable. */
export function isUnfinished(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return typeof result === 'function' && isThenable(result)
  if (Array.isArray(result)) return result.some(isThenable)
  return isThenable(result) || Symbol.asyncIterator in result
}

/** What work has given, with its end noted: that of a list is the end of the last promise in it. */
export function follow<R>(work: Work, result: R, observes: boolean): R {
  if (!Array.isArray(result)) return whenSettled(result, observes, () => work.ends())
  let left = result.filter(isThenable).length
  const end = (): void => {
    if (--left === 0) work.ends()
  }
  return result.map((item: unknown) => whenSettled(item, observes, end)) as R
}

/**
 * A promise of the language is observed and given as it is; any other thenable may be a query that runs each time that it is
 * asked, so it is asked once, here. Who does not observe gets a promise of its own, so that a rejection that nobody handles is
 * still reported. An async iterable goes on for as long as somebody draws from it, and nobody says how long that is.
 */
function whenSettled<R>(result: R, observes: boolean, end: () => void): R {
  if (!isThenable(result)) return result
  if (observes && Object.getPrototypeOf(result) === Promise.prototype) {
    void originalThen.call(result, end, end)
    return result
  }
  return Promise.resolve(result).finally(end) as R
}
