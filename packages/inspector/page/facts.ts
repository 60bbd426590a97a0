/**
 * Facts about an operation: what it saved, where its time went, and what each loader did.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'

/** The phases of a bulk, in their order. `late`: its time had come, and the event loop had something else to do. */
export const phases = ['collecting', 'late', 'waiting', 'running'] as const
export type Phase = (typeof phases)[number]

export interface Span {
  readonly phase: Phase
  readonly from: number
  readonly to: number
}

/** The phases of a bulk; one that has not ended goes on until now. */
export function spansOf(bulk: RecordedBulk, now: number): Span[] {
  const { openedAt, startedAt, settledAt } = bulk
  const readyAt = bulk.readyAt ?? now
  const spans: Span[] = [
    { phase: 'collecting', from: openedAt, to: Math.min(dueAt(bulk), readyAt) },
    { phase: 'late', from: dueAt(bulk), to: readyAt },
    { phase: 'waiting', from: readyAt, to: startedAt ?? now },
    { phase: 'running', from: startedAt ?? now, to: settledAt ?? now },
  ]
  return spans.filter(({ from, to }) => to > from)
}

/** When its first task had waited as long as it may. Timers are a moment late by nature. */
function dueAt({ cause, delay, openedAt, readyAt }: RecordedBulk): number {
  if (cause !== 'delay' || delay === null || readyAt === null) return Infinity
  return readyAt - openedAt - delay > 1.5 ? openedAt + delay : Infinity
}

/** How long a bulk spent in a phase. */
export function timeIn(phase: Phase, bulk: RecordedBulk, now: number): number {
  return spansOf(bulk, now).reduce((sum, span) => (span.phase === phase ? sum + span.to - span.from : sum), 0)
}

/** Until when an operation is shown: its end, or for one that goes on the last thing that is known of it. */
export function endOf({ ms, bulks }: RecordedOperation): number {
  return bulks.reduce(
    (end, { openedAt, startedAt, settledAt }) => Math.max(end, openedAt, startedAt ?? 0, settledAt ?? 0),
    Math.max(ms ?? 0, 0.001),
  )
}

export function hasFailed({ errors, bulks }: RecordedOperation): boolean {
  return errors > 0 || bulks.some(({ failed, error }) => failed > 0 || error !== null)
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

/** What an operation did at an instant: short of slots, if any bulk waits for one; else running, else collecting, else none of it. */
export type Doing = Phase | 'elsewhere'

export interface Share {
  readonly doing: Doing
  readonly ms: number
}

/** Where the time of an operation went. The shares add up to its whole time. */
export function sharesOf(operation: RecordedOperation, end: number = endOf(operation)): Share[] {
  const changes = operation.bulks
    .flatMap(bulk => spansOf(bulk, end))
    .flatMap(({ phase, from, to }): [number, Phase, number][] => [
      [from, phase, 1],
      [to, phase, -1],
    ])
    .toSorted(([a], [b]) => a - b)
  const now = { running: 0, waiting: 0, late: 0, collecting: 0 }
  const shares = { running: 0, waiting: 0, late: 0, collecting: 0, elsewhere: 0 }
  let before = 0
  const pass = (instant: number): void => {
    const doing =
      (['waiting', 'running', 'late', 'collecting'] as const).find(phase => now[phase] > 0) ?? 'elsewhere'
    shares[doing] += instant - before
    before = instant
  }
  for (const [instant, phase, change] of changes) {
    pass(instant)
    now[phase] += change
  }
  pass(end)
  return (['running', 'waiting', 'late', 'collecting', 'elsewhere'] as const).map(doing => ({
    doing,
    ms: shares[doing],
  }))
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

/** Each loader, in the order in which they were first asked. */
export function loadersIn(operation: Pick<RecordedOperation, 'bulks' | 'hits'>, now: number): LoaderFacts[] {
  const names = new Set([
    ...operation.bulks.map(({ loader }) => loader),
    ...operation.hits.map(([loader]) => loader),
  ])
  return [...names].map(loader => {
    const bulks = operation.bulks
      .filter(bulk => bulk.loader === loader)
      .toSorted((a, b) => a.openedAt - b.openedAt || a.id - b.id)
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
      collecting: mean('collecting'),
      late: mean('late'),
      waiting: mean('waiting'),
      running: mean('running'),
    }
  })
}
