/**
 * A scope: a unit of work, such as one GraphQL operation, that knows when nothing more can come.
 * @module
 */

import { check, checkNames, hasMethods } from './door.ts'
import { Forecast, type Flight } from './forecast.ts'
import { host as realHost, type AsyncContext, type Host } from './host.ts'
import { Line, type Standing } from './line.ts'
import { isThenable } from './settle.ts'
import { Step, type BulkStep } from './step.ts'

/** The ledger of a scope, for the engine; `undefined` for what is no scope of this copy of the package. */
export let ledgerOf: (scope: unknown) => Ledger | undefined

/** The options of a `BulkScope`. */
export interface BulkScopeOptions {
  /**
   * Where the clock, the end of a turn and the async context come from; the same as that of the calls in the scope.
   * @default the host that the program runs on
   */
  readonly host?: Host | undefined
  /**
   * The name in events, such as that of a GraphQL operation.
   * @default none
   */
  readonly name?: string | undefined
  /**
   * The wider scope that this one is a part of: its shared bulks wait until all its parts are quiet.
   * @default none
   */
  readonly within?: BulkScope | undefined
  /** Who asks, for events: called at each call while someone listens to calls, in the caller's async context. */
  readonly asker?: (() => string | undefined) | undefined
}

const scopeOptions = ['host', 'name', 'within', 'asker'] as const
const hostMethods = ['now', 'endOfTurn', 'captureContext'] as const

let lastId = 0

/**
 * Closes the windows of its calls as soon as waiting cannot bring another task.
 *
 * The scope is *quiet* when none of its bulks is in flight and every piece of work that runs in it waits for one of its
 * pending calls. What it cannot know makes it wait for `delay` or start early; it never loses or reorders a task.
 */
export class BulkScope {
  /** Under this symbol an object tells the scope that it works in now: `ctx.bulk` of a GraphQL server does. */
  static readonly symbol: unique symbol = Symbol.for('bulkcall:scope') as never
  /** A number that no other scope of this process has. */
  readonly id: number = ++lastId
  /** The name in events; it may become known, or change, later. */
  name: string | undefined
  /** Who asks, for events. */
  readonly asker: (() => string | undefined) | undefined
  readonly #ledger: Ledger
  static {
    ledgerOf = scope =>
      typeof scope === 'object' && scope !== null && #ledger in scope ? scope.#ledger : undefined
  }

  constructor(options: BulkScopeOptions = {}) {
    checkNames(options, scopeOptions)
    const { host = realHost, name, within, asker } = options
    check('host', host === realHost || hasMethods(host, hostMethods), 'a Host', host)
    check('name', name === undefined || typeof name === 'string', 'a string', name)
    check('asker', asker === undefined || typeof asker === 'function', 'a function', asker)
    const wider = within === undefined ? null : ledgerOf(within)
    check('within', wider !== undefined, 'a BulkScope', within)
    this.name = name
    this.asker = asker
    this.#ledger = new Ledger(this, host, wider ?? null)
  }

  /**
   * Runs one piece of work (a resolver, a handler) in the scope and gives what it gives: a value at once, a promise as a
   * promise, a throw as a throw. Calls made in its synchronous part are known to be its own; a call made after an `await`
   * counts as one more piece of work that waits.
   *
   * With a `step`, a window that stays open because of such work closes as soon as earlier scopes have shown that waiting
   * does not pay: that nothing which goes on leads to another of its tasks, or only to some that come too late.
   */
  run<R>(work: () => R, step?: BulkStep): R {
    return run(this.begin(step), work)
  }

  /**
   * The first half of {@link BulkScope.run}, for who runs a piece of work for each of many rows, and would make a function
   * for each. The second half is a method of what it gives, and follows once, when the synchronous part is over.
   */
  begin(step?: BulkStep): BulkPiece {
    check('step', step === undefined || step instanceof Step, 'a step of a BulkCourse', step)
    return this.#ledger.begin(null, step === undefined ? null : (step as Step))
  }

  /**
   * Gives up everything in the scope, because nobody waits for it any more: pending calls reject with the reason and are
   * never sent, calls in flight reject at once and their bulks' signals abort, and later calls reject.
   */
  abort(reason: unknown): void {
    this.#ledger.abort(reason)
  }
}

