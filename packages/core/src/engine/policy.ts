/**
 * The policy: which bulk may start now, and why. Pure: no timers, no promises, no I/O.
 * @module
 */

import type { Cause } from '../events.ts'
import type { BulkCallSettings } from '../options.ts'

/** The two settings that decide when a bulk starts. */
type Settings = Pick<BulkCallSettings, 'size' | 'delay'>

/** The bulk at the front of the queue. Bulks are numbered from 1 in the order in which they opened. */
export interface Head {
  readonly id: number
  /** From when its `delay` counts; `null` without one, and as long as its scope has not found its window open. */
  readonly openedAt: number | null
}

/**
 * What has happened to the queue. `flushed`, `ticked` and `quiet` are the number of the last bulk that was open when it
 * happened: one number says it of every bulk up to there, however many wait.
 */
export interface Marks {
  flushed: number
  ticked: number
  quiet: number
  closing: boolean
}

/** The time. It is read only where time alone decides: most bulks start for another cause, and a clock is expensive. */
export interface Clock {
  now(): number
}

/** Why the head may start now, or `null` while it must wait. `pending` counts the tasks of the whole queue. */
export function ready(
  head: Head,
  pending: number,
  settings: Settings,
  marks: Marks,
  clock: Clock,
): Cause | null {
  if (pending >= settings.size) return 'size'
  if (head.id <= marks.flushed) return 'flush'
  if (marks.closing) return 'close'
  if (settings.delay === 0 && head.id <= marks.ticked) return 'tick'
  if (head.id <= marks.quiet) return 'quiet'
  // By the instant at which its timer fires: a difference of fractions may fall short of the delay by a hair, for ever.
  const due = readyAt(head, settings)
  if (due < Infinity && clock.now() >= due) return 'delay'
  return null
}

/** The instant at which time alone makes the head ready; `Infinity` where time never does. */
export function readyAt(head: Head, settings: Settings): number {
  return settings.delay === 0 || head.openedAt === null ? Infinity : head.openedAt + settings.delay
}
