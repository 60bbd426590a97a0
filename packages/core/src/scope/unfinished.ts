/**
 * What work has given, and whether it goes on: a promise, a list with promises in it, or an async iterable.
 * @module
 */

import { isThenable, originalThen } from '../promises.ts'
import type { Work } from './work.ts'

/** Whether work goes on that has given this: a promise, a list with promises in it, or an async iterable. */
export function isUnfinished(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return typeof result === 'function' && isThenable(result)
  if (Array.isArray(result)) return result.some(isThenable)
  return isThenable(result) || Symbol.asyncIterator in result
}

/** What work has given, with its end noted: that of a list, or of a promise of one, is the end of the last promise in it. */
export function follow<R>(work: Work, result: R, observes: boolean): R {
  const end = (value?: unknown): void => {
    // Whoever reads the list handles what its promises reject with.
    for (const item of promisesIn(value)) observe(item)
    if (--work.left === 0) work.ends()
  }
  const observe = (promise: Promise<unknown>): void => {
    work.left++
    void originalThen.call(promise, end, end)
  }
  /**
   * A promise of the language is observed and given as it is; any other thenable may be a query that runs each time that it is
   * asked, so it is asked once, here. Who does not observe gets a promise of its own, so that a rejection that nobody handles
   * is still reported. An async iterable goes on for as long as somebody draws from it, and nobody says how long that is.
   */
  const each = (item: unknown): unknown => {
    if (!isThenable(item)) return item
    if (!observes || !isPlain(item)) {
      work.left++
      return Promise.resolve(item).finally(end)
    }
    observe(item)
    return item
  }
  return (Array.isArray(result) ? result.map(each) : each(result)) as R
}

/** Those of a list that a promise has given. It may be anything, and what throws when it is read throws at who reads it. */
function promisesIn(value: unknown): Promise<unknown>[] {
  try {
    return Array.isArray(value) ? value.filter(isPlain) : []
  } catch {
    return []
  }
}

function isPlain(item: unknown): item is Promise<unknown> {
  return typeof item === 'object' && item !== null && Object.getPrototypeOf(item) === Promise.prototype
}
