/**
 * A timer: for how long one can be set.
 * @module
 */

/** The time in whole ms, and no more than a timer can wait: with more it would wait for none. */
export function timerOf(ms: number): number {
  return Math.min(Math.ceil(ms), 2 ** 31 - 1)
}
