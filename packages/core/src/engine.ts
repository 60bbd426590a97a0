/**
 * The engine: keeps the queue, asks the policy, starts bulks and sees them to their end. What `AsyncBulkCall` and
 * `BulkLoader` have in common.
 *
 * The way of a task: `call` puts it into the last bulk of the queue; an event (a full bulk, the end of the turn, a timer,
 * a flush, a quiet scope, a slot) makes `pump` ask the policy whether the first bulk may start; `run` calls the command
 * with it; `finish` gives its slot back and pumps again.
 * @module
 */

import { Alarm } from './alarm.ts'
import { Bulk, type AnyBulk, type Keeper } from './bulk.ts'
import type { Command, CommandContext } from './command.ts'
import { asError, BulkClosedError, BulkOverflowError, BulkTimeoutError, isError } from './errors.ts'
import {
  nextId,
  tellCalled,
  tellHit,
  tellPending,
  tellReturned,
  tellSettled,
  tellStarted,
  watched,
  watchesCalls,
  watchesHits,
  watchesPending,
  watchesTasks,
  type BulkEvent,
} from './events.ts'
import type { AsyncContext } from './host.ts'
import type { Slot, Waiter } from './limiter.ts'
import { Line } from './line.ts'
import { nameOf, type BulkCallSettings } from './options.ts'
import { ready, readyAt, take, type Cause, type Clock, type Marks } from './policy.ts'
import type { BulkScope } from './scope.ts'
import { handOut, isStream, isThenable, outcomesOf, type Named, type Outcomes } from './settle.ts'
import type { Member, Tracker } from './tracker.ts'

const soon = Promise.resolve()
/** The original: a promise may come with a `then` of its own that forgets to give a promise back. */
const then: typeof soon.then = Reflect.get(Promise.prototype, 'then')

export class Engine<T, R> implements Keeper, Waiter, Member, Marks, Clock {
  readonly settings: BulkCallSettings
  // Its place among the calls of its scope.
  line: Line<Member> | null = null
  previous: Member | null = null
  next: Member | null = null
  hasWindow = false
  keptAt: number | null = null
  /** Tasks that are accepted and not started. */
  pending = 0
  // The marks of its queue, for the policy.
  flushed = 0
  ticked = 0
  quiet = 0
  closing = false

  readonly #command: Command<T, R>
  /** The tracker of its scope, or `null`. */
  readonly tracker: Tracker | null
  /** In which the command runs. */
  readonly #context: AsyncContext

  // Bulks in the order in which they opened. Invariant: only the last may have room for newcomers, none is empty, and
  // `pending` is the number of their tasks.
  readonly #queue = new Line<Bulk<T, R>>()
  #lastId = 0

  // In flight: in the order of their deadlines, since all have the same time. A bulk that has run out of its time moves
  // from `running` to `overdue`, where it keeps its slot for as long again.
  readonly #running = new Line<AnyBulk>()
  #overdue: Line<AnyBulk> | null = null

  #pumping = false
  #pumpAgain = false
  #pumpSoon = false
  #tickAsked = false
  #inLine = false
  /** For events: since when it has stood in line, or had when the present pump began; else `null`. */
  #inLineSince: number | null = null
  #slot: Slot | null = null

  /** `null` as long as nothing had to wait for an instant. */
  #alarm: Alarm | null = null

  /** Who waits until all that was accepted up to a number has settled; `null` as long as nobody ever did. */
  #drains: { readonly through: number; readonly done: () => void }[] | null = null
  #closed: Promise<void> | null = null

  constructor(
    command: Command<T, R>,
    settings: BulkCallSettings,
    tracker: Tracker | null,
    context: AsyncContext,
  ) {
    this.settings = settings
    this.#command = command
    this.tracker = tracker
    this.#context = context
  }

  /** Looked up when it is needed: the name of a function is dear. */
  get name(): string {
    return nameOf(this.#command, this.settings)
  }

  get #scope(): BulkScope | null {
    return (this.tracker?.scope ?? null) as BulkScope | null
  }

