/**
 * A replay: what an operation would have done with other settings. Its tasks come again, as they came, into the engine of
 * the core, on a clock that leaps; its commands take as long as they took.
 *
 * What is taken for granted: a task follows the bulk that had settled last before it came, and the first tasks that
 * follow a bulk follow its first tasks; a bulk runs as long as the longest of the bulks that its tasks were in; the
 * operation is alone on the server; the event loop is busy where it was; and work that loads nothing lasted as long as a
 * window waited for it.
 * @module
 */

import { AsyncBulkCall, BulkScope, onBulk, semaphore, type BulkEvent, type Limiter } from '@bulkcall/core'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { spansOf } from './facts.ts'
import { allOf } from './limits.ts'
import { VirtualHost } from './virtual-host.ts'

/** Other settings: `undefined` is as recorded, `null` is no bound. */
export interface Change {
  /** The loader that has them; `null` for all. */
  readonly loader: string | null
  readonly size?: number | null | undefined
  readonly delay?: number | null | undefined
  /** The slots of each limiter of these loaders; a loader that has none gets one of its own. */
  readonly concurrent?: number | null | undefined
}

/** What would have been. */
export interface Prediction {
  readonly ms: number
  readonly bulks: readonly RecordedBulk[]
}

/** The settings of a loader, as they were recorded. */
export interface LoaderSettings {
  readonly loader: string
  readonly size: number | null
  readonly delay: number | null
  readonly limiters: readonly number[]
}

/** A task as it was: its bulk, and its place among the tasks of that. */
interface Task {
  readonly bulk: RecordedBulk
  readonly place: number
}

/** What comes at one instant after something: its tasks go into one loader. */
interface Arriving {
  readonly loader: string
  readonly ms: number
}

/** A task, and with which others it comes. */
type Follower = readonly [Arriving, Task]

/** The loaders of an operation, in the order of their first bulks. */
export function loadersOf({ bulks }: Pick<RecordedOperation, 'bulks'>): LoaderSettings[] {
  const loaders = new Map<string, LoaderSettings>()
  for (const bulk of bulks)
    if (bulk.cause !== null && !loaders.has(bulk.loader)) loaders.set(bulk.loader, bulk)
  return [...loaders.values()]
}

/** Replays an operation that has ended. */
export async function replay(operation: RecordedOperation, change: Change): Promise<Prediction> {
  const recorded = operation.bulks.filter(({ settledAt }) => settledAt !== null)
  const host = new VirtualHost()
  const scope = new BulkScope({ host })
  const calls = callsOf(operation, change, async tasks => {
    await host.sleep(tasks.reduce((most, { bulk }) => Math.max(most, runningTime(bulk)), 0))
    settled(tasks)
    return null
  })
  const following = followers(recorded)
  const holds = unseenWork(recorded)
  const stalls = stallsOf(recorded)
  const unsettled = new Map(recorded.map(bulk => [bulk.id, placesOf(bulk)]))

  function callsOf(
    { limiters }: RecordedOperation,
    { loader: only, size, delay, concurrent }: Change,
    command: (tasks: readonly Task[]) => Promise<null>,
  ): Map<string, AsyncBulkCall<Task, null>> {
    const changed = (loader: string): boolean => only === null || only === loader
    const loaders = loadersOf({ bulks: recorded })
    const touched = new Set(loaders.flatMap(each => (changed(each.loader) ? each.limiters : [])))
    const shared = new Map<number, Limiter>()
    for (const { id, slots } of limiters) {
      const now = concurrent !== undefined && touched.has(id) ? concurrent : slots
      if (now !== null) shared.set(id, semaphore(now))
    }
    return new Map(
      loaders.map(settings => {
        const { loader } = settings
        const own =
          changed(loader) && settings.limiters.length === 0 && concurrent ? [semaphore(concurrent)] : []
        const limits = [...own, ...settings.limiters.flatMap(id => shared.get(id) ?? [])]
        const call = new AsyncBulkCall<Task, null>(command, {
          size: (changed(loader) && size !== undefined ? size : settings.size) ?? Infinity,
          delay: (changed(loader) && delay !== undefined ? delay : settings.delay) ?? Infinity,
          concurrent: allOf(limits),
          name: loader,
          scope,
          host,
        })
        return [loader, call]
      }),
    )
  }

  /** Tasks come after so long; until then something is at work that may bring them, and the scope is not quiet. */
  function arrive(ms: number, loader: string, tasks: readonly Task[]): void {
    void scope.run(async () => {
      await host.sleep(ms)
      void scope.run(() => Promise.all(tasks.map(task => calls.get(loader)!.call(task))))
    })
  }

  /** Those that come at one instant come together. */
  function follow(those: readonly Follower[]): void {
    const together = new Map<Arriving, Task[]>()
    for (const [arriving, task] of those) {
      const tasks = together.get(arriving)
      if (tasks === undefined) together.set(arriving, [task])
      else tasks.push(task)
    }
    for (const [{ ms, loader }, tasks] of together) arrive(ms, loader, tasks)
  }

  function settled(tasks: readonly Task[]): void {
    follow(tasks.flatMap(({ bulk, place }) => following.get(bulk.id)?.[place] ?? []))
    for (const { bulk } of tasks) {
      const left = unsettled.get(bulk.id)! - 1
      unsettled.set(bulk.id, left)
      if (left === 0) hold(bulk.id)
    }
  }

  function hold(after: number | null): void {
    for (const ms of holds.get(after) ?? []) void scope.run(() => host.sleep(ms))
    for (const { from, to } of stalls.get(after) ?? []) host.stall(from, to)
  }

  const events: BulkEvent[] = []
  const stop = onBulk({
    started(event) {
      if (event.scope === scope) events.push(event)
    },
  })
  try {
    follow(following.get(null)?.[0] ?? [])
    hold(null)
    await host.play()
  } finally {
    stop()
  }

  const bulks = events.map(event => predicted(event, recorded))
  const rest = operation.ms === null ? 0 : operation.ms - lastOf(recorded)
  return { ms: lastOf(bulks) + Math.max(0, rest), bulks }
}

