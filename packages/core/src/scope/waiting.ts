/**
 * Waiting: what waits for the tasks of a batch that has not started, in the order in which it came.
 * @module
 */

/** What waits for a batch that has not started: work, or a batch whose command has called that one. */
export interface Waiter {
  /** It waits for one more. */
  park(): void
  /** One of those that it waits for has started. */
  unpark(): void
}

export class Waiting {
  private readonly waiters: Waiter[] = []
  /** For each of these, behind which place there is no task of the batch that it waits for. */
  private upTo: number[] = []

  add(waiter: Waiter, upTo: number): void {
    this.waiters.push(waiter)
    this.upTo.push(upTo)
  }

  /** The batch does not go on before another starts. */
  park(): void {
    for (const waiter of this.waiters) waiter.park()
  }

  unpark(): void {
    for (const waiter of this.waiters) waiter.unpark()
  }

  /** Equal tasks have become one: for each, at which place it is now. */
  merged(places: readonly number[]): void {
    let most = 0
    const left = places.map(place => (most = Math.max(most, place + 1)))
    this.upTo = this.upTo.map(upTo => left[upTo - 1] ?? upTo)
  }

  /** All that wait for no task at this place or behind leave, for another batch. */
  leaveBefore(place: number): Waiter[] {
    const stays = this.upTo.findIndex(upTo => upTo > place)
    const moved = stays === -1 ? this.upTo.length : stays
    this.upTo.splice(0, moved)
    return this.waiters.splice(0, moved)
  }
}
