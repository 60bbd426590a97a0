/**
 * Work in a scope: a resolver, a handler, a command. It waits for the batches that it has called, or may call more.
 * @module
 */

import type { Linked, LinkedList } from '../engine/linked-list.ts'
import type { Evidence, Profile } from './evidence.ts'
import type { Waiter, Waiting } from './waiting.ts'

/** What keeps count of the work of a scope. */
export interface WorkOwner {
  readonly profile: Profile | null
  readonly ticks: number
  gotBusy(work: Work): void
  gotIdle(work: Work): void
  /** Something has changed that may let windows close. */
  look(): void
  gave<R>(frame: Frame, result: R, observes: boolean): R
  leave(frame: Frame): void
}

/** A batch, as the work sees it that waits for it. */
export interface Awaited {
  /** Not started, or started and its command only waits for such a one. */
  readonly isParked: boolean
  readonly isSettled: boolean
  /** What waits for it to start. */
  waiters: Waiting | null
  /** Which resolvers wait for it, where that is recorded; `null` among them is nobody knows which. */
  askers: Set<Evidence | null> | null
  /** How many parked batches its command waits for. */
  holds: number
  /** This waits for it. */
  awaitedBy(waiter: Waiter): void
}

/** A batch in flight whose command has called another loader. */
export interface Held extends Awaited, Waiter {
  /** Counts how many of its batches wait as this one may. */
  readonly owner: { holding: number }
  /** Its command, where it is observed. */
  command: Work | null
}

/** The synchronous part of a piece of work, or of a command. */
export class Frame {
  tracker: WorkOwner
  evidence: Evidence | null
  outer: Frame | null
  /** The work, where it is observed or has become known already. */
  work: Work | null = null
  /** The promise of its latest call, and the batches that it called. */
  promise: unknown = undefined
  batch: Awaited | null = null
  others: Awaited[] | null = null
  /** Whether it is a command, which waits for what it calls for as long as that takes. */
  isCommand = false
  /** Where it is observed, the observed work during which it began, or `undefined`; else `null`. */
  before: Work | undefined | null = null

  constructor(tracker: WorkOwner, evidence: Evidence | null, outer: Frame | null) {
    this.tracker = tracker
    this.evidence = evidence
    this.outer = outer
  }

  /** It is over, and has given this. Returns the same, for its caller: a promise as a promise. */
  gave<R>(result: R, observes: boolean = true): R {
    return this.tracker.gave(this, result, observes)
  }

  /** It is over, and has thrown. */
  threw(): void {
    this.tracker.leave(this)
  }
}

/** A piece of work that goes on after its synchronous part. */
export class Work implements Linked<Work>, Waiter {
  list: LinkedList<any> | null = null
  previous: Work | null = null
  next: Work | null = null
  readonly tracker: WorkOwner
  readonly evidence: Evidence | null
  /** The batch whose command it is, where it is one. */
  readonly command: Held | null
  /** The work during which it began, which waits for it. */
  outer: Work | null = null
  /** For how many parked batches, or pieces within it, it waits. */
  waits = 0
  goesOn = false
  /** The batch of its latest call. */
  latest: Awaited | null = null
  /** The loaders that it is counted as due to call, and whether it is counted as work that may do anything. */
  due: readonly string[] = []
  isUnknown = false
  /** Where it is observed: how often it has called each loader after its synchronous part. */
  readonly calls: Map<string, number> | null
  /** By loader, the tick of its latest call. */
  #ticks: Map<string, number> | null = null

  constructor(tracker: WorkOwner, evidence: Evidence | null, observed: boolean, command: Held | null = null) {
    this.tracker = tracker
    this.evidence = evidence
    this.calls = observed ? new Map() : null
    this.command = command
  }

  /** It goes on after its synchronous part. */
  begins(): void {
    this.goesOn = true
    if (this.waits === 0) this.tracker.gotBusy(this)
  }

  ends(): void {
    if (!this.goesOn) return
    if (this.waits === 0) this.tracker.gotIdle(this)
    this.goesOn = false
    if (this.calls !== null) this.evidence!.ended(this.tracker.profile!)
    this.outer?.unpark()
    this.tracker.look()
  }

  /** It waits for this batch; a command with all who wait for its own. */
  parkOn(batch: Awaited): void {
    parkOn(batch, this.command ?? this)
  }

  park(): void {
    if (this.waits++ === 0 && this.goesOn) this.tracker.gotIdle(this)
  }

  unpark(): void {
    if (--this.waits === 0 && this.goesOn) this.tracker.gotBusy(this)
  }

  /** It has called after its synchronous part. */
  callsLate(loader: string, batch: Awaited): void {
    const { evidence, calls, latest, tracker } = this
    if (calls === null || !this.goesOn) return
    const count = (calls.get(loader) ?? 0) + 1
    const isRunning = this.waits === 0
    // What is still due is counted by what is known: so it is taken out, and in again.
    if (isRunning) tracker.gotIdle(this)
    calls.set(loader, count)
    this.callsNow(loader)
    if (latest !== null && !latest.isSettled) {
      evidence!.isSequential = false
      if (latest !== batch) evidence!.overlaps = true
    }
    this.latest = batch
    evidence!.callsLate(loader, count, tracker.profile!)
    if (isRunning) tracker.gotBusy(this)
    const isAll = evidence!.overlaps ? this.isDone : !this.mayCall(loader)
    if (isAll || evidence!.waitsForEach) this.parkOn(batch)
    this.outer?.callsLate(loader, batch)
  }

  /** It has called this loader now. */
  callsNow(loader: string): void {
    const { ticks } = this.tracker
    this.#ticks ??= new Map()
    if ((this.#ticks.get(loader) ?? ticks) !== ticks) this.evidence!.scattered.add(loader)
    this.#ticks.set(loader, ticks)
  }

  /** Whether it has made all calls that such work makes. */
  get isDone(): boolean {
    for (const loader of this.evidence!.late.keys()) if (this.mayCall(loader)) return false
    return true
  }

  /** Whether it may itself call this loader once more. */
  mayCall(loader: string): boolean {
    if (this.#ticks?.has(loader) && this.evidence!.isAtOnce(loader)) return false
    return !this.evidence!.isAll(loader, this.calls?.get(loader) ?? 0)
  }
}

/** This waits for the batch, if that has not started. */
export function parkOn(batch: Awaited, waiter: Waiter): void {
  if (!batch.isParked) return
  batch.awaitedBy(waiter)
  waiter.park()
}

/** A command's own batch is in flight as well, with those who wait for it, so nothing else follows from what it has called. */
export function addAsker(batch: Awaited, evidence: Evidence | null, isCommand: boolean): void {
  const askers = (batch.askers ??= new Set())
  if (!isCommand) askers.add(evidence)
}
