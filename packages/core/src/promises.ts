/**
 * Promises, and whatever else has a `then`.
 * @module
 */

import { asError, isError } from './errors.ts'

/** Whether a value is a promise of any make. One whose `then` throws counts as one: as a promise it rejects. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return true
  }
}

/**
 * One result or Error for each promise. What a promise rejects with becomes no result of another one, which would look whether it
 * is a thenable: where that throws, all of them would be lost.
 * @param toError what stands for a reason that something was rejected with
 */
export async function eachOf<R>(
  promises: readonly PromiseLike<R>[],
  toError: (reason: any) => Error = asError,
): Promise<(R | Error)[]> {
  return (await Promise.allSettled(promises)).map(outcome =>
    'value' in outcome ? outcome.value : toError(outcome.reason),
  )
}

/** The original: a promise may come with a `then` of its own that forgets to give a promise back. */
export const originalThen: Promise<unknown>['then'] = Reflect.get(Promise.prototype, 'then')

/** A promise of an outcome that is known. It reports its rejection itself, even if that of a promise within was handled. */
export function given<R>(outcome: unknown): Promise<R> {
  if (isError(outcome)) return Promise.reject(outcome)
  return isThenable(outcome) ? new Promise(resolve => resolve(outcome as R)) : Promise.resolve(outcome as R)
}

/** An outcome that nobody gets. If it is a promise, its rejection would be reported as one that nobody handles. */
export function drop(outcome: unknown): void {
  if (isThenable(outcome)) given(outcome).catch(() => {})
}
