/**
 * Closing: the end of a call or a loader, which need not wait for ever.
 * @module
 */

import { leaversOf } from './abort.ts'
import type { Queue } from './queue.ts'
import { Timer } from './timer.ts'
import { BulkTimeoutError } from '../errors.ts'
import { check, checkNames, readSignal } from '../validate.ts'

declare global {
  // For projects whose `lib` does not have it, such as those for browsers: else the classes that can be disposed of would not
  // compile there. The same is declared by TypeScript's own library and by the types of Node.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/** The options of `close()`. Without them, it waits for as long as commands run. */
export interface CloseOptions {
  /**
   * How long it waits, in milliseconds, from 0. Then all that has not settled rejects with `BulkTimeoutError`, and the signals
   * of commands abort.
   * @default Infinity
   */
  readonly timeout?: number | undefined
  /** Ends the wait when it aborts: all that has not settled rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Closes a queue, and gives up what is left when the time is over. */
export async function close(queue: Queue<any, any>, options: CloseOptions): Promise<void> {
  checkNames(options, ['timeout', 'signal'])
  const { timeout = Infinity } = options
  check('timeout', typeof timeout === 'number' && timeout >= 0, 'a number from 0 or Infinity', timeout)
  const signal = readSignal(options)

  const { host } = queue.settings
  const closed = queue.close()
  const timer = new Timer(host, () => queue.leave(new BulkTimeoutError(queue.name, timeout, null)))
  timer.set(timer.now() + timeout)
  const leaver = { leave: () => queue.leave(signal!.reason) }
  if (signal !== undefined) leaversOf(signal).add(leaver)
  if (signal?.aborted) leaver.leave()
  try {
    await closed
  } finally {
    timer.set(Infinity)
    if (signal !== undefined) leaversOf(signal).delete(leaver)
  }
}
