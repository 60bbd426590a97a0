/**
 * A batch: keys on their way to one call of the batch function, the promises of their callers, and the cache hits that
 * are given together with them.
 *
 * All of it hangs on one promise, the gate. The promise of a caller is one reaction to it, and reactions of one promise
 * run in the order in which they were made, so a counter finds each its value. A caller costs one promise, no closure.
 * @module
 */

import { isError, type AsyncContext } from '@bulkcall/core'
import type { Bench, Seat } from './seat.ts'

/** What became of the keys of a batch: a value or an Error for each. */
export type Outcomes<V> = readonly (V | PromiseLike<V> | Error)[]

/** Who is called with the keys of a batch for which nobody waits. */
export interface Keeper<K, V> {
  emptied(batch: Batch<K, V>, seat: Seat, reason: unknown): void
}

export class Batch<K, V> implements Bench {
  /** All that have joined, those too that have left: each keeps its place. */
  readonly keys: K[] = []
  /** What each key put into the cache, place by place. Empty where there is no cache. */
  readonly entries: unknown[] = []
  /** Whether its moment has come. */
  due = false
  /** Whether the engine knows of it. */
  sent = false
  /** Whether it has left, so that no key joins it any more. */
  sealed = false
  settled = false
  /** The keys whose callers may go, place by place; `null` while there are none. */
  seats: Map<number, Seat> | null = null
  /** For how many keys nobody waits. Until it is sealed they are those that have left. */
  idle = 0
  /** Called with each key that has joined, where the engine counts them. */
  joined: (() => void) | null = null
  /** The async context in which it opened, where it may start in another one. */
  context: AsyncContext | null = null
  /** What became of it, for the engine. */
  outcomes: Outcomes<V> | null = null
  reason: unknown = undefined

  readonly #gate: Promise<void>
  #open!: () => void
  #shut!: (reason: unknown) => void
  readonly #cursor: Cursor<V> = { outcomes: none, at: 0 }
  readonly #next = next(this.#cursor) as () => V
  #hits: Hits<V> | null = null
  #keeper: Keeper<K, V> | null = null

  constructor() {
    this.#gate = new Promise((open, shut) => {
      this.#open = open
      this.#shut = shut
    })
  }

  /** Whether nobody waits for any of its keys. */
  get isIdle(): boolean {
    return this.idle === this.keys.length
  }

  /** Whether a key may join, where so many are the most. */
  hasRoom(size: number): boolean {
    return !this.sealed && this.keys.length - this.idle < size
  }

  /** Takes a key in. */
  join(key: K): Promise<V> {
    this.keys.push(key)
    if (this.joined !== null) this.joined()
    return this.#gate.then(this.#next)
  }

  /** The same for a key whose callers may go. */
  joinAt(seat: Seat, key: K, keeper: Keeper<K, V>): Promise<V> {
    this.#keeper = keeper
    this.seats ??= new Map()
    this.seats.set(seat.place, seat)
    return this.join(key)
  }

  /** A promise of the outcomes of the keys from this place on, which are in already: one for all of them. */
  range(from: number): Promise<(V | Error)[]> {
    const cursor = this.#cursor
    const size = this.keys.length - from
    return this.#gate.then(
      () => {
        cursor.at += size
        const own = cursor.outcomes.slice(from, from + size)
        return own.some(isThenable) ? Promise.all(own.map(waitFor)) : (own as (V | Error)[])
      },
      (reason: Error) => new Array<Error>(size).fill(reason),
    )
  }

  /** The promise of a key that came in with others. */
  at(place: number): Promise<V> {
    const cursor = this.#cursor
    return this.#gate.then(() => valueOf(cursor.outcomes[place])) as Promise<V>
  }

  /** What is known already, given together with this batch: what follows from both goes out together. */
  align(known: PromiseLike<V> | V): Promise<V> {
    this.#hits ??= new Hits()
    return this.#hits.add(known)
  }

  /** The keys to ask for, in an array of their own. */
  asked(): K[] {
    return this.seats === null ? this.keys.slice() : this.keys.filter((_, place) => !this.hasLeft(place))
  }

  hasLeft(place: number): boolean {
    return this.seats !== null && (this.seats.get(place)?.vacated ?? null) !== null
  }

  emptied(seat: Seat, reason: unknown): void {
    if (this.settled) return
    this.idle++
    if (!this.sealed) seat.vacated = { reason }
    this.#keeper!.emptied(this, seat, reason)
  }

  taken(seat: Seat): void {
    if (seat.vacated === null) this.idle--
  }

  /** @param outcomes for each key that was asked for */
  give(outcomes: Outcomes<V>): void {
    this.outcomes = outcomes
    this.#settle()
    this.#cursor.outcomes = this.seats === null ? outcomes : this.#placed(outcomes)
    this.#open()
  }

  fail(reason: unknown): void {
    this.reason = reason
    this.#settle()
    this.#shut(reason)
  }

  #settle(): void {
    this.settled = true
    this.#hits?.open()
    if (this.seats !== null) for (const seat of this.seats.values()) seat.close()
  }

  /** From an outcome a key asked for to an outcome a place: the reason why it has left, where it has. */
  #placed(outcomes: Outcomes<V>): Outcomes<V> {
    let given = 0
    return this.keys.map((_, place) => {
      const vacated = this.seats!.get(place)?.vacated ?? null
      return vacated === null ? outcomes[given++]! : quietly(vacated.reason)
    })
  }
}

