/**
 * A replay: what an operation would have done with other settings. Its tasks come again, as they came, into the engine of
 * the core, on a clock that leaps; its commands take as long as they took.
 *
 * What is taken for granted: a task follows the bulk that had settled last before it came, among those of the fields above
 * its own, by as much as it did, and the first tasks that follow a bulk follow its first tasks; a window that closed because nothing more could come closes then
 * again, once what was in it has come; a bulk runs as long as the longest of the bulks that its tasks were in; the event
 * loop is busy where it was; and the operation is alone on the server.
 * @module
 */

import { AsyncBulkCall, BulkScope, onBulk, semaphore, type BulkEvent, type Limiter } from '@bulkcall/core'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { durationOf } from './facts.ts'
import type { Documents } from './groups.ts'
import { allOf } from './limits.ts'
import { loadersOf, predictedOf, type Change, type Prediction } from './prediction.ts'
import { timelineOf, type Moment, type Task, type Timeline, type Tick } from './timeline.ts'
import { VirtualHost } from './virtual-host.ts'

/** Replays an operation that has ended. */
export async function replay(
  operation: RecordedOperation,
  change: Change,
  documents: Documents = new Map(),
): Promise<Prediction> {
  const bulks = operation.bulks.filter(({ settledAt }) => settledAt !== null)
  const run = new Replay(bulks, operation, change, timelineOf(operation, documents))
  const events: (readonly [BulkEvent, cause: string])[] = []
  const stop = onBulk({
    started(event) {
      if (event.scope === run.scope) events.push([event, run.causeOf(event)])
    },
  })
  try {
    await run.play()
  } finally {
    stop()
  }
  const limiters = new Map(bulks.map(bulk => [bulk.loader, bulk.limiters]))
  const predicted: readonly RecordedBulk[] = events.map(([event, cause]) =>
    predictedOf(
      event,
      cause,
      limiters.get(event.name) ?? [],
      run.host.busyBetween(event.openedAt ?? event.readyAt, event.readyAt),
    ),
  )
  // What came after its last bulk comes after the last one again; one that was given up ended before that.
  const rest = durationOf(operation) - lastOf(bulks)
  return { ms: Math.max(0, lastOf(predicted) + rest), bulks: predicted }
}

/** When the last of these bulks has settled. */
function lastOf(bulks: readonly RecordedBulk[]): number {
  return bulks.reduce((last, { settledAt }) => Math.max(last, settledAt ?? 0), 0)
}

type Call = AsyncBulkCall<Task, null>

/** A task that follows another one, and with which others it came. */
interface Follower {
  readonly tick: Tick
  readonly part: number
  readonly task: Task
  /** Whether its bulk could not close before it came: others come while it waits for a slot. */
  readonly early: boolean
}

/** A window of the recording, until it has closed. */
interface Window {
  readonly bulk: RecordedBulk
  /** What is still to come before it may close: its tasks, and the moment. */
  missing: number
  /** How many of its tasks have not started. */
  tasks: number
  /** Ends the piece of work that kept it open. */
  end: (() => void) | null
}

/** Below what clocks tell apart: an instant that was reckoned in two ways may differ in its last digit. */
const hair = 1e-6

class Replay {
  readonly host = new VirtualHost()
  readonly scope = new BulkScope({ host: this.host })
  readonly #bulks: readonly RecordedBulk[]
  readonly #timeline: Timeline
  readonly #calls: ReadonlyMap<string, Call>
  /** What follows each bulk (`null` is the start), by the place of the task that it follows. */
  readonly #followers = new Map<number | null, Follower[][]>()
  /** What happens once a bulk has settled with all its tasks. */
  readonly #marks = new Map<number | null, (() => void)[]>()
  readonly #windows = new Map<number, Window>()
  /** The delay that each loader has now. */
  readonly #delays = new Map<string, number | null>()
  /** Why a window that this replay has closed had closed. */
  readonly #closedBy = new Map<string, string>()
  readonly #unsettled: Map<number, number>

