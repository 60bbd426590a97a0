/**
 * `SharedLoader`: a loader whose bulks take keys of many units of work, while each of them keeps its own cache and scope.
 *
 * A key goes two steps. The loader of its unit of work collects what is loaded in one tick, each key once; what it asks
 * joins the shared bulk of its partition, whose window closes when every unit of work is quiet.
 * @module
 */

import { AsyncBulkCall } from './bulk-call.ts'
import type { CommandContext, LoaderCommand, LoaderResults, ResultOf } from './command.ts'
import { check, checkNames } from './validate.ts'
import { firstOf, placesOf } from './engine/duplicates.ts'
import { asError, BulkTimeoutError, isError } from './errors.ts'
import { frozen } from './frozen.ts'
import { BulkLoader, type BulkLoaderOptions, type NullKeys, type OrNull } from './bulk-loader.ts'
import {
  bulkCallOptions,
  contextOf,
  nameOf,
  readCommand,
  readOptions,
  type BulkCallOptions,
  type BulkCallSettings,
} from './options.ts'
import type { CacheErrors } from './cache/cache.ts'
import { resultsOf } from './results.ts'
import { Room } from './shared-room.ts'
import type { BulkScope } from './scope/bulk-scope.ts'
import { checkScope } from './scope/trackers.ts'
import { isStream, outcomesOf } from './engine/settle.ts'
import { isThenable } from './promises.ts'

/** What the command of a shared loader gets as its second argument. Of its callers it knows only the partition. */
export interface SharedCommandContext<P> extends CommandContext {
  /** What all keys of the bulk have in common: a tenant, a role, a locale. */
  readonly partition: P
}

/** The options of a `SharedLoader`: those of its bulks. */
export interface SharedLoaderOptions<K, V = any> extends BulkCallOptions {
  /**
   * The scope that the scopes of all units of work are `within`: when it is quiet (idle), the window closes early.
   * @default none: the window is `delay`
   */
  readonly scope?: BulkScope | undefined
  /** Returns the same value for equal keys; needed where keys are objects. */
  readonly cacheKeyFn?: ((key: K) => unknown) | undefined
  /**
   * Copies an answer for each unit of work, such as `structuredClone`. With `value => value` all of them get the same
   * object, which one may then change for the others. @default none: all get the same answer, in which plain objects and
   * arrays are frozen
   */
  readonly clone?: ((value: V) => unknown) | undefined
}

/** The options of the loader that one unit of work has of a `SharedLoader`. */
export interface OwnLoaderOptions<K, V, P, N extends NullKeys = 'error'> extends Pick<
  BulkLoaderOptions<K, V, any, N>,
  'cache' | 'cacheMap' | 'cacheErrors' | 'nullKeys' | 'scope' | 'context'
> {
  /** Which others share its bulks: those with the same value, compared as a `Map` compares. */
  readonly partition?: P | undefined
  /**
   * Whether its keys are in bulks of their own, as if no other had its partition.
   * @default false
   */
  readonly alone?: boolean | undefined
}

const ownOptions = ['cache', 'cacheMap', 'cacheErrors', 'nullKeys', 'scope', 'context', 'partition', 'alone']

type SharedCommand<K, V, P> = (
  keys: K[],
  context: SharedCommandContext<P>,
) => LoaderResults<K, V> | PromiseLike<LoaderResults<K, V>>

/** {@link SharedLoader}, and what it is made of. */
class SharedLoaderClass<K, V, P = undefined> {
  static {
    // In logs it has the name that it is exported by.
    Object.defineProperty(this, 'name', { value: 'SharedLoader' })
  }

  readonly #command: SharedCommand<K, unknown, P>
  /** Those of its bulks. */
  readonly #options: BulkCallOptions
  readonly #settings: BulkCallSettings
  readonly #name: string
  readonly #cacheKeyFn: ((key: K) => unknown) | undefined
  readonly #clone: ((value: any) => unknown) | undefined
  /** Errors that the command gave for one key. What it throws is no answer, and no cache keeps it. */
  readonly #given = new WeakSet<Error>()
  /** One for each partition that somebody waits for, and for each loader that is alone. */
  readonly #rooms = new Map<unknown, Room<K, V>>()

