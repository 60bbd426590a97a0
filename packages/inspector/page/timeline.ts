/**
 * The timeline of an operation for a replay: what came when, after what, in which tick of the event loop, and when each
 * window closed. All of it relative to the bulk that had settled before and from which it may have followed, so that it
 * moves with that bulk.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { Causality } from './causality.ts'
import type { Documents } from './groups.ts'
import { clamp } from './numbers.ts'
import { countUntil } from './sorted.ts'

/** How long after the bulk that had settled before it (`null` is the start) something was. */
export interface Moment {
  readonly after: number | null
  readonly ms: number
}

/** So many tasks came then. */
export interface Source extends Moment {
  readonly tasks: number
}

/** A task: the bulk that it was in, and its place among the tasks of that. */
export interface Task {
  readonly bulk: RecordedBulk
  readonly place: number
}

/** Tasks of one loader that come so many ms after the begin of their tick. */
export interface Part {
  readonly ms: number
  readonly tasks: readonly Task[]
}

/** A tick of the event loop that brought tasks: when it began, what came in it, and for how long it went on. */
export interface Tick {
  readonly moment: Moment
  readonly at: number
  readonly parts: readonly Part[]
  readonly took: number
}

interface Group {
  readonly moment: Moment
  readonly at: number
  /** How long before that the first of its bulks opened: a call is recorded a moment after it is made. */
  early: number
  took: number
  /** When the first of its windows closed: then it was over. */
  over: number
  readonly parts: { readonly at: number; readonly tasks: readonly Task[] }[]
}

/** Much more than it takes to record a call. */
const mostEarly = 2

export class Timeline {
  readonly #bulks: readonly RecordedBulk[]
  /** Those that had settled, in that order, and when. */
  readonly #settled: readonly RecordedBulk[]
  /** When windows closed, in that order. */
  readonly #closings: readonly number[]
  readonly #byId: ReadonlyMap<number | null, RecordedBulk>
  readonly #causality: Causality
  /** Those that had settled from which the loads of a bulk may have followed. */
  readonly #causes = new Map<string | null, readonly RecordedBulk[]>()

  constructor(bulks: readonly RecordedBulk[], causality: Causality) {
    this.#bulks = bulks
    this.#causality = causality
    this.#settled = bulks.toSorted((a, b) => a.settledAt! - b.settledAt! || a.id - b.id)
    this.#closings = bulks
      .filter(({ cause }) => cause !== 'size')
      .map(({ readyAt }) => readyAt!)
      .toSorted((a, b) => a - b)
    this.#byId = new Map(bulks.map(bulk => [bulk.id, bulk]))
  }

  /** An instant, from the bulk on that had settled before, among all or among some. */
  moment(instant: number, settled = this.#settled): Moment {
    const before = settled[countUntil(settled, instant, ({ settledAt }) => settledAt!) - 1]
    return { after: before?.id ?? null, ms: instant - (before?.settledAt ?? 0) }
  }

