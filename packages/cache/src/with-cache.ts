/**
 * `withCache`: a second-level cache under a command, for all processes that share a store.
 * @module
 */

import { asError, isError, isolated, type CommandContext, type ResultOf, type Results } from '@bulkcall/core'
import { check, checkNames, harmless, isWorker } from '@bulkcall/core/kit'
import { Entries, entryName, nothing, type Entry, type SharedStore } from './entries.ts'
import { BulkEntryError, type BulkStoreDownError } from './errors.ts'
import { Flight } from './flight.ts'
import { BoundedStore } from './store.ts'

/** The options of {@link withCache}. */
export interface CacheOptions<K> {
  /** A `Keyv`, or any object with the three methods. All caches in one store share its names. */
  readonly store: SharedStore
  /**
   * The name of a key in the store. No other cache in this store may give the same name. Put a version of the shape of the
   * values into it: `` id => `user:2:${id}` ``.
   */
  readonly key: (key: K) => string | number
  /** How long a result is kept, in ms, above 0. */
  readonly ttl: number
  /**
   * How long the result `null` or `undefined` is kept, in ms, from 0, which is not at all.
   * @default a tenth of `ttl`
   */
  readonly noneTtl?: number | undefined
  /**
   * The largest part of these times that is cut off at random, so that processes do not all fetch at the same instant: from
   * 0 to 1. Chosen once for each bulk: keys that were fetched together expire together, and are fetched together again.
   * @default 0.1
   */
  readonly jitter?: number | undefined
  /**
   * How long a bulk waits for the store, in ms, above 0. After that it goes on as if nothing were cached.
   * @default 50
   */
  readonly budget?: number | undefined
  /**
   * How long the store is left alone when it has failed or was too slow, in ms, from 0; longer if it has not answered by then.
   * @default 1000
   */
  readonly cooldown?: number | undefined
  /**
   * Is called when something is wrong with the store: with a `BulkEntryError` for entries that cannot be read or written,
   * which affects no other key, and with a `BulkStoreDownError` each time a `cooldown` begins.
   */
  readonly onFault?: ((error: BulkEntryError | BulkStoreDownError) => void) | undefined
}

/** A command with a cache, which can be used wherever commands can. */
export interface CachedCommand<K, R> {
  (keys: K[], context: CommandContext): Promise<(R | Error)[]>
  /**
   * Call it with the keys of values that have changed, after the change has been committed. Once it has resolved, no value
   * is used that was read before, whichever process has read it and however late it is written. Otherwise it has tried
   * several times, for at most `budget` and `cooldown` together, and rejects with `BulkForgetError`.
   */
  readonly forget: (keys: Iterable<K>) => Promise<void>
}

const optionNames = ['store', 'key', 'ttl', 'noneTtl', 'jitter', 'budget', 'cooldown', 'onFault'] as const
const methods = ['getMany', 'setMany', 'deleteMany'] as const

/**
 * Puts a cache that many processes share under a command (batch function). A bulk reads the store once, calls the command
 * for missing keys, and writes their results to the store. A key that is being fetched in this process is not fetched a
 * second time. Results never depend on the store: if it is slow or down, the command is called.
 *
 * The cache does not know the viewer. So the command gets its keys, a name and a signal, and nothing of the request.
 */
export function withCache<K, G extends Results<K, unknown> | PromiseLike<Results<K, unknown>>>(
  command: (keys: K[], context: CommandContext) => G,
  options: CacheOptions<K>,
): CachedCommand<K, ResultOf<G>> {
  check('the command', typeof command === 'function', 'a function', command)
  checkNames(options, optionNames)
  const { store, key, ttl, noneTtl = ttl / 10, jitter = 0.1, budget = 50, cooldown = 1_000 } = options
  const { onFault = () => {} } = options
  check(
    'store',
    methods.every(method => typeof (store as Partial<SharedStore> | null)?.[method] === 'function'),
    `an object with ${methods.join(', ')}`,
    store,
  )
  check('key', typeof key === 'function', 'a function', key)
  check('ttl', Number.isFinite(ttl) && ttl > 0, 'a number above 0', ttl)
  check('noneTtl', Number.isFinite(noneTtl) && noneTtl >= 0, 'a number from 0', noneTtl)
  check('jitter', jitter >= 0 && jitter <= 1, 'a number from 0 to 1', jitter)
  check('budget', Number.isFinite(budget) && budget > 0, 'a number above 0', budget)
  check('cooldown', Number.isFinite(cooldown) && cooldown >= 0, 'a number from 0', cooldown)

  check('onFault', typeof onFault === 'function', 'a function', onFault)

  const report = harmless(onFault)
  const name = command.name || 'a command'
  const longest = Math.max(ttl, noneTtl)
  const patience = Math.max(longest, shortestPatience)
  // A mark outlives each value that was read before it: one that is fetched, then is on its way to the store, then is kept.
  const entries = new Entries(store, Math.ceil(2 * patience + longest), (does, names, cause) =>
    report(new BulkEntryError(name, does, names, cause)),
  )
  const bounded = new BoundedStore(entries, name, budget, cooldown, report)
  const cache = new Cache<K>(command as AnyCommand<K>, bounded, { key, ttl, noneTtl, jitter, patience })
  const cached = (keys: K[], context: CommandContext): Promise<unknown[]> => cache.answer(keys, context)
  const forget = (keys: Iterable<K>): Promise<void> => cache.forget(keys)
  // The name that calls take from their command.
  Object.defineProperty(cached, 'name', { value: command.name })
  return Object.assign(cached, { forget }) as CachedCommand<K, ResultOf<G>>
}

