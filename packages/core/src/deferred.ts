/**
 * A promise with its two ends.
 * @module
 */

export interface Deferred<R> {
  readonly promise: Promise<R>
  readonly resolve: (value: R | PromiseLike<R>) => void
  readonly reject: (reason: unknown) => void
}

let resolveLast: (value: any) => void
let rejectLast: (reason: unknown) => void
// One executor for all: a closure a promise that captured the bulk would keep the young bulk alive into old space.
const executor = (resolve: (value: any) => void, reject: (reason: unknown) => void): void => {
  resolveLast = resolve
  rejectLast = reject
}

export function deferred<R>(): Deferred<R> {
  const promise = new Promise<R>(executor)
  return { promise, resolve: resolveLast, reject: rejectLast }
}
