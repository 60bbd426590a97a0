/**
 * A recording of who does what in a scope, kept only where evidence is gathered: what its windows may still get, by evidence.
 * @module
 */

import type { Evidence, Plan } from './evidence.ts'
import type { Awaited, Work } from './work.ts'

export class Recording {
  readonly #plan: Plan
  /** How many pieces of work run of each resolver. */
  readonly #resolvers = new Map<Evidence, number>()
  /** How many of them are still due to call a loader. */
  readonly #due = new Map<string, number>()
  /** How many of them may do anything. */
  #unknown = 0
  /** Of how many batches in flight each resolver has asked for something; `null` is nobody knows which. */
  readonly #asked = new Map<Evidence | null, number>()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** One piece of work more runs, or one less. */
  runs(work: Work, change: 1 | -1): void {
    const { evidence, isCommand } = work
    if (change > 0) {
      work.isUnknown = evidence === null || evidence.isNew
      work.due = evidence === null ? [] : [...evidence.late.keys()].filter(loader => work.mayCall(loader))
    }
    // Taken out just as it was put in, whatever has been learned since.
    if (work.isUnknown) this.#unknown += change
    if (evidence !== null && !isCommand) add(this.#resolvers, evidence, change)
    for (const loader of work.due) add(this.#due, loader, change)
  }

  /** One batch more is in flight, or one less. Who asked for it stays the same meanwhile. */
  flies({ askers }: Awaited, change: 1 | -1): void {
    for (const asker of askers ?? [null]) add(this.#asked, asker, change)
  }

  /** Whether evidence says that nothing which goes on leads to another call of this loader. */
  nothingFollows(loader: string): boolean {
    if (this.#unknown > 0 || this.#due.has(loader)) return false
    for (const evidence of this.#resolvers.keys()) if (this.#plan.leadsTo(evidence, loader)) return false
    for (const asker of this.#asked.keys())
      if (asker === null || this.#plan.leadsTo(asker, loader)) return false
    return true
  }
}

function add<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
