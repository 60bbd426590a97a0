/**
 * Waiting for what must happen, without a guess how long it takes.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

export { sleep }

/**
 * A `delay`, in ms, that no slow machine outlasts, for servers whose resolvers load after an `await`: as long as nobody knows
 * what these do, their windows stay open for so long. `Infinity` is for those that load in their synchronous part.
 */
export const patient = 250

/** Something that a test opens by hand. */
export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export function gate(): Gate {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** Resolves when this is true; fails loudly when it is not in a while that is long also for a machine that is busy. */
export async function until(isTrue: () => boolean, what = 'what the test waits for'): Promise<void> {
  const end = performance.now() + 30_000
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what} has not happened`)
    await sleep(1)
  }
}

/**
 * Gives what should not come its chance: the timers that are due soon, and what follows from them. Only for what must not
 * happen; what must happen is waited for by `until`.
 */
export async function settled(): Promise<void> {
  await sleep(40)
}

/** The same where a window of `patient` ms may be open. */
export async function outlasted(): Promise<void> {
  await sleep(patient + 40)
}
