/**
 * A bulk (batch): tasks on their way to one call of the command, and the promises of their callers.
 *
 * Its tasks settle *together*, through one gate, at the price of one promise a caller. Where they must settle *apart* (a
 * signal, a stream, a result that is known early), the bulk parts: the gate opens at once and hands each caller the promise
 * of a seat of its own.
 * @module
 */

import { asError } from '../errors.ts'
import type { BulkEvent, OpenBulk } from '../events.ts'
import type { Slot } from '../limiter.ts'
import type { Evidence } from '../scope/evidence.ts'
import type { Tracker } from '../scope/tracker.ts'
import type { Held, Waiter, Work } from '../scope/work.ts'
import { firstOf } from './duplicates.ts'
import { Gate } from './gate.ts'
import type { Head } from './policy.ts'
import { Seat, type SeatOwner } from './seat.ts'
import { drop, given, type Outcomes } from './settle.ts'

type Events = typeof import('node:events')
/** Where the host warns of many listeners, what says that they are meant. */
const events: Events | undefined = globalThis.process?.getBuiltinModule?.('node:events')

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
  /** The last caller of a bulk in flight has a result or has left. */
  emptied(bulk: AnyBulk): void
}

/** A bulk of whatever tasks and results. */
export type AnyBulk = Bulk<any, any>

/** Where the key of a task is answered: by a bulk, at a place. */
export interface Placed {
  bulk: AnyBulk | null
  place: number
}

/** What a loader knows of its keys. A bulk reports what becomes of them. */
export interface Keys {
  /** The bulk is about to start, or to lose its first task to the one before: the last moment to merge equal keys. */
  sealing(bulk: AnyBulk): void
  /** The bulk has started: no key joins or leaves it any more. */
  started(bulk: AnyBulk): void
  /** Makes sure that each key of the bulk has an answer of its own. */
  index(bulk: AnyBulk): void
  /** The key at this place has left before the bulk started. */
  left(bulk: AnyBulk, place: number): void
  /** The key at this place has its outcome ahead of the others. */
  gave(bulk: AnyBulk, place: number, outcome: unknown): void
  /** All keys have their outcomes. */
  gaveAll(bulk: AnyBulk, outcomes: Outcomes): void
  /** All keys that were left have failed. */
  failed(bulk: AnyBulk): void
}