/** A call, as its scope sees it: it stands among the others while anything of it is pending or in flight. */
export interface Member extends Standing<Member> {
  /** What earlier scopes have shown goes by the name. */
  readonly name: string
  readonly settings: { readonly delay: number }
  /** Whether its window is open. */
  hasWindow: boolean
  /** Nothing more can come: what is pending may start. */
  closeWindow(): void
  /** The turn has ended and the window stays open: from now on time may close it. */
  keepWindow(): void
  /** Nobody waits any more: neither for what is pending nor for what is in flight. */
  abort(reason: unknown): void
}

/** A piece of work that has begun and whose synchronous part is not over. */
export interface BulkPiece {
  /** It has given this. Gives the same, for its caller: a promise as a promise. */
  gave<R>(result: R): R
  /** It has thrown. */
  threw(): void
}

/** Runs a piece of work that has begun. */
function run<R>(piece: BulkPiece, work: () => R): R {
  let result: R
  try {
    result = work()
  } catch (error) {
    piece.threw()
    throw error
  }
  return piece.gave(result)
}

/** One piece of work: how many things it waits for, and whether it has begun to run on its own and not yet ended. */
export class Piece implements BulkPiece {
  waits = 0
  unfinished = false
  /** The promise of its latest call, and of whom. */
  latest: unknown = undefined
  calls: string | null = null
  /** The part of the scope that it asks for, if it does, and whose bulk that makes wait. */
  readonly part: Ledger | null
  held: Started | null = null
  /** What kind of work it is, if that is known, and when it began to run on its own. */
  step: Step | null
  begunAt = 0
  readonly #ledger: Ledger | null
  /** The piece in whose synchronous part it began. */
  readonly #outer: Piece | null

  constructor(ledger: Ledger | null, outer: Piece | null, part: Ledger | null, step: Step | null) {
    this.#ledger = ledger
    this.#outer = outer
    this.part = part
    this.step = step
  }

  gave<R>(result: R): R {
    return this.#ledger!.gave(this, this.#outer, result)
  }

  threw(): void {
    this.#ledger!.returnTo(this.#outer)
  }
}

/** A bulk that has started, and who waited for it. */
interface Started {
  readonly owners: readonly Piece[]
  readonly guests: readonly Piece[] | null
}

/** Who waits for a task that somebody else's wait stands for already. */
export const nobody: Piece = new Piece(null, null, null, null)

/** The books of a scope: who still runs, who waits, what is in flight. */
export class Ledger {
  readonly scope: BulkScope
  readonly #host: Host
  /** In which the commands of its calls run. */
  readonly context: AsyncContext
  /** Pieces that run and wait for none of their pending calls: each could bring another task. */
  #busy = 0
  /** Bulks that have started and whose callers still wait: each could bring what its callers do next. */
  #inFlight = 0
  /** Calls of a piece that is not known, since it made them after an `await`: each takes one busy piece's place. */
  readonly #unknown = new Piece(null, null, null, null)
  #current: Piece | null = null
  /** Work that does nothing but call. */
  #caller: Piece | null = null
  /** Those with anything pending or in flight. */
  readonly #members = new Line<Member>()
  /** How many of them have a window that is open. */
  #windows = 0
  /** Whether one of the windows has opened in this turn. */
  #opened = false
  #aborted: { readonly reason: unknown } | null = null
  #looking = false

  /** The books of the wider scope that this one is a part of, in which it counts as busy while it is not quiet. */
  readonly #wider: Ledger | null
  #countsAsBusy = false
  /** Pending calls: they go on their way before the wider scope is quiet. */
  #waits = 0
  /** The bulk that has started last, and may be held at once. */
  #latest: Started | null = null
  /** Bulks that have started and yet wait for company, in a bulk of the wider scope that is pending. */
  #held: Set<Started> | null = null

  /** There is one once a piece of a known kind has begun. */
  #forecast: Forecast | null = null

  constructor(scope: BulkScope, host: Host, wider: Ledger | null) {
    this.scope = scope
    this.#host = host
    this.#wider = wider
    this.context = host.captureContext()
  }

  run<R>(work: () => R, part: Ledger | null): R {
    return run(this.begin(part, null), work)
  }

