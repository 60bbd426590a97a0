/**
 * Runs a tree of work in exact virtual time, and tells what it came to.
 * @module
 */

import { BulkLoader, type BulkLoaderOptions } from '../../src/index.ts'
import { Deferred } from './deferred.ts'
import { ManualHost } from './manual-host.ts'
import { below, type Field, type Place, type Tree, type Work } from './work.ts'

/** What one contender does for one run: how its loaders are made, and in what its work runs. */
export interface Session {
  /** Of the copy of the package that is tried. */
  readonly BulkLoader: typeof BulkLoader
  readonly settings: Pick<BulkLoaderOptions<string, string>, 'delay' | 'scope'>
  /** Runs a piece of work that is of this field. */
  run<R>(work: () => R, field: string): R
}

/** Begins a run. What it learns it may keep from run to run, on one host. */
export type Contender = (host: ManualHost) => Session

/** What `dataloader` does: a bulk starts at the end of the turn. */
export const tick: Contender = () => plain(0)

/** A bulk starts when its first task has waited for `delay`. */
export function fixed(delay: number): Contender {
  return () => plain(delay)
}

function plain(delay: number): Session {
  return { BulkLoader, settings: { delay }, run: work => work() }
}

export interface Bulk {
  readonly name: string
  readonly tasks: readonly string[]
  /** When it started, from the beginning of the run on. */
  readonly at: number
}

/** What one run came to. */
export interface Outcome {
  readonly bulks: readonly Bulk[]
  /** When the last result was in. */
  readonly ms: number
  /** All results, as text: the same for each contender. */
  readonly results: string
  /** The keys of each loader, in the order in which they were first loaded. */
  readonly loads: ReadonlyMap<string, readonly string[]>
  /** When the latest load of each loader was made. */
  readonly lastLoadAt: ReadonlyMap<string, number>
  /** The longest that a task has waited for its bulk to start. */
  readonly longestWait: number
  /** How many timers the windows have set. */
  readonly timers: number
}

/** So many runs of a tree, one after the other, by a contender that keeps what it learns. */
export async function runs(tree: Tree, contender: Contender, times: number): Promise<Outcome[]> {
  const host = new ManualHost()
  const outcomes: Outcome[] = []
  for (let run = 0; run < times; run++) {
    const session = contender(host)
    outcomes.push(await new Run(tree, host, session).outcome())
  }
  return outcomes
}

export async function runOnce(tree: Tree, contender: Contender): Promise<Outcome> {
  const [outcome] = await runs(tree, contender, 1)
  return outcome!
}

const settled = Promise.resolve()

/** What stands for a result that is an error: which of several errors came first depends on the windows. */
const failed = 'failed'

const isPromise = (value: unknown): value is PromiseLike<unknown> => value instanceof Promise

class Run {
  readonly #tree: Tree
  readonly #host: ManualHost
  readonly #session: Session
  readonly #start: number
  readonly #loaders = new Map<string, BulkLoader<string, string>>()
  readonly #memo = new Map<string, unknown>()
  readonly #bulks: Bulk[] = []
  readonly #loads = new Map<string, Map<string, number>>()
  readonly #lastLoadAt = new Map<string, number>()
  #longestWait = 0
  #ownTimers = 0

  constructor(tree: Tree, host: ManualHost, session: Session) {
    this.#tree = tree
    this.#host = host
    this.#session = session
    this.#start = host.time
  }

