/**
 * The calibration of a replay: how far it is from what was recorded, and why that may be. Predictions are compared with the
 * replay as recorded, not with the recording, so that what a replay leaves out is left out on both sides.
 * @module
 */

import type { RecordedOperation } from '../src/recording.ts'
import { durationOf } from './facts.ts'
import { many } from './numbers.ts'
import type { Prediction } from './prediction.ts'

/** Above that a prediction is worth little, and the page says what it does not know. */
export const most = 0.1

/** By what part of the whole the replay is off: in its time, or in its number of bulks if that is more. */
export function errorOf(operation: RecordedOperation, asRecorded: Prediction): number {
  const ms = durationOf(operation)
  const bulks = operation.bulks.filter(({ settledAt }) => settledAt !== null).length
  return Math.max(off(asRecorded.ms, ms), off(asRecorded.bulks.length, bulks))
}

function off(now: number, then: number): number {
  return Math.abs(now - then) / Math.max(then, 0.001)
}

/** What the recording does not say of an operation that a replay would have to know. */
export function unknownOf(operation: RecordedOperation): string[] {
  const { bulks, omitted = 0 } = operation
  const known: [boolean, string][] = [
    [omitted > 0, `${many(omitted, 'bulk')} had no room in the recording`],
    [bulks.some(({ settledAt }) => settledAt === null), 'some bulks have not ended'],
    [bulks.some(({ timedOut }) => timedOut), 'commands that timed out went on for nobody'],
    [
      bulks.some(({ tasks, arrivals }) => arrivals.reduce((sum, [, , came]) => sum + came, 0) > tasks),
      'some loads were given up before they were sent',
    ],
    [waitedForOthers(operation), 'slots were in use by other operations'],
  ]
  const reasons = known.flatMap(([holds, reason]) => (holds ? reason : []))
  return reasons.length > 0
    ? reasons
    : ['what resolvers do between loads, and other requests, are not recorded']
}

/** Whether a bulk waited although the bulks of this operation had not all the slots. */
function waitedForOthers({ bulks, limiters }: RecordedOperation): boolean {
  return limiters.some(({ id, slots }) => {
    if (slots === null) return false
    const own = bulks.filter(bulk => bulk.limiters.includes(id) && bulk.startedAt !== null)
    return own.some(({ readyAt, startedAt }) => {
      if (startedAt! - readyAt! < 0.5) return false
      const middle = (readyAt! + startedAt!) / 2
      const inUse = own.filter(each => each.startedAt! <= middle && (each.settledAt ?? Infinity) > middle)
      return inUse.length < slots
    })
  })
}
