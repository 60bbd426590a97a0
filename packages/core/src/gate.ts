/**
 * A gate: one promise behind which many callers wait, each for the outcome at its place.
 *
 * Reactions of one promise run in the order in which they were registered, so a cursor finds each its place. That costs a
 * caller one promise and nothing else: no closure, no record.
 * @module
 */

import { asError, isError } from './errors.ts'
import { isThenable, type Outcomes } from './settle.ts'

export class Gate {
  readonly #promise: Promise<void>
  readonly #cursor: Cursor = { outcomes: null, at: 0 }
  readonly #take = taking(this.#cursor)
  #open!: () => void
  #fail!: (reason: unknown) => void

  constructor() {
    this.#promise = new Promise((open, fail) => {
      this.#open = open
      this.#fail = fail
    })
  }

  /** The promise of one more caller. */
  wait<R>(): Promise<R> {
    return this.#promise.then(this.#take) as Promise<R>
  }

  /** The promise of so many more callers in a row, who share it: one result or Error for each. */
  waitMany<R>(count: number): Promise<(R | Error)[]> {
    const cursor = this.#cursor
    return this.#promise.then(
      () => gather<R>(cursor, count),
      (error: unknown) => new Array<Error>(count).fill(asError(error)),
    )
  }

  /** Gives each caller the outcome at its place. */
  open(outcomes: Outcomes): void {
    this.#cursor.outcomes = outcomes
    this.#open()
  }

  /** Rejects all callers with what went wrong. */
  fail(reason: unknown): void {
    this.#fail(reason)
  }
}

/** What all reactions of a gate have in common. Only this: one that held the bulk would keep it alive into old space. */
interface Cursor {
  /** Here, not in the promise: that would look at them whether they are a promise, and all the way up their prototypes. */
  outcomes: Outcomes
  /** How many callers have been handed theirs. */
  at: number
}

/** What each caller's promise does when the gate opens. */
function taking(cursor: Cursor): () => unknown {
  return () => {
    const { outcomes } = cursor
    if (outcomes === null) return null
    const outcome = outcomes[cursor.at++]
    // Thrown, not a rejected promise given back: that would settle after its mates.
    if (isError(outcome)) throw outcome
    return outcome
  }
}

/** The results or errors of so many callers in a row that share one promise: in an array of their own. */
function gather<R>(cursor: Cursor, count: number): (R | Error)[] | Promise<(R | Error)[]> {
  const { outcomes, at } = cursor
  if (outcomes === null) return new Array<R>(count).fill(null as R)
  cursor.at += count
  const own = outcomes.slice(at, cursor.at) as (R | Error)[]
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