  /** @param part the part of this scope that the work is done for, if it is */
  begin(part: Ledger | null, step: Step | null): Piece {
    const outer = this.#current
    const onlyCalls = outer === null && step !== null && step.onlyCalls
    this.#current = onlyCalls ? this.#callerOf(step) : new Piece(this, outer, part, step)
    if (step !== null) (this.#forecast ??= this.#forecastFrom()).began(step)
    return this.#current
  }

  /** The synchronous part of a piece is over. */
  returnTo(outer: Piece | null): void {
    this.#current = outer
  }

  gave<R>(piece: Piece, outer: Piece | null, result: R): R {
    this.#current = outer
    const { step } = piece
    // It gave the promise of its own call, so it ends with that call and does nothing until then: no need to follow it.
    if (result === piece.latest && outer === null && result !== undefined) {
      if (step !== null) step.onlyCalled()
      return result
    }
    if (!isThenable(result)) return result
    if (step !== null) step.didMore()
    const own = piece === this.#caller ? new Piece(this, outer, piece.part, step) : piece
    return this.#follow(own, outer, result) as R
  }

  /** Who does nothing but call never runs on its own: one piece stands for all, one after the other. */
  #callerOf(step: Step): Piece {
    const caller = (this.#caller ??= new Piece(this, null, null, null))
    caller.step = step
    caller.latest = undefined
    return caller
  }

  /** A forecast that knows of the pieces that run already. */
  #forecastFrom(): Forecast {
    const forecast = new Forecast(this.#host)
    for (let busy = this.#busy; busy > 0; busy--) forecast.gotBusy(null, 0)
    return forecast
  }

  /**
   * The promise of a piece, with its end entered in the books. `then` is called once: the promise may be a query that
   * runs each time that it is asked. The result is passed on by a promise of its own, so that a rejection that nobody
   * handles is still reported.
   */
  #follow<R>(piece: Piece, outer: Piece | null, result: PromiseLike<R>): PromiseLike<R> {
    piece.unfinished = true
    if (piece.step !== null) piece.begunAt = this.#host.now()
    if (piece.waits === 0) this.#gotBusy(piece)
    // An outer piece that starts inner ones waits for them; else a handler that fans out would never be quiet.
    if (outer !== null) outer.waits++
    const end = (): void => {
      piece.unfinished = false
      if (piece.waits === 0) this.#gotIdle(piece)
      if (piece.step !== null) this.#forecast!.ended(piece.step, piece)
      if (outer !== null) this.#leave(outer)
      this.#look()
    }
    return Promise.resolve(result).then(
      value => {
        end()
        return value
      },
      (error: unknown) => {
        end()
        throw error
      },
    )
  }

  /**
   * A call of this member was made, of this promise: whose is it?
   * @param isPending false where it waits for a bulk that is held
   */
  called(promise: unknown, { name }: Member, isPending = true): Piece {
    const piece = this.#current ?? this.#unknown
    piece.waits++
    piece.latest = promise
    piece.calls = name
    if (isPending) this.#waits++
    if (piece.waits === 1 && piece.part !== null) piece.held = piece.part.holdLatest()
    const mayStart = isPending && this.#forecast !== null && this.#forecast.called(name, piece.step)
    this.#look(mayStart)
    return piece
  }

  /** A pending call has been given up. */
  left(piece: Piece): void {
    if (piece !== nobody) this.#waits--
    this.#leave(piece)
    this.#look()
  }

  /** A bulk has opened; its window, if it has one, is to be closed when the scope is quiet. */
  opened(member: Member, hasWindow: boolean): void {
    if (!member.hasWindow) {
      this.#members.delete(member)
      this.#members.add(member)
      if (!hasWindow) return
      member.hasWindow = true
      this.#windows++
    }
    this.#opened = true
    this.#lookLater()
  }

  /** Nothing of a member is pending or in flight any more. A scope may live long, and must not keep what is over. */
  idle(member: Member): void {
    this.#members.delete(member)
    if (member.hasWindow) this.#closed(member)
  }

  #closed(member: Member): void {
    member.hasWindow = false
    this.#windows--
  }

  /** Why calls are refused, or `null`. */
  get aborted(): { readonly reason: unknown } | null {
    return this.#aborted
  }

