/**
 * The store behind a cache, within its budget: it is asked for no longer than it is worth, and left alone while it is slow
 * or away.
 * @module
 */

/** What a cache needs of its store. A `Keyv` of version 5.6 has it, over whichever adapter. */
export interface SharedStore {
  /** One value per key, `undefined` where there is none. */
  getMany(keys: string[]): Promise<unknown[]>
  /** Keeps each value for so many ms. */
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>
  deleteMany(keys: string[]): Promise<unknown>
}

export interface Entry {
  readonly key: string
  readonly value: unknown
  readonly ttl: number
}

export class BoundedStore {
  readonly #store: SharedStore
  readonly #budget: number
  readonly #cooldown: number
  #pausedUntil = 0
  /** What has not answered in time and may still do: until then the store is not asked, so that no questions pile up in it. */
  #overdue = 0
  readonly #writes = new Set<Promise<unknown>>()

  constructor(store: SharedStore, budget: number, cooldown: number) {
    this.#store = store
    this.#budget = budget
    this.#cooldown = cooldown
  }

  /** The values that it holds; `null` where it cannot say so in time. */
  async read(keys: string[]): Promise<readonly unknown[] | null> {
    if (this.#paused) return null
    const values = await this.#within(this.#budget, () => this.#store.getMany(keys))
    return Array.isArray(values) && values.length === keys.length ? values : null
  }

  /** Nobody waits for this, so it may take longer than a read. */
  write(entries: Entry[]): void {
    if (entries.length === 0 || this.#paused) return
    const write = this.#within(this.#cooldown, () => this.#store.setMany(entries))
    this.#writes.add(write)
    void write.then(() => this.#writes.delete(write))
  }

  /** Also while it is left alone: what is not deleted now is wrong for as long as it lives. */
  async delete(keys: string[]): Promise<void> {
    // What was written before must not overtake this on its way.
    await this.#within(this.#budget, () => Promise.all(this.#writes))
    await this.#within(this.#budget, () => this.#store.deleteMany(keys))
  }

  get #paused(): boolean {
    return this.#overdue > 0 || performance.now() < this.#pausedUntil
  }

  #pause(): void {
    this.#pausedUntil = performance.now() + this.#cooldown
  }

  /** What the work gives, or `undefined` if it fails or takes longer than so many ms; then the store is left alone. */
  #within<T>(ms: number, work: () => Promise<T>): Promise<T | undefined> {
    return new Promise(resolve => {
      let late = false
      const giveUp = (): void => {
        late = true
        this.#overdue++
        this.#pause()
        resolve(undefined)
      }
      let looking: NodeJS.Immediate | undefined
      // A process that was busy for so long itself must not take it for the slowness of the store: first it looks at what
      // has arrived.
      const timer = setTimeout(() => (looking = setImmediate(giveUp)), ms)
      const settle = (value?: T): void => {
        clearTimeout(timer)
        clearImmediate(looking)
        if (late) this.#overdue--
        resolve(value)
      }
      const failed = (): void => {
        this.#pause()
        settle()
      }
      try {
        work().then(settle, failed)
      } catch {
        failed()
      }
    })
  }
}
