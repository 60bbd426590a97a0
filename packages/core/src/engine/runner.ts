/**
 * The runner: calls the command with a bulk, hands out what it gives, and sees bulks in flight to their end.
 * @module
 */

import type { Command, CommandContext } from '../command.ts'
import { asError, BulkTimeoutError, isError } from '../errors.ts'
import { guarded, emitReturned, emitSettled, emitStarted } from '../events.ts'
import type { AsyncContext } from '../host.ts'
import { nameOf, type BulkCallSettings } from '../options.ts'
import { isThenable, originalThen } from '../promises.ts'
import type { BulkScope } from '../scope/bulk-scope.ts'
import type { Tracker } from '../scope/tracker.ts'
import type { AnyBulk, Bulk } from './bulk.ts'
import { Deadlines } from './deadlines.ts'
import { handOut, isStream, outcomesOf } from './settle.ts'

export abstract class Runner<T, R> {
  readonly settings: BulkCallSettings
  /** The tracker of its scope, or `null`. */
  readonly tracker: Tracker | null
  /** Bulks that have started and not settled. */
  inFlight = 0
  /** `null` without a `timeout`. */
  protected readonly deadlines: Deadlines | null
  private readonly command: Command<T, R>
  /** In which the command runs. */
  private readonly context: AsyncContext

  constructor(
    command: Command<T, R>,
    settings: BulkCallSettings,
    tracker: Tracker | null,
    context: AsyncContext,
  ) {
    this.settings = settings
    this.tracker = tracker
    this.command = command
    this.context = context
    this.deadlines = settings.timeout === Infinity ? null : new Deadlines(settings.timeout, this)
  }

  /** A bulk is over: callers of `flush` may be answered, and what waits behind may start. */
  protected abstract ended(bulk: AnyBulk): void
  /** Milliseconds on the clock of the host. */
  abstract now(): number

  /** Looked up when it is needed: the name of a function is expensive. */
  get name(): string {
    return nameOf(this.command, this.settings)
  }

  get scope(): BulkScope | null {
    return (this.tracker?.scope ?? null) as BulkScope | null
  }

  /**
   * All of it in the context in which the call, or its scope, was made, generators and thenables that run later too, and
   * never in that of the caller who came first: it may be another tenant's.
   */
  protected run(bulk: Bulk<T, R>): void {
    this.inFlight++
    this.deadlines?.started(bulk, this.now())
    this.context.runInAsyncScope(execute, this, bulk)
  }

  /** Its results are looked at in the same context as well: what runs when a stream is read is still the command. */
  carryOut(bulk: Bulk<T, R>): void {
    try {
      const given = bulk.event === null && this.tracker === null ? this.ask(bulk) : this.askWatched(bulk)
      if (!isThenable(given)) return this.answered(bulk, given)
      void originalThen.call(
        Promise.resolve(given),
        results => this.answered(bulk, results),
        error => this.failed(bulk, error),
      )
    } catch (error) {
      this.failed(bulk, error)
    }
  }

  private ask(bulk: Bulk<T, R>): unknown {
    // The tasks are the command's own copy: it may sort or empty them, and the results still find their places.
    return (0, this.command)(bulk.tasks.slice(), new Context(bulk))
  }

  /** The same where someone listens, or a scope has to know what the command calls. */
  private askWatched(bulk: Bulk<T, R>): unknown {
    const { tracker } = this
    const frame = tracker === null ? null : tracker.beginCommand(this.name, bulk)
    try {
      return this.ask(bulk)
    } finally {
      if (bulk.event !== null) emitReturned(bulk.event)
      if (frame !== null) tracker!.endCommand(frame, bulk)
    }
  }

  private answered(bulk: Bulk<T, R>, results: unknown): void {
    try {
      if (isStream(results)) {
        const give = (place: number, outcome: unknown): boolean => this.gave(bulk, place, outcome)
        void handOut(results, bulk.count, this, give).then(
          () => this.finish(bulk),
          (error: unknown) => this.failed(bulk, error),
        )
        return
      }
      const outcomes = outcomesOf(results, bulk.tasks, this)
      const { event } = bulk
      if (event !== null && !bulk.isSettled) {
        if (outcomes === null) event.none = true
        else event.failed += outcomes.filter(isError).length
      }
      bulk.giveAll(outcomes)
    } catch (error) {
      return this.failed(bulk, error)
    }
    this.finish(bulk)
  }

  private gave(bulk: Bulk<T, R>, place: number, outcome: unknown): boolean {
    const before = bulk.waiting
    const waited = bulk.give(place, outcome)
    if (bulk.event !== null && bulk.waiting < before && isError(outcome)) bulk.event.failed++
    return waited
  }

  private failed(bulk: Bulk<T, R>, error: unknown): void {
    this.failTasks(bulk, error)
    this.finish(bulk)
  }

  protected failTasks(bulk: AnyBulk, error: unknown): void {
    if (bulk.event !== null && bulk.event.error === undefined) {
      bulk.event.error = error ?? asError(error)
      bulk.event.failed += bulk.waiting
    }
    bulk.fail(error)
  }

  /** The command has settled, or is abandoned: once. */
  private finish(bulk: AnyBulk): void {
    if (!bulk.finish()) return
    this.inFlight--
    this.deadlines?.ended(bulk)
    // Emitted before its slot is handed over, which starts the next bulk: who counts events never finds more than slots.
    if (bulk.event !== null) {
      bulk.event.settledAt = this.now()
      emitSettled(bulk.event)
    }
    if (bulk.slot !== null) guarded(() => bulk.slot?.release())
    this.ended(bulk)
  }

  timedOut(bulk: AnyBulk): void {
    const error = new BulkTimeoutError(this.name, this.settings.timeout, bulk.count)
    this.failTasks(bulk, error)
    bulk.abort(error)
  }

  abandoned(bulk: AnyBulk): void {
    if (bulk.event !== null) bulk.event.abandoned = true
    this.finish(bulk)
  }
}

/** One function for all runners: a closure for each bulk would be made to be called once. */
function execute(this: Runner<any, any>, bulk: AnyBulk): void {
  if (bulk.event === null) this.carryOut(bulk)
  else emitStarted(bulk.event, () => this.carryOut(bulk))
}

/** What a command gets beside its tasks. The signal is not made before it is asked for. */
class Context implements CommandContext {
  readonly #bulk: AnyBulk

  constructor(bulk: AnyBulk) {
    this.#bulk = bulk
  }

  get name(): string {
    return this.#bulk.owner.name
  }

  get signal(): AbortSignal {
    return this.#bulk.signal
  }
}
