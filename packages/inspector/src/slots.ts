/**
 * Slots: what a limiter says of itself. It is not ours, so it may throw when it is looked at, or be a part of itself.
 * @module
 */

import type { Limiter } from '@bulkcall/core'
import type { RecordedLimiter } from './recording.ts'
import { readable } from './words.ts'

/** More limiters of one bulk than anyone has. */
const mostParts = 100

export class Limiters {
  readonly #ids = new WeakMap<Limiter, number>()
  #lastId = 0

  /** What a limiter is made of. */
  of(limiter: Limiter | null): RecordedLimiter[] {
    return limiter === null ? [] : partsOf(limiter).map(part => this.#recorded(part))
  }

  #recorded(limiter: Limiter): RecordedLimiter {
    let id = this.#ids.get(limiter)
    if (id === undefined) this.#ids.set(limiter, (id = ++this.#lastId))
    return { id, slots: slotsOf(limiter) }
  }
}

function partsOf(limiter: Limiter): readonly Limiter[] {
  const found = new Set<Limiter>()
  const seen = new Set<Limiter>()
  const look = (each: Limiter): void => {
    if (seen.has(each) || seen.size >= mostParts) return
    seen.add(each)
    const parts = readable(() => each.parts && [...each.parts])
    if (parts === undefined) found.add(each)
    else for (const part of parts) if (typeof part === 'object' && part !== null) look(part)
  }
  look(limiter)
  return [...found]
}

/** How many slots a limiter says that it has; `null` if that is no such number. */
function slotsOf(limiter: Limiter): number | null {
  const slots = readable(() => limiter.slots)
  return Number.isSafeInteger(slots) && slots! >= 1 ? slots! : null
}