  /** Bulks that have started and not settled. */
  get inFlight(): number {
    return this.#running.length + (this.#overdue?.length ?? 0)
  }

  /** The bulk that the latest pending task joined. */
  get last(): Bulk<T, R> | null {
    return this.#queue.last
  }

  /** The bulk that the next task joins, or `null` where that one has not opened yet. */
  get open(): Bulk<T, R> | null {
    const { last } = this.#queue
    return last !== null && last.tasks.length < this.settings.size ? last : null
  }

  /** The latest bulk that has started and yet waits for company, in that of a shared loader. */
  get held(): Bulk<T, R> | null {
    if (this.tracker === null) return null
    let held: Bulk<T, R> | null = null
    for (const bulk of this.#running) if (bulk.isParked) held = bulk
    return held
  }

  /** Why no task is taken now, or `null`. */
  refusal(): { readonly reason: unknown } | null {
    const { maxPending } = this.settings
    if (this.#closed !== null) return { reason: new BulkClosedError(this.name) }
    if (this.pending >= maxPending) return { reason: new BulkOverflowError(this.name, maxPending) }
    return this.tracker === null ? null : this.tracker.aborted
  }

  call(task: T, signal?: AbortSignal): Promise<R> {
    const refusal = this.refusal()
    if (refusal !== null) return Promise.reject(refusal.reason)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const promise = this.accept(task, signal)
    this.tellJoined(this.last!, 1)
    return promise
  }

  /** Takes a task that nothing refuses. Whoever has it accepted tells of it, once he has noted where it is. */
  accept(task: T, signal?: AbortSignal): Promise<R> {
    const bulk = this.open ?? this.#openBulk()
    if (signal !== undefined) return this.#acceptToLeave(bulk, task, signal)
    const promise = bulk.join(task)
    this.tracker?.called(this, bulk, promise)
    this.#joined(bulk, 1)
    return promise
  }

  #acceptToLeave(bulk: Bulk<T, R>, task: T, signal: AbortSignal): Promise<R> {
    const promise = bulk.joinWith(task, signal)
    const work = this.tracker?.calledToLeave(this, bulk, promise) ?? null
    if (work !== null) bulk.waitsForLast(work)
    this.#joined(bulk, 1)
    return promise
  }

  /**
   * @param tasks an array of the engine's own
   * @param joined hears which tasks went into which bulk
   */
  callMany(
    tasks: T[],
    signal?: AbortSignal,
    joined?: (bulk: Bulk<T, R>, from: number, to: number) => void,
  ): Promise<(R | Error)[]> {
    if (signal !== undefined) return Promise.all(tasks.map(task => this.call(task, signal).catch(asError)))
    const parts: Promise<(R | Error)[]>[] = []
    // As it is now: the array becomes that of a bulk, and a listener who calls in between adds to it.
    const { length } = tasks
    let from = 0
    while (from < length) {
      const refusal = this.refusal()
      if (refusal !== null) {
        parts.push(Promise.resolve(new Array<Error>(length - from).fill(asError(refusal.reason))))
        break
      }
      const bulk = this.open ?? this.#openBulk()
      const room = Math.min(this.settings.size - bulk.tasks.length, this.settings.maxPending - this.pending)
      const to = Math.min(length, from + room)
      const part = bulk.joinMany(tasks, from, to)
      parts.push(part)
      this.tracker?.called(this, bulk, part)
      this.#joined(bulk, to - from)
      joined?.(bulk, from, to)
      this.tellJoined(bulk, to - from)
      from = to
    }
    return parts.length === 1 ? parts[0]! : Promise.all(parts).then(each => each.flat())
  }

  /** Starts what is pending and resolves when all that was accepted before has settled. */
  flush(): Promise<void> {
    if (this.pending === 0 && this.inFlight === 0) return Promise.resolve()
    this.flushed = this.#lastId
    this.#markReady()
    const flushed = this.#drained(this.#lastId)
    this.pump()
    this.#tellDrained()
    return flushed
  }

  close(): Promise<void> {
    if (this.#closed === null) {
      this.closing = true
      this.#markReady()
      this.#closed = this.#drained(Infinity)
      this.pump()
      this.#tellDrained()
    }
    return this.#closed
  }

  /** So many keys were answered without a task. */
  hit(keys: number): void {
    if (watchesHits()) tellHit(this.name, keys, this.#scope)
  }

  /** Someone waits for a bulk without a task of his own in it. */
  visited(bulk: Bulk<T, R>, promise: unknown): void {
    this.tracker?.called(this, bulk, promise)
  }

  closeWindow(): void {
    this.quiet = this.#lastId
    this.#markReady()
    this.pump()
  }

  keepWindow(): void {
    this.keptAt ??= this.now()
    this.#setAlarm()
  }

  get isReady(): boolean {
    return this.#ready() !== null
  }

  granted(slot: Slot): void {
    this.#inLine = false
    this.#slot = slot
    this.pump()
  }

  refused(error: unknown): void {
    // It has left the line since then: the refusal is for tasks that are gone.
    if (!this.#inLine) return
    this.#inLine = false
    if (this.#queue.length > 0) this.#giveUp(error)
    this.#settledSome()
  }

  abort(reason: unknown): void {
    while (this.#queue.length > 0) this.#giveUp(reason)
    for (const bulk of [...this.#running, ...(this.#overdue ?? [])]) {
      this.#failTasks(bulk, reason)
      bulk.abort(reason)
    }
    this.#settledSome()
  }

  /** Fails the first bulk without sending it. */
  #giveUp(reason: unknown): void {
    const bulk = this.#seal()
    if (bulk === null) return
    bulk.start(null)
    this.tracker?.started(this, bulk)
    bulk.fail(reason)
  }

  /** Something is over: whoever waits for that hears of it, and what waits behind it may start. */
  #settledSome(): void {
    if (this.pending === 0 && this.inFlight === 0) this.tracker?.idle(this)
    this.#tellDrained()
    this.pump()
  }

  left(bulk: AnyBulk): void {
    this.#nowPending(-1)
    if (bulk.tasks.length === 0) {
      this.#queue.delete(bulk)
      this.tracker?.vanished(this, bulk)
    }
    // What is left is looked at later: of several calls with one signal this may be the first to hear of it, and its
    // mates must not be sent.
    if (this.#queue.length === 0) this.#settledSome()
    else this.#askPump()
  }

  merged(bulk: AnyBulk, tasks: number): void {
    this.#nowPending(-tasks)
    // It may not be full any more.
    bulk.readyAt = null
  }

  emptied(bulk: AnyBulk): void {
    this.tracker?.settled(bulk)
  }

  /** Starts every bulk that may start. Never inside itself: what a start brings about is seen by the loop. */
  pump(): void {
    this.#pumpAgain = true
    if (this.#pumping) return
    // Where nothing waits there is nothing to look for: that is how the usual bulk ends.
    if (this.#queue.first === null && this.#slot === null && !this.#inLine) {
      this.#inLineSince = null
      return this.#setAlarm()
    }
    this.#pumping = true
    try {
      while (this.#pumpAgain) {
        this.#pumpAgain = false
        this.#startReady()
        this.#putDown()
      }
    } finally {
      this.#pumping = false
    }
    if (!this.#inLine) this.#inLineSince = null
    this.#setAlarm()
  }

  #startReady(): void {
    for (;;) {
      const cause = this.#ready()
      // Between the slot and the start stands no `await`: nothing can come in between, so nothing is admitted twice.
      if (cause === null || !this.#takeSlot()) return
      this.#start(cause)
    }
  }

  now(): number {
    return (this.#alarm ?? this.settings.host).now()
  }

  #ready(): Cause | null {
    const { first } = this.#queue
    if (first === null) return null
    return ready(first, this.pending, this.settings, this, this)
  }

  /** Whether a slot is at hand. If not, the engine stands in line for one, from the moment that its bulk is ready. */
  #takeSlot(): boolean {
    const { limiter } = this.settings
    if (limiter === null || this.#slot !== null) return true
    if (this.#inLine) return false
    this.#inLine = true
    try {
      const slot = limiter.acquire(this)
      if (slot === null) {
        if (watched()) this.#inLineSince ??= this.now()
      } else {
        this.#inLine = false
        this.#slot = slot
      }
    } catch (error) {
      this.refused(error)
    }
    return this.#slot !== null
  }

  /** A slot, or a place in line, for which there is no bulk any more goes to the next. */
  #putDown(): void {
    const slot = this.#slot
    if (slot !== null) {
      this.#slot = null
      slot.release()
    }
    if (this.#inLine && this.#ready() === null) {
      this.#inLine = false
      this.settings.limiter!.leave(this)
    }
  }

  #start(cause: Cause): void {
    const bulk = this.#seal()
    if (bulk === null) return
    const { timeout } = this.settings
    bulk.start(this.#slot)
    this.#slot = null
    this.#running.add(bulk)
    this.tracker?.started(this, bulk)
    if (timeout < Infinity) bulk.deadline = this.now() + timeout
    if (watched()) bulk.event = this.#event(bulk, cause)
    this.#run(bulk)
  }

  /**
   * All of it in the context in which the call, or its scope, was made, generators and thenables that run later too, and never in that of
   * the caller who came first: it may be another tenant's.
   */
  #run(bulk: Bulk<T, R>): void {
    this.#context.run(Engine.#execute, this, bulk)
  }

  static #execute(this: void, engine: Engine<any, any>, bulk: AnyBulk): void {
    const { event } = bulk
    if (event === null) engine.#carryOut(bulk)
    else tellStarted(event, () => engine.#carryOut(bulk))
  }

  /** Its results are looked at in the same context as well: what runs when a stream is read is still the command. */
  #carryOut(bulk: Bulk<T, R>): void {
    try {
      const given = this.#callCommand(bulk)
      if (!isThenable(given)) return this.#answered(bulk, given)
      void then.call(
        Promise.resolve(given),
        results => this.#answered(bulk, results as never),
        error => this.#failed(bulk, error),
      )
    } catch (error) {
      this.#failed(bulk, error)
    }
  }

  #callCommand(bulk: Bulk<T, R>): unknown {
    // The tasks are the command's own copy: it may sort or empty them, and the results still find their places.
    const frame = this.tracker === null ? null : this.tracker.beginCommand(this.name, bulk)
    try {
      return (0, this.#command)(bulk.tasks.slice(), new Context(this, bulk))
    } finally {
      if (frame !== null) this.tracker!.endCommand(frame, bulk)
      if (bulk.event !== null) tellReturned(bulk.event)
    }
  }

  #answered(bulk: Bulk<T, R>, results: unknown): void {
    try {
      if (isStream(results)) {
        void handOut(results, bulk.tasks.length, this, (place, outcome) =>
          this.#gave(bulk, place, outcome),
        ).then(
          () => this.#finish(bulk),
          (error: unknown) => this.#failed(bulk, error),
        )
        return
      }
      const outcomes = outcomesOf(results, bulk.tasks, this)
      if (bulk.event !== null && !bulk.settled) countOutcomes(bulk.event, outcomes)
      bulk.giveAll(outcomes)
    } catch (error) {
      return this.#failed(bulk, error)
    }
    this.#finish(bulk)
  }

  #gave(bulk: Bulk<T, R>, place: number, outcome: unknown): boolean {
    const before = bulk.waiting
    const waited = bulk.give(place, outcome)
    if (bulk.event !== null && bulk.waiting < before && isError(outcome)) bulk.event.failed++
    return waited
  }

  #failed(bulk: Bulk<T, R>, error: unknown): void {
    this.#failTasks(bulk, error)
    this.#finish(bulk)
  }

  #failTasks(bulk: AnyBulk, error: unknown): void {
    if (bulk.event !== null && bulk.event.error === undefined) {
      bulk.event.error = error ?? asError(error)
      bulk.event.failed += bulk.waiting
    }
    bulk.fail(error)
  }

  /** The command has settled, or is abandoned: once. */
  #finish(bulk: AnyBulk): void {
    if (!this.#running.delete(bulk) && this.#overdue?.delete(bulk) !== true) return
    // Told before its slot is handed over, which starts the next bulk: who counts events never finds more than slots.
    if (bulk.event !== null) {
      bulk.event.settledAt = this.now()
      tellSettled(bulk.event)
    }
    bulk.slot?.release()
    this.#settledSome()
  }

  #openBulk(): Bulk<T, R> {
    const { delay } = this.settings
    const { tracker } = this
    const openedAt = delay > 0 || watched() ? this.now() : null
    const bulk = new Bulk<T, R>(++this.#lastId, openedAt, this)
    this.#queue.add(bulk)
    // Most windows of a scope close with the turn, so time matters only to those that it finds open then.
    if (tracker !== null) tracker.opened(this, delay > 0)
    else if (delay > 0 && this.#queue.first === bulk) this.#setAlarm()
    if (delay === 0) this.#askTick()
    return bulk
  }

  #joined(bulk: Bulk<T, R>, tasks: number): void {
    const { size } = this.settings
    const before = this.pending
    this.pending += tasks
    if (bulk.tasks.length === size) this.#markReady()
    // The command never runs inside `call`: a caller must not find its own stack below someone's SQL.
    if (before < size && this.pending >= size) this.#askPump()
  }

  /** Tells whoever listens of tasks that have joined. Last of all: he may call in his turn, and all places must be known. */
  tellJoined(bulk: AnyBulk, tasks: number): void {
    if (!watchesTasks()) return
    if (watchesPending()) tellPending(this.name, tasks, this.#scope)
    if (!watchesCalls()) return
    bulk.opening ??= { name: this.name, id: nextId(), scope: this.#scope }
    tellCalled(bulk.opening, tasks)
  }

  #askPump(): void {
    if (this.#pumpSoon) return
    this.#pumpSoon = true
    void soon.then(() => {
      this.#pumpSoon = false
      this.#settledSome()
    })
  }

  #askTick(): void {
    if (this.#tickAsked) return
    this.#tickAsked = true
    this.settings.host.endOfTurn(() => {
      this.#tickAsked = false
      this.ticked = this.#lastId
      this.#markReady()
      this.pump()
    })
  }

  /** For events: all that is pending is ready from now on. Only the last bulk was not full, and so not ready before. */
  #markReady(): void {
    const { last } = this.#queue
    if (last !== null && watched() && last.readyAt === null) last.readyAt = this.now()
  }

  /** Takes the first bulk out of the queue, filled from those behind; `null` if its callers have gone this moment. */
  #seal(): Bulk<T, R> | null {
    const bulk = this.#queue.first!
    bulk.follower?.sealing()
    bulk.dropAborted()
    for (
      let behind;
      (behind = bulk.next) !== null && bulk.tasks.length < take(this.pending, this.settings);
    ) {
      behind.dropAborted()
      if (bulk.next === behind) bulk.takeFrom(behind)
      if (behind.tasks.length === 0 && bulk.next === behind) {
        this.#queue.delete(behind)
        this.tracker?.vanished(this, behind)
      }
    }
    if (bulk.tasks.length === 0) return null
    this.#queue.delete(bulk)
    this.#nowPending(-bulk.tasks.length)
    return bulk
  }

  /** So many tasks more are pending, or fewer. */
  #nowPending(change: number): void {
    this.pending += change
    if (watchesPending()) tellPending(this.name, change, this.#scope)
  }

  #setAlarm(): void {
    const instant = this.#nextInstant()
    if (instant === Infinity && this.#alarm === null) return
    this.#alarm ??= new Alarm(this.settings.host, () => this.#wake())
    this.#alarm.set(instant)
  }

  /** The earliest instant at which time alone changes anything. A bulk that stands in line for a slot waits for no timer. */
  #nextInstant(): number {
    const { timeout } = this.settings
    const window =
      this.#queue.first === null || this.#inLine ? Infinity : readyAt(this.#queue.first, this.settings)
    if (timeout === Infinity) return window
    return Math.min(
      window,
      this.#running.first?.deadline ?? Infinity,
      this.#overdue?.first?.deadline ?? Infinity,
    )
  }

