/**
 * Helpers around a command: rows in any order into one result per task, and a failed bulk into the tasks that failed.
 * @module
 */

import type { CommandContext, None, ResultOf, Results } from './command.ts'
import { check, checkNames, isWholeFrom } from './validate.ts'
import { asError, BulkResultError } from './errors.ts'
import { handOut, isStream, outcomesOf, shapeOf, type Named } from './engine/settle.ts'
import { eachOf, given as promiseOf } from './promises.ts'

/** Rows, in any order and number, or none; at once, later or one by one. */
export type Rows<Row> = Iterable<Row> | AsyncIterable<Row> | None

/** Gives the rows of some tasks. */
type Query<T, Row, C> = (tasks: T[], context: C) => Rows<Row> | PromiseLike<Rows<Row>>

/** What `keyOf` must be beside a function where no `keyOfTask` is given: nothing, or what the compiler cites. */
type TasksAreKeys<T, K> = [T] extends [K]
  ? unknown
  : // A foreign key may be null, and belongs to no task then.
    [NonNullable<K>] extends [T]
    ? unknown
    : { 'keyOfTask is needed: the key of a row is not a task': { key: K; task: T } }

/**
 * Makes a command (batch function) of a query that returns rows in any order and leaves out missing ones: each task gets
 * the row with its key, the last one where there are several, and `null` where there is none. If there are rows, but none
 * has the key of a task, each task gets a `BulkResultError`. @param query returns the rows of some tasks
 * @param keyOf the key of a row
 * @param keyOfTask the key of a task, to compare with those of rows as a `Map` does; the task itself if left out
 */
export function keyed<T, Row, K = T, C extends CommandContext = CommandContext>(
  query: Query<T, Row, C>,
  keyOf: ((row: Row) => K) & TasksAreKeys<T, K>,
): (tasks: T[], context: C) => Promise<(Row | null)[]>
export function keyed<T, Row, K = T, C extends CommandContext = CommandContext>(
  query: Query<T, Row, C>,
  keyOf: (row: Row) => K,
  keyOfTask: (task: T) => K,
): (tasks: T[], context: C) => Promise<(Row | null)[]>
export function keyed<T, Row, K, C extends CommandContext>(
  query: Query<T, Row, C>,
  keyOf: (row: Row) => K,
  keyOfTask?: (task: T) => K,
): (tasks: T[], context: C) => Promise<(Row | null)[]> {
  return matched<T, Row, K, C, Row, Row | null>(
    query,
    keyOf,
    keyOfTask,
    (_, row) => row,
    row => row ?? null,
  )
}

/**
 * Makes a command (batch function) of a query that returns any number of rows per task, in any order: each task gets all
 * rows with its key, in the order of the query, and `[]` where there is none. If there are rows, but none has the key of a
 * task, each task gets a `BulkResultError`. @param query returns the rows of some tasks
 * @param keyOf the key of the task that a row belongs to
 * @param keyOfTask the key of a task, to compare with those of rows as a `Map` does; the task itself if left out
 */
export function grouped<T, Row, K = T, C extends CommandContext = CommandContext>(
  query: Query<T, Row, C>,
  keyOf: ((row: Row) => K) & TasksAreKeys<T, K>,
): (tasks: T[], context: C) => Promise<Row[][]>
export function grouped<T, Row, K = T, C extends CommandContext = CommandContext>(
  query: Query<T, Row, C>,
  keyOf: (row: Row) => K,
  keyOfTask: (task: T) => K,
): (tasks: T[], context: C) => Promise<Row[][]>
export function grouped<T, Row, K, C extends CommandContext>(
  query: Query<T, Row, C>,
  keyOf: (row: Row) => K,
  keyOfTask?: (task: T) => K,
): (tasks: T[], context: C) => Promise<Row[][]> {
  // Equal tasks each get an array of their own: one that sorts or empties it must not change another's.
  const give = (rows: Row[] | undefined): Row[] => rows?.slice() ?? []
  return matched<T, Row, K, C, Row[], Row[]>(query, keyOf, keyOfTask, withRow, give)
}

/**
 * Both of the above: `add` puts a row to what earlier rows of its key have made, and `give` hands that to each task of
 * the key.
 */
function matched<T, Row, K, C extends CommandContext, Found, Result>(
  query: Query<T, Row, C>,
  keyOf: (row: Row) => K,
  keyOfTask: (task: T) => K = task => task as unknown as K,
  add: (found: Found | undefined, row: Row) => Found,
  give: (found: Found | undefined) => Result,
): (tasks: T[], context: C) => Promise<Result[]> {
  checkFunctions({ query, keyOf, keyOfTask })
  let warned = false
  return async (tasks, context) => {
    const wanted = tasks.map(task => keyOfTask(task))
    /** Where in `found` is what rows have made of a key: one look at a Map for each row, since there may be many. */
    const places = new Map<K, number>()
    wanted.forEach((key, place) => places.set(key, place))
    const found = new Array<Found | undefined>(wanted.length)

    let rows = 0
    const unasked: K[] = []
    for (const row of await all(query(tasks, context), context)) {
      rows++
      const key = keyOf(row)
      const place = places.get(key)
      if (place === undefined) unasked.push(key)
      else found[place] = add(found[place], row)
    }

    if (unasked.length > 0 && wanted.length > 0) {
      // The query has found what it was asked, but the keys are not equal in JavaScript. `null` for each task would say
      // that there is nothing.
      if (unasked.length === rows) throw BulkResultError.ofKeys(context.name, unasked, wanted)
      if (!warned) warnOfUnasked(context.name, unasked.length, rows, wanted.length)
      warned = true
    }
    return wanted.map(key => give(found[places.get(key)!]))
  }
}

