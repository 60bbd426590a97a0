/**
 * The warning of a window that stays open: with `delay: Infinity` it may hang for ever, and nothing would say why.
 * @module
 */

import type { Member } from './member.ts'
import type { Work } from './work.ts'

/** A window that stays open for so many ms is worth a warning. */
export const long = 5_000
let isWarned = false

/**
 * Warns, once in the life of the program, of a window that has been open for long. Returns when that is to be looked at again,
 * in ms; `Infinity` if it is not.
 */
export function warn(members: Iterable<Member>, running: Iterable<Work>, now: number): number {
  const open = [...members].filter(
    each => each.keptAt !== null && !each.isReady && each.settings.delay > long,
  )
  const since = Math.min(...open.map(({ keptAt }) => keptAt!))
  const oldest = open.find(({ keptAt }) => keptAt === since)
  if (oldest === undefined || isWarned) return Infinity
  const left = since + long - now
  if (left > 0) return Math.ceil(left)
  isWarned = true
  const lasts = `has had its window open for 5 s, with ${oldest.pending} pending`
  globalThis.process?.emitWarning?.(`Bulkcall: ${oldest.name} ${lasts}, waiting for ${names(running)}`, {
    code: 'BULKCALL_WINDOW_OPEN',
  })
  return Infinity
}

/** The resolvers of what runs. */
function names(running: Iterable<Work>): string {
  const resolvers = new Set([...running].map(({ evidence }) => evidence?.name))
  resolvers.delete(undefined)
  return [...resolvers].join(', ') || 'work that is not known by name'
}
