/**
 * A slot in Redis: taken, renewed while it is held, and given back. `redis-semaphore` does the work; what it leaves to its
 * callers is done here.
 * @module
 */

import { Semaphore } from 'redis-semaphore'

import type { IoredisClient } from './client.ts'

/** Where slots are, and how long one lives without a renewal. */
export interface SlotSource {
  readonly client: IoredisClient
  readonly key: string
  readonly limit: number
  readonly leaseMs: number
  /** Hears that a slot is gone while it is held. */
  readonly lost: (heldMs: number) => void
}

/** So often a slot is renewed within one lease: two renewals may fail before it is lost. */
const renewals = 3

/** A slot that is held. */
export class RemoteSlot {
  /** Since when, on the clock of `performance`. */
  readonly takenAt: number
  /** Whether Redis has counted it among the free ones while it was held. */
  lost = false
  readonly #semaphore: Semaphore
  #held = true

  private constructor(semaphore: Semaphore, takenAt: number) {
    this.#semaphore = semaphore
    this.takenAt = takenAt
  }

  /** Asks once. `null` if all slots are taken; rejects if Redis does. */
  static async take({ client, key, limit, leaseMs, lost }: SlotSource): Promise<RemoteSlot | null> {
    let slot: RemoteSlot | null = null
    // The time at which it was asked for counts, as in Redis: an answer that was long on its way is that much older.
    const takenAt = performance.now()
    const semaphore = new Patient(client as never, key, limit, {
      lockTimeout: leaseMs,
      refreshInterval: Math.round(leaseMs / renewals),
      // Its own loop looks at the time only between two answers, and would hang on a Redis that is silent.
      acquireAttemptsLimit: 1,
      retryInterval: 0,
      // The default one throws out of a timer, which ends the process.
      onLockLost() {
        if (slot === null || !slot.#held) return
        slot.lost = true
        lost(Math.round(performance.now() - takenAt))
      },
    })
    if (!(await semaphore.tryAcquire())) return null
    slot = new RemoteSlot(semaphore, takenAt)
    return slot
  }

  /** Nobody waits for this: if Redis does not hear of it, the slot is free one lease after its last renewal. */
  giveBack(): void {
    this.#held = false
    this.#semaphore.release().catch(() => {})
  }
}

class Patient extends Semaphore {
  /**
   * A renewal that fails is not a slot that is lost: the next one may succeed within the lease. If it rejected, it would
   * be a rejection that nobody handles, which ends the process.
   */
  protected override async _refresh(): Promise<boolean> {
    try {
      // oxlint-disable-next-line no-underscore-dangle -- its own name for it
      return await super._refresh()
    } catch {
      return true
    }
  }
}
