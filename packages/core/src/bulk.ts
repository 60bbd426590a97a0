/**
 * A bulk: tasks on their way to one call of the command, and the promises of their callers.
 *
 * Its tasks settle *together*, through one gate, at the price of one promise a caller. Where tasks must settle *apart* (a
 * signal, a stream, a result that is known early), the bulk parts: the gate opens at once and hands each caller the
 * promise of its own seat.
 * @module
 */

import { asError } from './errors.ts'
import type { BulkEvent, OpenBulk } from './events.ts'
import type { Evidence } from './evidence.ts'
import { Gate } from './gate.ts'
import type { Slot } from './limiter.ts'
import type { Line, Standing } from './line.ts'
import type { Head } from './policy.ts'
import { Seat, type Bench } from './seat.ts'
import { drop, type Outcomes } from './settle.ts'
import type { Held, Tracker, Work } from './tracker.ts'

type Events = typeof import('node:events')
/** Where the host warns of many listeners, what says that they are meant. */
const events: Events | undefined = globalThis.process?.getBuiltinModule?.('node:events')

/** Who keeps the queue that a bulk stands in. */
export interface Keeper {
  /** The tracker of its scope, or `null`. */
  readonly tracker: Tracker | null
  /** A task has left a bulk that is pending. */
  left(bulk: AnyBulk): void
  /** So many tasks of a bulk that is pending were equal to others. */
  merged(bulk: AnyBulk, tasks: number): void
  /** The last caller of a bulk that is in flight has its result or has gone. */
  emptied(bulk: AnyBulk): void
}

/** A bulk of whatever tasks and results. */
export type AnyBulk = Bulk<any, any>

/** Hears what becomes of the tasks of one bulk: the cache of a loader does. */
export interface Follower {
  /** The bulk is about to start, or to lose its first task to the one before: the last moment to merge equal tasks. */
  sealing(): void
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
  /** No caller waits for the bulk any more. */
  ended(): void
}

/** What is known already and given with a bulk: the outcomes, and the gate behind which their callers wait. */
interface Beside {
  readonly gate: Gate
  readonly known: unknown[]
}

export class Bulk<T, R> implements Head, Bench, Held, Standing<Bulk<T, R>> {
  readonly id: number
  readonly openedAt: number | null
  tasks: T[] = []
  // What its scope knows of it.
  works: Work[] | null = null
  askers: Set<Evidence | null> | null = null
  holds = 0
  holding: Held[] | null = null
  command: Work | null = null
  follower: Follower | null = null
  line: Line<Bulk<T, R>> | null = null
  previous: Bulk<T, R> | null = null
  next: Bulk<T, R> | null = null
  /** Since when it has only waited for a slot; noted for events. */
  readyAt: number | null = null
  slot: Slot | null = null
  /** When its time is up; used only with a `timeout`. */
  deadline: number | null = null
  /** What those hear who listen to its tasks as they come. */
  opening: OpenBulk | null = null
  event: BulkEvent | null = null
  /** How many callers still wait; counted only while the bulk is in flight. */
  waiting = 0

  // A bulk only moves to the right; its tasks settle on the way into `settled` and, where they settle apart, before.
  #state: 'pending' | 'in flight' | 'settled' = 'pending'
  readonly #keeper: Keeper
  readonly #gate = new Gate()
  /** The places of the callers behind the gate, one by one; `null` while they are those of the tasks. */
  #places: number[] | null = null
  #seats: Seat[] | null = null
  #beside: Beside[] | null = null
  #controller: AbortController | null = null
  #aborted: { readonly reason: unknown } | null = null

  constructor(id: number, openedAt: number | null, keeper: Keeper) {
    this.id = id
    this.openedAt = openedAt
    this.#keeper = keeper
  }

  get pending(): boolean {
    return this.#state === 'pending'
  }

  get settled(): boolean {
    return this.#state === 'settled'
  }

  get isSettled(): boolean {
    return this.#state === 'settled'
  }

  get isParked(): boolean {
    return this.#state === 'pending' || (this.holds > 0 && this.#state === 'in flight')
  }

  get tracker(): Tracker | null {
    return this.#keeper.tracker
  }

