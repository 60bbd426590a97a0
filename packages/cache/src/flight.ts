/**
 * A flight: keys that one bulk has set out to fetch, and that other bulks of the process may wait for too.
 * @module
 */

import { Cancellation } from '@bulkcall/core/kit'

export class Flight<K> {
  readonly keys: K[] = []
  readonly names: string[] = []
  /** Names that were forgotten meanwhile. What was fetched for them is of no use to the store: it would not count there. */
  readonly forgotten: Set<string> = new Set()
  /** One outcome per key. Rejects if none could be had. */
  outcomes!: Promise<unknown[]>

  readonly #cancellation = new Cancellation()
  #waiting = 0

  /** Aborts when all bulks that wait for it have been given up: one bulk's end must not take the keys of another. */
  get signal(): AbortSignal {
    return this.#cancellation.signal
  }

  add(key: K, name: string): number {
    this.keys.push(key)
    return this.names.push(name) - 1
  }

  /** One more bulk waits for it. */
  join(signal: AbortSignal): void {
    this.#waiting++
    const leave = (): void => {
      if (--this.#waiting === 0) this.#cancellation.abort(signal.reason)
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  }
}
