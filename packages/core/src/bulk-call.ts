/**
 * `AsyncBulkCall`: accepts tasks one by one, starts bulks.
 * @module
 */

import type { Command, CommandContext, ResultOf, Results } from './command.ts'
import { close, type CloseOptions } from './engine/closing.ts'
import { Queue } from './engine/queue.ts'
import {
  bulkCallOptions,
  contextOf,
  readCommand,
  readOptions,
  type BulkCallOptions,
  type CallOptions,
} from './options.ts'
import { checkScope } from './scope/trackers.ts'
import { checkNames, withSignal } from './validate.ts'

/** {@link AsyncBulkCall}, and what it is made of. */
class AsyncBulkCallClass<T, R> {
  static {
    // In logs it has the name that it is exported by.
    Object.defineProperty(this, 'name', { value: 'AsyncBulkCall' })
  }

  readonly #queue: Queue<T, R>

  constructor(command: Command<T, R>, options: BulkCallOptions = {}) {
    checkNames(options, bulkCallOptions)
    readCommand(command)
    const settings = readOptions(options)
    const tracker = checkScope('scope', options.scope)
    const context = contextOf(options.context, tracker, settings, false)
    this.#queue = new Queue(command, settings, tracker, context)
  }

  /** The name in errors, events and metrics. */
  get name(): string {
    return this.#queue.name
  }

  /** How many tasks are accepted and not started. */
  get pending(): number {
    return this.#queue.pending
  }

  /** How many bulks have started and not settled. */
  get inFlight(): number {
    return this.#queue.inFlight
  }

  /**
   * Accepts one task and returns the promise of its result; `null` if the command (batch function) returned none. Never
   * throws, and never calls the command itself.
   *
   * Rejects with what the command threw, with the Error at the task's place among the results, with the reason of
   * `options.signal`, or with an error of Bulkcall: `BulkOverflowError`, `BulkClosedError`, `BulkLengthError`,
   * `BulkResultError`, `BulkTimeoutError`.
   */
  call(task: T, options?: CallOptions): Promise<R> {
    const queue = this.#queue
    return options === undefined ? queue.call(task) : withSignal(options, signal => queue.call(task, signal))
  }

  /**
   * Accepts many tasks and resolves with one result or Error for each, in their order. It settles as a `call` for each
   * would, and costs one promise; it rejects only if the tasks themselves cannot be iterated.
   */
  callMany(tasks: Iterable<T>, options?: CallOptions): Promise<(R | Error)[]> {
    return withSignal(options, signal => this.#queue.callMany([...tasks], signal))
  }

  /** Starts what is pending, as slots allow, and resolves when everything that was accepted before has settled. */
  flush(): Promise<void> {
    return this.#queue.flush()
  }

  /**
   * Refuses new calls, starts what is pending and resolves when everything has settled, or is given up. Safe to call again.
   */
  close(options?: CloseOptions): Promise<void> {
    return options === undefined ? this.#queue.close() : close(this.#queue, options)
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#queue.close()
  }
}

/** Makes an {@link AsyncBulkCall}; the type of its results follows from the command. */
export interface AsyncBulkCallConstructor {
  // `_R` is there so that two type arguments written by hand, `<T, R>`, always mean the other signature.
  new <T, G extends Results<T, unknown> | PromiseLike<Results<T, unknown>>, _R extends ResultOf<G>>(
    command: (tasks: T[], context: CommandContext) => G,
    options?: BulkCallOptions,
  ): AsyncBulkCall<T, ResultOf<G>>
  new <T, R>(command: Command<T, R>, options?: BulkCallOptions): AsyncBulkCall<T, R>
}

// Beside it an interface, and no alias of the class: declarations that TypeScript makes of programs can name it.
export const AsyncBulkCall: AsyncBulkCallConstructor = AsyncBulkCallClass
/**
 * Turns many single calls into few bulk calls.
 *
 * Single calls are buffered for a moment, according to `size` and `delay`, and then executed in bulk by the command, at
 * most `concurrent` bulks at once. First in, first out. When nothing is pending or in flight, there is no timer and no
 * loop.
 *
 * Do not await a call of the same `AsyncBulkCall` inside its own command while `concurrent` is a number: the inner call
 * waits for the slot that the outer one holds. `timeout` ends such a wait.
 *
 * After the Python class of the same name.
 */
export interface AsyncBulkCall<T, R> extends AsyncBulkCallClass<T, R> {}
