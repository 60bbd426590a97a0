/**
 * A gate: one promise behind which all callers of a batch wait, each for the outcome at its place.
 *
 * Reactions of one promise run in the order in which they were registered, so a counter finds each its place. That costs a
 * caller one promise and nothing else: no closure, no record.
 * @module
 */

import { asError, isError } from '../errors.ts'
import { deferred, rejectLast, resolveLast } from './deferred.ts'
import { isThenable, type Outcomes } from './settle.ts'

export class Gate {
  readonly #promise = deferred<void>()
  readonly #open = resolveLast
  readonly #fail = rejectLast
  /** What each caller's promise does when the gate opens. It holds the gate, and not the batch: that would live as long. */
  readonly #take = (): unknown => {
    if (this.#outcomes === null) return null
    const outcome = this.#outcomes[this.#at++]
    // Thrown, not a rejected promise given back: that would settle after the other callers.
    if (isError(outcome)) throw outcome
    return outcome
  }
  /** Here, not in the promise: that would look whether they are a thenable, and all the way up their prototypes. */
  #outcomes: Outcomes = null
  /** How many callers have been handed theirs. */
  #at = 0

  /** The promise of one more caller. */
  wait<R>(): Promise<R> {
    return this.#promise.then(this.#take) as Promise<R>
  }

  /** The promise of so many more callers in a row, who share it: one result or Error for each. */
  waitMany<R>(count: number): Promise<(R | Error)[]> {
    return this.#promise.then(
      () => this.#takenMany<R>(count),
      (error: unknown) => new Array<Error>(count).fill(asError(error)),
    )
  }

  /** Gives each caller the outcome at its place. */
  open(outcomes: Outcomes): void {
    this.#outcomes = outcomes
    this.#open()
  }

  /** Rejects all callers with one error. */
  fail(reason: unknown): void {
    this.#fail(reason)
  }

  /** In an array of their own. */
  #takenMany<R>(count: number): (R | Error)[] | Promise<(R | Error)[]> {
    if (this.#outcomes === null) return new Array<R>(count).fill(null as R)
    const from = this.#at
    this.#at += count
    const own = this.#outcomes.slice(from, this.#at) as (R | Error)[]
    return own.some(isThenable) ? Promise.all(own.map(valueOrError<R>)) : own
  }
}

async function valueOrError<R>(outcome: R | PromiseLike<R> | Error): Promise<R | Error> {
  try {
    return await outcome
  } catch (error) {
    return asError(error)
  }
}
