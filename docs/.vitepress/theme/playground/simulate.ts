/**
 * The work of the playground: the real engine, on a clock that leaps from timer to timer. Some rows each ask a service
 * of their own; then each loads its city, and then the country of that city.
 */

import { BulkLoader, BulkScope, semaphore } from '@bulkcall/core'
import { VirtualHost } from '../../../../packages/inspector/page/virtual-host.ts'

export interface Settings {
  readonly rows: number
  /** How far apart the services answer, in ms. */
  readonly spread: number
  /** How long the backend takes for a batch, in ms, whatever its size. */
  readonly backend: number
  readonly size: number
  readonly delay: number
  readonly concurrent: number
}

export interface Preset {
  readonly name: string
  readonly settings: Settings
}

/** Each shows one thing; the first is what the page opens with. */
export const presets: readonly Preset[] = [
  {
    name: 'I/O before each load',
    settings: { rows: 16, spread: 6, backend: 8, size: 32, delay: 10, concurrent: 5 },
  },
  {
    name: 'no I/O between',
    settings: { rows: 16, spread: 0, backend: 8, size: 32, delay: 10, concurrent: 5 },
  },
  { name: 'no limit', settings: { rows: 16, spread: 6, backend: 8, size: 32, delay: 10, concurrent: 16 } },
  { name: 'small pool', settings: { rows: 24, spread: 8, backend: 8, size: 32, delay: 10, concurrent: 1 } },
  {
    name: 'small batches',
    settings: { rows: 30, spread: 4, backend: 6, size: 10, delay: 10, concurrent: 2 },
  },
]

/** When a batch starts: with the tick, after a fixed window, or when nothing more can come. */
export type Policy = 'tick' | 'fixed' | 'scope'

/** What a row does from then to then. */
export interface Span {
  readonly kind: 'service' | 'waits' | 'runs'
  readonly loader: 'cities' | 'countries' | null
  readonly from: number
  readonly to: number
}

export interface Batch {
  readonly loader: 'cities' | 'countries'
  readonly keys: number
  readonly from: number
  readonly to: number
}

export interface Outcome {
  readonly rows: readonly (readonly Span[])[]
  readonly batches: readonly Batch[]
  readonly ms: number
}

/** How many cities lie in one country. */
const citiesOfCountry = 4

export async function simulate(settings: Settings, policy: Policy): Promise<Outcome> {
  const { backend, size, delay, concurrent } = settings
  const host = new VirtualHost()
  const scope = policy === 'scope' ? new BulkScope({ host }) : undefined
  const limiter = semaphore(concurrent)
  const options = { host, scope, size, concurrent: limiter, delay: policy === 'tick' ? 0 : delay }
  const batches: Batch[] = []
  const startedAt = { cities: new Map<number, number>(), countries: new Map<number, number>() }

  const loaderOf = (loader: Batch['loader']) =>
    new BulkLoader<number, number>(async keys => {
      const from = host.now()
      for (const key of keys) startedAt[loader].set(key, from)
      await host.sleep(backend)
      batches.push({ loader, keys: keys.length, from, to: host.now() })
      return keys
    }, options)
  const loaders = { cities: loaderOf('cities'), countries: loaderOf('countries') }
  const run = <R>(work: () => R): R => (scope === undefined ? work() : scope.run(work))

  const rows = Array.from({ length: settings.rows }, (): Span[] => [])
  /** A resolver that loads, and what the row does meanwhile. */
  const load = async (spans: Span[], loader: Batch['loader'], key: number): Promise<void> => {
    const from = host.now()
    await run(() => loaders[loader].load(key))
    const started = Math.max(from, startedAt[loader].get(key)!)
    if (started > from) spans.push({ kind: 'waits', loader, from, to: started })
    if (host.now() > started) spans.push({ kind: 'runs', loader, from: started, to: host.now() })
  }
  const done = Promise.all(
    rows.map(async (spans, row) => {
      const service = run(() => host.sleep(serviceTime(row, settings)))
      await service
      spans.push({ kind: 'service', loader: null, from: 0, to: host.now() })
      await load(spans, 'cities', row)
      await load(spans, 'countries', Math.floor(row / citiesOfCountry))
    }),
  )
  await host.play()
  await done
  return { rows, batches: batches.toSorted((a, b) => a.from - b.from), ms: host.now() }
}

/** Always the same for one row, and as irregular as services are. */
export function serviceTime(row: number, { rows, spread }: Pick<Settings, 'rows' | 'spread'>): number {
  const place = (row * 7 + 3) % rows
  const unevenness = ((row * 13) % 5) / 5
  return Math.round((1 + ((place + unevenness) / rows) * spread) * 4) / 4
}
