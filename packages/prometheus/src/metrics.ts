/**
 * The metrics: what they are by default, and what users change of them.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import { check, checkNames } from '@bulkcall/core/kit'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The name that a metric has if its option says nothing else. */
export type MetricName =
  | 'bulkcall_size'
  | 'bulkcall_window_seconds'
  | 'bulkcall_slot_wait_seconds'
  | 'bulkcall_run_seconds'
  | 'bulkcall_bulks_total'
  | 'bulkcall_none_total'
  | 'bulkcall_failed_total'
  | 'bulkcall_hits_total'
  | 'bulkcall_in_flight'
  | 'bulkcall_pending'

/**
 * What a metric is to be: `false` leaves it out, a text is another name, numbers are other buckets, and an object says
 * several of these.
 */
export type MetricOption =
  | boolean
  | string
  | readonly number[]
  | { readonly name?: string; readonly help?: string; readonly buckets?: readonly number[] }

/** A metric, before anyone has changed it. */
interface Definition {
  readonly help: string
  readonly labelNames: readonly string[]
  /** Histograms alone have them. */
  readonly buckets?: readonly number[]
}

const loader = ['loader']
/** In seconds, from a tenth of a millisecond: most windows are short. */
const short = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5]
const long = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const definitions: Readonly<Record<MetricName, Definition>> = {
  bulkcall_size: {
    help: 'How many tasks a bulk (batch) had',
    labelNames: loader,
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000],
  },
  bulkcall_window_seconds: {
    help: 'How long a bulk was open to more tasks',
    labelNames: loader,
    buckets: short,
  },
  bulkcall_slot_wait_seconds: {
    help: 'How long a bulk that was ready waited for a slot; only of calls that have a limit',
    labelNames: loader,
    buckets: long,
  },
  bulkcall_run_seconds: { help: 'How long the command of a bulk ran', labelNames: loader, buckets: long },
  bulkcall_bulks_total: {
    help: 'Bulks that have ended, by why they started and how they ended',
    labelNames: ['loader', 'cause', 'outcome'],
  },
  bulkcall_none_total: {
    help: 'Tasks for which the command (batch function) returned none',
    labelNames: loader,
  },
  bulkcall_failed_total: { help: 'Tasks that failed', labelNames: loader },
  bulkcall_hits_total: {
    help: 'Keys that a loader answered without a task of their own: cached or equal ones',
    labelNames: loader,
  },
  bulkcall_in_flight: { help: 'Bulks that have started and not ended', labelNames: loader },
  bulkcall_pending: { help: 'Tasks that wait for their bulk to start', labelNames: loader },
}

const metricNames = Object.keys(definitions) as MetricName[]

/** The metrics of one registry; those that are left out are `null`. */
export class Metrics {
  readonly #registry: Registry
  readonly #options: Readonly<Partial<Record<MetricName, MetricOption | undefined>>>
  readonly #made: string[] = []

  constructor(registry: Registry, options: Readonly<Partial<Record<MetricName, MetricOption | undefined>>>) {
    checkNames(options, metricNames)
    this.#registry = registry
    this.#options = options
  }

  histogram(metric: MetricName): Histogram | null {
    return this.#make(metric, settings => new Histogram(settings))
  }

  /** @param collect brings the counter up to date when it is asked for */
  counter(metric: MetricName, collect?: (counter: Counter) => void): Counter | null {
    return this.#make(metric, settings => new Counter({ ...settings, ...collecting(collect) }))
  }

  /** @param collect gives the gauge its values when it is asked for */
  gauge(metric: MetricName, collect: (gauge: Gauge) => void): Gauge | null {
    return this.#make(metric, settings => new Gauge({ ...settings, ...collecting(collect) }))
  }

  /** Takes all of them out of the registry. */
  remove(): void {
    for (const name of this.#made) this.#registry.removeSingleMetric(name)
  }

  #make<M>(metric: MetricName, make: (settings: Settings) => M): M | null {
    const changed = changesOf(metric, this.#options[metric])
    if (changed === null) return null
    const { help, labelNames, buckets } = { ...definitions[metric], ...changed }
    const { name = metric } = changed
    const made = make({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      ...(buckets === undefined ? {} : { buckets: [...buckets] }),
    })
    this.#made.push(name)
    return made
  }
}

interface Settings {
  readonly name: string
  readonly help: string
  readonly labelNames: string[]
  readonly registers: Registry[]
  readonly buckets?: number[]
}

function collecting<M>(collect: ((metric: M) => void) | undefined): { collect?: (this: M) => void } {
  if (collect === undefined) return {}
  return {
    collect() {
      collect(this)
    },
  }
}

/** What an option changes, or `null` where the metric is left out. */
function changesOf(
  metric: MetricName,
  option: MetricOption | undefined,
): Exclude<MetricOption, boolean | string | readonly number[]> | null {
  if (option === false) return null
  if (option === undefined || option === true) return {}
  const hasBuckets = definitions[metric].buckets !== undefined
  const kinds = hasBuckets
    ? 'true, false, a name, a list of buckets or an object'
    : 'true, false, a name or an object'
  if (typeof option === 'string') return { name: option }
  if (Array.isArray(option)) {
    if (!hasBuckets) throw new BulkOptionError(metric, kinds, option)
    return { buckets: bucketsOf(metric, option) }
  }
  check(metric, typeof option === 'object' && option !== null, kinds, option)
  checkNames(option, hasBuckets ? ['name', 'help', 'buckets'] : ['name', 'help'])
  const { buckets } = option as { buckets?: readonly number[] }
  if (buckets !== undefined) bucketsOf(metric, buckets)
  return Object.fromEntries(Object.entries(option).filter(([, value]) => value !== undefined))
}

function bucketsOf(metric: MetricName, buckets: readonly number[]): readonly number[] {
  const good =
    Array.isArray(buckets) &&
    buckets.length > 0 &&
    buckets.every((bound, place) => Number.isFinite(bound) && (place === 0 || bound > buckets[place - 1]!))
  check(`the buckets of ${metric}`, good, 'numbers, each above the one before', buckets)
  return buckets
}
