/**
 * The dispatcher: bulks that wait to start, and what makes them start.
 *
 * An event (a full bulk, the end of the tick, a timer, a flush, a quiet scope, a slot) makes `pump` ask the policy whether the
 * first bulk may start. The {@link Runner} calls the command with it and gives its slot back, and it pumps again.
 * @module
 */

import type { Command } from '../command.ts'
import { emit, watched, type Cause } from '../events.ts'
import type { AsyncContext } from '../host.ts'
import type { BulkCallSettings } from '../options.ts'
import { registry } from '../registry.ts'
import type { Member } from '../scope/member.ts'
import type { Tracker } from '../scope/tracker.ts'
import { Bulk, type AnyBulk, type BulkOwner } from './bulk.ts'
import type { Drains } from './drains.ts'
import { eventOf } from './event.ts'
import type { Keys } from './keys.ts'
import { Line } from './line.ts'
import { ready, readyAt, type Clock, type Marks } from './policy.ts'
import { refill } from './refill.ts'
import { Runner } from './runner.ts'
import { Timer } from './timer.ts'

const soon = Promise.resolve()

export abstract class Dispatcher<T, R> extends Runner<T, R> implements BulkOwner, Member, Marks, Clock {
  // Its place among the calls of its scope.
  list: Member['list'] = null
  previous: Member | null = null
  next: Member | null = null
  hasWindow = false
  isStray = false
  hasGained = false
  keptAt: number | null = null
  givenUpAt: number | null = null
  /** Tasks that are accepted and not started. */
  pending = 0
  /** Keys that were answered without a task of their own. */
  hits = 0
  holding = 0
  // The marks, for the policy.
  flushed = 0
  ticked = 0
  quiet = 0
  closing = false
  /** The cache of a loader, which is notified of its bulks. */
  keys: Keys | null = null

  // Bulks that have not ended, in the order in which they opened: those in flight, and then those that are pending. Invariant:
  // only the last may have room for newcomers, none that is pending is empty, and `pending` is the number of their tasks.
  protected oldest: Bulk<T, R> | null = null
  protected newest: Bulk<T, R> | null = null
  /** The first that is pending. */
  protected first: Bulk<T, R> | null = null
  protected lastId = 0
  private isPumping = false
  private pumpAgain = false
  private pumpSoon = false
  private tickAsked = false
  /** `null` without a limit. */
  private readonly line: Line | null
  /** `null` as long as nothing had to wait for an instant. */
  protected timer: Timer | null = null
  protected drains: Drains | null = null
  protected closed: Promise<void> | null = null

  constructor(
    command: Command<T, R>,
    settings: BulkCallSettings,
    tracker: Tracker | null,
    context: AsyncContext,
  ) {
    super(command, settings, tracker, context)
    this.line = settings.limiter === null ? null : new Line(settings.limiter, this)
  }

  // ---- Bulks open

  /** The bulk that the latest pending task joined. */
  get last(): Bulk<T, R> | null {
    return this.first === null ? null : this.newest
  }

  openBulk(): Bulk<T, R> {
    const { delay } = this.settings
    const { tracker } = this
    // In a scope most windows close with the tick: time matters only to those that outlive it.
    const openedAt = (delay > 0 && tracker === null) || watched() ? this.now() : null
    const bulk = new Bulk<T, R>(++this.lastId, openedAt, this)
    bulk.previous = this.newest
    if (this.newest === null) this.oldest = bulk
    else this.newest.next = bulk
    this.newest = bulk
    this.first ??= bulk
    if (tracker !== null) tracker.opened(this, delay > 0)
    else if (delay > 0 && this.first === bulk) this.setTimer()
    if (delay === 0) this.askTick()
    return bulk
  }

  // ---- They leave, or are one

  left(bulk: AnyBulk): void {
    this.nowPending(-1)
    if (bulk.count === 0) this.vanished(bulk)
    // What is left is looked at later: of several calls with one signal this may be the first to hear of it, and the
    // others must not be sent.
    if (this.first === null) this.settledSome()
    else this.askPump()
  }

  merged(bulk: AnyBulk, tasks: number): void {
    this.hits += tasks
    this.nowPending(-tasks)
    // It may not be full any more.
    bulk.readyAt = null
  }

  /** A pending bulk has lost its last task. */
  private vanished(bulk: AnyBulk): void {
    this.unlink(bulk)
    this.tracker?.vanished(this, bulk)
  }

  private unlink(bulk: AnyBulk): void {
    const { previous, next } = bulk
    if (previous === null) this.oldest = next
    else previous.next = next
    if (next === null) this.newest = previous
    else next.previous = previous
    if (this.first === bulk) this.first = next
    // A cache may keep it, and must not keep its neighbours.
    bulk.previous = bulk.next = null
  }

  // ---- What makes bulks start

  closeWindow(): void {
    this.quiet = this.lastId
    this.markReady()
    this.pump()
  }

  keepWindow(): void {
    // From here on time may close it. Bulks that opened since the last look are at the end.
    const now = this.now()
    this.keptAt ??= now
    for (let bulk = this.last; bulk?.pending && bulk.openedAt === null; bulk = bulk.previous)
      bulk.openedAt = now
    this.setTimer()
  }

  get isReady(): boolean {
    return this.cause() !== null
  }

