/**
 * Trees of work, as the fields of a document are: each place calls, at once or after I/O of its own, and what it gets leads
 * to further places. On a host that is driven by hand, so times are exact.
 * @module
 */

import type { AsyncBulkCall, BulkStep } from '../../src/index.ts'
import { Deferred } from './deferred.ts'
import type { CoreModule } from './explore.ts'
import { ManualHost } from './manual-host.ts'

/** One place of a tree. */
export interface Place {
  /** How often it is worked at, for each result of the place above. */
  readonly count: number
  /** The I/O of its own, for each of those: so many ms, in turn. With 0 it calls at once. */
  readonly io: readonly number[]
  /** Whom it calls; nobody if `null`. */
  readonly calls: string | null
  readonly next: readonly Place[]
}

/** What one walk through a tree came to. */
export interface Walk {
  readonly bulks: readonly { readonly name: string; readonly tasks: readonly number[]; readonly at: number }[]
  /** The longest that a task has waited for its bulk. */
  readonly longestWait: number
  readonly results: number
  readonly ms: number
}

/** The places of a tree, as steps of a course of their own. */
export function stepsOf(core: CoreModule, places: readonly Place[]): Map<Place, BulkStep> {
  const course = new core.BulkCourse()
  const steps = new Map<Place, BulkStep>()
  const add = (place: Place): BulkStep => {
    const step = course.step()
    steps.set(place, step)
    for (const next of place.next) step.leadsTo(add(next))
    return step
  }
  for (const place of places) add(place)
  return steps
}

/**
 * Walks through a tree.
 * @param delay of all calls; with 0 they are in no scope, as those of `dataloader`
 * @param takes how long the commands of each name take
 */
export async function walk(
  core: CoreModule,
  places: readonly Place[],
  delay: number,
  takes: (name: string) => number,
  steps?: ReadonlyMap<Place, BulkStep>,
): Promise<Walk> {
  const host = new ManualHost()
  const scope = delay === 0 ? undefined : new core.BulkScope({ host })
  const bulks: Walk['bulks'][number][] = []
  const calls = new Map<string, AsyncBulkCall<number, number>>()
  const calledAt: number[] = []
  let longestWait = 0
  let results = 0

  const io = (ms: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), ms)
    return done.promise
  }
  const call = (name: string): Promise<number> => {
    let made = calls.get(name)
    if (made === undefined) {
      const command = async (tasks: number[]): Promise<number[]> => {
        bulks.push({ name, tasks, at: host.time })
        for (const task of tasks) longestWait = Math.max(longestWait, host.time - calledAt[task]!)
        await io(takes(name))
        return tasks
      }
      made = new core.AsyncBulkCall<number, number>(command, { name, delay, scope, host })
      calls.set(name, made)
    }
    return made.call(calledAt.push(host.time) - 1)
  }
  const work = (place: Place, ms: number): Promise<unknown> | null => {
    const ask = (): Promise<unknown> | null => (place.calls === null ? null : call(place.calls))
    return ms === 0 ? ask() : io(ms).then(ask)
  }
  const visit = async (place: Place): Promise<void> => {
    const all: Promise<void>[] = []
    for (let i = 0; i < place.count; i++) {
      const ms = place.io[i % place.io.length]!
      const result =
        scope === undefined ? work(place, ms) : scope.run(() => work(place, ms), steps?.get(place))
      const visitNext = async (): Promise<void> => {
        await result
        results++
        await Promise.all(place.next.map(visit))
      }
      all.push(visitNext())
    }
    await Promise.all(all)
  }

  const all = Promise.all(places.map(visit))
  await host.turn()
  while (host.nextTimerAt < Infinity) {
    await host.advance(host.nextTimerAt - host.time)
    await host.turn()
  }
  await all
  return { bulks, longestWait, results, ms: host.time }
}

export function at(count: number, calls: string | null, io: readonly number[], ...next: Place[]): Place {
  return { count, calls, io, next }
}

const quick = [1, 2, 3, 4]
const mixed = [0, 1, 2, 3, 4]
const slow = [1, 2, 3, 4, 5, 6, 7, 8]

/** The shapes of `npm run bench:windows` in which a window could wait for what never pays. */
export const shapes: Readonly<Record<string, readonly Place[]>> = {
  'siblings with I/O of their own': [at(30, 'users', mixed), at(30, 'users', quick)],
  'guards that take longer than `delay`': [at(60, 'users', slow)],
  'slow siblings beside a second call': [
    at(60, 'users', quick),
    at(60, 'comments', [0], at(3, 'users', [0])),
  ],
  'four levels with guards': [
    at(20, 'users', quick, at(1, 'posts', quick, at(2, 'comments', quick, at(3, 'users', quick)))),
  ],
  'four levels, mixed': [
    at(30, 'users', quick, at(1, 'companies', [0], at(1, 'countries', [0]))),
    at(30, 'users', [0], at(1, 'companies', mixed, at(1, 'countries', [0]))),
    at(30, 'comments', [0], at(3, 'users', [0])),
  ],
  'deeply uneven': [
    at(30, 'users', [0]),
    at(30, 'users', slow, at(1, 'companies', [0], at(1, 'countries', [0]))),
    at(
      30,
      'comments',
      [0],
      at(
        3,
        'users',
        [0],
        at(1, 'posts', [0], at(2, 'comments', [0], at(1, 'users', mixed, at(1, 'companies', [0])))),
      ),
    ),
  ],
}
