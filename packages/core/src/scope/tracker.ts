/**
 * What a scope knows of its work: what still runs, what waits for a call, which batches are in flight. From that it decides
 * when a window closes before its `delay`: with certainty (nothing runs that does not wait), or with evidence.
 * @module
 */

import type { AsyncContext, Host } from '../host.ts'
import type { Evidence, Plan } from './evidence.ts'
import { current, enter, leave, observed, type Frame } from './frame.ts'
import type { Member } from './member.ts'
import { Recording } from './recording.ts'
import { Windows } from './windows.ts'
import { addAsker, parkOn, type Awaited, type Held, type Work, type WorkOwner } from './work.ts'

export class Tracker extends Windows implements WorkOwner {
  /** The scope, for events. */
  readonly scope: object
  /** In which the commands of its calls run. */
  readonly context: AsyncContext
  /** Why calls are refused, or `null`. */
  aborted: { readonly reason: unknown } | null = null
  /** The tracker of the wider scope that this one is a part of, in which it counts as work while it is busy. */
  readonly #wider: Tracker | null
  #isBusyPart = false
  #hasWork = false
  #isOver = false
  /** Batches in flight whose callers wait, and whose commands do not wait for a parked batch themselves. */
  #inFlight = 0
  /** Batches that are pending. */
  #pending = 0

  constructor(scope: object, host: Host, wider: Tracker | null, plan: Plan | null, context: AsyncContext) {
    super(host)
    this.scope = scope
    this.#wider = wider
    if (plan !== null) this.follow(plan)
    this.context = context
  }

  /** It is known what will be executed. What goes on already was not recorded, so nothing is then. */
  follow(plan: Plan): void {
    if (this.plan !== null) return
    this.plan = plan
    plan.begins()
    if (observed !== undefined && plan.profile.begins() && this.#pending === 0 && this.isQuiet)
      this.recording = new Recording(plan, this.changed)
  }

  // ---- Work begins, and calls

  begin(evidence: Evidence | null): Frame {
    this.#hasWork = true
    return enter(this, evidence)
  }

  /**
   * A call was made: by the work on the stack, or by nobody knows which.
   * @param leaves whether its caller may leave
   * @returns for such a call the work that waits for it, for as long as that stays, where it is known
   */
  called(member: Member, batch: Awaited, promise: unknown, leaves: boolean = false): Work | null {
    const isSeated = leaves && current?.outer === null && !current.isCommand
    if (current === null) this.#calledLate(member, batch)
    for (let frame: Frame | null = current; frame !== null; frame = frame.outer) {
      frame.promise = promise
      if (!isSeated) frame.waitsFor(batch)
      if (this.recording !== null) frame.notes(member.name, batch)
    }
    this.gained(member)
    if (!isSeated) return null
    const work = current!.known()
    work.park()
    return work
  }

  #calledLate(member: Member, batch: Awaited): void {
    if (this.recording === null) return
    const { name } = member
    const work = observed!.getStore()
    if (work?.tracker === this && work.goesOn) {
      addAsker(batch, work.evidence, work.command !== null)
      work.callsLate(name, batch)
    } else {
      addAsker(batch, null, false)
      this.profile!.doubt(name)
    }
    this.look()
  }

  // ---- Commands: work as well, which may call other loaders

  /** The command of a batch is called. */
  beginCommand(name: string, batch: Held): Frame {
    const frame = enter(this, null)
    frame.isCommand = true
    if (this.recording !== null) {
      frame.evidence = this.profile!.ofCommand(name)
      batch.command = frame.observe(batch)
      batch.command.begins()
    }
    return frame
  }

  /** Its synchronous part is over. If it has called another loader, it waits for that. */
  endCommand(frame: Frame, batch: Held): void {
    if (!batch.isSettled) for (const other of frame.batches) parkOn(other, batch)
    leave(frame)
  }

  /** Its command waits for one more batch that has not started: as if it had not started itself. */
  hold(batch: Held): void {
    if (batch.holds++ > 0 || batch.isSettled) return
    batch.owner.holding++
    this.#flies(batch, -1)
    batch.command?.park()
    batch.waiters?.park()
    this.look()
  }

