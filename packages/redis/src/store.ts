/**
 * The store behind a cache, within its budget: it is asked for no longer than it is worth, and left alone while it is slow
 * or away.
 * @module
 */

import type { Entries, Entry, Known } from './entries.ts'
import { BulkForgetError, BulkStoreDownError } from './errors.ts'

export class BoundedStore {
  readonly #entries: Entries
  readonly #command: string
  readonly #budget: number
  readonly #cooldown: number
  readonly #onFault: (error: BulkStoreDownError) => void
  #pausedUntil = 0
  /** What has not answered in time and may still do: until then the store is not asked, so that no questions pile up in it. */
  #overdue = 0

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
    if (this.#paused) return null
    const outcome = await this.#within(this.#budget, () => this.#entries.read(names))
    return 'value' in outcome ? outcome.value : null
  }

  /** Nobody waits for this, so it may take longer than a read. */
  write(entries: readonly Entry[]): void {
    if (entries.length === 0 || this.#paused) return
    void this.#within(this.#cooldown, () => this.#entries.write(entries))
  }

  /** Also while it is left alone: what is not forgotten now is wrong for as long as it lives. */
  async forget(names: readonly string[]): Promise<void> {
    const stopped = new AbortController()
    const work = (): Promise<void> => this.#entries.forget(names, stopped.signal)
    const outcome = await this.#within(this.#budget + this.#cooldown, work)
    stopped.abort()
    if ('cause' in outcome) throw new BulkForgetError(this.#command, names.length, outcome.cause)
  }

  get #paused(): boolean {
    return this.#overdue > 0 || performance.now() < this.#pausedUntil
  }

  #pause(ms: number, cause?: unknown): void {
    // Who asked at the same time meets the same fault, which is one.
    const known = this.#paused
    this.#pausedUntil = performance.now() + this.#cooldown
    if (!known) this.#onFault(new BulkStoreDownError(this.#command, ms, cause))
  }

  /** What the work gives, or why not, if it fails or takes longer than so many ms; then the store is left alone. */
  #within<T>(ms: number, work: () => Promise<T>): Promise<Outcome<T>> {
    return new Promise(resolve => {
      let late = false
      const giveUp = (): void => {
        late = true
        this.#pause(ms)
        this.#overdue++
        resolve({ cause: undefined })
      }
      let looking: NodeJS.Immediate | undefined
      // A process that was busy for so long itself must not take it for the slowness of the store: first it looks at what
      // has arrived.
      const timer = setTimeout(() => (looking = setImmediate(giveUp)), ms)
      const settle = (outcome: Outcome<T>): void => {
        clearTimeout(timer)
        clearImmediate(looking)
        if (late) this.#overdue--
        resolve(outcome)
      }
      work().then(
        value => settle({ value }),
        (cause: unknown) => {
          this.#pause(ms, cause)
          settle({ cause })
        },
      )
    })
  }
}

type Outcome<T> = { readonly value: T } | { readonly cause: unknown }
