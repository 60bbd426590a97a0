/**
 * The command: the one thing that the user writes. It gets the tasks of a bulk and gives their results, or none.
 * @module
 */

/** What a command (batch function) gets as its second argument. */
export interface CommandContext {
  /** The name of the call, for logs. */
  readonly name: string
  /**
   * Aborts when nobody waits for the bulk any more: all its callers have aborted, or its time is up. Pass it to whatever
   * the command awaits.
   */
  readonly signal: AbortSignal
}

/** None: the command has no results, and each task gets `null`. */
export type None = null | undefined | void

/** The results of one bulk, in any of the shapes that a command may return. */
export type Results<T, R> = None | LoaderResults<T, R>

/** The same for a loader, where `null` is none: a command that returns nothing at all has forgotten its `return`. */
export type LoaderResults<K, V> =
  | null
  // A Map would pass for a list of its entries, whatever its keys are.
  | (Iterable<V | PromiseLike<V> | Error> & { readonly get?: never } & object)
  | AsyncIterable<V | Error>
  // It is asked for the keys of the bulk. By a method, where keys of a wider or a narrower type fit as well.
  | (ReadonlyMap<any, V | PromiseLike<V> | Error> & { has(key: K): boolean })

/** The batch function: turns the tasks of one bulk into their results, at once or later. It may change the array. */
export type Command<T, R> = (
  tasks: T[],
  context: CommandContext,
) => Results<T, R> | PromiseLike<Results<T, R>>

/** The command of a loader: it turns the keys of one bulk into their values. */
export type LoaderCommand<K, V> = (
  keys: K[],
  context: CommandContext,
) => LoaderResults<K, V> | PromiseLike<LoaderResults<K, V>>

/** What one task gets of a command that returns `G`: `null` is in it only when the command can return none. */
export type ResultOf<G> = OneOf<Awaited<G>>

type OneOf<A> = 0 extends 1 & A
  ? any
  : A extends None
    ? null
    : A extends string
      ? never
      : A extends ReadonlyMap<any, infer R>
        ? Value<R> | null
        : A extends Iterable<infer R> | AsyncIterable<infer R>
          ? Value<R>
          : never

/** An error rejects its task. Recognized by its `stack`, since a row may well have a `name` and a `message`. */
type Value<R> = Awaited<R extends Error ? ('stack' extends keyof R ? never : R) : R>
