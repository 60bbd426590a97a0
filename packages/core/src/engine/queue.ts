/**
 * The queue: bulks that wait to start. What `AsyncBulkCall` and `BulkLoader` have in common.
 *
 * The way of a task: `call` puts it into the last bulk of the queue; an event (a full bulk, the end of the tick, a timer,
 * a flush, a quiet scope, a slot) makes `pump` ask the policy whether the first bulk may start; the {@link Runner} calls the
 * command with it and gives its slot back, and the queue pumps again.
 * @module
 */

import { asError, BulkClosedError, BulkOverflowError } from '../errors.ts'
import {
  tellCalled,
  tellHit,
  tellPending,
  watched,
  watchesCalls,
  watchesHits,
  watchesPending,
  watchesTasks,
  type BulkEvent,
} from '../events.ts'
import type { Slot, Waiter } from '../limiter.ts'
import { nextId } from '../registry.ts'
import type { Member } from '../scope/member.ts'
import { Bulk, type AnyBulk, type BulkOwner, type Keys } from './bulk.ts'
import { LinkedList } from './linked-list.ts'
import { ready, readyAt, take, type Cause, type Clock, type Marks } from './policy.ts'
import { Runner } from './runner.ts'
import { Timer } from './timer.ts'

const soon = Promise.resolve()

export class Queue<T, R> extends Runner<T, R> implements BulkOwner, Waiter, Member, Marks, Clock {
  // Its place among the calls of its scope.
  list: LinkedList<any> | null = null
  previous: Member | null = null
  next: Member | null = null
  hasWindow = false
  keptAt: number | null = null
  givenUpAt: number | null = null
  /** Tasks that are accepted and not started. */
  pending = 0
  /** Keys that were answered without a task of their own. */
  hits = 0
  // The marks, for the policy.
  flushed = 0
  ticked = 0
  quiet = 0
  closing = false
  /** The cache of a loader, which is notified of its bulks. */
  keys: Keys | null = null

  // Bulks in the order in which they opened. Invariant: only the last may have room for newcomers, none is empty, and
  // `pending` is the number of their tasks.
  readonly #queue = new LinkedList<Bulk<T, R>>()
  #lastId = 0
  #pumping = false
  #pumpAgain = false
  #pumpSoon = false
  #tickAsked = false
  #inLine = false
  /** For events: since when it has stood in line, or had when the present pump began; else `null`. */
  #inLineSince: number | null = null
  #slot: Slot | null = null
  /** `null` as long as nothing had to wait for an instant. */
  #timer: Timer | null = null
  /** Who waits until all that was accepted up to a number has settled, in the order of these numbers. */
  #drains: { readonly through: number; readonly done: () => void }[] | null = null
  #closed: Promise<void> | null = null

  // ---- Tasks come

  /** The bulk that the latest pending task joined. */
  get last(): Bulk<T, R> | null {
    return this.#queue.last
  }

  /** The bulk that the next task joins, or `null` where that one has not opened yet. */
  get open(): Bulk<T, R> | null {
    const { last } = this.#queue
    return last !== null && last.count < this.settings.size ? last : null
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
    const promise = signal === undefined ? this.accept(task) : this.#acceptToLeave(task, signal)
    this.tellJoined(this.last!, 1)
    return promise
  }

  /** Takes a task that nothing refuses. Whoever has it accepted emits that, once it is noted where it is. */
  accept(task: T): Promise<R> {
    const bulk = this.open ?? this.#openBulk()
    const promise = bulk.join(task)
    if (this.tracker !== null) this.tracker.called(this, bulk, promise)
    this.#joined(bulk, 1)
    return promise
  }

  /** Whether one more task is as any other: none is refused, no bulk gets full by it, and nobody listens. */
  isUsual(most: number): boolean {
    const { tracker } = this
    return (
      this.pending + 1 < most &&
      !this.closing &&
      !watchesTasks() &&
      (tracker === null || tracker.aborted === null)
    )
  }

  /** Takes such a task into the bulk that is open. */
  join(open: Bulk<T, R>, task: T): Promise<R> {
    this.pending++
    const promise = open.join(task)
    if (this.tracker !== null) this.tracker.called(this, open, promise)
    return promise
  }