  /** Takes a task in. */
  join(task: T): Promise<R> {
    const place = this.tasks.push(task) - 1
    if (this.#seats !== null) return this.#takeSeat(this.#seats)
    this.#places?.push(place)
    return this.#gate.wait<R>()
  }

  /** Takes a task in whose caller may abort. */
  joinWith(task: T, signal: AbortSignal): Promise<R> {
    const seats = this.#part()
    const promise = this.join(task)
    seats.at(-1)!.follow(signal)
    return promise
  }

  /** The work that waits for the latest task, which may leave. */
  waitsForLast(work: Work): void {
    this.#seats!.at(-1)!.work = work
  }

  /**
   * Takes the tasks from `from` to before `to` in, for one promise of all their results or errors. The array is the bulk's
   * own from then on.
   */
  joinMany(tasks: T[], from: number, to: number): Promise<(R | Error)[]> {
    const seats = this.#seats
    if (seats !== null) {
      return Promise.all(tasks.slice(from, to).map(task => this.join(task).catch(asError)))
    }
    if (this.tasks.length === 0 && to - from === tasks.length) this.tasks = tasks
    else for (let i = from; i < to; i++) this.tasks.push(tasks[i]!)
    if (this.#places !== null) for (let i = from - to; i < 0; i++) this.#places.push(this.tasks.length + i)
    return this.#gate.waitMany<R>(to - from)
  }

  /** One more promise of a task that has one, until the bulk has settled. */
  promiseAt(place: number): Promise<R> {
    if (this.#seats !== null) return this.#seats[place]!.promise as Promise<R>
    this.#places ??= Array.from(this.tasks.keys())
    this.#places.push(place)
    return this.#gate.wait<R>()
  }

  /**
   * Makes equal tasks one. The bulk is pending and has not parted.
   * @param places for each task, which of the tasks that are left it is, numbered in the order of their first coming
   */
  merge(places: number[]): void {
    const { tasks } = this
    this.tasks = []
    for (const [i, place] of places.entries()) if (place === this.tasks.length) this.tasks.push(tasks[i]!)
    this.#places = this.#places === null ? places : this.#places.map(place => places[place]!)
    this.#keeper.merged(this, tasks.length - this.tasks.length)
  }

  /** An outcome that is known already, given when this bulk settles: what follows from it comes when its mates' does. */
  align<V>(known: unknown): Promise<V> {
    // Not by the gate of the tasks: that one opens early when the bulk parts.
    this.#beside ??= [{ gate: new Gate(), known: [] }]
    const beside = this.#beside[0]!
    beside.known.push(known)
    // Should it reject before the bulk has ended, that is told then, to whoever waits for the hit.
    drop(known)
    return beside.gate.wait<V>()
  }

  /** The seal: no more tasks come, and the command has them next. */
  start(slot: Slot | null): void {
    this.#state = 'in flight'
    this.waiting = this.tasks.length
    this.slot = slot
    // Nobody who has waited for it waits for it to start any more.
    if (this.#seats !== null) for (const seat of this.#seats) seat.starts()
    this.follower?.started()
  }

  /** Fills the place of a task that has left with the first task of the bulk behind. */
  takeFrom(behind: Bulk<T, R>): void {
    // Equal tasks of that one have to be one before each has a seat.
    behind.follower?.sealing()
    const seats = this.#part()
    const others = behind.#part()
    if (behind.follower !== null) this.follower?.takeFrom(behind.follower)
    const seat = others.shift()!
    seat.bench = this
    seats.push(seat)
    this.tasks.push(behind.tasks.shift()!)
    if (behind.tasks.length === 0) this.#takeWaiting(behind)
  }

  /** Who waits for a bulk that is no more waits for the one that its tasks have moved to. */
  #takeWaiting(behind: Bulk<T, R>): void {
    if (behind.works !== null) (this.works ??= []).push(...behind.works)
    if (behind.holding !== null) (this.holding ??= []).push(...behind.holding)
    behind.works = behind.holding = null
    if (behind.#beside === null) return
    this.#beside = [...(this.#beside ?? []), ...behind.#beside]
    behind.#beside = null
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
    if (this.#seats === null) this.#gate.open(this.#toCallers(outcomes))
    else this.#seats.forEach((seat, place) => seat.give(outcomes === null ? null : outcomes[place]))
    this.#end()
  }

  /** Settles all tasks that are left with what went wrong. */
  fail(reason: unknown): void {
    if (this.#state === 'settled') return
    this.follower?.failed()
    if (this.#seats === null) this.#gate.fail(reason)
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
      // A command may hand it to as many waits as it likes: that is no leak, as it ends with the bulk.
      events?.setMaxListeners?.(0, this.#controller.signal)
      if (this.#aborted !== null) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  #end(): void {
    this.#state = 'settled'
    this.follower?.ended()
    this.#openBeside()
    this.#keeper.emptied(this)
  }

  #openBeside(): void {
    if (this.#beside !== null) for (const { gate, known } of this.#beside) gate.open(known)
  }

  /** From an outcome a task to an outcome a caller. */
  #toCallers(outcomes: Outcomes): Outcomes {
    const places = this.#places
    return places === null || outcomes === null ? outcomes : places.map(place => outcomes[place])
  }

  /** From here on each task has a seat of its own. The callers so far are given theirs through the gate. */
  #part(): Seat[] {
    if (this.#seats !== null) return this.#seats
    const seats = this.tasks.map(() => new Seat(this))
    this.#seats = seats
    this.#gate.open(this.#toCallers(seats.map(seat => seat.promise)))
    return seats
  }

  #takeSeat(seats: Seat[]): Promise<R> {
    const seat = new Seat(this)
    seats.push(seat)
    return seat.promise as Promise<R>
  }

  #takeOut(place: number): void {
    this.follower?.left(place)
    const [seat] = this.#seats!.splice(place, 1)
    seat!.starts()
    this.tasks.splice(place, 1)
    if (this.tasks.length === 0) this.#openBeside()
    this.#keeper.left(this)
  }
}