/** Outcomes that are known already and given when a bulk settles, and the gate behind which their callers wait. */
interface Beside {
  readonly gate: Gate
  readonly known: unknown[]
}

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
  waiters: Waiter[] | null = null
  waitTo: number[] | null = null
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
  private from = 0
  private beside: Beside[] | null = null
  private controller: AbortController | null = null
  private givenUp: { readonly reason: unknown } | null = null

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
    if (this.seats !== null) return this.takeSeat(this.seats, place)
    this.places?.push(place)
    return this.wait<R>()
  }

  /** Takes a task in whose caller may abort. */
  joinWith(task: T, signal: AbortSignal): Promise<R> {
    const seats = this.part()
    const promise = this.join(task)
    seats.at(-1)!.follow(signal)
    return promise
  }

  /** The work that waits for the latest task, which may leave. */
  waitsForLast(work: Work): void {
    this.seats!.at(-1)!.work = work
  }

  /**
   * Takes the tasks from `from` to before `to` in, for one promise of all their results or errors. The array is the bulk's
   * own from then on.
   */
  joinMany(tasks: T[], from: number, to: number): Promise<(R | Error)[]> {
    if (this.seats !== null)
      return Promise.all(tasks.slice(from, to).map(task => this.join(task).catch(asError)))
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
    if (this.waitTo !== null) {
      let most = 0
      const left = places.map(place => (most = Math.max(most, place + 1)))
      this.waitTo = this.waitTo.map(to => left[to - 1] ?? to)
    }
    this.owner.merged(this, before - this.count)
  }

  /** An outcome that is known already, given when this bulk settles: what follows from it comes when that of the others does. */
  align<V>(known: unknown): Promise<V> {
    // Not by the gate of the tasks: that one opens early when the bulk parts.
    this.beside ??= [{ gate: new Gate(), known: [] }]
    const beside = this.beside[0]!
    beside.known.push(known)
    // Should it reject before the bulk has ended, that is reported then, to the caller of the hit.
    drop(known)
    return beside.gate.wait<V>()
  }

  // ---- Tasks leave before they start

  /** Fills places of tasks that have left with the first tasks of the bulk behind, at most so many. */
  takeFrom(behind: Bulk<T, R>, most: number): void {
    const { keys } = this.owner
    // Equal keys of that one have to be one before each has a seat.
    keys?.index(behind)
    const seats = this.part()
    const others = behind.part()
    for (const end = this.count + most; this.count < end && behind.count > 0; behind.from++) {
      const { from } = behind
      const seat = others[from]!
      if (seat === null) continue
      seat.owner = this
      seat.place = this.tasks.push(behind.tasks[from]!) - 1
      seats.push(seat)
      if (keys !== null) {
        this.keys?.push(behind.keys![from])
        const answer = behind.answers![from]!
        answer.bulk = this
        answer.place = seat.place
        this.answers!.push(answer)
      }
      behind.leaveHole(from)
      this.count++
    }
    this.takeWaiting(behind)
  }

  awaitedBy(waiter: Waiter): void {
    ;(this.waiters ??= []).push(waiter)
    // A hit is no task, and is given with whatever is left of this bulk.
    ;(this.waitTo ??= []).push(this.beside === null ? this.tasks.length : Infinity)
  }

  /** What waits for tasks that have moved waits for them here, unless it may wait for one that has not. */
  private takeWaiting(behind: Bulk<T, R>): void {
    const { waiters, waitTo, askers, beside } = behind
    const isOver = behind.count === 0
    if (waiters !== null) {
      const stays = isOver ? -1 : waitTo!.findIndex(to => to > behind.from)
      const moved = stays === -1 ? waiters.length : stays
      waitTo!.splice(0, moved)
      for (const waiter of waiters.splice(0, moved)) this.awaitedBy(waiter)
    }
    if (askers !== null) this.askers = new Set([...(this.askers ?? []), ...askers])
    if (!isOver || beside === null) return
    this.beside = [...(this.beside ?? []), ...beside]
    behind.beside = null
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
  private leaveHole(place: number): void {
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
    if (this.seats === null) this.shut(reason)
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
    this.owner.emptied(this)
  }

  private openBeside(): void {
    if (this.beside !== null) for (const { gate, known } of this.beside) gate.open(known)
  }

  /** From an outcome a task to an outcome a caller. */
  private toCallers(outcomes: Outcomes): Outcomes {
    const places = this.places
    return places === null || outcomes === null ? outcomes : places.map(place => outcomes[place])
  }

  /** From here on each task has a seat of its own. The callers so far are given theirs through the gate. */
  private part(): (Seat | null)[] {
    if (this.seats !== null) return this.seats
    const seats = this.tasks.map((_, place) => new Seat(this, place))
    this.seats = seats
    this.open(this.toCallers(seats.map(seat => seat.promise)))
    return seats
  }

  private takeSeat(seats: (Seat | null)[], place: number): Promise<R> {
    const seat = new Seat(this, place)
    seats.push(seat)
    return seat.promise as Promise<R>
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
    this.givenUp ??= { reason }
    this.controller?.abort(reason)
  }

  /** The command's signal, made when it is first asked for: most commands never do. */
  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController()
      // A command may hand it to as many waits as it likes: that is no leak, as it ends with the bulk.
      events?.setMaxListeners?.(0, this.controller.signal)
      if (this.givenUp !== null) this.controller.abort(this.givenUp.reason)
    }
    return this.controller.signal
  }
}

function numbered<P extends { place: number }>(members: P[]): P[] {
  for (const [place, member] of members.entries()) member.place = place
  return members
}