function withRow<Row>(group: Row[] | undefined, row: Row): Row[] {
  if (group === undefined) return [row]
  group.push(row)
  return group
}

/** A join that gives too much is no error, but some tasks may have got `null` for a row that came. */
function warnOfUnasked(call: string, unasked: number, rows: number, tasks: number): void {
  try {
    const { process } = globalThis
    if (process.env.NODE_ENV === 'production') return
    process.emitWarning(
      `Bulkcall: ${call} must get rows with keys that its tasks have, ` +
        `got ${unasked} of ${rows} rows with keys that no task has, in a bulk of ${tasks} (said once)`,
      { type: 'BulkcallWarning', code: 'BULKCALL_ROWS_UNASKED' },
    )
  } catch {
    // There is no `process` here, or none that may be asked.
  }
}

/** When a failed bulk is tried again in halves, and how often. */
export interface IsolatedOptions {
  /**
   * Whether an error may come from single tasks; any other fails the whole bulk at once (a lost connection, say).
   * @default every error may
   */
  readonly when?: ((error: unknown) => boolean) | undefined
  /**
   * The most calls of the command for one bulk, including the first; tasks that are not separated by then fail with the
   * error of the last try. A whole number from 1, or `Infinity`.
   * @default Infinity
   */
  readonly maxCalls?: number | undefined
}

/**
 * Makes a command that tries a failed bulk again in halves, one after the other, until only the faulty tasks fail: with one
 * such task among n, at most 1 + 2·ceil(log2 n) calls. All of them use the slot of the bulk.
 *
 * The command must be safe to repeat: a task can be executed several times before it succeeds.
 */
export function isolated<
  T,
  G extends Results<T, unknown> | PromiseLike<Results<T, unknown>>,
  C extends CommandContext = CommandContext,
>(
  command: (tasks: T[], context: C) => G,
  options: IsolatedOptions = {},
): (tasks: T[], context: C) => Promise<(ResultOf<G> | Error)[]> {
  checkNames(options, ['when', 'maxCalls'])
  const { when = () => true, maxCalls = Infinity } = options
  checkFunctions({ command, when })
  const isCount = maxCalls === Infinity || isWholeFrom(1, maxCalls)
  check('maxCalls', isCount, 'a whole number from 1 or Infinity', maxCalls)

  return async (tasks, context) => {
    let calls = 0
    /** What ended the search: an error that is no task's fault, or the last caller's going. */
    let end: { readonly error: unknown } | null = null

    const attempt = async (some: readonly T[], earlier: unknown): Promise<unknown[]> => {
      if (end !== null || calls >= maxCalls)
        return some.map(() => asError(end === null ? earlier : end.error))
      calls++
      try {
        return await resultsOf(some, await command([...some], context), context)
      } catch (error) {
        if (!when(error) || context.signal.aborted) end = { error }
        const alone = end !== null || some.length === 1
        // Nothing has succeeded yet, so it is the bulk that failed: as it was thrown, and not kept by a loader's cache.
        if (alone && calls === 1) throw error
        if (alone) return some.map(() => asError(error))
        const middle = Math.ceil(some.length / 2)
        const left = await attempt(some.slice(0, middle), error)
        return [...left, ...(await attempt(some.slice(middle), error))]
      }
    }
    return (await attempt(tasks, undefined)) as (ResultOf<G> | Error)[]
  }
}

/** What a command gave for some tasks, in whichever shape, as one result or Error for each. */
export async function resultsOf(tasks: readonly unknown[], given: unknown, call: Named): Promise<unknown[]> {
  if (!isStream(given)) {
    const outcomes = outcomesOf(given, tasks, call) ?? tasks.map(() => null)
    return eachOf(outcomes.map(promiseOf))
  }
  const outcomes: unknown[] = []
  await handOut(given, tasks.length, call, (_, outcome) => outcomes.push(outcome) > 0)
  return outcomes
}

async function all<Row>(given: Rows<Row> | PromiseLike<Rows<Row>>, call: Named): Promise<Iterable<Row>> {
  const rows = await given
  const shape = shapeOf(rows)
  if (shape === 'none') return []
  // As what a driver gives may be: an object that has the rows in a property.
  const bound = 'an iterable, an async iterable or none of rows from its query'
  if (shape === 'other') throw new BulkResultError(call.name, rows, bound)
  if (shape !== 'stream') return rows as Iterable<Row>
  const collected: Row[] = []
  for await (const row of rows as AsyncIterable<Row>) collected.push(row)
  return collected
}

function checkFunctions(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(functions))
    check(name, typeof value === 'function', 'a function', value)
}