  #acceptToLeave(task: T, signal: AbortSignal): Promise<R> {
    const bulk = this.open ?? this.#openBulk()
    const promise = bulk.joinWith(task, signal)
    const work = this.tracker?.calledToLeave(this, bulk, promise) ?? null
    if (work !== null) bulk.waitsForLast(work)
    this.#joined(bulk, 1)
    return promise
  }

  /**
   * @param tasks an array of the engine's own
   * @param joined is called with each bulk and which tasks went into it
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
    for (let from = 0; from < length;) {
      const refusal = this.refusal()
      if (refusal !== null) {
        parts.push(Promise.resolve(new Array<Error>(length - from).fill(asError(refusal.reason))))
        break
      }
      const bulk = this.open ?? this.#openBulk()
      const room = Math.min(this.settings.size - bulk.count, this.settings.maxPending - this.pending)
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

  /** So many keys were answered without a task. */
  hit(keys: number): void {
    this.hits += keys
    if (watchesHits()) tellHit(this.name, keys, this.scope)
  }

  /** Someone waits for a bulk without a task in it. */
  visited(bulk: Bulk<T, R>, promise: unknown): void {
    this.tracker?.called(this, bulk, promise)
  }

  #openBulk(): Bulk<T, R> {
    const { delay } = this.settings
    const { tracker } = this
    // In a scope most windows close with the tick: time matters only to those that outlive it.
    const openedAt = (delay > 0 && tracker === null) || watched() ? this.now() : null
    const bulk = new Bulk<T, R>(++this.#lastId, openedAt, this, this.keys)
    this.#queue.add(bulk)
    if (tracker !== null) tracker.opened(this, delay > 0)
    else if (delay > 0 && this.#queue.first === bulk) this.#setTimer()
    if (delay === 0) this.#askTick()
    return bulk
  }

  #joined(bulk: Bulk<T, R>, tasks: number): void {
    const { size } = this.settings
    const before = this.pending
    this.pending += tasks
    if (bulk.count === size) this.#markReady()
    // The command never runs inside `call`: a caller must not find its own stack below someone's SQL.
    if (before < size && this.pending >= size) this.#askPump()
  }

  /** Emits that tasks have joined. Last of all: a listener may itself call, and all places must be known. */
  tellJoined(bulk: AnyBulk, tasks: number): void {
    if (!watchesTasks()) return
    if (watchesPending()) tellPending(this.name, tasks, this.scope)
    if (!watchesCalls()) return
    bulk.opening ??= { name: this.name, id: nextId(), scope: this.scope }
    tellCalled(bulk.opening, tasks)
  }

  // ---- They leave, or are one

  left(bulk: AnyBulk): void {
    this.#nowPending(-1)
    if (bulk.count === 0) {
      this.#queue.delete(bulk)
      this.tracker?.vanished(this, bulk)
    }
    // What is left is looked at later: of several calls with one signal this may be the first to hear of it, and the
    // others must not be sent.
    if (this.#queue.first === null) this.settledSome()
    else this.#askPump()
  }

  merged(bulk: AnyBulk, tasks: number): void {
    this.hits += tasks
    this.#nowPending(-tasks)
    // It may not be full any more.
    bulk.readyAt = null
  }

  emptied(bulk: AnyBulk): void {
    this.tracker?.settled(bulk)
  }

  // ---- What makes bulks start

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

  closeWindow(): void {
    this.quiet = this.#lastId
    this.#markReady()
    this.pump()
  }

  keepWindow(): void {
    // From here on time may close it. Bulks that opened since the last look are at the end.
    const now = this.now()
    this.keptAt ??= now
    for (let bulk = this.last; bulk !== null && bulk.openedAt === null; bulk = bulk.previous)
      bulk.openedAt = now
    this.#setTimer()
  }

  get isReady(): boolean {
    return this.#ready() !== null
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

  #askPump(): void {
    if (this.#pumpSoon) return
    this.#pumpSoon = true
    void soon.then(() => {
      this.#pumpSoon = false
      this.settledSome()
    })
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
    if (this.#queue.first !== null) this.#giveUp(error)
    this.settledSome()
  }

  abort(reason: unknown): void {
    while (this.#queue.first !== null) this.#giveUp(reason)
    for (const bulk of [...this.running, ...(this.overdue ?? [])]) {
      this.failTasks(bulk, reason)
      bulk.abort(reason)
    }
    this.settledSome()
  }

  /** Nobody waits for a bulk in flight any more. */
  forsake(bulk: AnyBulk, reason: unknown): void {
    this.failTasks(bulk, reason)
    bulk.abort(reason)
    this.settledSome()
  }

  /** Fails the first bulk without sending it. */
  #giveUp(reason: unknown): void {
    const bulk = this.#seal()
    if (bulk === null) return
    bulk.start(null)
    this.tracker?.started(this, bulk)
    bulk.fail(reason)
  }

  protected settledSome(): void {
    if (this.tracker !== null && this.pending === 0 && this.inFlight === 0) this.tracker.idle(this)
    if (this.#drains !== null) this.#tellDrained()
    this.pump()
  }

  // ---- They start

  /** Starts every bulk that may start. Never inside itself: what a start brings about is seen by the loop. */
  pump(): void {
    this.#pumpAgain = true
    if (this.#pumping) return
    // Where nothing waits there is nothing to look for: that is how the usual bulk ends.
    if (this.#queue.first !== null || this.#slot !== null || this.#inLine) {
      this.#pumping = true
      try {
        while (this.#pumpAgain) {
          this.#pumpAgain = false
          this.#startReady()
          if (this.settings.limiter !== null) this.#putDown()
        }
      } finally {
        this.#pumping = false
      }
    }
    if (!this.#inLine) this.#inLineSince = null
    this.#setTimer()
  }

  #startReady(): void {
    for (let cause; (cause = this.#ready()) !== null;) {
      // Between the slot and the start stands no `await`: nothing can come in between, so nothing is admitted twice.
      if (this.settings.limiter !== null && !this.#takeSlot()) return
      const bulk = this.#seal()
      if (bulk === null) continue
      bulk.start(this.#slot)
      this.#slot = null
      if (this.tracker !== null) this.tracker.started(this, bulk)
      if (watched()) bulk.event = this.#event(bulk, cause)
      this.run(bulk)
    }
  }

  now(): number {
    return (this.#timer ?? this.settings.host).now()
  }

  #ready(): Cause | null {
    const { first } = this.#queue
    return first === null ? null : ready(first, this.pending, this.settings, this, this)
  }

  /** Whether a slot is at hand. If not, the queue stands in line for one, from the moment that its bulk is ready. */
  #takeSlot(): boolean {
    if (this.#slot !== null) return true
    if (this.#inLine) return false
    this.#inLine = true
    try {
      const slot = this.settings.limiter!.acquire(this)
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

  /** For events: all that is pending is ready from now on. Only the last bulk was not full, and so not ready before. */
  #markReady(): void {
    const { last } = this.#queue
    if (last !== null && watched() && last.readyAt === null) last.readyAt = this.now()
  }

  /** Takes the first bulk out of the queue, filled from those behind; `null` if its callers have gone this moment. */
  #seal(): Bulk<T, R> | null {
    const bulk = this.#queue.first!
    this.keys?.sealing(bulk)
    bulk.dropAborted()
    for (let behind; (behind = bulk.next) !== null && bulk.count < take(this.pending, this.settings);) {
      behind.dropAborted()
      if (bulk.next === behind) bulk.takeFrom(behind)
      if (behind.count === 0 && bulk.next === behind) {
        this.#queue.delete(behind)
        this.tracker?.vanished(this, behind)
      }
    }
    if (bulk.count === 0) return null
    this.#queue.delete(bulk)
    this.#nowPending(-bulk.count)
    return bulk
  }

  /** So many tasks more are pending, or fewer. */
  #nowPending(change: number): void {
    this.pending += change
    if (watchesPending()) tellPending(this.name, change, this.scope)
  }

  // ---- Time

  #setTimer(): void {
    const { delay, timeout } = this.settings
    if (delay === 0 && timeout === Infinity) return
    const instant = this.#nextInstant()
    if (instant === Infinity && this.#timer === null) return
    this.#timer ??= new Timer(this.settings.host, () => {
      this.expire(this.now())
      this.pump()
    })
    this.#timer.set(instant)
  }

  /** The earliest instant at which time alone changes anything. A bulk that stands in line for a slot waits for no timer. */
  #nextInstant(): number {
    const { settings } = this
    const { first } = this.#queue
    const window = first === null || this.#inLine ? Infinity : readyAt(first, settings)
    if (settings.timeout === Infinity) return window
    return Math.min(
      window,
      this.running.first?.deadline ?? Infinity,
      this.overdue?.first?.deadline ?? Infinity,
    )
  }

  // ---- Everything has settled

  /** Bulks start in the order of their numbers, so the first of each kind stands for all. */
  #isDrained(through: number): boolean {
    return [this.#queue, this.running, this.overdue].every(
      list => list === null || list.first === null || list.first.id > through,
    )
  }

  #drained(through: number): Promise<void> {
    return new Promise(done => (this.#drains ??= []).push({ through, done }))
  }

  #tellDrained(): void {
    // The rest waits for more.
    while (this.#drains !== null && this.#isDrained(this.#drains[0]!.through)) {
      // After the microtasks: callers hear of their results before it is said that all have them.
      this.settings.host.endOfTurn(this.#drains.shift()!.done)
      if (this.#drains.length === 0) this.#drains = null
    }
  }

  #event(bulk: Bulk<T, R>, cause: Cause): BulkEvent {
    const { size, delay, limiter } = this.settings
    const startedAt = this.now()
    const marked = bulk.readyAt ?? startedAt
    const due = delay > 0 && bulk.openedAt !== null ? bulk.openedAt + delay : startedAt
    return {
      name: this.name,
      id: bulk.opening?.id ?? nextId(),
      scope: this.scope,
      opening: bulk.opening,
      size,
      delay,
      limiter,
      tasks: bulk.count,
      cause,
      openedAt: bulk.openedAt,
      // Not before it asked for a slot: a timer that is late is no wait for one.
      readyAt: Math.max(Math.min(marked, due, startedAt), this.#inLineSince ?? startedAt),
      startedAt,
      settledAt: null,
      pending: this.pending,
      inFlight: this.inFlight + 1,
      none: false,
      failed: 0,
      error: undefined,
      abandoned: false,
    }
  }
}
