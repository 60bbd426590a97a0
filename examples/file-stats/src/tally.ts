/**
 * A tally of questions and processes, kept from the events of Bulkcall.
 * @module
 */

import { onBulk } from '@bulkcall/core'

export interface Count {
  asked: number
  processes: number
}

export class Tally {
  /** By the name of the question. */
  readonly counts = new Map<string, Count>()
  /** How long it took, once it has been stopped. */
  ms = NaN
  readonly sum: Count = { asked: 0, processes: 0 }
  readonly #startedAt = performance.now()
  readonly #stopListening: () => void

  /** @param changed is called for each process that has ended */
  constructor(changed: (sum: Count) => void = () => {}) {
    this.#stopListening = onBulk({
      settled: ({ name, tasks, none }) => {
        // The tool is missing: there was nobody to ask, and no process.
        if (none) return
        const count = this.counts.get(name) ?? { asked: 0, processes: 0 }
        this.counts.set(name, count)
        for (const each of [count, this.sum]) {
          each.asked += tasks
          each.processes += 1
        }
        changed(this.sum)
      },
    })
  }

  stop(): void {
    this.#stopListening()
    this.ms = performance.now() - this.#startedAt
  }
}