  constructor(
    bulks: readonly RecordedBulk[],
    operation: RecordedOperation,
    change: Change,
    timeline: Timeline,
  ) {
    this.#bulks = bulks
    this.#timeline = timeline
    this.#calls = this.#callsOf(operation, change)
    this.#unsettled = new Map(bulks.map(({ id, tasks }) => [id, tasks]))
    for (const bulk of bulks) this.#mark(bulk)
    this.#spread(this.#timeline.ticks())
  }

  async play(): Promise<void> {
    this.#follow(this.#followers.get(null)?.[0] ?? [])
    this.#pass(null)
    await this.host.play()
  }

  /** Nobody flushes but this replay. */
  causeOf({ cause, name }: BulkEvent): string {
    return cause === 'flush' ? (this.#closedBy.get(name) ?? cause) : cause
  }

  #callsOf({ limiters }: RecordedOperation, change: Change): Map<string, Call> {
    const { loader: only, size, delay, concurrent } = change
    const changed = (loader: string): boolean => only === null || only === loader
    const loaders = loadersOf({ bulks: this.#bulks })
    const touched = new Set(loaders.flatMap(each => (changed(each.loader) ? each.limiters : [])))
    const shared = new Map<number, Limiter>()
    for (const { id, slots } of limiters) {
      const slotsNow = concurrent !== undefined && touched.has(id) ? concurrent : slots
      if (slotsNow !== null) shared.set(id, semaphore(slotsNow))
    }
    return new Map(
      loaders.map(settings => {
        const { loader } = settings
        const own =
          changed(loader) && settings.limiters.length === 0 && concurrent ? [semaphore(concurrent)] : []
        const limits = [...own, ...settings.limiters.flatMap(id => shared.get(id) ?? [])]
        const now = changed(loader) && delay !== undefined ? delay : settings.delay
        this.#delays.set(loader, now)
        const call = new AsyncBulkCall((tasks: readonly Task[]) => this.#command(tasks), {
          size: (changed(loader) && size !== undefined ? size : settings.size) ?? Infinity,
          delay: now ?? Infinity,
          concurrent: allOf(limits),
          name: loader,
          scope: this.scope,
          host: this.host,
        })
        return [loader, call]
      }),
    )
  }

  async #command(tasks: readonly Task[]): Promise<null> {
    let longest = 0
    for (const { bulk } of tasks) {
      const window = this.#windows.get(bulk.id)
      if (window !== undefined) window.tasks--
      longest = Math.max(longest, bulk.settledAt! - bulk.startedAt! + (this.#timeline.lag.get(bulk.id) ?? 0))
    }
    await this.host.sleep(longest)
    this.#follow(tasks.flatMap(({ bulk, place }) => this.#followers.get(bulk.id)?.[place] ?? []))
    for (const { bulk } of tasks) {
      const left = this.#unsettled.get(bulk.id)! - 1
      this.#unsettled.set(bulk.id, left)
      if (left === 0) this.#pass(bulk.id)
    }
    return null
  }

  /**
   * What follows each task of a bulk: where two tasks followed six, one follows the first of them, and one the fourth. So
   * of a bulk that is split each part has its share.
   */
  #spread(ticks: readonly Tick[]): void {
    const places = new Map<number | null, number>(this.#bulks.map(({ id, tasks }) => [id, tasks]))
    const following = new Map<number | null, Follower[]>()
    for (const tick of ticks.toSorted((a, b) => a.moment.ms - b.moment.ms)) {
      const those = following.get(tick.moment.after) ?? []
      following.set(tick.moment.after, those)
      for (const [part, { ms, tasks }] of tick.parts.entries()) {
        for (const task of tasks) {
          const window = this.#windows.get(task.bulk.id)
          const early = window !== undefined && tick.at + ms <= task.bulk.readyAt! + hair
          if (early) window.missing = ++window.tasks + 1
          those.push({ tick, part, task, early })
        }
      }
    }
    for (const [after, those] of following) {
      const byPlace: Follower[][] = []
      const last = places.get(after) ?? 1
      those.forEach((each, n) => (byPlace[Math.floor((n * last) / those.length)] ??= []).push(each))
      this.#followers.set(after, byPlace)
    }
  }

  /** Those that came in one tick come in one tick. */
  #follow(followers: readonly Follower[]): void {
    const ticks = new Map<Tick, Follower[]>()
    for (const each of followers) {
      const together = ticks.get(each.tick)
      if (together === undefined) ticks.set(each.tick, [each])
      else together.push(each)
    }
    for (const [tick, together] of ticks) this.#arrive(tick, together)
  }

  #arrive(tick: Tick, followers: readonly Follower[]): void {
    const { host, scope } = this
    // A part of what came in a tick takes a part of its time.
    const share = followers.length / tick.parts.reduce((sum, { tasks }) => sum + tasks.length, 0)
    const byPart: Follower[][] = []
    for (const each of followers) (byPart[each.part] ??= []).push(each)
    // Until then something is at work that may bring tasks, so the scope is not quiet.
    void scope.run(async () => {
      await host.sleep(tick.moment.ms)
      const begin = host.now()
      for (const together of byPart.filter(Boolean)) {
        host.elapse(begin + tick.parts[together[0]!.part]!.ms * share)
        for (const { task } of together) this.#open(task.bulk.id)
        void scope.run(() =>
          Promise.all(together.map(({ task }) => this.#calls.get(task.bulk.loader)!.call(task))),
        )
        // A bulk that is full starts in a microtask.
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await microtasks()
        for (const { task, early } of together) if (early) this.#came(task.bulk.id)
      }
      host.elapse(begin + tick.took * share)
    })
  }

  /** Something happens so long after the bulk that had settled before it. */
  #after({ after, ms }: Moment, job: (ms: number) => void): void {
    const those = this.#marks.get(after) ?? []
    this.#marks.set(after, those)
    those.push(() => job(ms))
  }

  #pass(after: number | null): void {
    for (const job of this.#marks.get(after) ?? []) job()
    this.#marks.delete(after)
  }

  /** A window closes when it did, and what was due while the event loop was busy is late. */
  #mark(bulk: RecordedBulk): void {
    const { id, cause, delay, openedAt, readyAt } = bulk
    if (delay === 0) return
    this.#windows.set(id, { bulk, missing: 1, tasks: 0, end: null })
    this.#after(this.#timeline.closing(bulk), ms => void this.host.sleep(ms).then(() => this.#came(id)))
    const late = readyAt! - openedAt - (delay ?? Infinity)
    // What closed for another cause did so before its timer could fire.
    const to = late + (cause === 'delay' ? 0 : hair)
    if (late > 0)
      this.#after(this.#timeline.moment(readyAt! - late), ms => this.host.stall(ms - hair, ms + to))
  }

  /** A window stays open as long as it did, although nobody knows of what it waited for. */
  #open(id: number): void {
    const window = this.#windows.get(id)
    if (window === undefined || window.end !== null) return
    void this.scope.run(() => new Promise<void>(done => (window.end = done)))
  }

  /** One of the things has come that a window waited for. */
  #came(id: number): void {
    const window = this.#windows.get(id)
    if (window === undefined || --window.missing > 0) return
    this.#windows.delete(id)
    window.end?.()
    const { cause, loader, delay } = window.bulk
    const call = this.#calls.get(loader)!
    if (window.tasks <= 0) return
    // Timers fire when they like, so a window that time closed closes when it did, unless it is another one now.
    if (cause === 'size' || (cause === 'delay' && this.#delays.get(loader) !== delay)) return
    this.#closedBy.set(loader, cause === 'delay' ? cause : 'quiet')
    void call.flush()
  }
}

/** The jobs in which a bulk starts that is full. */
async function microtasks(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let job = 0; job < 4; job++) await Promise.resolve()
}
