/**
 * Drains: who waits until everything that was accepted before has settled. Made by the first `flush` or `close`.
 * @module
 */

import type { Host } from '../host.ts'

interface Waiting {
  readonly through: number
  readonly done: () => void
}

export class Drains {
  private readonly host: Host
  /** In the order of the numbers of the batches that they wait for. */
  private readonly waiting: Set<Waiting> = new Set()

  constructor(host: Host) {
    this.host = host
  }

  /** Resolves when all batches up to this number have settled. */
  through(id: number): Promise<void> {
    return new Promise(done => this.waiting.add({ through: id, done }))
  }

  /** All batches before this number have settled. */
  settledBefore(id: number): void {
    for (const each of this.waiting) {
      if (each.through >= id) return
      this.waiting.delete(each)
      // After the microtasks: callers get their results before it is said that all have them.
      this.host.endOfTick(each.done)
    }
  }
}
