/**
 * Time, for tests: real promise jobs, and the hours of a host that is driven by hand.
 */

import type { ManualHost } from './manual-host.ts'

/** The original, so that fake timers do not stop the test. */
const { setImmediate } = globalThis

/** Resolves when no promise job is left, and the end of the turn is over. */
export function promiseJobs(): Promise<void> {
  return new Promise(done => void setImmediate(done))
}

/** Lets time pass; each instant at which a timer fires is a turn of its own. */
export async function pass(host: ManualHost, ms: number): Promise<void> {
  const until = host.time + ms
  await host.turn()
  while (host.nextTimerAt <= until) {
    await host.advance(host.nextTimerAt - host.time)
    await host.turn()
  }
  await host.advance(until - host.time)
}
