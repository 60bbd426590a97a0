/**
 * Arrivals: when tasks came, after what, and in which tick of the event loop.
 * @module
 */

import { weights, type Entry } from './entry.ts'
import type { Clock, EventLoop } from './event-loop.ts'
import type { Arrival, RecordedBulk } from './recording.ts'
import type { Shelf } from './shelf.ts'

interface Recording {
  readonly clock: Clock
  readonly loop: EventLoop
  readonly shelf: Shelf
}

/**
 * Tasks come into a bulk. All that come in one tick come at one instant, and the tick takes so long: how long the resolvers
 * of a list take, one after the other, is no time in which a timer could have fired.
 */
export function arrive(
  entry: Entry,
  bulk: RecordedBulk,
  tasks: number,
  { clock, loop, shelf }: Recording,
): void {
  const { number } = loop.tick()
  const { lastSettled: after } = entry
  if (entry.tick?.number !== number || entry.tick.after !== after) {
    const startedAt = clock.now()
    const begun = { number, after, ms: Math.max(0, rounded(startedAt - entry.lastSettledAt)), arrivals: [] }
    entry.tick = begun
    loop.atEnd(endedAt => ends(begun, rounded(endedAt - startedAt)))
  }
  const { tick } = entry
  const latest = bulk.arrivals.at(-1)
  const joins = latest?.[0] === after && latest[1] === tick.ms
  // Where there is no room, they are said to have come with the ones before: as many must come as the bulk has tasks.
  if (latest !== undefined && (joins || !shelf.hasRoom(entry, weights.arrival))) {
    latest[2] += tasks
    return
  }
  const arrival: Arrival = [after, tick.ms, tasks]
  bulk.arrivals.push(arrival)
  tick.arrivals.push(arrival)
}

/** A tick of no length worth a word is none: most arrivals have three parts. */
function ends(tick: { readonly arrivals: readonly Arrival[] }, took: number): void {
  if (took > 0) for (const arrival of tick.arrivals) arrival[3] = took
}

/** To microseconds: more digits say nothing. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
