/**
 * A seat: a key that was first asked for by a caller who may go. Its batch asks for it only while someone waits for it.
 * @module
 */

import { Caller, type Chair } from '@bulkcall/core/kit'

/** Where a seat stands: in a batch. */
export interface Bench {
  /** Nobody waits for the key any more. */
  emptied(seat: Seat, reason: unknown): void
  /** Someone waits for it again. */
  taken(seat: Seat): void
}

export class Seat implements Chair {
  readonly place: number
  /** Why the key has left its batch, or `null` while it has not: the batch function is not asked for it. */
  vacated: { readonly reason: unknown } | null = null
  /** Whether the engine counts it as a task, or will: see `Bulks`. */
  counted = true
  /** Takes the key out of the engine, once it is in there. */
  controller: AbortController | null = null

  readonly #bench: Bench
  readonly #callers = new Set<Caller<any>>()
  #empty = false
  /** Whether someone waits who cannot go. */
  #kept = false
  #entry: object | null = null

  constructor(place: number, bench: Bench) {
    this.place = place
    this.#bench = bench
  }

  /** Makes it known as the seat of what stands in the cache. */
  label(entry: object): void {
    this.#entry = entry
    seats.set(entry, this)
    inUse = true
  }

  /** Someone waits who cannot go. */
  keep(): void {
    this.#kept = true
    this.#fill()
  }

  /** A caller waits who may go. */
  take<V>(answer: PromiseLike<V>, signal: AbortSignal): Promise<V> {
    const caller = new Caller(answer, signal, this)
    this.#callers.add(caller)
    this.#fill()
    return caller.promise
  }

  left(caller: Caller<any>, reason: unknown): void {
    this.#callers.delete(caller)
    if (this.#kept || this.#callers.size > 0) return
    this.#empty = true
    this.#bench.emptied(this, reason)
  }

  /**
   * Lets callers go whose signal has aborted and who do not know of it yet: the listeners of a signal are called one by one,
   * and what another one does may send the batch in between.
   */
  dismiss(): void {
    for (const caller of this.#callers) if (caller.gone) caller.leave()
  }

  /** The batch has settled: nobody who comes now is any matter of it, and nothing of it is held any longer. */
  close(): void {
    if (this.#entry !== null) seats.delete(this.#entry)
  }

  #fill(): void {
    if (!this.#empty) return
    this.#empty = false
    this.#bench.taken(this)
  }
}

/** By what stands in the cache, for all loaders: several may share a cache of their user's. */
const seats = new WeakMap<object, Seat>()
/** A program without signals looks for no seat. */
let inUse = false

export function seatOf(entry: object): Seat | undefined {
  return inUse ? seats.get(entry) : undefined
}