  #wake(): void {
    this.#expire(this.now())
    this.pump()
  }

  #expire(now: number): void {
    const { timeout } = this.settings
    if (timeout === Infinity) return
    const overdue = (this.#overdue ??= new Line())
    for (let bulk; (bulk = overdue.first) !== null && bulk.deadline! <= now;) {
      if (bulk.event !== null) bulk.event.abandoned = true
      this.#finish(bulk)
    }
    for (let bulk; (bulk = this.#running.first) !== null && bulk.deadline! <= now;) {
      const error = new BulkTimeoutError(this.name, timeout, bulk.tasks.length)
      this.#running.delete(bulk)
      overdue.add(bulk)
      bulk.deadline! += timeout
      this.#failTasks(bulk, error)
      bulk.abort(error)
    }
  }

  /** Bulks start in the order of their numbers, so the first of each kind tells for all. */
  #isDrained(through: number): boolean {
    return [this.#queue, this.#running, this.#overdue].every(
      line => line === null || line.first === null || line.first.id > through,
    )
  }

  #drained(through: number): Promise<void> {
    return new Promise(done => (this.#drains ??= []).push({ through, done }))
  }

  #tellDrained(): void {
    if (this.#drains === null) return
    const told = this.#drains.filter(drain => this.#isDrained(drain.through))
    this.#drains = this.#drains.filter(drain => !told.includes(drain))
    // After the promise jobs: callers hear of their results before it is said that all have them.
    for (const drain of told) this.settings.host.endOfTurn(drain.done)
  }

  #event(bulk: Bulk<T, R>, cause: Cause): BulkEvent {
    const { size, delay, limiter } = this.settings
    const startedAt = this.now()
    const marked = bulk.readyAt ?? startedAt
    const due = delay > 0 ? bulk.openedAt! + delay : startedAt
    return {
      name: this.name,
      id: bulk.opening?.id ?? nextId(),
      scope: this.#scope,
      opening: bulk.opening,
      size,
      delay,
      limiter,
      tasks: bulk.tasks.length,
      cause,
      openedAt: bulk.openedAt,
      // Not before it asked for a slot: a timer that is late is no wait for one.
      readyAt: Math.max(Math.min(marked, due, startedAt), this.#inLineSince ?? startedAt),
      startedAt,
      settledAt: null,
      pending: this.pending,
      inFlight: this.inFlight,
      none: false,
      failed: 0,
      error: undefined,
      abandoned: false,
    }
  }
}

/** What a command gets beside its tasks. The signal is not made before it is asked for. */
class Context implements CommandContext {
  readonly #call: Named
  readonly #bulk: AnyBulk

  constructor(call: Named, bulk: AnyBulk) {
    this.#call = call
    this.#bulk = bulk
  }

  get name(): string {
    return this.#call.name
  }

  get signal(): AbortSignal {
    return this.#bulk.signal
  }
}

function countOutcomes(event: BulkEvent, outcomes: Outcomes): void {
  if (outcomes === null) event.none = true
  else event.failed += outcomes.filter(isError).length
}
