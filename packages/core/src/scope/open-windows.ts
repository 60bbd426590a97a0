/**
 * The warning of a window that stays open: with `delay: Infinity` it may hang for ever, and nothing would say why.
 * @module
 */

import type { Host } from '../host.ts'
import type { Member } from './member.ts'
import type { Work } from './work.ts'

/** A window that stays open for so many ms is worth a warning. */
const long = 5_000
let isWarned = false

export class OpenWindows {
  readonly #host: Host
  readonly #members: Iterable<Member>
  readonly #running: Iterable<Work>
  #timer: unknown = null

  constructor(host: Host, members: Iterable<Member>, running: Iterable<Work>) {
    this.#host = host
    this.#members = members
    this.#running = running
  }

  /** This window stays open for now. Warns once in the life of the program of one that goes on doing so. */
  watch({ settings }: Member): void {
    if (settings.delay > long && !isWarned && this.#timer === null) this.#warnLater(long)
  }

  /** No window is open any more. */
  end(): void {
    if (this.#timer !== null) this.#host.clearTimer(this.#timer)
    this.#timer = null
  }

  #warnLater(ms: number): void {
    this.#timer = this.#host.setTimer(() => {
      this.#timer = null
      if (!isWarned) this.#warn()
    }, ms)
    // What only warns keeps no program alive.
    ;(this.#timer as { unref?(): void } | undefined)?.unref?.()
  }

  #warn(): void {
    const now = this.#host.now()
    /** When the next of the windows will have been open for so long. */
    let next = Infinity
    for (const { name, pending, keptAt, isReady, settings } of this.#members) {
      if (keptAt === null || isReady || settings.delay <= long) continue
      if (now - keptAt < long) {
        next = Math.min(next, keptAt + long - now)
        continue
      }
      const lasts = `has had its window open for ${long / 1000} s, with ${pending} pending`
      isWarned = true
      globalThis.process?.emitWarning?.(`Bulkcall: ${name} ${lasts}, waiting for ${this.#waitedFor}`, {
        code: 'BULKCALL_WINDOW_OPEN',
      })
      return
    }
    if (next < Infinity) this.#warnLater(Math.ceil(next))
  }

  /** The resolvers of what runs. */
  get #waitedFor(): string {
    const names = new Set<string>()
    for (const { evidence } of this.#running) if (evidence !== null) names.add(evidence.name)
    return [...names].join(', ') || 'work that is not known by name'
  }
}