/** A rejection that nobody has to handle: its callers have theirs. */
function quietly(reason: unknown): Promise<never> {
  const rejected = Promise.reject(reason)
  rejected.catch(() => {})
  return rejected
}

/** The hits of one batch. They have a gate of their own: it opens first, and whatever becomes of the batch. */
class Hits<V> {
  open!: () => void
  readonly #known: (PromiseLike<V> | V)[] = []
  readonly #gate: Promise<void>
  readonly #next: () => PromiseLike<V> | V

  constructor() {
    this.#gate = new Promise(open => {
      this.open = open
    })
    this.#next = nextOf(this.#known)
  }

  add(known: PromiseLike<V> | V): Promise<V> {
    this.#known.push(known)
    return this.#gate.then(this.#next)
  }
}

/** A key that came in with others, as it stands in the cache: its promise is made when someone loads it. */
export class Place<K, V> {
  readonly #batch: Batch<K, V>
  readonly #place: number
  #promise: Promise<V> | null = null

  constructor(batch: Batch<K, V>, place: number) {
    this.#batch = batch
    this.#place = place
  }

  get promise(): Promise<V> {
    if (this.#promise === null) {
      this.#promise = this.#batch.at(this.#place)
      // Who asked for it by `loadMany` gets its error there, and who loads it, by a promise of their own.
      this.#promise.catch(() => {})
    }
    return this.#promise
  }
}

/** What all reactions of a gate have in common. Only this: one that held the batch would keep it alive as long as itself. */
interface Cursor<V> {
  /** Here, not in the promise: that would look at them whether they are a promise, and all the way up their prototypes. */
  outcomes: Outcomes<V>
  /** How many keys have been handed their values. */
  at: number
}

/** Before there are any; one for all batches. */
const none: readonly never[] = []

function next(cursor: Cursor<unknown>): () => unknown {
  return () => valueOf(cursor.outcomes[cursor.at++])
}

function nextOf<T>(list: readonly T[]): () => T {
  let at = 0
  return () => list[at++]!
}

/** Thrown, not a rejected promise given back: that would settle later than the others. */
function valueOf(outcome: unknown): unknown {
  if (isError(outcome)) throw outcome
  return outcome
}

function waitFor<V>(outcome: V | PromiseLike<V> | Error): Promise<V | Error> {
  return Promise.resolve(outcome).catch((error: Error) => error)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
