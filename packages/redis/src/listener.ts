/**
 * A listener: a function of the user that is called when something is wrong.
 * @module
 */

import { nobody } from '@bulkcall/core/kit'

/**
 * The listener, so that it hurts nobody: it runs in nobody's async context, because what is wrong concerns more than the
 * one request that met it, or in which it was given; and what it throws is reported as any error that nobody caught.
 */
export function harmless<E>(listener: (error: E) => void): (error: E) => void {
  const guarded = (error: E): void => {
    try {
      listener(error)
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown
      })
    }
  }
  return error => nobody.runInAsyncScope(guarded, undefined, error)
}
