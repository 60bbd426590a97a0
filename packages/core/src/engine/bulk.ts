/**
 * A bulk (batch): tasks on their way to one call of the command, and the promises of their callers.
 *
 * Its tasks settle *together*, through one gate, at the price of one promise a caller. Where they must settle *apart* (a
 * signal, a stream, a result that is known early), the bulk parts: the gate opens at once and hands each caller the promise
 * of a seat of its own.
 * @module
 */

import type { BulkEvent, OpenBulk } from '../events.ts'
import type { Slot } from '../limiter.ts'
import { drop, eachOf, given } from '../promises.ts'
import type { Evidence } from '../scope/evidence.ts'
import type { Tracker } from '../scope/tracker.ts'
import { Waiting, type Waiter } from '../scope/waiting.ts'
import type { Held, Work } from '../scope/work.ts'
import { Beside } from './beside.ts'
import { Cancellation } from './cancellation.ts'
import { firstOf } from './duplicates.ts'
import { Gate } from './gate.ts'
import type { Keys, Placed } from './keys.ts'
import type { Head } from './policy.ts'
import { Seat, type SeatOwner } from './seat.ts'
import type { Outcomes } from './settle.ts'

/** The queue that a bulk stands in. */
export interface BulkOwner {
  readonly name: string
  /** The tracker of its scope, or `null`. */
  readonly tracker: Tracker | null
  /** The cache of a loader, which is notified of its bulks. */
  readonly keys: Keys | null
  /** How many of its bulks in flight wait for others to start. */
  holding: number
  /** A task has left a bulk that is pending. */
  left(bulk: AnyBulk): void
  /** So many tasks of a bulk that is pending were equal to others. */
  merged(bulk: AnyBulk, tasks: number): void
}

/** A bulk of whatever tasks and results. */
export type AnyBulk = Bulk<any, any>

export class Bulk<T, R> extends Gate implements Head, SeatOwner, Held {
  readonly id: number
  openedAt: number | null
  /** In the order in which they came. Where one has left there is a hole until the bulk starts; {@link Bulk.count} says how many are there. */
  tasks: T[] = []
  count = 0
  // What a loader knows of it: the keys, where they are not the tasks themselves, and the answers, once they are looked up.
  keys: unknown[] | null = null
  answers: (Placed | null)[] | null = null
  /** What the command gave for all tasks, once it has. */
  outcomes: Outcomes | undefined = undefined
  // What its scope knows of it.
  waiters: Waiting | null = null
  askers: Set<Evidence | null> | null = null
  holds = 0
  command: Work | null = null
  // Its place among the bulks of its queue that have not ended.
  previous: Bulk<T, R> | null = null
  next: Bulk<T, R> | null = null
  /** Since when it has only waited for a slot; noted for events. */
  readyAt: number | null = null
  slot: Slot | null = null
  /** What listeners get of its tasks as they come. */
  opening: OpenBulk | null = null
  event: BulkEvent | null = null
  /** How many callers still wait; counted only while the bulk is in flight. */
  waiting = 0

  // A bulk only moves to the right; its tasks settle on the way into `settled` and, where they settle apart, before.
  private state: 'pending' | 'in flight' | 'settled' = 'pending'
  readonly owner: BulkOwner
  /** Whether its command has settled, or is abandoned. */
  private isFinished = false
  /** The places of the callers behind the gate, one by one; `null` while they are those of the tasks. */
  private places: number[] | null = null
  /** By place, once the bulk has parted; `null` where a task has left. */
  private seats: (Seat | null)[] | null = null
  /** Before this place all tasks have left. */
  from = 0
  beside: Beside[] | null = null
  private cancellation: Cancellation | null = null

  constructor(id: number, openedAt: number | null, owner: BulkOwner) {
    super()
    this.id = id
    this.openedAt = openedAt
    this.owner = owner
  }

  get pending(): boolean {
    return this.state === 'pending'
  }

  get isSettled(): boolean {
    return this.state === 'settled'
  }