  private askTick(): void {
    if (this.tickAsked) return
    this.tickAsked = true
    this.settings.host.endOfTick(() => {
      this.tickAsked = false
      this.ticked = this.lastId
      this.markReady()
      this.pump()
    })
  }

  protected askPump(): void {
    if (this.pumpSoon) return
    this.pumpSoon = true
    void soon.then(() => {
      this.pumpSoon = false
      this.settledSome()
    })
  }

  denied(error: unknown): void {
    if (this.first !== null) this.giveUp(error)
    this.settledSome()
  }

  abort(reason: unknown): void {
    while (this.first !== null) this.giveUp(reason)
    const running: Bulk<T, R>[] = []
    for (let bulk = this.oldest; bulk !== null; bulk = bulk.next) running.push(bulk)
    for (const bulk of running) this.forsake(bulk, reason)
    this.settledSome()
  }

  /** Nobody waits for a bulk in flight any more. */
  forsake(bulk: AnyBulk, reason: unknown): void {
    this.failTasks(bulk, reason)
    bulk.abort(reason)
    this.settledSome()
  }

  /** Fails the first bulk without sending it. */
  private giveUp(reason: unknown): void {
    const bulk = this.seal()
    if (bulk === null) return
    bulk.start(null)
    this.tracker?.started(this, bulk)
    bulk.fail(reason)
    this.unlink(bulk)
  }

  protected ended(bulk: AnyBulk): void {
    this.unlink(bulk)
    this.settledSome()
  }

  private settledSome(): void {
    if (this.tracker !== null && this.oldest === null) this.tracker.idle(this)
    this.tellDrained()
    this.pump()
  }

  // ---- They start

  /** Starts every bulk that may start. Never inside itself: what a start brings about is seen by the loop. */
  pump(): void {
    this.pumpAgain = true
    if (this.isPumping) return
    // Where nothing waits there is nothing to look for: that is how the usual bulk ends.
    if (this.first !== null || this.line !== null) {
      this.isPumping = true
      try {
        while (this.pumpAgain) {
          this.pumpAgain = false
          this.startReady()
          this.line?.leave(this.isReady)
        }
      } finally {
        this.isPumping = false
      }
    }
    if (this.line !== null && !this.line.isWaiting) this.line.since = null
    this.setTimer()
  }

  private startReady(): void {
    for (let cause; (cause = this.cause()) !== null;) {
      // Between the slot and the start stands no `await`: nothing can come in between, so nothing is admitted twice.
      if (this.line !== null && !this.line.hasSlot()) return
      const bulk = this.seal()
      if (bulk === null) continue
      bulk.start(this.line === null ? null : this.line.take())
      if (this.tracker !== null) this.tracker.started(this, bulk)
      if (watched()) bulk.event = eventOf(this, bulk, cause, this.line)
      this.run(bulk)
    }
  }

  now(): number {
    return (this.timer ?? this.settings.host).now()
  }

  private cause(): Cause | null {
    const { first } = this
    return first === null ? null : ready(first, this.pending, this.settings, this, this)
  }

  /** For events: all that is pending is ready from now on. Only the last bulk was not full, and so not ready before. */
  protected markReady(): void {
    const { last } = this
    if (last !== null && watched() && last.readyAt === null) last.readyAt = this.now()
  }

  /** Takes the first bulk out of the queue, filled from those behind; `null` if its callers have gone this moment. */
  private seal(): Bulk<T, R> | null {
    const bulk = this.first!
    const { size } = this.settings
    this.keys?.sealing(bulk)
    bulk.dropAborted()
    for (let behind, room; (behind = bulk.next) !== null && (room = size - bulk.count) > 0;) {
      behind.dropAborted()
      if (bulk.next === behind) refill(bulk, behind, room)
      if (behind.count === 0 && bulk.next === behind) this.vanished(behind)
    }
    if (bulk.count === 0) return null
    this.first = bulk.next
    this.nowPending(-bulk.count)
    return bulk
  }

  /** So many tasks more are pending, or fewer. */
  private nowPending(change: number): void {
    this.pending += change
    if (registry.pending) emit('pending', this.name, change, this.scope)
  }

  // ---- Time

  private setTimer(): void {
    const { settings, deadlines, timer } = this
    if (settings.delay === 0 && deadlines === null) return
    const instant = Math.min(this.nextWindow(), deadlines === null ? Infinity : deadlines.next)
    if (instant === Infinity && timer === null) return
    this.timer ??= new Timer(settings.host, () => {
      this.deadlines?.expire(this.now())
      this.pump()
    })
    this.timer.set(instant)
  }

  /** The windows that are open were timed by another clock, which may not go on. */
  protected openAnew(): void {
    const now = this.now()
    for (let bulk = this.first; bulk !== null; bulk = bulk.next)
      if (bulk.openedAt !== null) bulk.openedAt = now
    this.setTimer()
  }

  /** When time alone closes a window. A bulk that stands in line for a slot waits for no timer. */
  private nextWindow(): number {
    const { first } = this
    return first === null || this.line?.isWaiting ? Infinity : readyAt(first, this.settings)
  }

  // ---- Everything has settled

  protected tellDrained(): void {
    if (this.drains !== null) this.drains.settledBefore(this.oldest === null ? Infinity : this.oldest.id)
  }
}
