/** A promise with its two ends. */
export class Deferred<R> {
  readonly promise: Promise<R>
  resolve!: (value: R | PromiseLike<R>) => void
  reject!: (reason: unknown) => void

  constructor() {
    this.promise = new Promise<R>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}
