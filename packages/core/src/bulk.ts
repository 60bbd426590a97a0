/**
 * A bulk: tasks on their way to one call of the command, and the promises of their callers.
 *
 * Its tasks settle *together*, through one gate: each caller's promise is one reaction of the gate, and reactions of one
 * promise run in the order in which they were registered, so a counter finds each its place. That costs a caller one
 * promise and nothing else. Where tasks must settle *apart* (a signal, a stream, a result that is known early), the bulk
 * parts: the gate opens at once and hands each caller the promise of its own seat.
 * @module
 */

import { deferred, type Deferred } from './deferred.ts'
import { asError, isError } from './errors.ts'
import type { BulkEvent, OpenBulk } from './events.ts'
import type { Flight } from './forecast.ts'
import type { Slot } from './limiter.ts'
import type { Head } from './policy.ts'
import { nobody, type Piece } from './scope.ts'
import { Seat, type Bench } from './seat.ts'
import { drop, isThenable, type Outcomes } from './settle.ts'

/** Who keeps the queue that a bulk stands in. */
export interface Keeper {
  /** A task has left a bulk that is pending, at the place that it had. */
  left(bulk: AnyBulk, owner: Piece | undefined): void
  /** The last caller of a bulk that is in flight has its result or has gone. */
  emptied(bulk: AnyBulk): void
}

/** A bulk of whatever tasks and results. */
export type AnyBulk = Bulk<any, any>

/** Hears what becomes of the tasks of one bulk: the cache of a loader does. */
export interface Follower {
  /** The bulk has started: no task joins or leaves it any more. */
  started(): void
  /** The first task of the bulk behind has moved to the end of this one. */
  takeFrom(behind: Follower): void
  /** The task at this place has left before the bulk started. */
  left(place: number): void
  /** The task at this place has its outcome. */
  gave(place: number, outcome: unknown): void
  /** All tasks have their outcomes. */
  gaveAll(outcomes: Outcomes): void
  /** All tasks that were left have failed. */
  failed(): void
}

export class Bulk<T, R> implements Head, Bench {
  readonly id: number
  readonly openedAt: number
  readonly tasks: T[] = []
  /** The pieces of work that wait for the tasks, place by place; empty where there is no scope. */
  readonly owners: Piece[] = []
  /** The pieces of work that wait for the bulk without a task in it: a hit of a cache is given with it. */
  readonly guests: Piece[] = []
  follower: Follower | null = null
  /** The next bulk in the queue. */
  next: Bulk<T, R> | null = null
  readyAt: number = NaN
  slot: Slot | null = null
  /** When its time is up; used only with a `timeout`. */
  deadline: number = Infinity
  /** What those hear who listen to its tasks as they come. */
  opening: OpenBulk | null = null
  event: BulkEvent | null = null
  /** What its scope knows it by, while it is in flight. */
  flight: Flight | null = null
  /** How many callers still wait; counted only while the bulk is in flight. */
  waiting = 0

  // A bulk only moves to the right; its tasks settle on the way into `settled` and, where they settle apart, before.
  #state: 'pending' | 'in flight' | 'settled' = 'pending'
  readonly #keeper: Keeper
  readonly #gate = deferred<Outcomes>()
  readonly #places: Places = { at: 0 }
  readonly #react = reaction(this.#places) as (outcomes: Outcomes) => R
  #seats: Seat[] | null = null
  #ended: Deferred<void> | null = null
  #controller: AbortController | null = null
  #aborted: { readonly reason: unknown } | null = null

  constructor(id: number, openedAt: number, keeper: Keeper) {
    this.id = id
    this.openedAt = openedAt
    this.#keeper = keeper
  }

  get settled(): boolean {
    return this.#state === 'settled'
  }

  /** Takes a task in. */
  join(task: T): Promise<R> {
    this.tasks.push(task)
    return this.#seats === null ? this.#gate.promise.then(this.#react) : this.#takeSeat(this.#seats)
  }

  /** Takes a task in whose caller may abort. */
  joinWith(task: T, signal: AbortSignal): Promise<R> {
    const seats = this.#part()
    const promise = this.join(task)
    seats.at(-1)!.follow(signal)
    return promise
  }

