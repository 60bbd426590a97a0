/**
 * A recording of what goes on in a scope, kept only where evidence is gathered: what its windows may still get, by evidence.
 * @module
 */

import type { Evidence, Plan } from './evidence.ts'
import type { Member } from './member.ts'

/**
 * What may bring calls: a resolver, by what follows from its result; a loader that running work is still due to call; or
 * `null`, what may do anything.
 */
export type Cause = Evidence | string | null

/** Where the search for what leads to a call of a loader has come to. */
interface Search {
  /** Of what was known then. */
  readonly version: number
  /** What goes on, in the order in which it began: what is behind is left, and what begins again comes behind. */
  readonly ahead: IterableIterator<Evidence | null>
  /** What was found: as long as that goes on, nothing else is looked for. */
  found: Evidence | null | undefined
}

export class Recording {
  readonly #plan: Plan
  /** How many pieces of work, and batches in flight, may bring calls by each of these; apart from them, by each loader. */
  readonly #goesOn = new Map<Evidence | null, number>()
  readonly #due = new Map<string, number>()
  readonly #searches = new WeakMap<Member, Search>()
  /** The windows that each of these keeps open. */
  readonly #kept = new Map<Cause, Member[]>()
  readonly #freed: Set<Member>
  /** What work that goes on has given, and what is known of it. */
  readonly #given = new WeakMap<object, Evidence | null>()

  /** @param freed gets those whose windows nothing keeps open any more that did */
  constructor(plan: Plan, freed: Set<Member>) {
    this.#plan = plan
    this.#freed = freed
  }

  /** Whether work of this resolver has given the same before. */
  gaveBefore(result: unknown, evidence: Evidence | null): boolean {
    if (evidence !== null && this.#given.get(result as object) === evidence) return true
    this.#given.set(result as object, evidence)
    return false
  }

  /** One more goes on that may bring calls by these, or one less. */
  count(causes: Iterable<Cause>, change: 1 | -1): void {
    for (const cause of causes) {
      const counts: Map<Cause, number> = typeof cause === 'string' ? this.#due : this.#goesOn
      const count = (counts.get(cause) ?? 0) + change
      if (count !== 0) counts.set(cause, count)
      else {
        counts.delete(cause)
        for (const member of this.#kept.get(cause) ?? []) this.#freed.add(member)
        this.#kept.delete(cause)
      }
    }
  }

  /** Whether evidence says that nothing which goes on leads to another call of this loader. */
  nothingFollows(member: Member): boolean {
    const keeper = this.#keeperOf(member)
    if (keeper === undefined) return true
    const kept = this.#kept.get(keeper)
    if (kept !== undefined) kept.push(member)
    else this.#kept.set(keeper, [member])
    return false
  }

  /** What keeps a window open, if anything does: all that goes on is looked at once, and anew only where more is known. */
  #keeperOf(member: Member): Cause | undefined {
    const { name } = member
    const { profile } = this.#plan
    if (this.#due.has(name)) return name
    if (profile.doubts(name)) return null
    const { version } = profile
    let search = this.#searches.get(member)
    if (search?.version !== version) {
      search = { version, ahead: this.#goesOn.keys(), found: undefined }
      this.#searches.set(member, search)
    }
    if (search.found !== undefined && this.#goesOn.has(search.found)) return search.found
    for (const cause of search.ahead)
      if (cause === null || this.#plan.leadsTo(cause, name)) return (search.found = cause)
    // An iterator that has come to the end sees nothing that begins from here on.
    this.#searches.delete(member)
    return undefined
  }
}
