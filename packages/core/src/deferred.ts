/**
 * A promise with its two ends.
 * @module
 */

let resolveLast: (value: any) => void
let rejectLast: (reason: unknown) => void
// One executor for all: a closure a promise that captured the bulk would keep the young bulk alive into old space.
const executor = (resolve: (value: any) => void, reject: (reason: unknown) => void): void => {
  resolveLast = resolve
  rejectLast = reject
}

export class Deferred<R> {
  readonly promise: Promise<R> = new Promise<R>(executor)
  readonly resolve: (value: R | PromiseLike<R>) => void = resolveLast
  readonly reject: (reason: unknown) => void = rejectLast
}
