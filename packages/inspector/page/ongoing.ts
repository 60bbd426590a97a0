/**
 * A run that goes on: what its bulks that are still open most probably wait for. Their settings are recorded when they start;
 * until then they are those that their loaders had last.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'

export function ongoing(run: RecordedOperation, operations: readonly RecordedOperation[]): RecordedOperation {
  const latest = new Map<string, RecordedBulk>()
  /** How many slots of each limiter are free. */
  const free = new Map<number, number>()
  for (const { limiters } of operations) for (const { id, slots } of limiters) free.set(id, slots ?? Infinity)
  for (const bulk of operations.flatMap(({ bulks }) => bulks)) {
    if (bulk.cause !== null) latest.set(bulk.loader, bulk)
    if (bulk.startedAt !== null && bulk.settledAt === null)
      for (const id of bulk.limiters) free.set(id, (free.get(id) ?? 1) - 1)
  }
  const bulks = run.bulks.map(bulk => {
    const known = bulk.cause === null ? latest.get(bulk.loader) : undefined
    if (known === undefined) return bulk
    const { size, delay, limiters } = known
    const isShort = limiters.some(id => (free.get(id) ?? 1) <= 0)
    // When its window has lasted for the whole delay it waits for a slot, if there is none, and else for the event loop.
    return { ...bulk, size, delay, limiters, readyAt: isShort ? bulk.openedAt + (delay ?? Infinity) : null }
  })
  return { ...run, bulks }
}
