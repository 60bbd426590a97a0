/**
 * The errors of ours. Each has a `code`, names the call and cites numbers; none prints a task or a result, because logs
 * outlive the permission to read the data in them.
 * @module
 */

/** What marks an error of ours, in every copy of this package. A code alone may be anybody's: `BULK_MAIL`, say. */
const brand = Symbol.for('bulkcall:error')

/** The base class of all errors of Bulkcall. */
export abstract class BulkError extends Error {
  /** A code for programs, the same in every version: `BULK_LENGTH`, `BULK_OVERFLOW`, … */
  abstract readonly code: `BULK_${string}`
  override get name(): string {
    return this.constructor.name
  }
  /** What a GraphQL server tells its client of the error: graphql-js looks for it here. */
  get extensions(): { readonly code: string } {
    return { code: this.code }
  }
  static {
    // On the prototype, where nothing that prints the error looks.
    Object.defineProperty(this.prototype, brand, { value: true })
  }
}

/** An option has a wrong value. Thrown where the option is given, before anything runs. */
export class BulkOptionError extends BulkError {
  readonly code = 'BULK_OPTION'
  constructor(what: string, bound: string, got: unknown, hint = '') {
    super(`Bulkcall: ${what} must be ${bound}, got ${show(got)}${hint}`)
  }
}

/** The command returned fewer or more results than it had tasks, so it is not known which result belongs to which task. */
export class BulkLengthError extends BulkError {
  readonly code = 'BULK_LENGTH'
  /** How many tasks the bulk had. */
  readonly expected: number
  /** How many results came; one more than expected where the rest was not waited for. */
  readonly received: number
  constructor(call: string, expected: number, received: number) {
    super(`Bulkcall: ${call} must get one result for each of its ${expected} tasks, got ${received}`)
    this.expected = expected
    this.received = received
  }
}

/**
 * The command returned something without results in it: a string, a number, an object that cannot be iterated. Or it
 * returned rows, and none of them has the key of a task.
 */
export class BulkResultError extends BulkError {
  readonly code = 'BULK_RESULT'
  constructor(
    call: string,
    got: unknown,
    bound = 'an iterable, a Map, an async iterable or none from its command',
    shown: string = kind(got),
  ) {
    super(`Bulkcall: ${call} must get ${bound}, got ${shown}`)
  }

  /** Rows came for some tasks, and none has the key of a task: by the types of the keys, not by the keys. */
  static ofKeys(call: string, ofRows: readonly unknown[], ofTasks: readonly unknown[]): BulkResultError {
    const hint = 'keys are compared as in a Map: say keyOfTask, or convert in keyOf'
    const bound = 'rows with keys that its tasks have'
    const got = `${keysOf(ofRows, 'row')} for ${keysOf(ofTasks, 'task')} (${hint})`
    return new BulkResultError(call, ofRows, bound, got)
  }
}

/** `maxPending` tasks wait already, so this one was refused at once. */
export class BulkOverflowError extends BulkError {
  readonly code = 'BULK_OVERFLOW'
  /** The bound that was met. */
  readonly maxPending: number
  constructor(call: string, maxPending: number) {
    super(`Bulkcall: ${call} must have at most ${maxPending} tasks pending, got one more`)
    this.maxPending = maxPending
  }
}

/** The call was closed before this task came. */
export class BulkClosedError extends BulkError {
  readonly code = 'BULK_CLOSED'
  constructor(call: string) {
    super(`Bulkcall: ${call} must be open to take a task, got one after close()`)
  }
}

/** The command ran for longer than `timeout`, or `close()` ran into its own `timeout`. */
export class BulkTimeoutError extends BulkError {
  readonly code = 'BULK_TIMEOUT'
  /** The bound that was met, in ms. */
  readonly timeout: number
  /** How many tasks were in the bulk; `null` where it was the `timeout` of `close()`. */
  readonly tasks: number | null
  constructor(call: string, timeout: number, tasks: number | null) {
    const what = tasks === null ? 'all tasks' : `its ${tasks} tasks`
    const since = tasks === null ? ' of close()' : ''
    super(`Bulkcall: ${call} must settle ${what} within ${timeout} ms${since}, got no answer`)
    this.timeout = timeout
    this.tasks = tasks
  }
}

/** Whether an error is one of Bulkcall, also from another copy of this package. */
export function isBulkError(error: unknown): error is BulkError {
  try {
    return isError(error) && brand in error
  } catch {
    // A proxy that throws when it is looked at is none.
    return false
  }
}

const tagged = (value: object): boolean => Object.prototype.toString.call(value) === '[object Error]'
const sureOfError = (Error as { isError?: (value: unknown) => boolean }).isError ?? tagged

/**
 * Whether a value is an error, of this realm or another one: `instanceof` alone lets an error that comes from a worker's
 * or a test runner's realm through as a result. The look for `stack` keeps plain rows, the usual case, from the slow road.
 */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false
  try {
    return value instanceof Error || ('stack' in value && sureOfError(value))
  } catch {
    // It throws when it is looked at. Whoever gets it will see.
    return false
  }
}

/** An Error for whatever was thrown, for lists in which only an Error can say «this one failed». */
export function asError(reason: unknown): Error {
  return isError(reason)
    ? reason
    : new Error(`Bulkcall: a command must throw an Error, got ${kind(reason)}`, { cause: reason })
}

/** What a value is, in words that tell nothing of what is in it. */
function kind(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return `a ${typeof value}`
  try {
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return 'a plain object'
    // By its class, which is code. A property `constructor` of its own would be data.
    const name: unknown = prototype?.constructor.name
    if (typeof name !== 'string' || name === '') return 'a nameless object'
    return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`
  } catch {
    return 'an object'
  }
}

/** How many keys there are, and of which types. */
function keysOf(values: readonly unknown[], what: string): string {
  const types = new Set(values.map(value => kind(value).replace(/^an? /, '')))
  const plural = values.length === 1 ? '' : 's'
  return `${values.length} ${what}${plural} with keys of type ${[...types].join(' or ')}`
}

/** What was given as an option. Options are written by programmers, so short values may be shown as they are. */
function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value)
  return kind(value)
}
