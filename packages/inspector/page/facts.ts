/**
 * Facts about an operation: what it saved, where its time went, and what each loader did.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { clamp } from './numbers.ts'

/**
 * What a bulk can wait for, or do: more calls while its window is open, the event loop, a slot, its command. The order in
 * which they come, but for the event loop, which may be busy at any moment while a window is open.
 */
export const phases = ['window', 'loop', 'slot', 'command'] as const
export type Phase = (typeof phases)[number]

export interface Span {
  readonly phase: Phase
  readonly from: number
  readonly to: number
}

/** Timers are a moment late by nature. */
const natural = 1.5

/**
 * The phases of a bulk; one that has not ended goes on until now.
 *
 * While the event loop is busy nothing can start a bulk, whatever its settings: a window is charged only with the time in
 * which the loop was idle. For how long it was busy is known, not when; but what came after the whole delay was it, since a
 * timer had come due, and most of the rest is the tick in which the bulk opened.
 */
export function spansOf(bulk: RecordedBulk, now: number): Span[] {
  const { openedAt, startedAt, settledAt } = bulk
  const readyAt = Math.min(bulk.readyAt ?? now, now)
  const [first, last] = busyIn(bulk, readyAt)
  const idleAt = openedAt + first
  // A sum and a difference that should be one instant may differ in their last digits.
  const busyAt = Math.max(readyAt - last, idleAt)
  const spans: Span[] = [
    { phase: 'loop', from: openedAt, to: idleAt },
    { phase: 'window', from: idleAt, to: busyAt },
    { phase: 'loop', from: busyAt, to: readyAt },
    { phase: 'slot', from: readyAt, to: startedAt ?? now },
    { phase: 'command', from: startedAt ?? now, to: settledAt ?? now },
  ]
  return spans.filter(({ from, to }) => to > from)
}

/** For how long the event loop was busy at the begin of a window, and at its end. */
function busyIn({ delay, openedAt, busyOpen }: RecordedBulk, readyAt: number): [first: number, last: number] {
  const open = readyAt - openedAt
  // With `delay: 0` a bulk waits for the end of the tick and for nothing else.
  if (delay === 0) return [open, 0]
  const late = Math.max(0, open - (delay ?? Infinity))
  // Where nobody counts it, as on other platforms, only a timer that is late says so.
  if (busyOpen === undefined) return [0, late > natural ? late : 0]
  const busy = Math.min(busyOpen, open)
  const last = Math.min(late, busy)
  return [busy - last, last]
}

/** How long a bulk spent in a phase. */
export function timeIn(phase: Phase, bulk: RecordedBulk, now: number): number {
  return spansOf(bulk, now).reduce((sum, span) => (span.phase === phase ? sum + span.to - span.from : sum), 0)
}

/** How long an operation took, the same everywhere; for one that goes on, until the last thing that is known of it. */
export function durationOf(operation: RecordedOperation): number {
  return operation.ms ?? endOf(operation)
}

/** Until when an operation is shown: its end, or for one that goes on the last thing that is known of it. */
export function endOf({ ms, bulks }: RecordedOperation): number {
  return bulks.reduce(
    (end, { openedAt, startedAt, settledAt }) => Math.max(end, openedAt, startedAt ?? 0, settledAt ?? 0),
    Math.max(ms ?? 0, 0.001),
  )
}

export function hasFailed({ errors, bulks }: RecordedOperation): boolean {
  return errors > 0 || bulks.some(bulkFailed)
}

export function bulkFailed({ failed, error }: RecordedBulk): boolean {
  return failed > 0 || error !== null
}

/** By what a limiter is called: the loaders that share it. It has no name of its own. */
export function limiterName(id: number, { bulks, limiters }: RecordedOperation): string {
  const loaders = [...new Set(bulks.filter(bulk => bulk.limiters.includes(id)).map(({ loader }) => loader))]
  const all = new Set(bulks.map(({ loader }) => loader)).size
  if (loaders.length === all && all > (limiters.length > 1 ? 1 : 3)) return 'all loaders'
  return loaders.length > 3
    ? `${loaders.slice(0, 2).join(', ')} and ${loaders.length - 2} more`
    : loaders.join(', ')
}

export interface Saved {
  /** What was asked for, what was known already among it. */
  readonly loads: number
  readonly hits: number
  readonly bulks: number
}

export function savedBy({ bulks, hits }: RecordedOperation): Saved {
  const known = hits.reduce((sum, [, keys]) => sum + keys, 0)
  return { loads: tasksOf(bulks) + known, hits: known, bulks: bulks.length }
}

export function tasksOf(bulks: readonly RecordedBulk[]): number {
  return bulks.reduce((sum, { tasks }) => sum + tasks, 0)
}

