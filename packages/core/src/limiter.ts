/**
 * Limiters: slots, handed over in turn.
 * @module
 */

import { check, isWholeFrom } from './validate.ts'

/** The right to run one command. */
export interface Slot {
  /** Gives the slot back. The engine does so once, when the command has settled. */
  release(): void
}

/** What waits in line for a slot: an engine with a bulk that is ready. */
export interface Waiter {
  /** A slot is granted, and occupied for it already. It starts a bulk at once or releases the slot. */
  granted(slot: Slot): void
  /** No slot will come. The tasks of the bulk that waited reject with this error. */
  refused(error: unknown): void
}

/**
 * Limits how many commands run at once. Give one limiter to several calls, and it limits them together. With your own
 * implementation of these two methods, the slots may be in another process.
 */
export interface Limiter {
  /**
   * A slot, if one is free and nobody stands in line. Otherwise `null`, and the waiter, which is never in line twice,
   * stands last in line and is called once, then or later: `granted` or `refused`.
   */
  acquire(waiter: Waiter): Slot | null
  /** Leaves the line: its bulk has lost all its tasks. A slot that was already on its way must not be lost. */
  leave(waiter: Waiter): void
  /** How many slots there are, if it is known; for events. */
  readonly slots?: number
  /** How many slots are occupied now, if it is known. */
  readonly inUse?: number
  /** How many wait in line now, if it is known. */
  readonly waiting?: number
  /** The limiters that it is made of, if it is more than one. */
  readonly parts?: readonly Limiter[]
}

/**
 * A limiter of `slots` slots in this process. The calls that share it are served round-robin.
 * @param slots how many commands may run at once: a whole number from 1
 */
export function semaphore(
  slots: number,
): Limiter & { readonly slots: number; readonly inUse: number; readonly waiting: number } {
  check('the slots of a semaphore', isWholeFrom(1, slots), 'a whole number from 1', slots)
  return new Semaphore(slots)
}

class Semaphore implements Limiter, Slot {
  // Invariant: inUse <= slots, and someone waits only while inUse === slots. A slot with a next in line is never free
  // in between, so a newcomer cannot steal it.
  inUse = 0
  readonly slots: number
  readonly #line = new Set<Waiter>()
  #unclaimed = 0
  #handingOver = false

  constructor(slots: number) {
    this.slots = slots
  }

  get waiting(): number {
    return this.#line.size
  }

  acquire(waiter: Waiter): Slot | null {
    if (this.inUse < this.slots) {
      this.inUse++
      return this
    }
    this.#line.add(waiter)
    return null
  }

  leave(waiter: Waiter): void {
    this.#line.delete(waiter)
  }

  release(): void {
    this.#unclaimed++
    if (this.#handingOver) return
    // A loop, not a call within a call: a command that settles at once gives its slot back while it is being handed
    // over, and a long line of such commands would overflow the stack.
    this.#handingOver = true
    try {
      while (this.#unclaimed > 0) {
        this.#unclaimed--
        const [next] = this.#line
        if (next === undefined) this.inUse--
        else {
          this.#line.delete(next)
          next.granted(this)
        }
      }
    } finally {
      this.#handingOver = false
    }
  }
}
