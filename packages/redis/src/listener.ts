/**
 * A listener: a function of the user that is called when something is wrong.
 * @module
 */

import { AsyncResource } from 'node:async_hooks'

/**
 * The listener, so that it hurts nobody: it runs in the async context in which it was given, because what is wrong concerns
 * more than the one request that met it; and what it throws is reported as any error that nobody caught.
 */
export function harmless<E>(listener: (error: E) => void): (error: E) => void {
  return AsyncResource.bind((error: E): void => {
    try {
      listener(error)
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown
      })
    }
  })
}