  get isParked(): boolean {
    return this.state === 'pending' || (this.holds > 0 && this.state === 'in flight')
  }

  // As its command waits, or does no longer.

  park(): void {
    this.owner.tracker!.hold(this)
  }

  unpark(): void {
    this.owner.tracker!.resume(this)
  }

  // ---- Tasks come

  join(task: T): Promise<R> {
    this.count++
    const place = this.tasks.push(task) - 1
    if (this.seats !== null) {
      const seat = new Seat(this, place)
      this.seats.push(seat)
      return seat.promise as Promise<R>
    }
    this.places?.push(place)
    return this.wait<R>()
  }

  /** Takes a task in whose caller may abort. Gives its seat. */
  joinWith(task: T, signal: AbortSignal): Seat {
    const seats = this.part()
    void this.join(task)
    const seat = seats.at(-1)!
    seat.follow(signal)
    return seat
  }

  /**
   * Takes the tasks from `from` to before `to` in, for one promise of all their results or errors. The array is the bulk's
   * own from then on.
   */
  joinMany(tasks: T[], from: number, to: number): Promise<(R | Error)[]> {
    if (this.seats !== null) return eachOf(tasks.slice(from, to).map(task => this.join(task)))
    const before = this.count
    this.count += to - from
    if (before === 0 && this.count === tasks.length) this.tasks = tasks
    else for (let i = from; i < to; i++) this.tasks.push(tasks[i]!)
    if (this.places !== null) for (let place = before; place < this.count; place++) this.places.push(place)
    return this.waitMany<R>(to - from)
  }

  /** One more promise of a task that has one. */
  promiseAt(place: number): Promise<R> {
    if (this.seats !== null) return this.seats[place]!.promise as Promise<R>
    if (this.state === 'settled') return given(this.outcomes === null ? null : this.outcomes![place])
    this.places ??= Array.from(this.tasks.keys())
    this.places.push(place)
    return this.wait<R>()
  }

  /**
   * Makes equal tasks one. The bulk is pending and has not parted.
   * @param places for each task, which of the tasks that are left it is, numbered in the order of their first coming
   */
  merge(places: number[]): void {
    const before = this.count
    this.tasks = firstOf(this.tasks, places)
    if (this.keys !== null) this.keys = firstOf(this.keys, places)
    this.count = this.tasks.length
    this.places = this.places === null ? places : this.places.map(place => places[place]!)
    this.waiters?.merged(places)
    this.owner.merged(this, before - this.count)
  }

  /** An outcome that is known already, given when this bulk settles: what follows from it comes when that of the others does. */
  align<V>(known: unknown): Promise<V> {
    // Not by the gate of the tasks: that one opens early when the bulk parts.
    this.beside ??= [new Beside()]
    return this.beside[0]!.waitFor<V>(known)
  }

  // ---- Tasks leave before they start

  awaitedBy(waiter: Waiter): void {
    this.waiters ??= new Waiting()
    // A hit is no task, and is given with whatever is left of this bulk.
    this.waiters.add(waiter, this.beside === null ? this.tasks.length : Infinity)
  }

  /**
   * Lets callers go whose signal has aborted and who were not noticed yet: the listeners of a signal are called one by one,
   * and what another one does may start a bulk in between.
   */
  dropAborted(): void {
    if (this.seats !== null) for (const seat of this.seats) if (seat?.aborted) seat.leave()
  }

  /** Settles one pending task with what is known, and takes it out: the command is not asked for it. */
  giveEarly(place: number, outcome: unknown): void {
    const seat = this.part()[place]!
    this.takeOut(seat)
    seat.give(outcome)
  }

  /** The caller of a seat has aborted. A bulk that is settled has closed its seats, so it is pending or in flight. */
  aborted(seat: Seat, reason: unknown): void {
    if (this.state === 'pending') return this.takeOut(seat)
    this.waiting--
    if (this.waiting > 0) return
    this.end()
    this.abort(reason)
  }

