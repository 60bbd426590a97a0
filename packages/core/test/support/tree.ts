/**
 * Trees of work, as the fields of a document are: each place calls, at once or after I/O of its own, and what it gets leads
 * to further places. On a host that is driven by hand, so times are exact.
 * @module
 */

import type { AsyncBulkCall, BulkStep } from '../../src/index.ts'
import { deferred } from '../../src/deferred.ts'
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
    const done = deferred<void>()
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

  let ended = false
  void Promise.all(places.map(visit)).then(() => (ended = true))
  for (let i = 0; i < 10_000 && !ended; i++) {
    await host.turn()
    if (!ended && host.nextTimerAt < Infinity) await host.advance(host.nextTimerAt - host.time)
  }
  if (!ended) throw new Error('the walk does not end')
  return { bulks, longestWait, results, ms: host.time }
}

export function place(count: number, calls: string | null, io: readonly number[], ...next: Place[]): Place {
  return { count, calls, io, next }
}

const quick = [1, 2, 3, 4]
const mixed = [0, 1, 2, 3, 4]
const slow = [1, 2, 3, 4, 5, 6, 7, 8]

/** The shapes of `npm run bench:windows` in which a window could wait for what never pays. */
export const shapes: Readonly<Record<string, readonly Place[]>> = {
  'siblings with I/O of their own': [place(30, 'users', mixed), place(30, 'users', quick)],
  'guards that take longer than `delay`': [place(60, 'users', slow)],
  'slow siblings beside a second call': [
    place(60, 'users', quick),
    place(60, 'comments', [0], place(3, 'users', [0])),
  ],
  'four levels with guards': [
    place(
      20,
      'users',
      quick,
      place(1, 'posts', quick, place(2, 'comments', quick, place(3, 'users', quick))),
    ),
  ],
  'four levels, mixed': [
    place(30, 'users', quick, place(1, 'companies', [0], place(1, 'countries', [0]))),
    place(30, 'users', [0], place(1, 'companies', mixed, place(1, 'countries', [0]))),
    place(30, 'comments', [0], place(3, 'users', [0])),
  ],
  'deeply uneven': [
    place(30, 'users', [0]),
    place(30, 'users', slow, place(1, 'companies', [0], place(1, 'countries', [0]))),
    place(
      30,
      'comments',
      [0],
      place(
        3,
        'users',
        [0],
        place(
          1,
          'posts',
          [0],
          place(2, 'comments', [0], place(1, 'users', mixed, place(1, 'companies', [0]))),
        ),
      ),
    ),
  ],
}