  #causesOf(bulk: RecordedBulk): readonly RecordedBulk[] {
    const key = this.#causality.keyOf(bulk)
    const known = key === null ? this.#settled : this.#causes.get(key)
    const causes = known ?? this.#settled.filter(each => this.#causality.mayFollow(bulk, each))
    this.#causes.set(key, causes)
    return causes
  }

  /** After which bulks the tasks of a bulk came, of those from which they may have followed; how long after, and how many. */
  sourcesOf(bulk: RecordedBulk): Source[] {
    return this.#cameOf(bulk).map(({ moment, at, tasks }) => {
      const { after, ms } = this.#anchor(moment, at, [bulk])
      return { after, ms, tasks }
    })
  }

  /** When a window closed: with the latest of its loads, or with what settled after that. */
  closing(bulk: RecordedBulk): Moment {
    const readyAt = bulk.readyAt!
    const moment = this.moment(readyAt)
    const last = this.#cameOf(bulk).reduce((latest, { at }) => Math.max(latest, at), 0)
    return readyAt - moment.ms > last ? moment : this.moment(readyAt, this.#causesOf(bulk))
  }

  instant({ after, ms }: Moment): number {
    return (this.#byId.get(after)?.settledAt ?? 0) + ms
  }

  /** How long after it was ready each bulk really started whose start nothing held up: others were called before it. */
  readonly lag = new Map<number, number>()

  /** The ticks that brought tasks. */
  ticks(): Tick[] {
    const groups = new Map<string, Group>()
    for (const bulk of this.#queue()) this.#place(bulk, groups)
    for (const group of groups.values()) group.over = Math.min(group.over, this.#closedAfter(group))
    for (const { at, took, over, parts } of groups.values()) {
      const end = Math.min(at + took, over)
      for (const bulk of bulksIn(parts)) if (bulk.cause === 'tick') this.#lags(bulk, end)
    }
    return [...groups.values()].map(({ moment, at, early, took, over, parts }) => {
      const { after, ms } = this.#anchor(moment, at, bulksIn(parts))
      return {
        moment: { after, ms: ms - early },
        at: at - early,
        took: early + (over === Infinity ? took : Math.max(0, over - at)),
        parts: parts
          .toSorted((a, b) => a.at - b.at || a.tasks[0]!.bulk.id - b.tasks[0]!.bulk.id)
          .map(part => ({ ms: Math.max(0, part.at - at + early), tasks: part.tasks })),
      }
    })
  }

  /** What came into these bulks at once followed the latest bulk from which any of it may have followed. */
  #anchor(moment: Moment, at: number, bulks: readonly RecordedBulk[]): Moment {
    const before = this.#byId.get(moment.after)
    if (before === undefined || bulks.some(bulk => this.#causality.mayFollow(bulk, before))) return moment
    return bulks
      .map(bulk => this.moment(at, this.#causesOf(bulk)))
      .reduce((latest, each) => (each.ms < latest.ms ? each : latest))
  }

  /** When the first window closed after a tick had brought its last task: no window closes within a tick. */
  #closedAfter({ at, took, parts }: Group): number {
    const last = parts.reduce((latest, part) => Math.max(latest, part.at), at)
    const closed = this.#closings[countUntil(this.#closings, last, closing => closing)] ?? Infinity
    return closed < at + took ? closed : Infinity
  }

  #lags({ id, readyAt, startedAt }: RecordedBulk, ready: number): void {
    if (startedAt === readyAt) this.lag.set(id, Math.max(0, startedAt! - ready))
  }

  /**
   * The bulks with the tasks that they really had. Calls are first in, first out, and a bulk that waits for a slot takes
   * tasks of those behind it: so the arrivals of a loader are given to its bulks in the order in which they started.
   */
  *#queue(): Generator<Filled> {
    for (const loader of new Set(this.#bulks.map(each => each.loader))) {
      const bulks = this.#bulks
        .filter(each => each.loader === loader)
        .toSorted((a, b) => a.startedAt! - b.startedAt! || a.id - b.id)
      const surplus = bulks.reduce(
        (sum, { arrivals, tasks }) => arrivals.reduce((rest, [, , came]) => rest + came, sum - tasks),
        0,
      )
      let queue = bulks.flatMap(bulk => this.#cameOf(bulk)).toSorted((a, b) => a.at - b.at)
      let [next, taken] = [0, 0]
      for (const [place, bulk] of bulks.entries()) {
        const arrivals: Came[] = []
        let missing = bulk.tasks
        // Where tasks were given up, nobody knows of which bulk: each has its own, as far as it had any.
        if (surplus !== 0) [queue, next, taken] = [this.#cameOf(bulk), 0, 0]
        for (let head; missing > 0 && (head = queue[next]) !== undefined;) {
          const tasks = Math.min(missing, head.tasks - taken)
          if (tasks > 0) arrivals.push({ ...head, tasks })
          missing -= tasks
          taken += tasks
          if (taken >= head.tasks) [next, taken] = [next + 1, 0]
        }
        // A bulk that opened before anybody listened, or one of a file that does not say where its tasks came from.
        if (missing > 0) {
          const moment = this.moment(bulk.openedAt)
          arrivals.push({ moment, at: bulk.openedAt, tasks: missing, took: 0 })
        }
        yield { bulk, arrivals, nextOpenedAt: bulks[place + 1]?.openedAt ?? Infinity }
      }
    }
  }

  #cameOf({ arrivals, openedAt }: RecordedBulk): Came[] {
    return arrivals.map(([after, ms, tasks, took = 0]) => {
      // A file may name a bulk that it does not have.
      const known = after === null || this.#byId.has(after)
      const moment = known ? { after, ms } : this.moment(openedAt)
      return { moment, at: this.instant(moment), tasks, took }
    })
  }

  /** The tasks of a bulk come in the ticks in which they came; what opened it and what filled it, when it did. */
  #place({ bulk, arrivals, nextOpenedAt }: Filled, groups: Map<string, Group>): void {
    const { openedAt, readyAt, cause } = bulk
    let place = 0
    for (const [n, { moment, at, tasks, took }] of arrivals.entries()) {
      const key = `${moment.after} ${moment.ms}`
      const group = groups.get(key) ?? { moment, at, early: 0, took: 0, over: Infinity, parts: [] }
      groups.set(key, group)
      group.took = Math.max(group.took, took)
      const isLast = n === arrivals.length - 1
      // A window closes after the microtasks of a tick; what the commands do that start then is no part of it.
      if (cause === 'tick' || (cause !== 'size' && readyAt! <= at + took)) {
        if (isLast) group.over = Math.min(group.over, Math.max(readyAt!, at))
      }
      const end = Math.max(at, at + took)
      const early = n === 0 ? clamp(at - openedAt, 0, Math.min(moment.ms, mostEarly)) : 0
      group.early = Math.max(group.early, early)
      const first = n === 0 ? clamp(openedAt, at - early, end) : at
      const full = Math.min(readyAt!, nextOpenedAt)
      const last = isLast && cause === 'size' ? clamp(full, first, Math.max(first, end)) : first
      if (isLast && cause === 'size') this.#lags(bulk, last)
      const all = Array.from({ length: tasks }, (): Task => ({ bulk, place: place++ }))
      if (last > first && all.length > 1)
        group.parts.push({ at: first, tasks: all.splice(0, all.length - 1) })
      group.parts.push({ at: last, tasks: all })
    }
  }
}

function bulksIn(parts: Group['parts']): RecordedBulk[] {
  return parts.flatMap(({ tasks }) => tasks.slice(0, 1).map(({ bulk }) => bulk))
}

/** The timeline of what has settled of an operation. */
export function timelineOf(operation: RecordedOperation, documents: Documents): Timeline {
  const settled = operation.bulks.filter(({ settledAt }) => settledAt !== null)
  return new Timeline(settled, new Causality(operation, documents))
}

/** A bulk with the tasks that it really had, and when the next one of its loader opened. */
interface Filled {
  readonly bulk: RecordedBulk
  readonly arrivals: readonly Came[]
  readonly nextOpenedAt: number
}

interface Came {
  readonly moment: Moment
  readonly at: number
  readonly tasks: number
  readonly took: number
}