  abort(reason: unknown): void {
    if (this.#aborted !== null) return
    this.#aborted = { reason }
    // Who is done leaves the line, and must not take the others along.
    const members = [...this.#members]
    for (const member of members) member.abort(reason)
  }

  /** A bulk of this member has started with the calls of its owners, and with those who wait for it without a call. */
  started({ name }: Member, bulk: Started): Flight | null {
    const flight = this.#forecast === null ? null : this.#forecast.started(name)
    this.#latest = bulk
    if (this.#wider !== null)
      this.#waits -= bulk.owners.filter(piece => piece !== nobody).length + (bulk.guests?.length ?? 0)
    this.#release(bulk)
    return flight
  }

  /** The bulk that has just started only waits for a pending call of the wider scope: as if it had not started yet. */
  holdLatest(): Started | null {
    const held = this.#latest
    if (held === null) return null
    this.#latest = null
    ;(this.#held ??= new Set()).add(held)
    this.#inFlight--
    for (const piece of [...held.owners, ...(held.guests ?? [])]) {
      if (piece.waits === 0 && piece.unfinished) this.#gotIdle(piece)
      piece.waits++
    }
    this.#look()
    return held
  }

  /** The latest of these bulks that is held: who asks for what has been asked waits for company, too. */
  heldOf<B extends Started>(bulks: Iterable<B>): B | null {
    let held: B | null = null
    if (this.#held?.size) for (const bulk of bulks) if (this.#held.has(bulk)) held = bulk
    return held
  }

  #release(bulk: Started): void {
    this.#held?.delete(bulk)
    this.#inFlight++
    for (const piece of bulk.owners) if (piece !== nobody) this.#leave(piece)
    if (bulk.guests !== null) for (const piece of bulk.guests) this.#leave(piece)
    this.#tellWider()
  }

  /** All callers of a bulk that was in flight have their results. */
  settled(flight: Flight | null): void {
    this.#latest = null
    this.#inFlight--
    if (flight !== null) this.#forecast!.settled(flight)
    this.#look()
  }

  #leave(piece: Piece): void {
    piece.waits--
    if (piece.waits > 0) return
    if (piece.held !== null) piece.part!.#release(piece.held)
    piece.held = null
    if (piece.unfinished) this.#gotBusy(piece)
  }

  #gotBusy({ step, begunAt }: Piece): void {
    this.#busy++
    this.#forecast?.gotBusy(step, begunAt)
    this.#tellWider()
  }

  #gotIdle({ step }: Piece): void {
    this.#busy--
    this.#forecast?.gotIdle(step)
  }

  get #quiet(): boolean {
    return this.#inFlight === 0 && this.#busy <= this.#unknown.waits
  }

  /** In a wider scope its parts are pieces of work: those that are not quiet could bring another task. */
  #tellWider(): void {
    if (this.#wider === null) return
    const isBusy = this.#waits > 0 || !this.#quiet
    if (this.#countsAsBusy === isBusy) return
    this.#countsAsBusy = isBusy
    if (isBusy) return this.#wider.#gotBusy(nobody)
    this.#wider.#gotIdle(nobody)
    this.#wider.#look()
  }

  /**
   * Whatever makes a scope quiet, or may change what its forecast says, looks here; the promise jobs of the turn may still
   * bring a call, so they go first.
   */
  #look(mayStart = this.#forecast !== null): void {
    this.#tellWider()
    if (!this.#looking && this.#windows > 0 && (mayStart || this.#quiet)) this.#lookLater()
  }

  #lookLater(): void {
    if (this.#looking) return
    this.#looking = true
    this.#host.endOfTurn(() => {
      this.#looking = false
      this.#closeWindows()
    })
  }

  #closeWindows(): void {
    const open = this.#openWindows()
    const closing = open.length === 0 || this.#quiet ? open : this.#unpaid(open)
    for (const member of closing) this.#closed(member)
    for (const member of closing) member.closeWindow()
    if (!this.#opened) return
    this.#opened = false
    for (const member of this.#openWindows()) member.keepWindow()
  }

  #openWindows(): Member[] {
    const open: Member[] = []
    if (this.#windows === 0) return open
    for (let member = this.#members.first; member !== null; member = member.next)
      if (member.hasWindow) open.push(member)
    return open
  }

  /** Those for whom it does not pay to keep their windows open. */
  #unpaid(open: readonly Member[]): readonly Member[] {
    const forecast = this.#forecast
    // Of a bulk that started before there was a forecast, or that waits for a wider scope, it cannot tell.
    if (forecast === null || forecast.inFlight !== this.#inFlight) return []
    return open.filter(member => !forecast.pays(member))
  }
}