  private takeOut(seat: Seat): void {
    this.owner.keys?.left(this, seat.place)
    seat.starts()
    this.leaveHole(seat.place)
    if (this.count === 0) this.openBeside()
    this.owner.left(this)
  }

  /** Leaves a hole, so that no other task has to move until all do, once. */
  leaveHole(place: number): void {
    this.tasks[place] = undefined as T
    this.seats![place] = null
    if (this.answers !== null) this.answers[place] = null
    this.count--
  }

  private closeHoles(): void {
    const seats = this.seats!
    const isTaken = (_: unknown, place: number): boolean => seats[place] !== null
    this.tasks = this.tasks.filter(isTaken)
    if (this.keys !== null) this.keys = this.keys.filter(isTaken)
    if (this.answers !== null) this.answers = numbered(this.answers.filter(isTaken) as Placed[])
    this.seats = numbered(seats.filter(isTaken) as Seat[])
  }

  // ---- It starts, and its tasks settle

  /** The seal: no more tasks come, and the command has them next. */
  start(slot: Slot | null): void {
    if (this.count < this.tasks.length) this.closeHoles()
    this.state = 'in flight'
    this.waiting = this.count
    this.slot = slot
    // From now on nobody waits for it to start.
    if (this.seats !== null) for (const seat of this.seats) seat!.starts()
    this.owner.keys?.started(this)
  }

  /** Settles all tasks with their outcomes. */
  giveAll(outcomes: Outcomes): void {
    if (this.state === 'settled') return outcomes?.forEach(drop)
    this.outcomes = outcomes
    this.owner.keys?.gaveAll(this, outcomes)
    if (this.seats === null) this.open(this.toCallers(outcomes))
    else for (const seat of this.seats) seat!.give(outcomes === null ? null : outcomes[seat!.place])
    this.end()
  }

  /** Settles all tasks that are left with what went wrong. */
  fail(reason: unknown): void {
    if (this.state === 'settled') return
    this.owner.keys?.failed(this)
    if (this.seats === null) this.reject(reason)
    else for (const seat of this.seats) seat!.fail(reason)
    this.end()
  }

  /** Settles one task of a bulk in flight ahead of the others. Returns whether anyone still waited for the bulk. */
  give(place: number, outcome: unknown): boolean {
    if (this.state === 'settled') return false
    const seat = this.part()[place]!
    if (seat.settled) {
      drop(outcome)
      return true
    }
    this.owner.keys?.gave(this, place, outcome)
    seat.give(outcome)
    this.waiting--
    if (this.waiting === 0) this.end()
    return true
  }

  private end(): void {
    this.state = 'settled'
    this.openBeside()
    this.owner.tracker?.settled(this)
  }

  private openBeside(): void {
    if (this.beside !== null) for (const beside of this.beside) beside.openAll()
  }

  /** From an outcome a task to an outcome a caller. */
  private toCallers(outcomes: Outcomes): Outcomes {
    const places = this.places
    return places === null || outcomes === null ? outcomes : places.map(place => outcomes[place])
  }

  /** From here on each task has a seat of its own. The callers so far are given theirs through the gate. */
  part(): (Seat | null)[] {
    if (this.seats !== null) return this.seats
    const seats = this.tasks.map((_, place) => new Seat(this, place))
    this.seats = seats
    this.open(this.toCallers(seats.map(seat => seat.promise)))
    return seats
  }

  // ---- Its command gives up

  /** Its command has settled, or is abandoned. Returns whether it had not before. */
  finish(): boolean {
    const had = this.isFinished
    this.isFinished = true
    return !had
  }

  /** Lets the command know that nobody waits for it any more. */
  abort(reason: unknown): void {
    ;(this.cancellation ??= new Cancellation()).abort(reason)
  }

  /** The command's signal. */
  get signal(): AbortSignal {
    return (this.cancellation ??= new Cancellation()).signal
  }
}

function numbered<P extends { place: number }>(members: P[]): P[] {
  for (const [place, member] of members.entries()) member.place = place
  return members
}
