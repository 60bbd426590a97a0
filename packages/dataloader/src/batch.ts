/**
 * A batch: keys on their way to one call of the batch function, the promises of their callers, and the cache hits that
 * are given together with them. All callers wait behind one gate: a caller costs one promise, no closure.
 * @module
 */

import { isError, type AsyncContext, type CommandContext } from '@bulkcall/core'
import { Caller, Gate, type Chair } from '@bulkcall/core/kit'

/** Who owns the batches. */
export interface Owner<K, V> {
  /** Calls the batch function; gives a promise where that gave one. It settles the batch, and does not reject. */
  run(batch: Batch<K, V>, context: CommandContext): Promise<void> | void
  /** The engine gave up a batch: its time was over, or it was refused a slot. */
  fail(batch: Batch<K, V>, reason: unknown): void
  /** Nobody waits for the key of a seat any more. */
  emptied(batch: Batch<K, V>, seat: Seat, reason: unknown): void
}

export class Batch<K, V> extends Gate {
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

  private reason: unknown = undefined
  private hits: Hits | null = null

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
    return this.wait()
  }

  /** The same for a key whose callers may go. */
  joinAt(seat: Seat, key: K): Promise<V> {
    this.seats ??= new Map()
    this.seats.set(seat.place, seat)
    return this.join(key)
  }

  /** The promise of a key that came in with others. */
  waitAt(place: number): Promise<V> {
    const promise = this.promise.then(() => this.outcomeAt(place)) as Promise<V>
    // Who asked for it by `loadMany` gets its error there, and who loads it, by a promise of their own.
    promise.catch(() => {})
    return promise
  }

  /** What is known already, given together with this batch: what follows from both goes out together. */
  align(known: PromiseLike<V>): Promise<V> {
    return (this.hits ??= new Hits()).add(known)
  }

  /** The keys to ask for, in an array of their own. */
  asked(): K[] {
    return this.seats === null ? this.keys.slice() : this.keys.filter((_, place) => !this.hasLeft(place))
  }

  hasLeft(place: number): boolean {
    return this.vacatedAt(place) !== null
  }

  private vacatedAt(place: number): Seat['vacated'] {
    return this.seats?.get(place)?.vacated ?? null
  }

  /** @param outcomes a value or an Error for each key that was asked for */
  give(outcomes: readonly unknown[]): void {
    this.settle()
    this.open(this.seats === null ? outcomes : this.placed(outcomes))
  }

  fail(reason: unknown): void {
    this.reason = reason
    this.settle()
    this.reject(reason)
  }

  private settle(): void {
    this.sealed = this.settled = true
    this.hits?.open(null)
    if (this.seats !== null) for (const seat of this.seats.values()) seat.close()
  }

  /** From an outcome a key asked for to an outcome a place: the reason why it has left, where it has. */
  private placed(outcomes: readonly unknown[]): readonly unknown[] {
    let given = 0
    return this.keys.map((_, place) => {
      const vacated = this.vacatedAt(place)
      if (vacated === null) return outcomes[given++]
      const rejected = Promise.reject(vacated.reason)
      // Nobody has to handle it: its callers have theirs.
      rejected.catch(() => {})
      return rejected
    })
  }

  /** What the engine learns of a batch that has settled: how many tasks failed. The values have gone to their callers. */
  report(tasks: number): unknown[] {
    if (this.handed === null) throw this.reason
    return Object.assign(new Array<unknown>(tasks), this.handed.filter(isError))
  }
}

/** The hits of one batch. They have a gate of their own: it opens first, and whatever becomes of the batch. */
class Hits extends Gate {
  private readonly known: unknown[] = []

  add<V>(known: PromiseLike<V>): Promise<V> {
    this.known.push(known)
    return this.wait()
  }

  protected override outcomeAt(place: number): unknown {
    return this.known[place]
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
    return (this.#promise ??= this.#batch.waitAt(this.#place))
  }
}

/** A key that was first asked for by a caller who may go. Its batch asks for it only while someone waits for it. */
export class Seat implements Chair {
  readonly place: number
  /** Why the key has left its batch, or `null` while it has not: the batch function is not asked for it. */
  vacated: { readonly reason: unknown } | null = null
  /** Whether the engine counts it as a task, or will: see `Bulks`. */
  counted = true
  /** Takes the key out of the engine, once it is in there. */
  controller: AbortController | null = null

  readonly #batch: Batch<any, any>
  readonly #owner: Owner<any, any>
  /** Who waits for it; `null` is someone who cannot go. */
  readonly #callers = new Set<Caller<any> | null>()
  #isEmpty = false

  constructor(batch: Batch<any, any>, owner: Owner<any, any>) {
    this.place = batch.keys.length
    this.#batch = batch
    this.#owner = owner
  }

  /** Makes it known as the seat of what stands in the cache. */
  label(entry: object): void {
    seats.set(entry, this)
    inUse = true
  }

  /** Someone waits who cannot go. */
  keep(): void {
    this.#add(null)
  }

  /** A caller waits who may go. */
  take<V>(answer: PromiseLike<V>, signal: AbortSignal): Promise<V> {
    const caller = new Caller(answer, signal, this)
    this.#add(caller)
    return caller.promise
  }

  #add(caller: Caller<any> | null): void {
    this.#callers.add(caller)
    if (this.#isEmpty && this.vacated === null) this.#batch.idle--
    this.#isEmpty = false
  }

  left(caller: Caller<any>, reason: unknown): void {
    const batch = this.#batch
    this.#callers.delete(caller)
    if (this.#callers.size > 0) return
    this.#isEmpty = true
    batch.idle++
    if (!batch.sealed) this.vacated = { reason }
    this.#owner.emptied(batch, this, reason)
  }

  /**
   * Lets callers go whose signal has aborted and who do not know of it yet: the listeners of a signal are called one by one,
   * and what another one does may send the batch in between.
   */
  dismiss(): void {
    for (const caller of this.#callers) if (caller?.gone) caller.leave()
  }

  /** The batch has settled: nobody who comes now is any matter of it, and nothing of it is held any longer. */
  close(): void {
    const entry = this.#batch.entries[this.place]
    if (entry !== undefined) seats.delete(entry as object)
  }
}

/** By what stands in the cache, for all loaders: several may share a cache of their user's. */
const seats = new WeakMap<object, Seat>()
/** A program without signals looks for no seat. */
let inUse = false

export function seatOf(entry: object): Seat | undefined {
  return inUse ? seats.get(entry) : undefined
}
