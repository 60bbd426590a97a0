/**
 * A gate: one promise behind which many callers wait, each for the outcome at its place.
 *
 * Reactions of one promise run in the order in which they were registered, so a cursor finds each its place. That costs a
 * caller one promise and nothing else: no closure, no record.
 * @module
 */

import { Deferred } from './deferred.ts'
import { asError, isError } from './errors.ts'
import { isThenable, type Outcomes } from './settle.ts'

export class Gate extends Deferred<Outcomes> {
  readonly #cursor: Cursor = { at: 0 }
  readonly #take = taking(this.#cursor)

  /** The promise of one more caller. */
  wait<R>(): Promise<R> {
    return this.promise.then(this.#take) as Promise<R>
  }

  /** The promise of so many more callers in a row, who share it: one result or Error for each. */
  waitMany<R>(count: number): Promise<(R | Error)[]> {
    const cursor = this.#cursor
    return this.promise.then(
      outcomes => gather<R>(outcomes, cursor, count),
      (error: unknown) => new Array<Error>(count).fill(asError(error)),
    )
  }

  /** Gives each caller the outcome at its place. */
  open(outcomes: Outcomes): void {
    this.resolve(outcomes)
  }

  /** Rejects all callers with what went wrong. */
  fail(reason: unknown): void {
    this.reject(reason)
  }
}

/** How many callers have been handed theirs. An object, so that all reactions of a gate count together. */
interface Cursor {
  at: number
}

/** What each caller's promise does when the gate opens. It holds the cursor alone, never the bulk (see deferred.ts). */
function taking(cursor: Cursor): (outcomes: Outcomes) => unknown {
  return outcomes => {
    if (outcomes === null) return null
    const outcome = outcomes[cursor.at++]
    return isError(outcome) ? Promise.reject(outcome) : outcome
  }
}

/** The results or errors of so many callers in a row that share one promise: in an array of their own. */
function gather<R>(
  outcomes: Outcomes,
  cursor: Cursor,
  count: number,
): (R | Error)[] | Promise<(R | Error)[]> {
  if (outcomes === null) return new Array<R>(count).fill(null as R)
  const from = cursor.at
  cursor.at += count
  const own = outcomes.slice(from, cursor.at) as (R | Error)[]
  for (const outcome of own) if (isThenable(outcome)) return Promise.all(own.map(waitFor<R>))
  return own
}

async function waitFor<R>(outcome: R | PromiseLike<R> | Error): Promise<R | Error> {
  try {
    return await outcome
  } catch (error) {
    return asError(error)
  }
}
