/**
 * The store behind a cache, within its budget: it is asked for no longer than it is worth, and left alone while it is slow
 * or away.
 * @module
 */

import type { Entries, Entry, Known } from './entries.ts'
import { BulkForgetError, BulkStoreDownError } from './errors.ts'

/** The longest that a timer can wait, in ms; with more it waits for none. */
const longestTimer = 2 ** 31 - 1

export class BoundedStore {
  readonly #entries: Entries
  readonly #command: string
  readonly #budget: number
  readonly #cooldown: number
  readonly #onFault: (error: BulkStoreDownError) => void
  readonly #reading = new Door()
  /** A store may be full, or be the copy of another, and still be good to read. */
  readonly #writing = new Door()

  constructor(
    entries: Entries,
    command: string,
    budget: number,
    cooldown: number,
    onFault: (error: BulkStoreDownError) => void,
  ) {
    this.#entries = entries
    this.#command = command
    this.#budget = budget
    this.#cooldown = cooldown
    this.#onFault = onFault
  }

  /** What is known of these names; `null` where the store cannot say so in time. */
  async read(names: readonly string[]): Promise<readonly Known[] | null> {
    if (this.#reading.closed) return null
    const outcome = await this.#within(this.#reading, this.#budget, () => this.#entries.read(names))
    return 'value' in outcome ? outcome.value : null
  }

  /** Nobody waits for this, so it may take longer than a read. */
  write(entries: readonly Entry[]): void {
    if (entries.length === 0 || this.#reading.closed || this.#writing.closed) return
    void this.#within(this.#writing, this.#cooldown, () => this.#entries.write(entries), false)
  }

  /** Also while it is left alone: what is not forgotten now is wrong for as long as it lives. */
  async forget(names: readonly string[]): Promise<void> {
    const stopped = new AbortController()
    const work = (): Promise<void> => this.#entries.forget(names, stopped.signal)
    const outcome = await this.#within(this.#writing, this.#budget + this.#cooldown, work)
    stopped.abort()
    if ('cause' in outcome) throw new BulkForgetError(this.#command, names.length, outcome.cause)
  }

  #close(door: Door, ms: number, cause?: unknown): void {
    // Who asked at the same time meets the same fault, which is one.
    const known = this.#reading.closed || door.closed
    door.closedUntil = performance.now() + this.#cooldown
    if (!known) this.#onFault(new BulkStoreDownError(this.#command, ms, cause))
  }

  /**
   * What the work gives, or why not, if it fails or takes longer than so many ms; then that door is closed.
   * @param isAwaited whether anybody waits for it: else it keeps no process alive, where that can be said of a timer
   */
  #within<T>(door: Door, ms: number, work: () => Promise<T>, isAwaited = true): Promise<Outcome<T>> {
    return new Promise(resolve => {
      let late = false
      const giveUp = (): void => {
        late = true
        this.#close(door, ms)
        door.overdue++
        resolve({ cause: undefined })
      }
      // A process that was busy for so long itself must not take it for the slowness of the store: first it looks at what
      // has arrived.
      const look = (): void => set(giveUp, 0)
      let timer: ReturnType<typeof setTimeout>
      const set = (job: () => void, wait: number): void => {
        timer = setTimeout(job, wait)
        if (!isAwaited) timer.unref?.()
      }
      set(look, Math.min(ms, longestTimer))
      const settle = (outcome: Outcome<T>): void => {
        clearTimeout(timer)
        if (late) door.overdue--
        resolve(outcome)
      }
      work().then(
        value => settle({ value }),
        (cause: unknown) => {
          this.#close(door, ms, cause)
          settle({ cause })
        },
      )
    })
  }
}

/** One way in which the store is used: closed for a while when it has failed or was too slow. */
class Door {
  closedUntil = 0
  /** What has not answered in time and may still do: until then the store is not asked, so that no questions pile up in it. */
  overdue = 0

  get closed(): boolean {
    return this.overdue > 0 || performance.now() < this.closedUntil
  }
}

type Outcome<T> = { readonly value: T } | { readonly cause: unknown }
