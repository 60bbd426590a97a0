/**
 * A scope: a unit of work, such as one GraphQL operation, that knows when nothing more can come.
 * @module
 */

import { check, checkNames, readContext, readHost } from '../validate.ts'
import { Evidence, Plan } from './evidence.ts'
import type { Frame } from './frame.ts'
import type { AsyncContext, Host } from '../host.ts'
import { nextId } from '../registry.ts'
import { Tracker } from './tracker.ts'
import { checkScope, trackerKey } from './trackers.ts'

/** The options of a `BulkScope`. */
export interface BulkScopeOptions {
  /**
   * Where the clock, the end of the tick and the async context come from; the same as that of the calls in the scope.
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
  /** Names the caller, for events: called at each call while someone listens to calls, in the caller's async context. */
  readonly caller?: (() => string | undefined) | undefined
  /**
   * What is known of the document that the scope executes, so that its windows close with evidence: a `Plan` of
   * `@bulkcall/core/kit`.
   * @default none: windows close early with certainty alone
   */
  readonly plan?: Plan | undefined
  /**
   * In which the commands of its calls run: an `AsyncResource` is one.
   * @default the async context in which the scope is made
   */
  readonly context?: AsyncContext | undefined
}

const scopeOptions = ['host', 'name', 'within', 'caller', 'plan', 'context'] as const

/**
 * Closes the windows of its calls before their `delay` is over, as soon as waiting cannot bring another task.
 *
 * The scope is *quiet* (idle) when none of its bulks is in flight and every piece of work that runs in it waits for a
 * pending call that it made in its synchronous part. After an `await` the same work may make ten more calls, so the window
 * stays open for `delay`, unless there is evidence. No task is ever lost or reordered.
 */
export class BulkScope {
  /** The property under which an object has its current scope, as `ctx.bulk` of a GraphQL server does. */
  static readonly symbol: unique symbol = Symbol.for('bulkcall:scope') as never
  /** A number that no other scope of this process has. */
  readonly id: number = nextId()
  /** The name in events; it may become known, or change, later. */
  name: string | undefined
  /** Names the caller, for events. */
  readonly caller: (() => string | undefined) | undefined
  readonly #tracker: Tracker
  static {
    // A getter of a brand: what merely looks like a scope, or inherits from one, has none.
    Object.defineProperty(this.prototype, trackerKey, {
      get(this: BulkScope) {
        return #tracker in this ? this.#tracker : undefined
      },
    })
  }

  constructor(options: BulkScopeOptions = {}) {
    checkNames(options, scopeOptions)
    const { name, within, caller, plan } = options
    const host = readHost(options.host)
    check('name', name === undefined || typeof name === 'string', 'a string', name)
    check('caller', caller === undefined || typeof caller === 'function', 'a function', caller)
    check('plan', plan === undefined || plan instanceof Plan, 'a Plan', plan)
    const wider = checkScope('within', within)
    this.name = name
    this.caller = caller
    const context = readContext(options.context) ?? host.captureContext()
    this.#tracker = new Tracker(this, host, wider, plan ?? null, context)
  }

  /**
   * Runs one piece of work (a resolver, a handler) in the scope and returns what it returns: a value at once, a promise as
   * a promise; it throws what the work throws. Calls made in its synchronous part are known to be its own; calls after an
   * `await` only where there is evidence.
   * @param evidence what work of this kind was seen to do: an `Evidence` of `@bulkcall/core/kit`
   */
  run<R>(work: () => R, evidence?: Evidence): R {
    const frame = this.begin(evidence)
    let result: R
    try {
      result = work()
    } catch (error) {
      frame.threw()
      throw error
    }
    return frame.gave(result, false)
  }

  /**
   * The first half of {@link BulkScope.run}, for code that runs a piece of work for each of many rows without making a
   * function for each. The second half is `gave` or `threw` of the result: call it once, when the synchronous part is over.
   */
  begin(evidence?: Evidence): BulkPiece {
    check('evidence', evidence === undefined || evidence instanceof Evidence, 'an Evidence', evidence)
    return this.#tracker.begin(evidence ?? null)
  }

  /** Sets the option `plan` after the scope was made, when it is known what it executes. The first plan of a scope holds. */
  follow(plan: Plan): void {
    check('plan', plan instanceof Plan, 'a Plan', plan)
    this.#tracker.follow(plan)
  }

  /**
   * The scope has its result. Work that still runs in it goes on, and its calls work as before, but the wider scope no
   * longer waits for it: a resolver that hangs must not hold up the shared bulks of all requests.
   */
  end(): void {
    this.#tracker.end()
  }

  /**
   * Gives up everything in the scope, because nobody waits for it any more: pending calls reject with the reason and are
   * never sent, calls in flight reject at once and their bulks' signals abort, and later calls reject.
   */
  abort(reason: unknown): void {
    this.#tracker.abort(reason)
  }
}

/** A piece of work that has begun and whose synchronous part is not over. */
export type BulkPiece = Pick<Frame, 'gave' | 'threw'>