  async outcome(): Promise<Outcome> {
    const host = this.#host
    const timersBefore = host.timersSet
    let ms: number | undefined
    const all = this.#children(this.#tree.places, '', 0).then(results => {
      ms = host.time - this.#start
      return results
    })
    await host.turn()
    // What a failed piece of work has left behind goes on after the last result; it ends here, before the next run.
    while (host.nextTimerAt < Infinity) {
      await host.advance(host.nextTimerAt - host.time)
      await host.turn()
    }
    if (ms === undefined) throw new Error('nothing is left to happen, and results are missing')
    return {
      bulks: this.#bulks,
      ms,
      results: JSON.stringify(await all),
      loads: new Map([...this.#loads].map(([name, keys]) => [name, [...keys.keys()]])),
      lastLoadAt: this.#lastLoadAt,
      longestWait: this.#longestWait,
      timers: host.timersSet - timersBefore - this.#ownTimers,
    }
  }

  /** The work of places below one result. */
  #children(places: readonly Place[], path: string, seed: number): Promise<unknown[]> {
    return Promise.all(
      places.flatMap((place, p) =>
        Array.from({ length: nth(place.rows, seed) }, (_, row) =>
          this.#visit(place, `${path}/${p}${place.field}${row}`, seed + row),
        ),
      ),
    )
  }

  /** One piece of work and all that follows from it. Never rejects: as in GraphQL, an error takes no sibling along. */
  async #visit(place: Place, path: string, seed: number): Promise<unknown> {
    let given: unknown
    try {
      given = this.#session.run(() => this.#resolve(place.field, path, seed), place.field)
    } catch {
      return failed
    }
    return this.#complete(place, given, path, seed)
  }

  /** Follows a result as an executor does: in its synchronous part where it is a value, each item of a list by itself. */
  async #complete(place: Place, given: unknown, path: string, seed: number): Promise<unknown> {
    let value = given
    if (isPromise(given)) {
      try {
        value = await given
      } catch {
        return failed
      }
    }
    if (Array.isArray(value) && value.some(isPromise)) {
      return Promise.all(
        value.map((item: unknown, i) => this.#complete(place, item, `${path}.${i}`, seed + i)),
      )
    }
    const next = await this.#children(below(place), path, seed)
    return next.length === 0 ? String(value) : [String(value), ...next]
  }

  #resolve(name: string, path: string, seed: number): unknown {
    const field = this.#tree.fields[name]!
    if (field.memo === 0) return this.#perform(field.work, path, seed, field)
    const which = seed % field.memo
    const key = `${name}~${which}`
    // As in `ctx.viewer ??= loadViewer()`: what it does is the same, whichever piece comes first.
    if (!this.#memo.has(key)) this.#memo.set(key, this.#perform(field.work, key, which, field))
    return this.#memo.get(key)
  }

  /**
   * Does the work: as much as it can in its synchronous part.
   * @param field whose result this is, if it is all that the field still does
   */
  #perform(work: Work, path: string, seed: number, field?: Field): unknown {
    switch (work.do) {
      case 'io': {
        const ms = nth(work.ms, seed)
        return ms === 0 ? null : this.#io(ms)
      }
      case 'await':
        return settled
      case 'load':
        return this.#load(work.loader, work.hot ? `hot${seed % 3}` : path)
      case 'many': {
        const keys = Array.from({ length: nth(work.times, seed) }, (_, i) => `${path}.${i}`)
        for (const key of keys) this.#note(work.loader, key)
        return this.#loader(work.loader)
          .loadMany(keys)
          .then(values => values.map(value => (value instanceof Error ? failed : value)))
      }
      case 'seq':
        return this.#sequence(work.works, path, seed, field)
      case 'all':
        return gather(
          work.works.map((part, i) => start(() => this.#perform(part, `${path}.${i}`, seed))),
          field,
        )
      case 'map':
        return gather(
          Array.from({ length: nth(work.times, seed) }, (_, i) =>
            start(() => this.#perform(work.work, `${path}.${i}`, seed + i)),
          ),
          field,
        )
      case 'loop':
        return this.#loop(work.work, nth(work.times, seed), path, seed)
      case 'query':
        return this.#children(work.places, path, seed)
      case 'throw':
        break
    }
    if (seed % work.nth === 0) throw new Error(`${path} throws`)
    return null
  }

  async #sequence(works: readonly Work[], path: string, seed: number, field?: Field): Promise<unknown> {
    let value: unknown = null
    for (const [i, work] of works.entries()) {
      const given = this.#perform(work, `${path}.${i}`, seed, i === works.length - 1 ? field : undefined)
      // No `await` where there is nothing to wait for: the next of them is still in the synchronous part.
      value = isPromise(given) ? await given : given
    }
    return value
  }

  async #loop(work: Work, times: number, path: string, seed: number): Promise<unknown> {
    const values: unknown[] = []
    for (let i = 0; i < times; i++) {
      const given = this.#perform(work, `${path}.${i}`, seed + i)
      values.push(isPromise(given) ? await given : given)
    }
    return values
  }

  #io(ms: number): Promise<void> {
    const done = new Deferred<void>()
    this.#ownTimers++
    this.#host.setTimer(() => done.resolve(), ms)
    return done.promise
  }

  #load(name: string, key: string): Promise<string> {
    this.#note(name, key)
    return this.#loader(name).load(key)
  }

  #note(name: string, key: string): void {
    const at = this.#host.time
    let keys = this.#loads.get(name)
    if (keys === undefined) this.#loads.set(name, (keys = new Map()))
    if (!keys.has(key)) keys.set(key, at)
    this.#lastLoadAt.set(name, at - this.#start)
  }

  /** A loader is made when it is first touched, as those of an operation are. */
  #loader(name: string): BulkLoader<string, string> {
    let loader = this.#loaders.get(name)
    if (loader === undefined) {
      const { takes, via, fails } = this.#tree.loaders[name]!
      loader = new this.#session.BulkLoader<string, string>(
        async (keys: string[]) => {
          const host = this.#host
          this.#bulks.push({ name, tasks: [...keys], at: host.time - this.#start })
          for (const key of keys)
            this.#longestWait = Math.max(this.#longestWait, host.time - this.#loads.get(name)!.get(key)!)
          let from: readonly (string | Error)[] = keys
          if (via !== null) {
            if (via.io > 0) await this.#io(via.io)
            from = await Promise.all(
              keys.map(key => this.#load(via.loader, key).catch((error: Error) => error)),
            )
          }
          if (takes > 0) await this.#io(takes)
          return from.map(value => {
            if (value instanceof Error) return value
            return fails && isBad(value) ? new Error(`no ${value}`) : `${name}(${value})`
          })
        },
        { name, host: this.#host, ...this.#session.settings },
      )
      this.#loaders.set(name, loader)
    }
    return loader
  }
}

/** Whether a loader that fails for some keys does so for this one: a quarter of them. */
function isBad(key: string): boolean {
  return Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % 4 === 0
}

/** Starts work as an `async` function does: what it throws is a rejection. */
async function start(work: () => unknown): Promise<unknown> {
  return work()
}

function gather(promises: readonly Promise<unknown>[], field?: Field): unknown {
  return field?.list === true ? promises : Promise.all(promises)
}

function nth(values: readonly number[], seed: number): number {
  return values[seed % values.length]!
}