/**
 * What an operation waited for at an instant: a slot, if any of its bulks is ready and has none; else a command, if any
 * runs; else the event loop, if it is busy while a bulk is open; else a window; else no bulk is open or runs, and it is the
 * resolvers, with what they ask by themselves.
 */
export type Doing = Phase | 'resolvers'

export interface Share {
  readonly doing: Doing
  readonly ms: number
}

/** What it is first, where it is several at once. */
const ranks = ['slot', 'command', 'loop', 'window'] as const

/** Where the time of an operation went. The shares add up to its whole time. */
export function sharesOf(operation: RecordedOperation, end: number = durationOf(operation)): Share[] {
  return sharesIn(operation.bulks, 0, end)
}

/** The same of some bulks, between two instants. */
export function sharesIn(bulks: readonly RecordedBulk[], begin: number, end: number): Share[] {
  const shares = { window: 0, loop: 0, slot: 0, command: 0, resolvers: 0 }
  walk(bulks, begin, end, (doing, from, to) => {
    shares[doing] += to - from
  })
  return (['command', 'slot', 'loop', 'window', 'resolvers'] as const).map(doing => ({
    doing,
    ms: shares[doing],
  }))
}

/** A time in which an operation waited for one thing. */
export interface Segment {
  readonly doing: Doing
  readonly from: number
  readonly to: number
}

/** What an operation waited for along the time; of what is too short to see, the longest. */
export function segmentsOf({ bulks }: RecordedOperation, end: number): Segment[] {
  const least = end / 400
  const segments: Segment[] = []
  walk(bulks, 0, end, (doing, from, to) => {
    const last = segments.at(-1)
    if (last?.doing === doing) segments[segments.length - 1] = { ...last, to }
    else if (last !== undefined && to - from < least && last.to - last.from < least)
      segments[segments.length - 1] = {
        doing: last.to - last.from < to - from ? doing : last.doing,
        from: last.from,
        to,
      }
    else segments.push({ doing, from, to })
  })
  return segments
}

/** Goes through the time, from one change to the next. */
function walk(
  bulks: readonly RecordedBulk[],
  begin: number,
  end: number,
  visit: (doing: Doing, from: number, to: number) => void,
): void {
  const changes = bulks
    .flatMap(bulk => spansOf(bulk, end))
    .flatMap(({ phase, from, to }): [number, Phase, number][] => [
      [clamp(from, begin, end), phase, 1],
      [clamp(to, begin, end), phase, -1],
    ])
    .toSorted(([a], [b]) => a - b)
  const now = { window: 0, loop: 0, slot: 0, command: 0 }
  let before = begin
  const pass = (instant: number): void => {
    if (instant > before) visit(ranks.find(phase => now[phase] > 0) ?? 'resolvers', before, instant)
    before = instant
  }
  for (const [instant, phase, change] of changes) {
    pass(instant)
    now[phase] += change
  }
  pass(end)
}

/** What one loader did. Times are the mean of a bulk, in ms. */
export interface LoaderFacts extends Record<Phase, number> {
  readonly loader: string
  readonly bulks: readonly RecordedBulk[]
  readonly loads: number
  readonly hits: number
  readonly tasks: number
  /** The setting `size`; `null` for no bound. */
  readonly size: number | null
  readonly none: number
  readonly failed: number
}

/** The bulks of each loader as they opened, in the order in which the loaders were first asked. */
export function byLoader(all: readonly RecordedBulk[]): Map<string, RecordedBulk[]> {
  const bulksOf = new Map<string, RecordedBulk[]>()
  for (const bulk of all) {
    const known = bulksOf.get(bulk.loader)
    if (known === undefined) bulksOf.set(bulk.loader, [bulk])
    else known.push(bulk)
  }
  for (const bulks of bulksOf.values()) bulks.sort((a, b) => a.openedAt - b.openedAt || a.id - b.id)
  return bulksOf
}

/** Each loader, in the order in which they were first asked. */
export function loadersIn(operation: RecordedOperation, now: number): LoaderFacts[] {
  const bulksOf = byLoader(operation.bulks)
  for (const [loader] of operation.hits) if (!bulksOf.has(loader)) bulksOf.set(loader, [])
  return [...bulksOf].map(([loader, bulks]) => {
    const hits = operation.hits.find(([name]) => name === loader)?.[1] ?? 0
    const tasks = tasksOf(bulks)
    const mean = (phase: Phase): number =>
      bulks.reduce((sum, bulk) => sum + timeIn(phase, bulk, now), 0) / Math.max(1, bulks.length)
    return {
      loader,
      bulks,
      loads: tasks + hits,
      hits,
      tasks,
      size: bulks.find(({ cause }) => cause !== null)?.size ?? null,
      none: bulks.filter(({ none }) => none).length,
      failed: bulks.reduce((sum, { failed }) => sum + failed, 0),
      window: mean('window'),
      loop: mean('loop'),
      slot: mean('slot'),
      command: mean('command'),
    }
  })
}
