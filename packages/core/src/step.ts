/**
 * Steps: what earlier scopes have shown of a kind of work, so that a later one knows what it need not wait for.
 * @module
 */

import { Pace } from './pace.ts'

/** Makes steps, and knows what they have in common: how long the bulks of each name take. */
export class BulkCourse {
  readonly #lessons = new Lessons()

  /** A new step, of which nothing is known. Whoever uses it keeps it: nothing else does. */
  step(): BulkStep {
    return new Step(this.#lessons)
  }
}

/** A kind of work, such as the resolvers of one field of one document. */
export interface BulkStep {
  /** Says that work of the other kind may follow from the result of this one. */
  leadsTo(next: BulkStep): void
}

/** What the steps of one course have learned together. */
class Lessons {
  /** How long the bulks of a name take; what they took lately counts most. */
  readonly paces: Map<string, Pace> = new Map()
  /** What is worked out from lessons holds until this changes: at once after news, else now and then. */
  edition = 1
  #count = 0

  add(isNews: boolean): void {
    if (isNews || ++this.#count % 64 === 0) this.edition++
  }
}

/** A call that is made in the synchronous part of the work, so none of the kind comes later. */
const atOnce = 0
/** The least that counts as later. */
const soon = 0.01
/** So often work of a kind must have done nothing but call before it is taken to do so always. */
const often = 16

export class Step implements BulkStep {
  /** The run that has shown it first; 0 as long as there was none. */
  firstRun = 0
  readonly #lessons: Lessons
  readonly #next = new Set<Step>()
  /** Whom it calls, and how long after it has begun. */
  readonly #calls = new Map<string, number>()
  /** How long it goes on where it does not call. */
  #works = 0
  /** How often it did nothing but call at once, and gave the promise of that; `null` once it has done anything else. */
  #onlyCalled: number | null = 0

  // What is worked out from all that.
  #edition = 0
  #after = 0
  readonly #reach = new Map<string, number>()

  constructor(lessons: Lessons) {
    this.#lessons = lessons
  }

  leadsTo(next: BulkStep): void {
    this.#next.add(next as Step)
    this.#lessons.add(true)
  }

  /** Whether it does nothing but call at once, as most resolvers do. */
  get onlyCalls(): boolean {
    return this.#onlyCalled === often
  }

  onlyCalled(): void {
    if (this.#onlyCalled !== null && this.#onlyCalled < often) this.#onlyCalled++
  }

  didMore(): void {
    this.#onlyCalled = null
  }

  /** A bulk of this name, of so many calls, has taken so long, and then its callers have worked so long. */
  took(name: string, calls: number, ms: number, work: number): void {
    const { paces } = this.#lessons
    let pace = paces.get(name)
    this.#lessons.add(pace === undefined)
    if (pace === undefined) paces.set(name, (pace = new Pace()))
    pace.took(calls, ms, work)
  }

  /** How long a bulk of this name takes, of so many calls or of as many as usual. */
  takes(name: string, calls?: number): number {
    return this.#lessons.paces.get(name)?.takes(calls) ?? 0
  }

  /** Work of this kind has called at once. */
  calls(name: string): void {
    if (this.#calls.has(name)) return
    this.#calls.set(name, atOnce)
    this.#lessons.add(true)
  }

  /** Work of this kind has called so many ms after it had begun. */
  callsLater(name: string, ms: number): void {
    const known = this.#calls.get(name)
    this.#calls.set(name, Math.max(slowly(known ?? atOnce, ms), soon))
    // Who calls does not go on without: what was seen of such work, once, must not be held against it for ever.
    this.#works = slowly(this.#works, 0)
    this.#lessons.add(known === undefined)
  }

  /** How long after it has begun it calls, where not at once; `undefined` if it does not. */
  later(name: string): number | undefined {
    const ms = this.#calls.get(name)
    return ms === atOnce ? undefined : ms
  }

  /** Work of this kind has ended so many ms after it had begun, and has not called. */
  worked(ms: number): void {
    const known = this.#works
    this.#works = slowly(known, ms)
    this.#lessons.add(known === 0)
  }

  /** From its beginning to its end, where so many of the kind go on, or as many as usual. */
  lasts(count?: number): number {
    let lasts = this.#works
    for (const [name, ms] of this.#calls) lasts = Math.max(lasts, ms + this.takes(name, count))
    return lasts
  }

  /** From its end to the end of all that follows from it. */
  get after(): number {
    this.#workOut()
    return this.#after
  }

  /** From its end until what follows from it calls; `Infinity` if that never does. */
  reach(name: string): number {
    this.#workOut()
    let reach = this.#reach.get(name)
    if (reach === undefined) {
      reach = Infinity
      // A document that was not validated may go in circles.
      this.#reach.set(name, reach)
      for (const next of this.#next) {
        const own = next.#calls.get(name) ?? Infinity
        reach = Math.min(reach, own, next.lasts() + next.reach(name))
      }
      this.#reach.set(name, reach)
    }
    return reach
  }

  #workOut(): void {
    const { edition } = this.#lessons
    if (this.#edition === edition) return
    this.#edition = edition
    this.#reach.clear()
    this.#after = 0
    let after = 0
    for (const next of this.#next) after = Math.max(after, next.lasts() + next.after)
    this.#after = after
  }
}

/** The longest that was seen, and slowly less. */
function slowly(known: number, ms: number): number {
  return Math.max(ms, known - (known - ms) / 64)
}
