/**
 * A prediction: what an operation would have done with other settings.
 * @module
 */

import type { BulkEvent } from '@bulkcall/core'
import type { RecordedBulk } from '../src/recording.ts'

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

/** The loaders of an operation, in the order of their first bulks. */
export function loadersOf({ bulks }: { readonly bulks: readonly RecordedBulk[] }): LoaderSettings[] {
  const loaders = new Map<string, LoaderSettings>()
  for (const bulk of bulks)
    if (bulk.cause !== null && !loaders.has(bulk.loader)) loaders.set(bulk.loader, bulk)
  return [...loaders.values()]
}

/** A bulk of a replay, as a recording would have it. */
export function predictedOf(
  event: BulkEvent,
  cause: string,
  limiters: readonly number[],
  busyOpen: number,
): RecordedBulk {
  const { id, name, tasks, openedAt, readyAt, startedAt, settledAt, pending, inFlight } = event
  return {
    id,
    loader: name,
    size: event.size === Infinity ? null : event.size,
    delay: event.delay === Infinity ? null : event.delay,
    limiters,
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
    busyOpen,
    fields: [],
    arrivals: [],
  }
}
