/**
 * A recording of who does what in a scope, kept only where evidence is gathered: what its windows may still get, by evidence.
 * @module
 */

import type { Evidence, Plan } from './evidence.ts'
import type { Member } from './member.ts'
import type { Awaited, Work } from './work.ts'

/** Where the search for what leads to a call of a loader has come to. */
interface Search {
  readonly loader: string
  /** Of what was known then. */
  readonly version: number
  /** What goes on, in the order in which it began: what is behind is left, and what begins again comes behind. */
  readonly ahead: Iterator<Evidence | null>
  /** What was found: as long as that goes on, nothing else is looked for. */
  found: Evidence | null | undefined
}

export class Recording {
  readonly #plan: Plan
  #version = -1
  /**
   * How many pieces of work of each resolver run, and how many batches in flight it has asked for something; under `null`
   * what may do anything, and what nobody knows who asked for.
   */
  readonly #goesOn = new Map<Evidence | null, number>()
  /** How many pieces that run are still due to call a loader. */
  readonly #due = new Map<string, number>()
  readonly #searches = new WeakMap<Member, Search>()
  /** The windows that each of these keeps open: what goes on, or a loader that is due to be called. */
  readonly #kept = new Map<Evidence | string | null, Member[]>()
  /** What work that goes on has given, and what is known of it. */
  readonly #given = new WeakMap<object, Evidence | null>()
  /** Those that nothing keeps open which did. */
  #freed: Member[] = []

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** Whether work of this resolver has given the same before. */
  gaveBefore(result: unknown, evidence: Evidence | null): boolean {
    if (evidence !== null && this.#given.get(result as object) === evidence) return true
    this.#given.set(result as object, evidence)
    return false
  }

  /** One piece of work more runs, or one less. */
  runs(work: Work, change: 1 | -1): void {
    const { evidence, command } = work
    if (change > 0) {
      work.isUnknown = evidence === null || evidence.isNew
      work.due = evidence === null ? [] : [...evidence.late.keys()].filter(loader => work.mayCall(loader))
    }
    // Taken out just as it was put in, whatever has been learned since.
    if (work.isUnknown) this.anything(change)
    if (evidence !== null && command === null) this.#add(this.#goesOn, evidence, change)
    for (const loader of work.due) this.#add(this.#due, loader, change)
  }

  /** One batch more is in flight, or one less. Who asked for it stays the same meanwhile. */
  flies({ askers }: Awaited, change: 1 | -1): void {
    for (const asker of askers ?? [null]) this.#add(this.#goesOn, asker, change)
  }

  /** Something goes on that may call anything, or does no longer. */
  anything(change: 1 | -1): void {
    this.#add(this.#goesOn, null, change)
  }

  /** Of the windows of these calls, those for which something has changed since the last time, beside those that opened. */
  changed(members: Iterable<Member>, opened: readonly Member[]): Iterable<Member> {
    const { version } = this.#plan.profile
    const freed = this.#freed
    this.#freed = []
    if (version === this.#version) return [...opened, ...freed]
    this.#version = version
    this.#kept.clear()
    return members
  }

  /** Whether evidence says that nothing which goes on leads to another call of this loader. */
  nothingFollows(member: Member): boolean {
    const keeper = this.#keeperOf(member)
    if (keeper === undefined) return true
    const kept = this.#kept.get(keeper)
    if (kept === undefined) this.#kept.set(keeper, [member])
    else kept.push(member)
    return false
  }

  /** What keeps a window open, if anything does. */
  #keeperOf(member: Member): Evidence | string | null | undefined {
    const search = this.#searchFor(member)
    const { loader, ahead } = search
    if (this.#due.has(loader)) return loader
    if (search.found !== undefined && this.#goesOn.has(search.found)) return search.found
    for (let next; (next = ahead.next()).done !== true;) {
      const { value } = next
      if (value === null || this.#plan.leadsTo(value, loader)) return (search.found = value)
    }
    // An iterator that has come to the end sees nothing that begins from here on.
    this.#searches.delete(member)
    return undefined
  }

  /** Goes through what goes on once, and begins anew only where more is known. */
  #searchFor(member: Member): Search {
    const version = this.#version
    let search = this.#searches.get(member)
    if (search?.version !== version) {
      search = { loader: member.name, version, ahead: this.#goesOn.keys(), found: undefined }
      this.#searches.set(member, search)
    }
    return search
  }

  #add<K extends Evidence | string | null>(counts: Map<K, number>, key: K, change: number): void {
    const count = (counts.get(key) ?? 0) + change
    if (count !== 0) counts.set(key, count)
    else {
      counts.delete(key)
      for (const member of this.#kept.get(key) ?? []) this.#freed.push(member)
      this.#kept.delete(key)
    }
  }
}