  constructor(command: SharedCommand<K, unknown, P>, options: SharedLoaderOptions<K> = {}) {
    checkNames(options, [...bulkCallOptions, 'cacheKeyFn', 'clone'])
    const { cacheKeyFn: keyOf, clone, ...rest } = options
    check('cacheKeyFn', keyOf === undefined || typeof keyOf === 'function', 'a function', keyOf)
    check('clone', clone === undefined || typeof clone === 'function', 'a function', clone)
    readCommand(command)
    this.#settings = readOptions(rest)
    this.#name = nameOf(command, this.#settings)
    this.#command = command
    checkScope('scope', rest.scope)
    // Not that of its scope: who makes what all share may be the first of its users.
    const context = contextOf(rest.context, null, this.#settings, false)
    this.#cacheKeyFn = keyOf
    this.#clone = clone
    // One limit over all partitions, not one for each. How many may be pending is for each unit of work.
    this.#options = { ...rest, context, concurrent: this.#settings.limiter, maxPending: Infinity }
  }

  /** How many partitions somebody waits for. */
  get partitions(): number {
    return this.#rooms.size
  }

  /** The loader of one unit of work, with a cache of its own. */
  loader<N extends NullKeys = 'error'>(
    options: OwnLoaderOptions<K, V, P, N> = {},
  ): BulkLoader<OrNull<K, N>, OrNull<V, N>> {
    const own = this.definition(options)
    return new BulkLoader<any, any>(own.command, own.options as BulkLoaderOptions<any, any>)
  }

  /** What `loader` makes a loader of, for code that makes it from another class, such as one that counts. */
  definition<N extends NullKeys = 'error'>(
    options: OwnLoaderOptions<K, V, P, N> = {},
  ): {
    readonly command: LoaderCommand<K, V>
    readonly options: BulkLoaderOptions<K, V, any, N>
  } {
    checkNames(options, ownOptions)
    const { partition, alone = false, cacheErrors = true, ...own } = options
    check('alone', typeof alone === 'boolean', 'true or false', alone)
    const key = alone ? {} : partition
    const { size, maxPending, host } = this.#settings
    return {
      command: (keys, { signal }) => this.#ask(keys, key, partition as P, signal),
      options: {
        ...own,
        cacheErrors: this.#keeping(cacheErrors),
        name: this.#name,
        size,
        maxPending,
        host,
        cacheKeyFn: this.#cacheKeyFn,
        // The room of its partition is there only while it is needed.
        concurrent: {
          acquire: waiter => this.#room(key, partition as P).enter(waiter),
          leave: waiter => this.#room(key, partition as P).leave(waiter),
        },
      },
    }
  }

  /** Which errors are kept: of those that are answers. */
  #keeping(cacheErrors: boolean | CacheErrors): boolean | CacheErrors {
    if (cacheErrors === true) return error => this.#given.has(error)
    if (typeof cacheErrors !== 'function') return cacheErrors
    return error => this.#given.has(error) && cacheErrors(error)
  }

  async #ask(keys: K[], key: unknown, partition: P, signal: AbortSignal): Promise<(V | Error)[]> {
    const room = this.#room(key, partition)
    room.asking++
    try {
      const answers = await room.call.callMany(keys, { signal })
      return this.#unlessAllFailed(await this.#askAlone(keys, answers, partition, signal))
    } finally {
      room.asking--
      room.advance()
      if (room.isIdle && this.#rooms.get(key) === room) this.#rooms.delete(key)
    }
  }

