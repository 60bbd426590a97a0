/**
 * Evidence: what resolvers were seen to do, so that a window need not wait for what they never do.
 *
 * It belongs to the resolver, not to a document, so there is a bounded amount of it, and every document profits. To know
 * which piece of work has made a call after an `await`, work is run in an `AsyncLocalStorage`; without one there is no
 * evidence, and windows stay open for `delay`.
 * @module
 */

/** So many pieces are observed before it is believed that the work of a resolver never calls after an `await`. */
const enough = 8
/** For so many scopes after one in which a window has outlived its tick, it is recorded who does what. */
const long = 64

/** What is recorded over all scopes of one server. */
export class Profile {
  /** Changes with everything that is worked out from evidence. */
  version = 0
  #scopes = 0
  #recordsUntil = 0
  /** Up to which scope calls of unknown work are reckoned with: by loader, and under `null` of any. */
  readonly #doubts = new Map<string | null, number>()
  readonly #commands = new Map<string, Evidence>()

  /** A scope begins. Returns whether it is worth recording. */
  begins(): boolean {
    return ++this.#scopes <= this.#recordsUntil
  }

  /** A window has outlived its tick. */
  outlived(): void {
    this.#recordsUntil = this.#scopes + long
  }

  /** A call of this loader has come from work that is not known: there may be more as long as that goes on. */
  doubt(loader: string): void {
    for (const each of [loader, null]) this.#doubts.set(each, this.#scopes + long)
  }

  /** Whether work that is not known may call this loader, or any. */
  doubts(loader: string | null): boolean {
    return this.#doubts.get(loader)! >= this.#scopes
  }

  /** What the command of this loader was seen to call itself. */
  ofCommand(loader: string): Evidence {
    let evidence = this.#commands.get(loader)
    if (evidence === undefined) this.#commands.set(loader, (evidence = new Evidence(loader)))
    return evidence
  }
}

/** What the work of one resolver was seen to do. */
export class Evidence {
  /** For people: `Post.author`. */
  readonly name: string
  /** Whether a call was seen while an earlier one of the same work had not settled: then that one proves no waiting. */
  overlaps = false
  /** The loaders that one piece was seen to call in two ticks. */
  readonly scattered: Set<string> = new Set()
  /** By loader, how many calls one piece makes after its synchronous part, at most; `Infinity` where that was exceeded. */
  readonly late: Map<string, number> = new Map()
  readonly #called = new Set<string>()
  /** How many pieces were observed, and how many of these went on after their synchronous part. */
  #observed = 0
  #wentOn = 0

  constructor(name: string) {
    this.name = name
  }

  /** Whether a piece is to be observed: as long as little is known, and always where it calls after an `await`. */
  isOpen(profile: Profile): boolean {
    return this.#observed < enough || this.late.size > 0 || profile.doubts(null)
  }

  /** Whether work of this resolver may call this loader: what was never observed may do anything. */
  mayCall(loader: string): boolean {
    return this.#observed === 0 || this.#called.has(loader)
  }

  /** Whether so many calls of this loader are all that a piece ever makes. */
  isAll(loader: string, calls: number): boolean {
    return this.#wentOn > 0 && this.late.get(loader) === calls
  }

  /** Whether a piece is known to make all its calls of this loader, however many, in one tick. */
  isAtOnce(loader: string): boolean {
    return this.#observed >= enough && !this.scattered.has(loader)
  }

  /** Whether a piece is known to wait for each of its calls before it makes another. */
  get waitsForEach(): boolean {
    return !this.overlaps && this.#observed >= enough
  }

  /** Whether nothing is known of what such work does after its synchronous part. */
  get isNew(): boolean {
    return this.#wentOn === 0
  }

  /** Work of this resolver calls a loader. */
  calls(loader: string, profile: Profile): void {
    if (this.#called.has(loader)) return
    this.#called.add(loader)
    profile.version++
  }

  /** An observed piece has called this loader for the so-manieth time after its synchronous part. */
  callsLate(loader: string, calls: number, profile: Profile): void {
    this.calls(loader, profile)
    const most = this.late.get(loader) ?? 0
    if (calls <= most) return
    // More than was proven: the number is no property of the code, and is not believed again.
    this.late.set(loader, this.#observed >= enough && most > 0 ? Infinity : calls)
  }

  /** An observed piece has ended, with its synchronous part or later. */
  ended(profile: Profile, wentOn: boolean): void {
    if (this.#observed++ === 0) profile.version++
    if (wentOn && this.#wentOn++ === 0) profile.version++
  }
}

/** In `delay`s, how long all windows of a scope together may be open for nothing. */
export const budget = 3

/** What is known of one document: what may follow from what, and whether waiting has paid. */
export class Plan {
  readonly profile: Profile
  readonly #leadsTo: (from: Evidence, loader: string) => boolean
  readonly #known = new Map<Evidence, Map<string, boolean>>()
  #version = 0
  #scopes = 0
  /** By loader. */
  readonly #patience = new Map<string, Patience>()

  /** @param leadsTo whether what follows from the result of such work, not itself, may call this loader */
  constructor(profile: Profile, leadsTo: (from: Evidence, loader: string) => boolean) {
    this.profile = profile
    this.#leadsTo = leadsTo
  }

  /** A scope begins. Where nobody waits any more, it is tried again now and then. */
  begins(): void {
    if (++this.#scopes % long > 0) return
    for (const patience of this.#patience.values()) patience.left = Math.max(patience.left, 1)
  }

  /** Whether what follows from the result of such work may call this loader. */
  leadsTo(from: Evidence, loader: string): boolean {
    const { version } = this.profile
    if (this.#version !== version) {
      this.#version = version
      this.#known.clear()
    }
    let known = this.#known.get(from)
    if (known === undefined) this.#known.set(from, (known = new Map()))
    let leads = known.get(loader)
    if (leads === undefined) known.set(loader, (leads = this.#leadsTo(from, loader)))
    return leads
  }

  /** Whether waiting for more calls of this loader has paid. */
  patienceFor(loader: string): Patience {
    let patience = this.#patience.get(loader)
    if (patience === undefined) this.#patience.set(loader, (patience = new Patience()))
    return patience
  }
}

/** Whether waiting has paid, over the scopes of a document. */
export class Patience {
  /** In `delay`s, how long a scope may wait for nothing. It shrinks while waiting brings nothing. */
  left: number = budget
  /** Until when waiting in vain was accounted for, in whichever of the scopes that run at once. */
  #vainUntil = -Infinity

  /**
   * A window was open for so many `delay`s up to now and got nothing by it. Where scopes run at once, one late answer of a
   * backend makes all of them wait: no instant counts twice.
   */
  waitedInVain(delays: number, now: number, delay: number): void {
    const sinceOthers = (now - this.#vainUntil) / delay
    this.#vainUntil = now
    // Below 0 it is another host, with another clock.
    this.left -= Math.max(0, Math.min(delays, sinceOthers)) / 2
    if (this.left < 1 / 8) this.left = 0
  }

  /** A window got another call by staying open, or would have. */
  gained(): void {
    this.left = budget
  }
}
