/**
 * The windows of a scope: which of them close before their `delay`, with certainty or with evidence, and what the others have
 * waited for nothing.
 * @module
 */

import { LinkedList } from '../engine/linked-list.ts'
import type { Host } from '../host.ts'
import { budget, type Plan, type Profile } from './evidence.ts'
import type { Member } from './member.ts'
import { OpenWindows } from './open-windows.ts'
import type { Recording } from './recording.ts'
import type { Work } from './work.ts'

export abstract class Windows {
  plan: Plan | null = null
  protected readonly members: LinkedList<Member> = new LinkedList()
  /** Work that goes on and waits for no parked batch: any of it may call. */
  protected readonly running: LinkedList<Work> = new LinkedList()
  /** Parts of this scope that are busy. */
  protected busyParts = 0
  /** Who does what, where that is recorded. */
  protected recording: Recording | null = null
  readonly #host: Host
  /** Changes with each tick after which windows were looked at. */
  ticks = 0
  #open = 0
  /** Calls of which batches have opened since the last look; one is in it for each of these. */
  #opened: Member[] = []
  #looking = false
  /** When waiting in vain was last accounted for, and what it came to, in `delay`s. */
  #vainUntil = -Infinity
  #vain = 0
  /** The same, at the last look. */
  #vainThen = 0
  /** `null` as long as none has outlived its tick. */
  #openWindows: OpenWindows | null = null

  constructor(host: Host) {
    this.#host = host
  }

  /** Whether nothing can come any more. */
  protected abstract get isQuiet(): boolean

  get profile(): Profile | null {
    return this.plan === null ? null : this.plan.profile
  }

  protected get hasWindows(): boolean {
    return this.#open > 0
  }

  // ---- They open

  protected windowOpened(member: Member): void {
    if (!member.hasWindow) this.#open++
    member.hasWindow = true
    this.#opened.push(member)
    this.lookLater()
  }

  /** A window has got another call. */
  protected gained(member: Member): void {
    if (member.keptAt === null || !member.hasWindow) return
    member.keptAt = this.#host.now()
    this.plan?.patienceFor(member.name).gained()
  }

  /** The window of an earlier batch, which has not settled, was closed since waiting had brought nothing. Now it would have. */
  protected wouldHaveGained(member: Member): void {
    if (this.#host.now() - member.givenUpAt! < member.settings.delay)
      this.plan?.patienceFor(member.name).gained()
    member.givenUpAt = null
  }

  // ---- They close

  /** A batch has left: its window has waited up to now, and is closed where no other is pending. */
  protected windowLost(member: Member): void {
    if (member.hasWindow && member.keptAt !== null) this.#accountFor(member)
    if (member.pending === 0) this.windowClosed(member)
  }

  protected lookLater(): void {
    if (this.#looking) return
    this.#looking = true
    this.#host.endOfTick(() => {
      this.#looking = false
      this.ticks++
      const opened = this.#opened
      this.#opened = []
      if (this.#open > 0) this.#closeWindows(opened)
    })
  }

  #closeWindows(opened: readonly Member[]): void {
    const closing = this.isQuiet ? [...this.members] : this.#inVainOrDone(opened)
    for (const member of closing) if (member.hasWindow) this.#close(member)
  }

  /** The windows that close although something goes on. Those of the others that have just opened are kept. */
  #inVainOrDone(opened: readonly Member[]): Iterable<Member> {
    const recording = this.recording
    const closing = new Set<Member>()
    // For a window that was left open before, nothing may have changed.
    const changed = recording === null ? opened : recording.changed(this.members, opened)
    // Only what has been waited since may have ended the waiting for others than these.
    const candidates = this.#vain > this.#vainThen ? this.members : changed
    this.#vainThen = this.#vain
    for (const member of candidates) {
      if (!member.hasWindow) continue
      const isInVain = this.#isPatienceOver(member) && member.settings.delay < Infinity
      if (isInVain) member.givenUpAt = this.#host.now()
      if (isInVain || recording?.nothingFollows(member)) closing.add(member)
    }
    for (const member of opened) if (member.hasWindow && !closing.has(member)) this.#keep(member)
    return closing
  }

  #keep(member: Member): void {
    this.profile?.outlived()
    member.keepWindow()
    this.#openWindows ??= new OpenWindows(this.#host, this.members, this.running)
    this.#openWindows.watch(member)
  }

  #close(member: Member): void {
    if (member.keptAt !== null) this.#accountFor(member)
    this.windowClosed(member)
    member.closeWindow()
  }

  protected windowClosed(member: Member): void {
    if (!member.hasWindow) return
    member.hasWindow = false
    member.keptAt = null
    if (--this.#open === 0) this.#openWindows?.end()
  }

  /** How long a window was open and got nothing by it, no instant counted twice. */
  #accountFor({ name, keptAt, settings: { delay } }: Member): void {
    const now = this.#host.now()
    // No longer than `delay`: from then on it was not the window that waited, but its batch for a slot.
    const until = Math.min(now, keptAt! + delay)
    const own = (until - keptAt!) / delay
    const inVain = (until - Math.max(keptAt!, this.#vainUntil)) / delay
    this.#vainUntil = now
    if (own > 0) this.plan?.patienceFor(name).waitedInVain(own, now, delay)
    if (inVain > 0) this.#vain += inVain
  }

  /** Never while parts are waited for: a wide scope lives as long as the program, and would be out of patience for ever. */
  #isPatienceOver({ name }: Member): boolean {
    return this.busyParts === 0 && this.#vain >= (this.plan?.patienceFor(name).left ?? budget)
  }
}
