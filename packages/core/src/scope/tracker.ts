/**
 * What a scope knows of its work: what still runs, what waits for a call, which batches are in flight. From that it decides
 * when a window closes before its `delay`: with certainty (nothing runs that does not wait), or with evidence.
 * @module
 */

import type { AsyncContext, Host } from '../host.ts'
import { enterWork, runningWork, type Evidence, type Plan } from './evidence.ts'
import type { Member } from './member.ts'
import { Recording } from './recording.ts'
import { follow, isUnfinished } from './unfinished.ts'
import { Windows } from './windows.ts'
import { addAsker, Frame, parkOn, Work, type Awaited, type Held, type WorkOwner } from './work.ts'

/** The frame that runs now. One for all scopes: a call belongs to whoever is on the stack. */
let current: Frame | null = null
/** The one that is used where nothing else is on the stack, so that most work makes none. */
let spare: Frame | null = null

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
    if (plan.profile.begins() && this.#pending === 0 && this.isQuiet) this.recording = new Recording(plan)
  }

  // ---- Work begins, calls and ends

  /** A piece of work, of this resolver, begins: until {@link Frame.gave} or {@link Frame.threw} what is called is its own. */
  begin(evidence: Evidence | null): Frame {
    const outer = current
    let frame = spare
    if (outer === null && frame !== null) {
      spare = null
      frame.tracker = this
      frame.evidence = evidence
    } else frame = new Frame(this, evidence, outer)
    current = frame
    if (this.recording !== null && evidence !== null && evidence.isOpen(this.profile!)) this.#observe(frame)
    return frame
  }

  /** Work that is observed is known to be at work after an `await` as well. */
  #observe(frame: Frame, command: Held | null = null): void {
    const work = new Work(this, frame.evidence, true, command)
    // Work within work that has gone on: what it calls, that one calls too.
    frame.before = observedWork()
    const outer = frame.outer === null && command === null ? frame.before : undefined
    if (outer?.tracker === this && outer.goesOn) (work.outer = outer).park()
    frame.work = work
    enterWork(work)
  }

  leave(frame: Frame): void {
    const { outer, work, before } = frame
    current = outer
    if (before !== null) {
      enterWork(before)
      if (!work!.goesOn) {
        work!.evidence!.ended(work!.tracker.profile!)
        work!.outer?.unpark()
      }
    }
    frame.work = frame.batch = frame.others = frame.before = null
    frame.promise = undefined
    frame.isCommand = false
    if (outer === null) spare = frame
  }

  gave<R>(frame: Frame, result: R, observes: boolean): R {
    const { outer, promise } = frame
    // The promise of its own call, as it is: it ends with that call, so nothing needs to be known of it.
    if ((result === promise && result !== undefined && outer === null) || !isUnfinished(result)) {
      this.leave(frame)
      return result
    }
    // A promise that is kept and given again: it ends with the piece that made it, and the same follows.
    if (outer === null && this.recording?.gaveBefore(result, frame.evidence)) {
      this.leave(frame)
      return result
    }
    const work = (frame.work ??= new Work(this, frame.evidence, false))
    work.latest = frame.batch
    if (frame.batch !== null && !(work.evidence?.overlaps && !work.isDone)) {
      work.parkOn(frame.batch)
      if (frame.others !== null) for (const batch of frame.others) work.parkOn(batch)
    }
    if (outer !== null) {
      // What has begun within its synchronous part it waits for: else who starts many would never wait.
      work.outer = outer.work ??= new Work(outer.tracker, outer.evidence, false)
      work.outer.park()
    }
    work.begins()
    const given = follow(work, result, observes)
    this.leave(frame)
    return given
  }

  /** A call was made: by the work on the stack, or by nobody knows which. */
  called(member: Member, batch: Awaited, promise: unknown): void {
    const { name } = member
    if (current === null) this.#calledLate(name, batch)
    for (let frame: Frame | null = current; frame !== null; frame = frame.outer) {
      frame.promise = promise
      if (frame.batch === null) frame.batch = batch
      else if (frame.batch !== batch && frame.others?.at(-1) !== batch) (frame.others ??= []).push(batch)
      if (this.recording !== null) this.#notes(name, batch, frame)
    }
    this.gained(member)
  }

  /**
   * The same for a call whose caller may leave. Returns the work that waits for it, for as long as it stays, where that is
   * known.
   */
  calledToLeave(member: Member, batch: Awaited, promise: unknown): Work | null {
    const frame = current
    if (frame === null || frame.isCommand || frame.outer !== null) {
      this.called(member, batch, promise)
      return null
    }
    frame.promise = promise
    if (this.recording !== null) this.#notes(member.name, batch, frame)
    this.gained(member)
    const work = (frame.work ??= new Work(frame.tracker, frame.evidence, false))
    work.park()
    return work
  }

  #notes(name: string, batch: Awaited, { evidence, work, isCommand }: Frame): void {
    addAsker(batch, evidence, isCommand)
    evidence?.calls(name, this.profile!)
    work?.callsNow(name)
    work?.outer?.callsLate(name, batch)
  }

  #calledLate(name: string, batch: Awaited): void {
    if (this.recording === null) return
    const work = observedWork()
    const isKnown = work !== undefined && work.tracker === this && work.goesOn
    addAsker(batch, isKnown ? work.evidence : null, isKnown && work.command !== null)
    if (isKnown) work.callsLate(name, batch)
    else this.profile!.doubt()
    this.look()
  }

  // ---- Commands: work as well, which may call other loaders

  /** The command of a batch is called. */
  beginCommand(name: string, batch: Held): Frame {
    const frame = this.begin(null)
    frame.isCommand = true
    if (this.recording !== null) {
      frame.evidence = this.profile!.ofCommand(name)
      this.#observe(frame, batch)
      batch.command = frame.work
      frame.work!.begins()
    }
    return frame
  }

  /** Its synchronous part is over. If it has called another loader, it waits for that. */
  endCommand(frame: Frame, batch: Held): void {
    if (frame.batch !== null && !batch.isSettled) {
      for (const other of [frame.batch, ...(frame.others ?? [])]) parkOn(other, batch)
    }
    this.leave(frame)
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
    batch.owner.holding--
    this.#flies(batch, 1)
    batch.command?.unpark()
    batch.waiters?.unpark()
    this.#tellWider()
  }

  // ---- Batches open, start and settle

  /** A batch has opened; its window, if it has one, is to be closed when nothing more can come. */
  opened(member: Member, hasWindow: boolean): void {
    this.#pending++
    if (member.list === null) this.members.add(member)
    else if (member.givenUpAt !== null) this.wouldHaveGained(member)
    if (hasWindow) this.windowOpened(member)
    this.#tellWider()
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
    this.recording?.flies(batch, change)
  }

  #emptied(member: Member, batch: Awaited): void {
    this.#pending--
    this.windowLost(member)
    batch.waiters?.unpark()
    this.#tellWider()
  }

  /** The callers of a batch in flight have their results. */
  settled(batch: Held): void {
    if (batch.holds === 0) this.#flies(batch, -1)
    else {
      batch.owner.holding--
      batch.command?.unpark()
      batch.waiters?.unpark()
    }
    batch.waiters = null
    batch.command?.ends()
    this.look()
  }

  /** Nothing of a member is pending or in flight any more. A scope may live long, and must not keep what is over. */
  idle(member: Member): void {
    this.members.delete(member)
    this.windowClosed(member)
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
    this.recording?.runs(work, 1)
    this.#tellWider()
  }

  gotIdle(work: Work): void {
    this.running.delete(work)
    this.recording?.runs(work, -1)
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
    this.recording?.anything(isBusy ? 1 : -1)
    if (!isBusy) this.look()
  }

  /** Something has changed that may let windows close. The microtasks of the tick may still bring a call, so they go first. */
  look(): void {
    this.#tellWider()
    if (this.hasWindows && (this.recording !== null || this.isQuiet)) this.lookLater()
  }
}

/** What is observed is work of this file. */
function observedWork(): Work | undefined {
  return runningWork() as Work | undefined
}
