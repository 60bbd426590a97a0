/**
 * A refill: places of tasks that have left a bulk before it starts are filled from the bulk behind it.
 * @module
 */

import type { Bulk } from './bulk.ts'

/** Moves the first tasks of the bulk behind to the end of this one, at most so many. */
export function refill<T, R>(bulk: Bulk<T, R>, behind: Bulk<T, R>, most: number): void {
  const { keys } = bulk.owner
  // Equal keys of that one have to be one before each has a seat.
  keys?.index(behind)
  const seats = bulk.part()
  const others = behind.part()
  for (const end = bulk.count + most; bulk.count < end && behind.count > 0; behind.from++) {
    const { from } = behind
    const seat = others[from]!
    if (seat === null) continue
    seat.owner = bulk
    seat.place = bulk.tasks.push(behind.tasks[from]!) - 1
    seats.push(seat)
    if (keys !== null) {
      bulk.keys?.push(behind.keys![from])
      const answer = behind.answers![from]!
      answer.bulk = bulk
      answer.place = seat.place
      bulk.answers!.push(answer)
    }
    behind.leaveHole(from)
    bulk.count++
  }
  takeWaiting(bulk, behind)
}

/** What waits for tasks that have moved waits for them here, unless it may wait for one that has not. */
function takeWaiting(bulk: Bulk<any, any>, behind: Bulk<any, any>): void {
  const { waiters, askers, beside } = behind
  const isOver = behind.count === 0
  for (const waiter of waiters?.leaveBefore(isOver ? Infinity : behind.from) ?? []) bulk.awaitedBy(waiter)
  if (askers !== null) bulk.askers = new Set([...(bulk.askers ?? []), ...askers])
  if (!isOver || beside === null) return
  bulk.beside = [...(bulk.beside ?? []), ...beside]
  behind.beside = null
}
