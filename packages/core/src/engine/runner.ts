/**
 * The runner: calls the command with a bulk, hands out what it gives, and sees bulks in flight to their end.
 * @module
 */

import type { Command, CommandContext } from '../command.ts'
import { asError, BulkTimeoutError, isError } from '../errors.ts'
import { tellReturned, tellSettled, tellStarted } from '../events.ts'
import type { AsyncContext } from '../host.ts'
import { nameOf, type BulkCallSettings } from '../options.ts'
import type { BulkScope } from '../bulk-scope.ts'
import type { Tracker } from '../scope/tracker.ts'
import type { AnyBulk, Bulk } from './bulk.ts'
import { LinkedList } from './linked-list.ts'
import { handOut, isStream, isThenable, originalThen, outcomesOf, type Named } from './settle.ts'

export abstract class Runner<T, R> {
  readonly settings: BulkCallSettings
  /** The tracker of its scope, or `null`. */
  readonly tracker: Tracker | null
  readonly #command: Command<T, R>
  /** In which the command runs. */
  readonly #context: AsyncContext
  // In flight: in the order of their deadlines, since all have the same time. A bulk that has run out of its time moves
  // from `running` to `overdue`, where it keeps its slot for as long again.
  protected readonly running: LinkedList<AnyBulk> = new LinkedList()
  protected overdue: LinkedList<AnyBulk> | null = null

  constructor(
    command: Command<T, R>,
    settings: BulkCallSettings,
    tracker: Tracker | null,
    context: AsyncContext,
  ) {
    this.settings = settings
    this.tracker = tracker
    this.#command = command
    this.#context = context
  }

  /** Something is over: callers of `flush` may be answered, and what waits behind may start. */
  protected abstract settledSome(): void
  /** Milliseconds on the clock of the host. */
  abstract now(): number

  /** Looked up when it is needed: the name of a function is expensive. */
  get name(): string {
    return nameOf(this.#command, this.settings)
  }

  get scope(): BulkScope | null {
    return (this.tracker?.scope ?? null) as BulkScope | null
  }

  /** Bulks that have started and not settled. */
  get inFlight(): number {
    return this.running.length + (this.overdue?.length ?? 0)
  }

  /** The latest bulk that has started and yet waits for others, in that of a shared loader. */
  get held(): Bulk<T, R> | null {
    if (this.tracker === null) return null
    let held: Bulk<T, R> | null = null
    for (const bulk of this.running) if (bulk.isParked) held = bulk
    return held
  }

  /**
   * All of it in the context in which the call, or its scope, was made, generators and thenables that run later too, and
   * never in that of the caller who came first: it may be another tenant's.
   */
  protected run(bulk: Bulk<T, R>): void {
    const { timeout } = this.settings
    this.running.add(bulk)
    if (timeout < Infinity) bulk.deadline = this.now() + timeout
    this.#context.runInAsyncScope(execute, this, bulk)
  }

  /** In the context of the call. */
  carryOut(bulk: Bulk<T, R>): void {
    if (bulk.event === null) this.#carryOut(bulk)
    else tellStarted(bulk.event, () => this.#carryOut(bulk))
  }

  /** Its results are looked at in the same context as well: what runs when a stream is read is still the command. */
  #carryOut(bulk: Bulk<T, R>): void {
    try {
      const given = this.tracker === null ? this.#call(bulk) : this.#callInScope(bulk, this.tracker)
      if (!isThenable(given)) return this.#answered(bulk, given)
      void originalThen.call(
        Promise.resolve(given),
        results => this.#answered(bulk, results),
        error => this.#failed(bulk, error),
      )
    } catch (error) {
      this.#failed(bulk, error)
    }
  }

  #callInScope(bulk: Bulk<T, R>, tracker: Tracker): unknown {
    const frame = tracker.beginCommand(this.name, bulk)
    try {
      return this.#call(bulk)
    } finally {
      tracker.endCommand(frame, bulk)
    }
  }

  #call(bulk: Bulk<T, R>): unknown {
    // The tasks are the command's own copy: it may sort or empty them, and the results still find their places.
    const tasks = bulk.tasks.slice()
    if (bulk.event === null) return (0, this.#command)(tasks, new Context(this, bulk))
    try {
      return (0, this.#command)(tasks, new Context(this, bulk))
    } finally {
      tellReturned(bulk.event)
    }
  }

  #answered(bulk: Bulk<T, R>, results: unknown): void {
    try {
      if (isStream(results)) {
        const give = (place: number, outcome: unknown): boolean => this.#gave(bulk, place, outcome)
        void handOut(results, bulk.count, this, give).then(
          () => this.finish(bulk),
          (error: unknown) => this.#failed(bulk, error),
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
      return this.#failed(bulk, error)
    }
    this.finish(bulk)
  }

  #gave(bulk: Bulk<T, R>, place: number, outcome: unknown): boolean {
    const before = bulk.waiting
    const waited = bulk.give(place, outcome)
    if (bulk.event !== null && bulk.waiting < before && isError(outcome)) bulk.event.failed++
    return waited
  }

  #failed(bulk: Bulk<T, R>, error: unknown): void {
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
  protected finish(bulk: AnyBulk): void {
    if (!this.running.delete(bulk) && this.overdue?.delete(bulk) !== true) return
    // Emitted before its slot is handed over, which starts the next bulk: who counts events never finds more than slots.
    if (bulk.event !== null) {
      bulk.event.settledAt = this.now()
      tellSettled(bulk.event)
    }
    bulk.slot?.release()
    this.settledSome()
  }

  /** Fails those in flight whose time is up, and abandons those whose time was up as long ago again. */
  protected expire(now: number): void {
    const { timeout } = this.settings
    if (timeout === Infinity) return
    const overdue = (this.overdue ??= new LinkedList())
    for (let bulk; (bulk = overdue.first) !== null && bulk.deadline! <= now;) {
      if (bulk.event !== null) bulk.event.abandoned = true
      this.finish(bulk)
    }
    for (let bulk; (bulk = this.running.first) !== null && bulk.deadline! <= now;) {
      const error = new BulkTimeoutError(this.name, timeout, bulk.count)
      this.running.delete(bulk)
      overdue.add(bulk)
      bulk.deadline! += timeout
      this.failTasks(bulk, error)
      bulk.abort(error)
    }
  }
}

/** One function for all runners: a closure for each bulk would be made to be called once. */
function execute(this: Runner<any, any>, bulk: AnyBulk): void {
  this.carryOut(bulk)
}

/** What a command gets beside its tasks. The signal is not made before it is asked for. */
class Context implements CommandContext {
  readonly #call: Named
  readonly #bulk: AnyBulk

  constructor(call: Named, bulk: AnyBulk) {
    this.#call = call
    this.#bulk = bulk
  }

  get name(): string {
    return this.#call.name
  }

  get signal(): AbortSignal {
    return this.#bulk.signal
  }
}
