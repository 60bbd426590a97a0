/**
 * A caller who may go: the promise is the caller's own, so that its signal rejects it and nobody else's.
 * @module
 */

import { leaversOf } from './abort.ts'

/** Who is notified that a caller has gone. */
export interface Chair {
  left(caller: Caller<any>, reason: unknown): void
}

export class Caller<V> {
  readonly promise: Promise<V>
  readonly #signal: AbortSignal
  readonly #chair: Chair | null
  #reject!: (reason: unknown) => void

  constructor(answer: PromiseLike<V>, signal: AbortSignal, chair: Chair | null) {
    this.#signal = signal
    this.#chair = chair
    const followers = leaversOf(signal)
    followers.add(this)
    this.promise = new Promise<V>((resolve, reject) => {
      this.#reject = reject
      Promise.resolve(answer).then(
        value => {
          followers.delete(this)
          resolve(value)
        },
        (error: unknown) => {
          followers.delete(this)
          reject(error)
        },
      )
    })
  }

  /** Whether the signal has aborted, noticed or not. */
  get gone(): boolean {
    return this.#signal.aborted
  }

  /** The signal has aborted. */
  leave(): void {
    const reason: unknown = this.#signal.reason
    leaversOf(this.#signal).delete(this)
    this.#reject(reason)
    this.#chair?.left(this, reason)
  }
}
