/**
 * What a scope knows of its work: what still runs, what waits for a call, which batches are in flight. From that it decides
 * when a window closes before its `delay`: with certainty (nothing runs that does not wait), or with evidence.
 * @module
 */

import { enterWork, runningWork, type Evidence, type Plan, type Profile } from './evidence.ts'
import type { AsyncContext, Host } from './host.ts'
import { Line, type Standing } from './line.ts'
import { isThenable } from './settle.ts'

/** A batch, as the work sees it that waits for it. */
export interface Awaited {
  /** Not started, or started and its command only waits for such a one. */
  readonly isParked: boolean
  readonly isSettled: boolean
  /** The work that waits for it. */
  works: Work[] | null
  /** Which resolvers wait for it, where that is recorded; `null` among them is nobody knows which. */
  askers: Set<Evidence | null> | null
  /** How many parked batches its command waits for. */
  holds: number
  /** The batches whose commands wait for this one. */
  holding: Held[] | null
}

/** A batch in flight whose command has called another loader. */
export interface Held extends Awaited {
  readonly tracker: Tracker | null
  /** Its command, where it is observed. */
  command: Work | null
}

/** A call in a scope. It is a member while anything of it is pending or in flight. */
export interface Member extends Standing<Member> {
  readonly name: string
  readonly settings: { readonly delay: number }
  /** How many tasks are pending. */
  readonly pending: number
  /** Whether its window is open. */
  hasWindow: boolean
  /** When its window was last seen open at the end of a tick, or got another call; `null` if it has not outlived its tick. */
  keptAt: number | null
  /** What is pending may start. */
  closeWindow(): void
  /** The tick is over and the window stays open: from now on time may close it. */
  keepWindow(): void
  /** Whether its first batch waits for nothing but a slot. */
  readonly isReady: boolean
  abort(reason: unknown): void
}

/** The synchronous part of a piece of work, or of a command. */
export class Frame {
  tracker: Tracker
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

