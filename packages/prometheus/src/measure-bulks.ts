/**
 * `measureBulks`: from the events of all bulks to the metrics of a registry.
 * @module
 */

import { isBulkError, onBulk, type BulkEvent } from '@bulkcall/core'
import { check, checkNames } from '@bulkcall/core/kit'
import { register, type Registry } from 'prom-client'
import { Metrics, type MetricName, type MetricOption } from './metrics.ts'

/** The options of `measureBulks`. */
export interface MeasureBulksOptions {
  /**
   * Where the metrics are: the same that the metrics of a server are in.
   * @default the registry of `prom-client`
   */
  readonly registry?: Registry | undefined
  /**
   * Changes to single metrics: `false` leaves one out, a string renames it, numbers are other buckets.
   * @default all of them, as they are
   */
  readonly metrics?: { readonly [Name in MetricName]?: MetricOption | undefined } | undefined
}

/** What is counted here and exported when the metrics are read: it changes for each task, and a metric costs much. */
interface Counts {
  pending: number
  inFlight: number
  /** Since the metrics were asked for. */
  hits: number
}

/**
 * Measures all bulks of this process from now on. All metrics have the label `loader`, and none has one that clients
 * choose, such as the name of an operation. @returns a function that ends the measuring and removes the metrics from the
 * registry
 */
export function measureBulks(options: MeasureBulksOptions = {}): () => void {
  checkNames(options, ['registry', 'metrics'])
  const { registry = register, metrics: changes = {} } = options
  check('registry', typeof registry?.registerMetric === 'function', 'a Registry of prom-client', registry)

  const counts = new Map<string, Counts>()
  // The latest, as the next task is usually one of the same loader.
  let latestName: string | undefined
  let latest: Counts = { pending: 0, inFlight: 0, hits: 0 }
  const countsOf = (name: string): Counts => {
    if (name === latestName) return latest
    const found = counts.get(name) ?? { pending: 0, inFlight: 0, hits: 0 }
    counts.set(name, found)
    latestName = name
    return (latest = found)
  }

  const metrics = new Metrics(registry, changes)
  const size = metrics.histogram('bulkcall_size')
  const window = metrics.histogram('bulkcall_window_seconds')
  const slotWait = metrics.histogram('bulkcall_slot_wait_seconds')
  const run = metrics.histogram('bulkcall_run_seconds')
  const bulks = metrics.counter('bulkcall_bulks_total')
  const none = metrics.counter('bulkcall_none_total')
  const failed = metrics.counter('bulkcall_failed_total')
  const hits = metrics.counter('bulkcall_hits_total', counter => {
    for (const [loader, each] of counts) {
      counter.inc({ loader }, each.hits)
      each.hits = 0
    }
  })
  metrics.gauge('bulkcall_in_flight', gauge => {
    for (const [loader, { inFlight }] of counts) gauge.set({ loader }, inFlight)
  })
  const pending = metrics.gauge('bulkcall_pending', gauge => {
    for (const [loader, each] of counts) gauge.set({ loader }, each.pending)
  })

  const stop = onBulk({
    started({ name, tasks, openedAt, readyAt, startedAt, limiter }) {
      const labels = { loader: name }
      countsOf(name).inFlight++
      size?.observe(labels, tasks)
      if (openedAt !== null) window?.observe(labels, seconds(readyAt - openedAt))
      if (limiter !== null) slotWait?.observe(labels, seconds(startedAt - readyAt))
    },
    settled(event) {
      const { name, cause, tasks, startedAt, settledAt } = event
      const labels = { loader: name }
      const count = countsOf(name)
      // What was under way before the measuring began was not counted when it came.
      count.inFlight = Math.max(count.inFlight - 1, 0)
      run?.observe(labels, seconds(settledAt! - startedAt))
      bulks?.inc({ loader: name, cause, outcome: outcomeOf(event) })
      if (event.none) none?.inc(labels, tasks)
      if (event.failed > 0) failed?.inc(labels, event.failed)
    },
    // Only where it is wanted, as it is called for each task.
    ...(pending === null
      ? {}
      : {
          pending(name, change) {
            const count = countsOf(name)
            count.pending = Math.max(count.pending + change, 0)
          },
        }),
    ...(hits === null ? {} : { hit: (name, keys) => void (countsOf(name).hits += keys) }),
  })

  return () => {
    stop()
    metrics.remove()
  }
}

type Outcome = 'ok' | 'none' | 'partial' | 'failed' | 'timeout' | 'aborted' | 'abandoned'

function outcomeOf({ abandoned, error, failed, tasks, none }: BulkEvent): Outcome {
  if (abandoned) return 'abandoned'
  const known = outcomeIn(error)
  if (known !== null) return known
  if (error !== undefined || failed >= tasks) return 'failed'
  if (none) return 'none'
  return failed > 0 ? 'partial' : 'ok'
}

/** What an error says of the outcome. Anything may be thrown, also what throws when it is looked at. */
function outcomeIn(error: unknown): Outcome | null {
  try {
    if (isBulkError(error) && error.code === 'BULK_TIMEOUT') return 'timeout'
    // Nobody waited any more: a client that has gone is no failure of the backend.
    return Object(error).name === 'AbortError' ? 'aborted' : null
  } catch {
    return null
  }
}

function seconds(ms: number): number {
  return ms / 1_000
}
