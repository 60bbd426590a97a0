/**
 * The windows of a scope: which of them close before their `delay`, with certainty or with evidence, and what the others have
 * waited for nothing.
 * @module
 */

import { LinkedList } from '../linked-list.ts'
import type { Host } from '../host.ts'
import { budget, type Plan, type Profile } from './evidence.ts'
import type { Member } from './member.ts'
import type { Recording } from './recording.ts'
import { long, warn } from './warning.ts'
import type { Work } from './work.ts'

export abstract class Windows {
  plan: Plan | null = null
  protected readonly members: LinkedList<Member> = new LinkedList()
  /** Work that goes on and waits for no parked batch: any of it may call. */
  protected readonly running: LinkedList<Work> = new LinkedList()
  /** Parts of this scope that are busy. */
  protected busyParts = 0
  /** Who does what, where that is recorded. */
  recording: Recording | null = null
  readonly #host: Host
  /** Changes with each tick after which windows were looked at. */
  ticks = 0
  #open = 0
  /** Those of which a batch has opened, or what kept their windows open has ended, since the last look. */
  protected readonly changed: Set<Member> = new Set()
  #looking = false
  /** Until when waiting in vain was accounted for, and what it came to, in `delay`s. */
  #vainUntil = -Infinity
  #vain = 0
  /** Changes with all that may close a window for which nothing has changed. */
  #stamp = 0
  #warning: unknown = null

  constructor(host: Host) {
    this.#host = host
  }

  /** Whether nothing can come any more. */
  protected abstract get isQuiet(): boolean

  get profile(): Profile | null {
    return this.plan?.profile ?? null
  }

  protected get hasWindows(): boolean {
    return this.#open > 0
  }

  // ---- They open

  protected windowOpened(member: Member): void {
    if (!member.hasWindow) this.#open++
    member.hasWindow = true
    this.changed.add(member)
    this.lookLater()
  }

  /** A window has got another call; or would have, if it had not been closed since waiting had brought nothing. */
  protected gained(member: Member): void {
    const { name, keptAt, givenUpAt, settings } = member
    const since = keptAt ?? givenUpAt
    if (since === null) return
    const now = this.#host.now()
    if (now - since < settings.delay) this.plan?.patienceFor(name).gained()
    if (keptAt !== null) {
      member.keptAt = now
      member.hasGained = true
    }
    member.givenUpAt = null
  }

  // ---- They close

  protected lookLater(): void {
    if (this.#looking) return
    this.#looking = true
    this.#host.endOfTick(() => {
      this.#looking = false
      this.ticks++
      if (this.#open > 0) this.#closeWindows()
    })
  }

  /** All are looked at before one closes, since what starts then goes on. */
  #closeWindows(): void {
    const { isQuiet, changed } = this
    const stamp = this.#vain + (this.profile?.version ?? 0)
    const closing: Member[] = []
    for (const member of isQuiet || stamp !== this.#stamp ? this.members : changed) {
      if (!member.hasWindow) continue
      if (this.#closes(member, isQuiet)) closing.push(member)
      else if (changed.has(member)) this.#keep(member)
    }
    changed.clear()
    this.#stamp = stamp
    for (const member of closing) this.#close(member)
  }

  /** Whether a window closes now: with certainty, since waiting was in vain, or by evidence. */
  #closes(member: Member, isQuiet: boolean): boolean {
    if (isQuiet && !member.isStray) return true
    if (this.#isPatienceOver(member)) {
      member.givenUpAt = this.#host.now()
      return true
    }
    return !member.isStray && this.recording !== null && this.recording.nothingFollows(member)
  }

  /** Never while parts are waited for: a wide scope lives as long as the program, and would be out of patience for ever. */
  #isPatienceOver({ name, settings: { delay } }: Member): boolean {
    if (this.busyParts > 0 || delay === Infinity) return false
    return this.#vain >= (this.plan?.patienceFor(name).left ?? budget)
  }

  #close(member: Member): void {
    // What has started before it may have closed it.
    if (!member.hasWindow) return
    this.windowClosed(member)
    member.closeWindow()
  }

  /** A batch has left: its window has waited up to now, and is closed where no other is pending. */
  protected windowLost(member: Member): void {
    if (member.pending === 0) this.windowClosed(member)
    else this.#accountFor(member)
  }

  protected windowClosed(member: Member): void {
    this.#accountFor(member)
    if (!member.hasWindow) return
    member.hasWindow = member.isStray = member.hasGained = false
    member.keptAt = null
    if (--this.#open > 0 || this.#warning === null) return
    this.#host.clearTimer(this.#warning)
    this.#warning = null
  }

  // ---- They stay open

  #keep(member: Member): void {
    this.profile?.outlived()
    member.keepWindow()
    if (member.settings.delay > long && this.#warning === null) this.#warnLater(long)
  }

  /** How long a window was open that has got nothing by it, no instant counted twice. */
  #accountFor({ name, keptAt, hasGained, settings: { delay } }: Member): void {
    if (keptAt === null || hasGained) return
    const now = this.#host.now()
    // No longer than `delay`: from then on it was not the window that waited, but its batch for a slot.
    const until = Math.min(now, keptAt + delay)
    const own = (until - keptAt) / delay
    const inVain = (until - Math.max(keptAt, this.#vainUntil)) / delay
    this.#vainUntil = now
    if (own > 0) this.plan?.patienceFor(name).waitedInVain(own, now, delay)
    if (inVain > 0) this.#vain += inVain
  }

  #warnLater(ms: number): void {
    this.#warning = this.#host.setTimer(() => {
      this.#warning = null
      const next = warn(this.members, this.running, this.#host.now())
      if (next < Infinity) this.#warnLater(next)
    }, ms)
    // What only warns keeps no program alive.
    ;(this.#warning as { unref?(): void } | undefined)?.unref?.()
  }
}
