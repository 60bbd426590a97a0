/**
 * The queue: takes tasks, each into the last bulk that waits. What `AsyncBulkCall` and `BulkLoader` have in common.
 *
 * The way of a task: `call` puts it into a bulk, the {@link Dispatcher} starts that, the runner below it calls the command, and
 * what comes of it settles the bulk and so the promise of each caller.
 * @module
 */

import { asError, BulkClosedError, BulkOverflowError } from '../errors.ts'
import { emit, emitCalled, watchesTasks } from '../events.ts'
import { eachOf } from '../promises.ts'
import { nextId, registry } from '../registry.ts'
import type { AnyBulk, Bulk } from './bulk.ts'
import { Dispatcher } from './dispatcher.ts'
import { Drains } from './drains.ts'

// Without fields or a constructor of its own: one more `super` would cost each loader that is made for a request.
export class Queue<T, R> extends Dispatcher<T, R> {
  // ---- Tasks come

  /** The bulk that the next task joins, or `null` where that one has not opened yet. */
  get open(): Bulk<T, R> | null {
    const { last } = this
    return last !== null && last.count < this.settings.size ? last : null
  }

  /** The latest bulk that has started and yet waits for others, in that of a shared loader. */
  get held(): Bulk<T, R> | null {
    // Asked for each hit, so not every bulk in flight may be looked at.
    if (this.holding === 0) return null
    let bulk = this.first === null ? this.newest : this.first.previous
    while (bulk !== null && !bulk.isParked) bulk = bulk.previous
    return bulk
  }

  /** Why no task is taken now, or `null`. */
  refusal(): { readonly reason: unknown } | null {
    const { maxPending } = this.settings
    if (this.closed !== null) return { reason: new BulkClosedError(this.name) }
    if (this.pending >= maxPending) return { reason: new BulkOverflowError(this.name, maxPending) }
    return this.tracker === null ? null : this.tracker.aborted
  }

  call(task: T, signal?: AbortSignal): Promise<R> {
    const refusal = this.refusal()
    if (refusal !== null) return Promise.reject(refusal.reason)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const promise = signal === undefined ? this.accept(task) : this.acceptToLeave(task, signal)
    this.emitJoined(this.last!, 1)
    return promise
  }

  /** Takes a task that nothing refuses. Whoever has it accepted emits that, once it is noted where it is. */
  accept(task: T): Promise<R> {
    const bulk = this.open ?? this.openBulk()
    const promise = this.join(bulk, task)
    this.noteFull(bulk, 1)
    return promise
  }

  /** Takes a task into a bulk that is open. */
  join(open: Bulk<T, R>, task: T): Promise<R> {
    this.pending++
    const promise = open.join(task)
    if (this.tracker !== null) this.tracker.called(this, open, promise)
    return promise
  }

  /** Whether one more task is as any other: none is refused, no bulk gets full by it, and nobody listens. */
  isUsual(most: number): boolean {
    const { tracker } = this
    return (
      this.pending + 1 < most &&
      !this.closing &&
      !this.timer?.isLost &&
      !watchesTasks() &&
      (tracker === null || tracker.aborted === null)
    )
  }

  private acceptToLeave(task: T, signal: AbortSignal): Promise<R> {
    const bulk = this.open ?? this.openBulk()
    this.pending++
    const seat = bulk.joinWith(task, signal)
    seat.work = this.tracker?.called(this, bulk, seat.promise, true) ?? null
    this.noteFull(bulk, 1)
    return seat.promise as Promise<R>
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
    if (signal !== undefined) return eachOf(tasks.map(task => this.call(task, signal)))
    const parts: Promise<(R | Error)[]>[] = []
    // As it is now: the array becomes that of a bulk, and a listener who calls in between adds to it.
    const { length } = tasks
    for (let from = 0; from < length;) {
      const refusal = this.refusal()
      if (refusal !== null) {
        parts.push(Promise.resolve(new Array<Error>(length - from).fill(asError(refusal.reason))))
        break
      }
      const bulk = this.open ?? this.openBulk()
      const room = Math.min(this.settings.size - bulk.count, this.settings.maxPending - this.pending)
      const to = Math.min(length, from + room)
      this.pending += to - from
      const part = bulk.joinMany(tasks, from, to)
      parts.push(part)
      this.tracker?.called(this, bulk, part)
      this.noteFull(bulk, to - from)
      joined?.(bulk, from, to)
      this.emitJoined(bulk, to - from)
      from = to
    }
    return parts.length === 1 ? parts[0]! : Promise.all(parts).then(each => each.flat())
  }

  /** So many keys were answered without a task. */
  hit(keys: number): void {
    this.hits += keys
    if (registry.hit) emit('hit', this.name, keys, this.scope)
  }

  /** So many tasks have joined: they may have made a bulk, or the queue, full. */
  private noteFull(bulk: Bulk<T, R>, tasks: number): void {
    if (this.timer?.isLost) this.openAnew()
    const { size } = this.settings
    if (bulk.count === size) this.markReady()
    // The command never runs inside `call`: a caller must not find its own stack below someone's SQL.
    if (this.pending >= size && this.pending - tasks < size) this.askPump()
  }

  /** Emits that tasks have joined. Last of all: a listener may itself call, and all places must be known. */
  emitJoined(bulk: AnyBulk, tasks: number): void {
    if (!watchesTasks()) return
    if (registry.pending) emit('pending', this.name, tasks, this.scope)
    if (!registry.called) return
    bulk.opening ??= { name: this.name, id: nextId(), scope: this.scope }
    emitCalled(bulk.opening, tasks)
  }

  // ---- All is settled

  /** Starts what is pending and resolves when all that was accepted before has settled. */
  flush(): Promise<void> {
    if (this.oldest === null) return Promise.resolve()
    this.flushed = this.lastId
    return this.closed ?? this.drain(this.lastId)
  }

  close(): Promise<void> {
    if (this.closed === null) {
      this.closing = true
      this.closed = this.drain(Number.MAX_SAFE_INTEGER)
    }
    return this.closed
  }

  /** Nobody waits any more for what has not settled since it was closed, nor for the end of its commands. */
  leave(reason: unknown): void {
    this.abort(reason)
    this.drains!.settledBefore(Infinity)
  }

  private drain(through: number): Promise<void> {
    this.markReady()
    this.drains ??= new Drains(this.settings.host)
    const drained = this.drains.through(through)
    this.pump()
    this.tellDrained()
    return drained
  }
}