type AnyCommand<K> = (
  keys: K[],
  context: CommandContext,
) => Results<K, unknown> | PromiseLike<Results<K, unknown>>
type Settings<K> = Required<Pick<CacheOptions<K>, 'key'>> &
  Record<'ttl' | 'noneTtl' | 'jitter' | 'patience', number>

/** What takes longer than this to be fetched, in ms, is not kept where its `ttl` is shorter too: see the life of marks. */
const shortestPatience = 60_000

/** Where the outcome of a key will be. */
interface Seat<K> {
  readonly flight: Flight<K>
  readonly place: number
}

class Cache<K> {
  readonly #fetch: (keys: K[], context: CommandContext) => Promise<unknown[]>
  readonly #store: BoundedStore
  readonly #settings: Settings<K>
  readonly #underWay = new Map<string, Seat<K>>()

  constructor(command: AnyCommand<K>, store: BoundedStore, settings: Settings<K>) {
    // No error is tried again: this is for the results alone, which come as one per key, in whichever shape they were given.
    this.#fetch = isolated<K, ReturnType<AnyCommand<K>>>(command, { when: () => false })
    this.#store = store
    this.#settings = settings
  }

  async answer(keys: K[], context: CommandContext): Promise<unknown[]> {
    const own = new Flight<K>()
    const wanted = keys.map(key => this.#nameOf(key))
    const seats = keys.map((key, place) => this.#seat(key, wanted[place]!, own))
    if (own.keys.length > 0) own.outcomes = this.#fly(own, context.name)
    const flights = [...new Set(seats.map(({ flight }) => flight))]
    for (const flight of flights) flight.join(context.signal)

    // All keys fail alike: it is the bulk that has failed, as it was thrown.
    const landed =
      flights.length === 1
        ? [await flights[0]!.outcomes]
        : await Promise.all(flights.map(flight => flight.outcomes.catch(error => allOf(flight, error))))
    return seats.map(({ flight, place }) => landed[flights.indexOf(flight)]![place])
  }

  async forget(keys: Iterable<K>): Promise<void> {
    const forgotten = [...new Set(Array.from(keys, key => this.#nameOf(key)))]
    if (forgotten.length === 0) return
    // Who asks from now on must not get what may have been read before the change; who asks when the store has forgotten it,
    // not what has been read from the store meanwhile.
    this.#leave(forgotten)
    try {
      await this.#store.forget(forgotten)
    } finally {
      this.#leave(forgotten)
    }
  }

  #leave(forgotten: readonly string[]): void {
    for (const name of forgotten) {
      this.#underWay.get(name)?.flight.forgotten.add(name)
      this.#underWay.delete(name)
    }
  }

  #seat(key: K, name: string, own: Flight<K>): Seat<K> {
    const taken = this.#underWay.get(name)
    // In a worker of Cloudflare what another request fetches would never arrive.
    const isOurs = taken?.flight === own || !isWorker
    if (taken !== undefined && isOurs && !taken.flight.signal.aborted) return taken
    const seat = { flight: own, place: own.add(key, name) }
    this.#underWay.set(name, seat)
    return seat
  }

  #nameOf(key: K): string {
    const { key: keyName } = this.#settings
    const name = keyName(key)
    check(
      'the name of a key in the store',
      typeof name === 'number' || (typeof name === 'string' && name !== ''),
      'a number or a string that is not empty',
      name,
    )
    return entryName(String(name))
  }

  async #fly(flight: Flight<K>, name: string): Promise<unknown[]> {
    const { keys, names: wanted, signal } = flight
    try {
      const readAt = performance.now()
      const known = await this.#store.read(wanted)
      const outcomes = wanted.map((_, place) => (known === null ? nothing : known[place]!.value))
      const missing = [...outcomes.keys()].filter(place => outcomes[place] === nothing)
      if (missing.length === 0) return outcomes
      signal.throwIfAborted()
      const fetched = await this.#fetch(
        missing.map(place => keys[place]!),
        { name, signal },
      ).catch((error: unknown) => {
        if (missing.length === keys.length) throw error
        return missing.map(() => asError(error))
      })
      missing.forEach((place, nth) => (outcomes[place] = fetched[nth]))
      if (known !== null && performance.now() - readAt < this.#settings.patience)
        this.#keep(
          missing
            .map((place, nth) => ({ name: wanted[place]!, mark: known[place]!.mark, value: fetched[nth] }))
            .filter(({ name: each }) => !flight.forgotten.has(each)),
        )
      return outcomes
    } finally {
      for (const each of wanted) if (this.#underWay.get(each)?.flight === flight) this.#underWay.delete(each)
    }
  }

  #keep(fetched: readonly Fetched[]): void {
    const { ttl, noneTtl, jitter } = this.#settings
    const part = 1 - jitter * Math.random()
    const entries: Entry[] = []
    for (const { name, mark, value } of fetched) {
      const time = Math.ceil(part * (value === null || value === undefined ? noneTtl : ttl))
      if (mark !== null && time > 0 && !isError(value)) entries.push({ name, mark, value, ttl: time })
    }
    this.#store.write(entries)
  }
}

/** What the command gave for a name, and its mark before the command was asked. */
interface Fetched {
  readonly name: string
  readonly mark: string | null
  readonly value: unknown
}

function allOf(flight: Flight<unknown>, error: unknown): Error[] {
  return flight.keys.map(() => asError(error))
}
