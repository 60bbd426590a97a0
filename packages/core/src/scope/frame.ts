/**
 * Frames: the synchronous parts of work on the stack, to which a call belongs, and the observed work that goes on after them.
 * @module
 */

import type { Evidence } from './evidence.ts'
import { follow, isUnfinished } from './unfinished.ts'
import { addAsker, Work, type Awaited, type Held, type WorkOwner } from './work.ts'

type Hooks = typeof import('node:async_hooks')
const hooks: Hooks | undefined = globalThis.process?.getBuiltinModule?.('node:async_hooks')
/** The observed work that runs now, also after an `await`. Without this there is no evidence. */
export const observed: Store | undefined =
  hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage<Work | undefined>()

/** What is used of an `AsyncLocalStorage`, so that types of Node are not needed. */
interface Store {
  getStore(): Work | undefined
  enterWith(work: Work | undefined): void
}

/** The frame that runs now. One for all scopes: a call belongs to whoever is on the stack. */
export let current: Frame | null = null
/** The one that is used where nothing else is on the stack, so that most work makes none. */
let spare: Frame | null = null

/** A piece of work, of this resolver, begins: until {@link Frame.gave} or {@link Frame.threw} what is called is its own. */
export function enter(tracker: WorkOwner, evidence: Evidence | null): Frame {
  let frame = spare
  if (current === null && frame !== null) {
    spare = null
    frame.tracker = tracker
    frame.evidence = evidence
  } else frame = new Frame(tracker, evidence, current)
  current = frame
  if (tracker.recording !== null && evidence !== null && evidence.isOpen(tracker.profile!)) frame.observe()
  return frame
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

  /** Work that is observed is known to be at work after an `await` as well. */
  observe(command: Held | null = null): Work {
    const work = new Work(this.tracker, this.evidence, true, command)
    this.before = observed!.getStore()
    // Work within work that has gone on: what it calls, that one calls too.
    const outer = this.outer === null && command === null ? this.before : undefined
    if (outer?.tracker === this.tracker && outer.goesOn) (work.outer = outer).park()
    observed!.enterWith(work)
    return (this.work = work)
  }

  /** It has called this batch, and waits for it. */
  waitsFor(batch: Awaited): void {
    if (this.batch === null) this.batch = batch
    else if (this.batch !== batch && this.others?.at(-1) !== batch) (this.others ??= []).push(batch)
  }

  /** The work, which becomes known by this. */
  known(): Work {
    return (this.work ??= new Work(this.tracker, this.evidence, false))
  }

  /** What it calls is recorded. */
  notes(loader: string, batch: Awaited): void {
    const { evidence, work, tracker } = this
    addAsker(batch, evidence, this.isCommand)
    evidence?.calls(loader, tracker.profile!)
    work?.callsNow(loader)
    work?.outer?.callsLate(loader, batch)
  }

  /** The batches that it has called. */
  get batches(): readonly Awaited[] {
    return this.batch === null ? [] : [this.batch, ...(this.others ?? [])]
  }

  /** It is over, and has given this. Returns the same, for its caller: a promise as a promise. */
  gave<R>(result: R, observes: boolean = true): R {
    const given = this.goesOnWith(result) ? this.goOn(result, observes) : result
    leave(this)
    return given
  }

  /** Whether it has given what goes on, and is not known already. */
  private goesOnWith(result: unknown): boolean {
    const { outer, promise, evidence, tracker } = this
    // The promise of its own call, as it is: it ends with that call, so nothing needs to be known of it.
    if (result === promise && result !== undefined && outer === null) return false
    if (!isUnfinished(result)) return false
    // A promise that is kept and given again: it ends with the piece that made it, and the same follows.
    return outer !== null || !tracker.recording?.gaveBefore(result, evidence)
  }

  private goOn<R>(result: R, observes: boolean): R {
    const { outer, batch } = this
    const work = this.known()
    work.latest = batch
    if (!(work.evidence?.overlaps && work.due.length > 0)) for (const each of this.batches) work.parkOn(each)
    if (outer !== null) {
      // What has begun within its synchronous part it waits for: else who starts many would never wait.
      work.outer = outer.known()
      work.outer.park()
    }
    work.begins()
    return follow(work, result, observes)
  }

  /** It is over, and has thrown. */
  threw(): void {
    leave(this)
  }
}

/** The synchronous part is over. Makes the frame as new. */
export function leave(frame: Frame): void {
  const { outer, work, before } = frame
  current = outer
  if (before !== null) {
    observed!.enterWith(before)
    if (!work!.goesOn) work!.ends()
  }
  frame.work = frame.batch = frame.others = frame.before = null
  frame.promise = undefined
  frame.isCommand = false
  if (outer === null) spare = frame
}