/** When the last of these bulks has settled. */
function lastOf(bulks: readonly RecordedBulk[]): number {
  return bulks.reduce((last, { settledAt }) => Math.max(last, settledAt ?? 0), 0)
}

function runningTime({ startedAt, settledAt }: RecordedBulk): number {
  return settledAt! - startedAt!
}

function placesOf({ arrivals }: RecordedBulk): number {
  return arrivals.reduce((sum, [, , tasks]) => sum + tasks, 0)
}

/**
 * What follows each task: by the bulk that it was in (`null` is the start of the operation), and its place there. Where
 * two tasks followed six, one follows the first of them, and one the fourth.
 */
function followers(recorded: readonly RecordedBulk[]): Map<number | null, Follower[][]> {
  const places = new Map<number | null, number>(recorded.map(bulk => [bulk.id, placesOf(bulk)]))
  const byBulk = new Map<number | null, Follower[]>()
  for (const bulk of recorded) {
    const { loader, openedAt } = bulk
    let place = 0
    for (const [after, ms, tasks] of bulk.arrivals) {
      // A file may tell of a bulk that it does not have.
      const known = places.has(after)
      const arriving = { loader, ms: known || after === null ? ms : openedAt }
      const those = byBulk.get(known ? after : null) ?? []
      byBulk.set(known ? after : null, those)
      for (let n = 0; n < tasks; n++) those.push([arriving, { bulk, place: place++ }])
    }
  }
  const spread = new Map<number | null, Follower[][]>()
  for (const [after, those] of byBulk) {
    const byPlace: Follower[][] = []
    const last = places.get(after) ?? 1
    const inOrder = those.toSorted(([a], [b]) => a.ms - b.ms)
    inOrder.forEach((each, n) => (byPlace[Math.floor((n * last) / those.length)] ??= []).push(each))
    spread.set(after, byPlace)
  }
  return spread
}

/** How long after the bulk that had settled before it (`null` is the start) something was. */
type Since = readonly [after: number | null, ms: number]

function since(recorded: readonly RecordedBulk[], instant: number): Since {
  let before: RecordedBulk | null = null
  for (const bulk of recorded)
    if (bulk.settledAt! <= instant && bulk.settledAt! > (before?.settledAt ?? -1)) before = bulk
  return [before?.id ?? null, instant - (before?.settledAt ?? 0)]
}

/**
 * Work that loads nothing is not recorded, but a window that waited although no bulk was in flight waited for such work.
 * By the bulk that had settled before, how long it lasted.
 */
function unseenWork(recorded: readonly RecordedBulk[]): Map<number | null, number[]> {
  const holds = new Map<number | null, number[]>()
  for (const { cause, readyAt } of recorded) {
    if (readyAt === null || (cause !== 'quiet' && cause !== 'delay')) continue
    const inFlight = recorded.some(({ startedAt, settledAt }) => startedAt! < readyAt && settledAt! > readyAt)
    if (inFlight) continue
    const [after, ms] = since(recorded, readyAt)
    holds.set(after, [...(holds.get(after) ?? []), ms])
  }
  return holds
}

interface Stall {
  readonly from: number
  readonly to: number
}

/** When the event loop had no time for timers: a window that was late tells. By the bulk that had settled before. */
function stallsOf(recorded: readonly RecordedBulk[]): Map<number | null, Stall[]> {
  const stalls = new Map<number | null, Stall[]>()
  for (const { phase, from, to } of recorded.flatMap(bulk => spansOf(bulk, 0))) {
    if (phase !== 'late') continue
    const [after, ms] = since(recorded, from)
    stalls.set(after, [...(stalls.get(after) ?? []), { from: ms, to: ms + to - from }])
  }
  return stalls
}

function predicted(event: BulkEvent, recorded: readonly RecordedBulk[]): RecordedBulk {
  const { name, tasks, cause, openedAt, readyAt, startedAt, settledAt, pending, inFlight } = event
  return {
    id: event.id,
    loader: name,
    size: event.size === Infinity ? null : event.size,
    delay: event.delay === Infinity ? null : event.delay,
    limiters: recorded.find(({ loader }) => loader === name)?.limiters ?? [],
    tasks,
    cause,
    openedAt: openedAt ?? readyAt,
    readyAt,
    startedAt,
    settledAt,
    pending,
    inFlight,
    none: false,
    failed: 0,
    error: null,
    abandoned: false,
    askers: [],
    arrivals: [],
  }
}