  /** One of the batches that its command waits for has started. */
  resume(batch: Held): void {
    if (--batch.holds > 0 || batch.isSettled) return
    this.#goesOn(batch)
    this.#tellWider()
  }

  #goesOn(batch: Held): void {
    batch.owner.holding--
    this.#flies(batch, 1)
    batch.command?.unpark()
    batch.waiters?.unpark()
  }

  // ---- Batches open, start and settle

  /** A batch has opened; its window, if it has one, is to be closed when nothing more can come. */
  opened(member: Member, hasWindow: boolean): void {
    this.#pending++
    if (member.list === null) this.members.add(member)
    if (hasWindow) this.windowOpened(member)
    if (hasWindow && this.#isStray(member)) member.isStray = true
    this.#tellWider()
  }

  /**
   * Whether nothing goes on that can have made a call that comes now: so work goes on that is not known, and may call again.
   * Before work has begun it is the program that calls.
   */
  #isStray({ settings }: Member): boolean {
    if (current !== null || !this.#hasWork || this.#pending > 1) return false
    return this.isQuiet && settings.delay < Infinity
  }

  /** A batch has started. */
  started(member: Member, batch: Held): void {
    this.#flies(batch, 1)
    this.#emptied(member, batch)
  }

  /** A batch has lost its last task before it started. */
  vanished(member: Member, batch: Awaited): void {
    this.#emptied(member, batch)
    this.look()
  }

  /** A batch goes on whose command does not wait for another, or no longer. Who asked for it stays the same meanwhile. */
  #flies(batch: Held, change: 1 | -1): void {
    this.#inFlight += change
    this.recording?.count(batch.askers ?? [null], change)
  }

  #emptied(member: Member, batch: Awaited): void {
    this.#pending--
    this.windowLost(member)
    batch.waiters?.unpark()
    this.#tellWider()
  }

  /** The callers of a batch in flight have their results. */
  settled(batch: Held): void {
    if (batch.holds > 0) this.#goesOn(batch)
    this.#flies(batch, -1)
    batch.waiters = null
    batch.command?.ends()
    this.look()
  }

  /** Nothing of a member is pending or in flight any more. A scope may live long, and must not keep what is over. */
  idle(member: Member): void {
    this.members.delete(member)
    this.windowClosed(member)
    member.givenUpAt = null
  }

  abort(reason: unknown): void {
    if (this.aborted !== null) return
    this.aborted = { reason }
    // Each leaves the list as it is done.
    for (const member of Array.from(this.members)) member.abort(reason)
    this.#tellWider()
  }

  /** Nobody waits for its result any more, so the wider scope does not wait for what still runs. */
  end(): void {
    this.#isOver = true
    this.#tellWider()
  }

  // ---- What runs

  gotBusy(work: Work): void {
    this.running.add(work)
    this.recording?.count(work.expect(), 1)
    this.#tellWider()
  }

  gotIdle(work: Work): void {
    this.running.delete(work)
    this.recording?.count(work.causes, -1)
    this.look()
  }

  protected override get isQuiet(): boolean {
    return this.#inFlight === 0 && this.busyParts === 0 && this.running.length === 0
  }

  /** In the wider scope its parts are work: one that is busy may call. */
  #tellWider(): void {
    const wider = this.#wider
    if (wider === null) return
    const isBusy = this.aborted === null && !this.#isOver && (this.#pending > 0 || !this.isQuiet)
    if (this.#isBusyPart === isBusy) return
    this.#isBusyPart = isBusy
    wider.partIs(isBusy)
  }

  /** A part of this scope, which may be one of another copy of this package, has got busy, or is busy no more. */
  partIs(isBusy: boolean): void {
    this.busyParts += isBusy ? 1 : -1
    this.recording?.count([null], isBusy ? 1 : -1)
    if (!isBusy) this.look()
  }

  /** Something has changed that may let windows close. The microtasks of the tick may still bring a call, so they go first. */
  look(): void {
    this.#tellWider()
    if (this.hasWindows && (this.recording !== null || this.isQuiet)) this.lookLater()
  }
}
