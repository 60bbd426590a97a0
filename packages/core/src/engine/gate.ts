/**
 * A gate: one promise behind which all callers of a batch wait, each for the outcome at its place.
 *
 * Reactions of one promise run in the order in which they were registered, so a counter finds each its place. That costs a
 * caller one promise and nothing else: no closure, no record.
 * @module
 */

import { asError, isError } from '../errors.ts'
import { eachOf, given, isThenable } from '../promises.ts'
import type { Outcomes } from './settle.ts'

// The fields are TypeScript's private ones, here and in what else is made for each batch: those of the language cost a batch
// of one key a twentieth of its time on Node 20.
export class Gate {
  protected readonly promise: Promise<void>
  private resolve!: () => void
  /** Rejects all callers with one error. */
  protected reject!: (reason: unknown) => void
  /** What each caller's promise does when the gate opens. */
  private readonly take: () => unknown
  /** Here, not in the promise: that would look whether they are a thenable, and all the way up their prototypes. */
  protected handed: Outcomes = null
  /** How many callers have been handed theirs. */
  private at = 0

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // In a variable first: V8 puts a function that is written as the value of a property where what lives long is, and all
    // that it leads to, the whole batch with its results, stays until the next full collection of garbage.
    const take = (): unknown => this.outcomeAt(this.at++)
    this.take = take
  }

  /** The promise of one more caller. */
  wait<R>(): Promise<R> {
    return this.promise.then(this.take) as Promise<R>
  }

  /**
   * The promise of so many more callers in a row, who share it: one result or Error for each.
   * @param toError what stands for a reason that something was rejected with
   */
  waitMany<R>(count: number, toError: (reason: any) => Error = asError): Promise<(R | Error)[]> {
    return this.promise.then(
      () => this.takeMany<R>(count, toError),
      (reason: unknown) => new Array<Error>(count).fill(toError(reason)),
    )
  }

  /** Gives each caller the outcome at its place. */
  open(outcomes: Outcomes): void {
    this.handed = outcomes
    this.resolve()
  }

  /** Thrown where it is an Error, and no rejected promise given back: that would settle after the other callers. */
  protected outcomeAt(place: number): unknown {
    if (this.handed === null) return null
    const outcome = this.handed[place]
    if (isError(outcome)) throw outcome
    return outcome
  }

  /** In an array of their own. */
  private takeMany<R>(
    count: number,
    toError: (reason: any) => Error,
  ): (R | Error)[] | Promise<(R | Error)[]> {
    if (this.handed === null) return new Array<R>(count).fill(null as R)
    const from = this.at
    this.at += count
    const own = this.handed.slice(from, this.at) as (R | Error)[]
    return own.some(isThenable) ? eachOf(own.map(given<R>), toError) : own
  }
}
