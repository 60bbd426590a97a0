/**
 * The failure of a shared bulk, in which several units of work had keys: each asks its own again, alone.
 * @module
 */

/** A bulk has failed, whosever keys were in it. */
export class FailedTogether extends Error {
  readonly tasks: number

  constructor(cause: unknown, tasks: number) {
    super('a shared bulk has failed', { cause })
    this.tasks = tasks
  }
}
