/**
 * Work in a scope: a resolver, a handler, a command. It waits for the batches that it has called, or may call more.
 * @module
 */

import type { Linked, LinkedList } from '../linked-list.ts'
import type { Evidence, Profile } from './evidence.ts'
import type { Cause, Recording } from './recording.ts'
import type { Waiter, Waiting } from './waiting.ts'

/** What keeps count of the work of a scope. */
export interface WorkOwner {
  readonly profile: Profile | null
  /** Who does what, where that is recorded. */
  readonly recording: Recording | null
  readonly ticks: number
  gotBusy(work: Work): void
  gotIdle(work: Work): void
  /** Something has changed that may let windows close. */
  look(): void
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
  /** How many promises that it has given have not settled. */
  left = 0
  /** The batch of its latest call. */
  latest: Awaited | null = null
  /** What it is counted as while it runs, where that is recorded. */
  causes: readonly Cause[] = []
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

  /** It is over, with its synchronous part or later. */
  ends(): void {
    if (this.goesOn && this.waits === 0) this.tracker.gotIdle(this)
    if (this.calls !== null) this.evidence!.ended(this.tracker.profile!, this.goesOn)
    this.goesOn = false
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
    if (latest !== null && !latest.isSettled) evidence!.overlaps = true
    this.latest = batch
    evidence!.callsLate(loader, count, tracker.profile!)
    if (isRunning) tracker.gotBusy(this)
    const isAll = evidence!.overlaps ? this.due.length === 0 : !this.mayCall(loader)
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

  /** The loaders that it is still due to call. */
  get due(): string[] {
    return [...this.evidence!.late.keys()].filter(loader => this.mayCall(loader))
  }

  /** What may come of it from here on, by what is known now: taken out just as it was put in, whatever is learned meanwhile. */
  expect(): readonly Cause[] {
    const { evidence, command } = this
    if (evidence === null) return (this.causes = [null])
    const causes: Cause[] = this.due
    if (evidence.isNew) causes.push(null)
    if (command === null) causes.push(evidence)
    return (this.causes = causes)
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