  constructor(tracker: Tracker, evidence: Evidence | null, outer: Frame | null) {
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

/** The frame that runs now. One for all scopes: a call belongs to whoever is on the stack. */
let current: Frame | null = null
/** The one that is used where nothing else is on the stack, so that most work makes none. */
let spare: Frame | null = null

/** A piece of work that goes on after its synchronous part. */
export class Work implements Standing<Work> {
  line: Line<Work> | null = null
  previous: Work | null = null
  next: Work | null = null
  readonly tracker: Tracker
  readonly evidence: Evidence | null
  readonly isCommand: boolean
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

  constructor(tracker: Tracker, evidence: Evidence | null, observed: boolean, isCommand = false) {
    this.tracker = tracker
    this.evidence = evidence
    this.calls = observed ? new Map() : null
    this.isCommand = isCommand
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

  /** It waits for this batch, if that has not started. */
  parkOn(batch: Awaited): void {
    if (!batch.isParked) return
    ;(batch.works ??= []).push(this)
    this.park()
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
    if (latest !== null && latest !== batch && !latest.isSettled) evidence!.overlaps = true
    this.latest = batch
    evidence!.callsLate(loader, count, tracker.profile!)
    if (isRunning) tracker.gotBusy(this)
    const isAll = evidence!.overlaps ? this.isDone : evidence!.isAll(loader, count)
    if (isAll) this.parkOn(batch)
    this.outer?.callsLate(loader, batch)
  }

  /** Whether it has made all calls that such work makes. */
  get isDone(): boolean {
    for (const loader of this.evidence!.late.keys()) if (this.mayCall(loader)) return false
    return true
  }

  /** Whether it may itself call this loader once more. */
  mayCall(loader: string): boolean {
    return !this.evidence!.isAll(loader, this.calls?.get(loader) ?? 0)
  }
}

/** A window that stays open for so many ms is worth a warning. */
const longWindow = 5_000
let isWarned = false

export class Tracker {
  /** The scope, for events. */
  readonly scope: object
  /** In which the commands of its calls run. */
  readonly context: AsyncContext
  plan: Plan | null = null
  profile: Profile | null = null
  /** Why calls are refused, or `null`. */
  aborted: { readonly reason: unknown } | null = null
  readonly #host: Host
  /** The tracker of the wider scope that this one is a part of, in which it counts as work while it is busy. */
  readonly #wider: Tracker | null
  #isBusyPart = false
  /** Whether it is recorded who does what. */
  #records = false
  readonly #members = new Line<Member>()
  #windows = 0
  /** Work that goes on and waits for no parked batch: any of it may call. */
  readonly #running = new Line<Work>()
  /** Parts of this scope that are busy. */
  #busyParts = 0
  /** Batches in flight whose callers wait, and whose commands do not wait for a parked batch themselves. */
  #inFlight = 0
  /** Batches that are pending. */
  #pending = 0
  #looking = false
  /** When waiting in vain was last accounted for, and what it came to, in `delay`s. */
  #vainUntil = -Infinity
  #vain = 0
  /** The timer of a warning. */
  #warning: unknown = null

  // Where it is recorded who does what: how many run of each resolver, how many of them are still due to call a loader, how
  // many may do anything, and of how many batches in flight each has asked for something.
  #resolvers!: Map<Evidence, number>
  #due!: Map<string, number>
  #unknown = 0
  #asked!: Map<Evidence | null, number>

  constructor(scope: object, host: Host, wider: Tracker | null, plan: Plan | null) {
    this.scope = scope
    this.#host = host
    this.#wider = wider
    if (plan !== null) this.follow(plan)
    this.context = host.captureContext()
  }

  /** It is known what will be executed. What goes on already was not recorded, so nothing is then. */
  follow(plan: Plan): void {
    if (this.plan !== null) return
    this.plan = plan
    this.profile = plan.profile
    plan.begins()
    this.#records = plan.profile.begins() && this.#pending === 0 && this.#isQuiet
    if (!this.#records) return
    this.#resolvers = new Map()
    this.#due = new Map()
    this.#asked = new Map()
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
    if (this.#records && evidence !== null && evidence.isOpen(this.profile!)) this.#observe(frame)
    return frame
  }

  /** Work that is observed is known to be at work after an `await` as well. */
  #observe(frame: Frame, isCommand = false): void {
    const work = new Work(this, frame.evidence, true, isCommand)
    // Work within work that has gone on: what it calls, that one calls too.
    frame.before = observedWork()
    const outer = frame.outer === null && !isCommand ? frame.before : undefined
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
      if (this.#records) this.#record(name, batch, frame)
    }
    this.#gained(member)
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
    if (this.#records) this.#record(member.name, batch, frame)
    this.#gained(member)
    const work = (frame.work ??= new Work(frame.tracker, frame.evidence, false))
    work.park()
    return work
  }

  #gained(member: Member): void {
    if (member.keptAt === null || !member.hasWindow) return
    member.keptAt = this.#host.now()
    this.plan?.gained()
  }

  #record(name: string, batch: Awaited, { evidence, work, isCommand }: Frame): void {
    addAsker(batch, evidence, isCommand)
    evidence?.calls(name, this.profile!)
    work?.outer?.callsLate(name, batch)
  }

  #calledLate(name: string, batch: Awaited): void {
    if (!this.#records) return
    const work = observedWork()
    const isKnown = work !== undefined && work.tracker === this && work.goesOn
    addAsker(batch, isKnown ? work.evidence : null, isKnown && work.isCommand)
    if (isKnown) work.callsLate(name, batch)
    else this.profile!.doubt()
    this.look()
  }

  // ---- Commands: work as well, which may call other loaders

  /** The command of a batch is called. */
  beginCommand(name: string, batch: Held): Frame {
    const frame = this.begin(null)
    frame.isCommand = true
    if (this.#records) {
      frame.evidence = this.profile!.ofCommand(name)
      this.#observe(frame, true)
      batch.command = frame.work
      frame.work!.begins()
    }
    return frame
  }

  /** Its synchronous part is over. If it has called another loader, it waits for that. */
  endCommand(frame: Frame, batch: Held): void {
    if (frame.batch !== null && !batch.isSettled) {
      for (const other of [frame.batch, ...(frame.others ?? [])]) {
        if (!other.isParked) continue
        ;(other.holding ??= []).push(batch)
        this.hold(batch)
      }
    }
    this.leave(frame)
  }

  /** Its command waits for one more batch that has not started: as if it had not started itself. */
  hold(batch: Held): void {
    if (batch.holds++ > 0 || batch.isSettled) return
    this.#flies(batch, -1)
    batch.command?.park()
    parkOn(batch)
    this.look()
  }

  /** One of the batches that its command waits for has started. */
  resume(batch: Held): void {
    if (--batch.holds > 0 || batch.isSettled) return
    this.#flies(batch, 1)
    batch.command?.unpark()
    unparkFrom(batch)
    this.#tellWider()
  }

  // ---- Batches open, start and settle

  /** A batch has opened; its window, if it has one, is to be closed when nothing more can come. */
  opened(member: Member, hasWindow: boolean): void {
    this.#pending++
    if (member.line === null) this.#members.add(member)
    if (hasWindow) {
      if (!member.hasWindow) this.#windows++
      member.hasWindow = true
      this.#lookLater()
    }
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
    if (this.#records) for (const asker of batch.askers ?? [null]) add(this.#asked, asker, change)
  }

  #emptied(member: Member, batch: Awaited): void {
    this.#pending--
    if (member.hasWindow && member.keptAt !== null) this.#accountFor(member)
    if (member.pending === 0) this.#windowClosed(member)
    unparkFrom(batch)
    this.#tellWider()
  }

  /** The callers of a batch in flight have their results. */
  settled(batch: Held): void {
    if (batch.holds === 0) this.#flies(batch, -1)
    else {
      batch.command?.unpark()
      unparkFrom(batch)
    }
    batch.works = batch.holding = null
    batch.command?.ends()
    this.look()
  }

  /** Nothing of a member is pending or in flight any more. A scope may live long, and must not keep what is over. */
  idle(member: Member): void {
    this.#members.delete(member)
    this.#windowClosed(member)
  }

  abort(reason: unknown): void {
    if (this.aborted !== null) return
    this.aborted = { reason }
    // Each leaves the list as it is done.
    for (const member of Array.from(this.#members)) member.abort(reason)
    this.#tellWider()
  }

  // ---- What runs

  gotBusy(work: Work): void {
    this.#running.add(work)
    if (this.#records) this.#count(work, 1)
    this.#tellWider()
  }

  gotIdle(work: Work): void {
    this.#running.delete(work)
    if (this.#records) this.#count(work, -1)
    this.look()
  }

  #count(work: Work, change: number): void {
    const { evidence, isCommand } = work
    if (change > 0) {
      work.isUnknown = evidence === null || evidence.isNew
      work.due = evidence === null ? [] : [...evidence.late.keys()].filter(loader => work.mayCall(loader))
    }
    // Taken out just as it was put in, whatever has been learned since.
    if (work.isUnknown) this.#unknown += change
    if (evidence !== null && !isCommand) add(this.#resolvers, evidence, change)
    for (const loader of work.due) add(this.#due, loader, change)
  }

  get #isQuiet(): boolean {
    return this.#inFlight === 0 && this.#busyParts === 0 && this.#running.length === 0
  }

  /** In the wider scope its parts are work: one that is busy may call. */
  #tellWider(): void {
    const wider = this.#wider
    if (wider === null) return
    const isBusy = this.aborted === null && (this.#pending > 0 || !this.#isQuiet)
    if (this.#isBusyPart === isBusy) return
    this.#isBusyPart = isBusy
    wider.#busyParts += isBusy ? 1 : -1
    if (!isBusy) wider.look()
  }

  // ---- Windows close

  /** Something has changed that may let windows close. The microtasks of the tick may still bring a call, so they go first. */
  look(): void {
    this.#tellWider()
    if (this.#windows > 0 && (this.#records || this.#isQuiet)) this.#lookLater()
  }

  #lookLater(): void {
    if (this.#looking) return
    this.#looking = true
    this.#host.endOfTurn(() => {
      this.#looking = false
      if (this.#windows > 0) this.#closeWindows()
    })
  }

  #closeWindows(): void {
    const closing: Member[] = []
    const isQuiet = this.#isQuiet
    for (const member of this.#members) {
      if (!member.hasWindow) continue
      if (isQuiet || this.#isPatienceOver(member) || this.#nothingFollows(member.name)) closing.push(member)
      else {
        this.profile?.outlived()
        member.keepWindow()
        if (member.settings.delay > longWindow) this.#warnLater(longWindow)
      }
    }
    for (const member of closing) this.#close(member)
  }

  #close(member: Member): void {
    if (member.keptAt !== null) this.#accountFor(member)
    this.#windowClosed(member)
    member.closeWindow()
  }

  #windowClosed(member: Member): void {
    if (!member.hasWindow) return
    member.hasWindow = false
    member.keptAt = null
    if (--this.#windows === 0) this.#takeBackWarning()
  }

  /** Whether evidence says that nothing which goes on leads to another call of this loader. */
  #nothingFollows(loader: string): boolean {
    const { plan } = this
    if (!this.#records || this.#unknown > 0 || this.#busyParts > 0 || this.#due.has(loader)) return false
    for (const evidence of this.#resolvers.keys()) if (plan!.leadsTo(evidence, loader)) return false
    for (const asker of this.#asked.keys()) if (asker === null || plan!.leadsTo(asker, loader)) return false
    return true
  }

  /** How long a window was open and got nothing by it, no instant counted twice. */
  #accountFor({ keptAt, settings: { delay } }: Member): void {
    const now = this.#host.now()
    // An event loop that is late is no waiting: none of it is longer than the window was to be open.
    const inVain = Math.min(1, (now - Math.max(keptAt!, this.#vainUntil)) / delay)
    this.#vainUntil = now
    if (!(inVain > 0)) return
    this.#vain += inVain
    this.plan?.waitedInVain(inVain, now, delay)
  }

  /** Never while parts are waited for: a wide scope lives as long as the program, and would be out of patience for ever. */
  #isPatienceOver({ settings: { delay } }: Member): boolean {
    return delay < Infinity && this.#busyParts === 0 && this.#vain >= (this.plan?.patience ?? 3)
  }

  // ---- A window that stays open

  /** Warns once in the life of the program of a window that does not close: with `delay: Infinity` it may hang for ever. */
  #warnLater(ms: number): void {
    if (isWarned || this.#warning !== null) return
    this.#warning = this.#host.setTimer(() => {
      this.#warning = null
      this.#warn()
    }, ms)
    // What only warns keeps no program alive.
    ;(this.#warning as { unref?(): void } | undefined)?.unref?.()
  }

  #takeBackWarning(): void {
    if (this.#warning !== null) this.#host.clearTimer(this.#warning)
    this.#warning = null
  }

  #warn(): void {
    const now = this.#host.now()
    /** When the next of the windows will have been open for so long. */
    let next = Infinity
    for (const { name, pending, keptAt, isReady, settings } of this.#members) {
      if (keptAt === null || isReady || settings.delay <= longWindow) continue
      if (now - keptAt < longWindow) {
        next = Math.min(next, keptAt + longWindow - now)
        continue
      }
      const fields = this.#waitedFor.join(', ') || 'work that is not known by name'
      const lasts = `has had its window open for ${longWindow / 1000} s, with ${pending} pending`
      isWarned = true
      globalThis.process?.emitWarning?.(`Bulkcall: ${name} ${lasts}, waiting for ${fields}`, {
        code: 'BULKCALL_WINDOW_OPEN',
      })
      return
    }
    if (next < Infinity) this.#warnLater(Math.ceil(next))
  }

  /** The resolvers of what runs. */
  get #waitedFor(): readonly string[] {
    const names = new Set<string>()
    for (const { evidence } of this.#running) if (evidence !== null) names.add(evidence.name)
    return [...names]
  }
}

/** What is observed is work of this file. */
function observedWork(): Work | undefined {
  return runningWork() as Work | undefined
}

/** A command's own batch is in flight as well, with those who wait for it, so nothing else follows from what it has called. */
function addAsker(batch: Awaited, evidence: Evidence | null, isCommand: boolean): void {
  const askers = (batch.askers ??= new Set())
  if (!isCommand) askers.add(evidence)
}

/** The work and the batches that wait for a batch wait for one that has not started. */
function parkOn({ works, holding }: Awaited): void {
  if (works !== null) for (const work of works) work.park()
  if (holding !== null) for (const held of holding) held.tracker!.hold(held)
}

/** They wait for one that has. */
function unparkFrom({ works, holding }: Awaited): void {
  if (works !== null) for (const work of works) work.unpark()
  if (holding !== null) for (const held of holding) held.tracker!.resume(held)
}

function add<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}

/** Whether work goes on that has given this: a promise, a list with promises in it, or an async iterable. */
function isUnfinished(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return typeof result === 'function' && isThenable(result)
  if (Array.isArray(result)) return result.some(isThenable)
  return isThenable(result) || Symbol.asyncIterator in result
}

const then: typeof Promise.prototype.then = Reflect.get(Promise.prototype, 'then')

/**
 * What work has given, with its end noted. A promise of the language is observed and given as it is; any other thenable may
 * be a query that runs each time that it is asked, so it is asked once, here. Who does not observe gets a promise of its own, so
 * that a rejection that nobody handles is still reported.
 */
function follow<R>(work: Work, result: R, observes: boolean): R {
  if (Array.isArray(result)) return followAll(work, result) as R
  // An async iterable goes on for as long as somebody draws from it, and nobody says how long that is.
  if (!isThenable(result)) return result
  const end = (): void => work.ends()
  if (observes && Object.getPrototypeOf(result) === Promise.prototype) {
    void then.call(result, end, end)
    return result
  }
  return Promise.resolve(result).then(
    value => {
      end()
      return value
    },
    (error: unknown) => {
      end()
      throw error
    },
  ) as R
}

function followAll(work: Work, results: readonly unknown[]): unknown[] {
  let left = 0
  const end = (): void => {
    if (--left === 0) work.ends()
  }
  return results.map(result => {
    if (!isThenable(result)) return result
    left++
    const given = Promise.resolve(result)
    void then.call(given, end, end)
    return given
  })
}
