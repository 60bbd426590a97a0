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
  const end = (): void => {
    if (--work.left === 0) work.ends()
  }
  /**
   * A promise of the language is observed and given as it is; any other thenable may be a query that runs each time that it is
   * asked, so it is asked once, here. Who does not observe gets a promise of its own, so that a rejection that nobody handles
   * is still reported. An async iterable goes on for as long as somebody draws from it, and nobody says how long that is.
   */
  const each = (item: unknown): unknown => {
    if (!isThenable(item)) return item
    work.left++
    if (!observes || Object.getPrototypeOf(item) !== Promise.prototype)
      return Promise.resolve(item).finally(end)
    void originalThen.call(item, end, end)
    return item
  }
  return (Array.isArray(result) ? result.map(each) : each(result)) as R
}