  /** Asks again for what has failed together with the keys of others: it may have been theirs that failed. */
  async #askAlone(
    keys: readonly K[],
    answers: (V | Error)[],
    partition: P,
    signal: AbortSignal,
  ): Promise<(V | Error)[]> {
    const others = this.#failedWithOthers(answers)
    if (others.size === 0) return answers
    const alone = { ...this.#options, scope: undefined, delay: 0 }
    const call = new AsyncBulkCall<K, V>(this.#bound(partition), alone)
    const failed = keys.filter((_, place) => others.has(answers[place]!))
    const again = await call.callMany(failed, { signal })
    let place = 0
    return answers.map(answer => (others.has(answer) ? again[place++]! : answer))
  }

  /**
   * What has failed of bulks in which others had keys as well: each is one bulk's failure. One that has run out of its time
   * is among them: it may have been the key of another that was slow.
   */
  #failedWithOthers(answers: readonly unknown[]): ReadonlySet<unknown> {
    const own = new Map<FailedTogether | BulkTimeoutError, number>()
    for (const answer of answers) {
      if (
        answer instanceof FailedTogether ||
        (answer instanceof BulkTimeoutError && !this.#given.has(answer))
      )
        own.set(answer, (own.get(answer) ?? 0) + 1)
    }
    return new Set([...own.keys()].filter(failure => own.get(failure)! < (failure.tasks ?? 0)))
  }

  /** What all keys of a bulk have failed with, and none was given, is the failure of the bulk. */
  #unlessAllFailed(answers: readonly (V | Error)[]): (V | Error)[] {
    const [first] = answers
    if (isError(first) && !this.#given.has(first) && answers.every(answer => answer === first))
      throw first instanceof FailedTogether ? first.cause : first
    return answers.map(answer => (answer instanceof FailedTogether ? asError(answer.cause) : answer))
  }

  #room(key: unknown, partition: P): Room<K, V> {
    let room = this.#rooms.get(key)
    if (room === undefined) {
      const shared = { ...this.#options, name: `${this.#name}, shared` }
      room = new Room<K, V>(this.#bound(partition), shared)
      this.#rooms.set(key, room)
    }
    return room
  }

  /** The command as a bulk of one partition calls it: with each key once, since several may ask for it. */
  #bound(partition: P): LoaderCommand<K, V> {
    const keyOf = this.#cacheKeyFn ?? (key => key)
    const command = this.#command
    return async (keys, bulk) => {
      // Read when it is asked for: most commands need no signal.
      const own = {
        name: this.#name,
        partition,
        get signal() {
          return bulk.signal
        },
      }
      try {
        const places = placesOf(keys.map(key => keyOf(key)))
        const unique = firstOf(keys, places)
        const given = await command([...unique], own)
        const outcomes = isStream(given)
          ? await resultsOf(unique, given, own)
          : outcomesOf(given, unique, own)
        if (outcomes === null) return null
        const answers = outcomes.map(outcome => this.#answer(outcome)) as V[]
        const seen = new Set<unknown>()
        const toEach = (answer: V): V => this.#toEach(answer, seen)
        return places === null ? answers.map(toEach) : places.map(place => toEach(answers[place]!))
      } catch (error) {
        throw new FailedTogether(error, keys.length)
      }
    }
  }

  /** An answer as one unit of work gets it: no other may change it. */
  #toEach(answer: unknown, seen: Set<unknown>): any {
    if (isError(answer)) return answer
    if (isThenable(answer)) return Promise.resolve(answer).then(value => this.#toEach(value, seen))
    const clone = this.#clone
    try {
      return clone === undefined ? frozen(answer, seen) : clone(answer)
    } catch (error) {
      return asError(error)
    }
  }

  /** Remembers of an error that it is the answer of a key. */
  #answer(outcome: unknown): unknown {
    if (isError(outcome)) this.#given.add(outcome)
    if (!isThenable(outcome)) return outcome
    return Promise.resolve(outcome).catch((reason: unknown) => {
      throw this.#answer(asError(reason))
    })
  }
}

/** A bulk in which several units of work had keys has failed: each asks its own again, alone. */
class FailedTogether extends Error {
  readonly tasks: number

  constructor(cause: unknown, tasks: number) {
    super('a shared bulk has failed', { cause })
    this.tasks = tasks
  }
}

/** Makes a {@link SharedLoader}; the type of its values follows from the command. */
export interface SharedLoaderConstructor {
  // `_V` and `_R` are there so that type arguments written by hand, `<K, V, P>`, mean the other signature.
  new <
    K,
    G extends LoaderResults<K, unknown> | PromiseLike<LoaderResults<K, unknown>>,
    P,
    _V extends ResultOf<G>,
    _R,
  >(
    command: (keys: K[], context: SharedCommandContext<P>) => G,
    options?: SharedLoaderOptions<K, ResultOf<G>>,
  ): SharedLoader<K, ResultOf<G>, P>
  new <K, V, P = undefined>(
    command: SharedCommand<K, V, P>,
    options?: SharedLoaderOptions<K, V>,
  ): SharedLoader<K, V, P>
}

export const SharedLoader: SharedLoaderConstructor = SharedLoaderClass
/**
 * Makes loaders, one for each unit of work, whose keys go into common bulks. Units of work do not affect each other: each
 * has a cache of its own, and a bulk that fails is repeated for each of them alone. So the command must be safe to repeat.
 */
export interface SharedLoader<K, V, P = undefined> extends SharedLoaderClass<K, V, P> {}
