/**
 * The warning of a window that stays open: with `delay: Infinity` it may hang for ever, and nobody would say why.
 * @module
 */

import type { Host } from '../host.ts'
import type { Member } from './tracker.ts'

/** A window that stays open for so many ms is worth a warning. */
export const longWindow = 5_000

const watched = new WeakSet<Member>()
let isWarned = false

/** Warns once in the life of the program. What only warns keeps no program alive. */
export function warnOfOpen(member: Member, host: Host, waitedFor: () => readonly string[]): void {
  const opened = member.keptAt
  if (isWarned || watched.has(member)) return
  watched.add(member)
  const timer = host.setTimer(() => {
    if (isWarned || !member.hasWindow || member.keptAt !== opened) return
    isWarned = true
    const fields = waitedFor().join(', ') || 'work that is not known by name'
    globalThis.process?.emitWarning?.(
      `Bulkcall: ${member.name} has had its window open for ${longWindow / 1000} s, with ${member.pending} pending, waiting for ${fields}`,
      { code: 'BULKCALL_WINDOW_OPEN' },
    )
  }, longWindow)
  ;(timer as { unref?(): void } | undefined)?.unref?.()
}
