/**
 * A promise and the two functions that settle it.
 * @module
 */

/** The functions of the promise that {@link deferred} has just made: read them at once. */
export let resolveLast: (value?: any) => void
export let rejectLast: (reason: unknown) => void

// One executor for all: a closure for each promise would be made to be called once.
const executor = (resolve: (value: any) => void, reject: (reason: unknown) => void): void => {
  resolveLast = resolve
  rejectLast = reject
}

export function deferred<V>(): Promise<V> {
  return new Promise<V>(executor)
}