  /** Takes the tasks from `from` to before `to` in, for one promise of all their results or errors. */
  joinMany(tasks: readonly T[], from: number, to: number): Promise<(R | Error)[]> {
    const seats = this.#seats
    if (seats !== null) {
      return Promise.all(tasks.slice(from, to).map(task => this.join(task).catch(asError)))
    }
    for (let i = from; i < to; i++) this.tasks.push(tasks[i]!)
    const places = this.#places
    const count = to - from
    return this.#gate.promise.then(
      outcomes => gather<R>(outcomes, places, count),
      (error: unknown) => new Array<Error>(count).fill(asError(error)),
    )
  }

  /** Something that is known already, given when this bulk settles: what follows from it comes when its mates' does. */
  align<V>(known: Promise<V>): Promise<V> {
    // Not by the gate: that one opens early when the bulk parts.
    this.#ended ??= deferred<void>()
    // Should it reject before the bulk has ended, that is told then, to whoever waits for the hit.
    known.catch(() => {})
    return this.#ended.promise.then(() => known)
  }

  /** The promise of one task alone, for who did not call it: a loader finds it in what a `loadMany` has asked. */
  promiseAt(place: number): Promise<R> {
    return this.#part()[place]!.promise as Promise<R>
  }

  /** The seal: no more tasks come, and the command has them next. */
  start(slot: Slot | null): void {
    this.#state = 'in flight'
    this.waiting = this.tasks.length
    this.slot = slot
    this.follower?.started()
  }

  /** Fills the place of a task that has left with the first task of the bulk behind. */
  takeFrom(behind: Bulk<T, R>): void {
    const seats = this.#part()
    const others = behind.#part()
    if (behind.follower !== null) this.follower?.takeFrom(behind.follower)
    const seat = others.shift()!
    seat.bench = this
    seats.push(seat)
    this.tasks.push(behind.tasks.shift()!)
    this.owners.push(...behind.#takeOwner(0))
    if (behind.tasks.length === 0) this.#takeGuests(behind)
  }

  /** Who waits for a bulk that is no more waits for the one that its tasks have moved to. */
  #takeGuests(behind: Bulk<T, R>): void {
    this.guests.push(...behind.guests)
    if (behind.#ended === null) return
    this.#ended ??= deferred<void>()
    behind.#ended.resolve(this.#ended.promise)
  }

  /**
   * Lets callers go whose signal has aborted and who have not heard of it: the listeners of a signal are told one by one,
   * and what another one does may start a bulk in between.
   */
  dropAborted(): void {
    if (this.#seats !== null) for (const seat of this.#seats.filter(each => each.aborted)) seat.leave()
  }

  /** Settles all tasks with their outcomes. */
  giveAll(outcomes: Outcomes): void {
    if (this.#state === 'settled') return outcomes?.forEach(drop)
    this.follower?.gaveAll(outcomes)
    if (this.#seats === null) this.#gate.resolve(outcomes)
    else this.#seats.forEach((seat, place) => seat.give(outcomes === null ? null : outcomes[place]))
    this.#end()
  }

  /** Settles all tasks that are left with what went wrong. */
  fail(reason: unknown): void {
    if (this.#state === 'settled') return
    this.follower?.failed()
    if (this.#seats === null) this.#gate.reject(reason)
    else for (const seat of this.#seats) seat.fail(reason)
    this.#end()
  }

  /** Settles one task of a bulk in flight ahead of its mates, and tells whether anyone still waited for the bulk. */
  give(place: number, outcome: unknown): boolean {
    if (this.#state === 'settled') return false
    const seat = this.#part()[place]!
    if (seat.settled) {
      drop(outcome)
      return true
    }
    this.follower?.gave(place, outcome)
    seat.give(outcome)
    this.waiting--
    if (this.waiting === 0) this.#end()
    return true
  }

  /** Settles one pending task with what is known, and takes it out: the command is not asked for it. */
  giveEarly(place: number, outcome: unknown): void {
    const seat = this.#part()[place]!
    this.#takeOut(place)
    seat.give(outcome)
  }

  /** The caller of a seat has gone. A bulk that is settled has closed its seats, so it is pending or in flight. */
  aborted(seat: Seat, reason: unknown): void {
    if (this.#state === 'pending') return this.#takeOut(this.#seats!.indexOf(seat))
    this.waiting--
    if (this.waiting > 0) return
    this.#end()
    this.abort(reason)
  }

  /** Tells the command that nobody waits for it any more. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }

  /** The command's signal, made when it is first asked for: most commands never do. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#aborted !== null) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  #end(): void {
    this.#state = 'settled'
    this.#ended?.resolve()
    this.#keeper.emptied(this)
  }

  /** From here on each task has a seat of its own. The callers so far are given theirs through the gate. */
  #part(): Seat[] {
    if (this.#seats !== null) return this.#seats
    const seats = this.tasks.map(() => new Seat(this))
    this.#seats = seats
    this.#gate.resolve(seats.map(seat => seat.promise))
    return seats
  }

  #takeSeat(seats: Seat[]): Promise<R> {
    const seat = new Seat(this)
    seats.push(seat)
    return seat.promise as Promise<R>
  }

  #takeOut(place: number): void {
    this.#seats!.splice(place, 1)
    this.tasks.splice(place, 1)
    this.follower?.left(place)
    if (this.tasks.length === 0) this.#ended?.resolve()
    this.#keeper.left(this, this.#takeOwner(place)[0])
  }

  /** Whose wait goes with the task at this place: of many tasks of one promise, only with the last of them. */
  #takeOwner(place: number): Piece[] {
    return this.owners.splice(this.owners[place + 1] === nobody ? place + 1 : place, 1)
  }
}

/** How many of a bulk's tasks have been handed theirs. An object, so that all reactions of a gate count together. */
interface Places {
  at: number
}

/** What each caller's promise does when the gate opens. It holds the count alone, never the bulk (see deferred.ts). */
function reaction(places: Places): (outcomes: Outcomes) => unknown {
  return outcomes => {
    if (outcomes === null) return null
    const outcome = outcomes[places.at++]
    return isError(outcome) ? Promise.reject(outcome) : outcome
  }
}

/** The results or errors of so many callers in a row that share one promise. */
function gather<R>(
  outcomes: Outcomes,
  places: Places,
  count: number,
): (R | Error)[] | Promise<(R | Error)[]> {
  if (outcomes === null) return new Array<R>(count).fill(null as R)
  const from = places.at
  places.at += count
  const own = outcomes.slice(from, places.at) as (R | Error)[]
  return own.some(isThenable) ? Promise.all(own.map(waitFor<R>)) : own
}

async function waitFor<R>(outcome: R | PromiseLike<R> | Error): Promise<R | Error> {
  try {
    return await outcome
  } catch (error) {
    return asError(error)
  }
}
