/**
 * Waiting for what must happen, without a guess how long it takes.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

export { sleep }

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

/** Resolves when this is true; fails loudly when it is not in a long while. */
export async function until(isTrue: () => boolean, what = 'what the test waits for'): Promise<void> {
  const end = performance.now() + 10_000
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what} has not happened`)
    await sleep(1)
  }
}

/** Resolves when the timers that were due, and what follows from them, have run: what should not come has had its chance. */
export async function settled(ms = 40): Promise<void> {
  await sleep(ms)
}
