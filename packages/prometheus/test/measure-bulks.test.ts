/**
 * Metrics of bulks: what they count, and what users change of them.
 */

import { readFileSync } from 'node:fs'
import { AsyncBulkCall, BulkLoader, BulkScope, onBulk } from '@bulkcall/core'
import { register, Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { measureBulks, type MeasureBulksOptions } from '../src/index.ts'

const stops: (() => void)[] = []

afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function measure(options: MeasureBulksOptions = {}): Registry {
  const registry = new Registry()
  stops.push(measureBulks({ registry, ...options }))
  return registry
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

async function samplesOf(registry: Registry, metric: string): Promise<Sample[]> {
  return ((await registry.getSingleMetric(metric)!.get()) as { values: Sample[] }).values
}

/** The one value of a metric, or of its sum. */
async function valueOf(registry: Registry, metric: string, part = metric): Promise<number | undefined> {
  return (await samplesOf(registry, metric)).find(({ metricName = metric }) => metricName === part)?.value
}

async function outcomesOf(registry: Registry): Promise<Record<string, number>> {
  const samples = await samplesOf(registry, 'bulkcall_bulks_total')
  return Object.fromEntries(
    samples.map(({ labels, value }) => [`${labels['cause']} ${labels['outcome']}`, value]),
  )
}

/** A command that ends when it is told to. */
function heldCommand() {
  const ends: ((results: readonly number[] | null) => void)[] = []
  const command = (): Promise<readonly number[] | null> =>
    new Promise(resolve => {
      ends.push(resolve)
    })
  return { command, end: (results: readonly number[] | null) => ends.shift()!(results) }
}

describe('the metrics', () => {
  it.each<[string, (tasks: readonly number[]) => unknown, object?]>([
    ['ok', tasks => tasks],
    ['none', () => null],
    ['partial', () => [1, new Error('bad')]],
    ['failed', () => [new Error('bad'), new Error('bad')]],
    ['failed', () => Promise.reject(new Error('bad'))],
    ['failed', () => Promise.reject(null)],
    ['aborted', () => Promise.reject(new DOMException('gone', 'AbortError'))],
    ['abandoned', () => new Promise(() => {}), { timeout: 2 }],
  ])('a bulk ends as %s', async (outcome, command, options) => {
    const registry = measure()
    const call = new AsyncBulkCall<number, unknown>(command as (tasks: readonly number[]) => unknown[], {
      name: 'rows',
      ...options,
    })
    const calls = Promise.allSettled([call.call(1), call.call(2)])
    await call.flush()
    await calls

    expect(await outcomesOf(registry)).toEqual({ [`flush ${outcome}`]: 1 })
  })

  it('a bulk that is late and ends still is a timeout', async () => {
    const registry = measure()
    const { command, end } = heldCommand()
    const call = new AsyncBulkCall(command, { name: 'rows', timeout: 5 })
    await expect(call.call(1)).rejects.toThrow('rows')
    end([1])
    await call.flush()

    const outcomes = await outcomesOf(registry)
    expect([{ 'tick timeout': 1 }, { 'tick abandoned': 1 }]).toContainEqual(outcomes)
  })

  it('tell what is pending and in flight at this moment', async () => {
    const registry = measure()
    const { command, end } = heldCommand()
    const call = new AsyncBulkCall(command, { name: 'rows', delay: 1_000_000, concurrent: 1 })
    const calls = [call.call(1), call.call(2)]
    expect(await valueOf(registry, 'bulkcall_pending')).toBe(2)
    expect(await valueOf(registry, 'bulkcall_in_flight')).toBe(0)

    void call.flush()
    calls.push(call.call(3))
    expect(await valueOf(registry, 'bulkcall_pending')).toBe(1)
    expect(await valueOf(registry, 'bulkcall_in_flight')).toBe(1)

    end([1, 2])
    await Promise.all(calls.slice(0, 2))
    const flushed = call.flush()
    expect(await valueOf(registry, 'bulkcall_pending')).toBe(0)

    end(null)
    await flushed
    await Promise.all(calls)
    expect(await valueOf(registry, 'bulkcall_in_flight')).toBe(0)
  })

  it('what is given up is pending no more', async () => {
    const registry = measure()
    const scope = new BulkScope()
    const call = new AsyncBulkCall(async () => null, { name: 'rows', delay: 1_000_000, scope })
    const dropped = scope.run(async () => {
      const calls = Promise.allSettled([call.call(1), call.call(2)])
      scope.abort(new Error('the client has gone'))
      await calls
    })
    await dropped

    expect(await valueOf(registry, 'bulkcall_pending')).toBe(0)
    expect(await outcomesOf(registry)).toEqual({})
  })

  it('S51 S64 each call that reaches a command is counted once, whatever becomes of it', async () => {
    const registry = measure()
    const given = { bulks: 0, tasks: 0 }
    const command = async (tasks: readonly number[]): Promise<readonly number[] | null> => {
      const kind = given.bulks++ % 5
      given.tasks += tasks.length
      if (kind === 0) throw new Error('all of them')
      if (kind === 1) return null
      // One that is late, and one that never ends.
      if (kind === 2) await new Promise(resolve => setTimeout(resolve, 45))
      if (kind === 3) await new Promise(() => {})
      return tasks
    }
    const call = new AsyncBulkCall(command, { size: 3, concurrent: 2, maxPending: 90, timeout: 30 })
    const controllers: AbortController[] = []
    const calls = Array.from({ length: 100 }, (_, task) => {
      if (task % 4 > 0) return call.call(task)
      const controller = new AbortController()
      controllers.push(controller)
      return call.call(task, { signal: controller.signal })
    })
    const settled = Promise.allSettled(calls)
    // Some while they wait, some whose command runs, and some that have ended.
    for (const controller of controllers) {
      controller.abort()
      // oxlint-disable-next-line no-await-in-loop -- time passes
      await new Promise(resolve => setTimeout(resolve, 3))
    }
    await call.close({ timeout: 100 }).catch(() => {})
    await settled
    await expect.poll(() => valueOf(registry, 'bulkcall_in_flight')).toBe(0)

    expect(given.tasks).toBeLessThan(90)
    expect(await valueOf(registry, 'bulkcall_size', 'bulkcall_size_sum')).toBe(given.tasks)
    expect(await valueOf(registry, 'bulkcall_run_seconds', 'bulkcall_run_seconds_count')).toBe(given.bulks)
    const outcomes = await outcomesOf(registry)
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(given.bulks)
    expect(await valueOf(registry, 'bulkcall_pending')).toBe(0)
  })

  it('what was under way before is not counted when it ends', async () => {
    stops.push(onBulk({ settled() {} }))
    const { command, end } = heldCommand()
    const call = new AsyncBulkCall(command, { name: 'rows', size: 1, concurrent: 1 })
    const calls = [call.call(1), call.call(2)]
    void call.flush()
    const registry = measure()
    end([1])
    await calls[0]
    end([2])
    await Promise.all(calls)
    await call.flush()

    expect(await valueOf(registry, 'bulkcall_pending')).toBe(0)
    expect(await valueOf(registry, 'bulkcall_in_flight')).toBe(0)
  })

  it('measure the three phases in seconds', async () => {
    const registry = measure()
    const call = new AsyncBulkCall(
      async tasks => {
        await pass(20)
        return tasks
      },
      { name: 'rows', size: 1, concurrent: 1 },
    )
    await Promise.all([call.call(1), call.call(2)])

    for (const [phase, least, most] of [
      ['window', 0, 1],
      ['slot_wait', 0.019, 10],
      ['run', 0.038, 10],
    ] as const) {
      const metric = `bulkcall_${phase}_seconds`
      expect(await valueOf(registry, metric, `${metric}_count`)).toBe(2)
      const sum = await valueOf(registry, metric, `${metric}_sum`)
      expect(sum).toBeGreaterThanOrEqual(least)
      expect(sum).toBeLessThan(most)
    }
  })
})

describe('the options', () => {
  it('the registry is that of prom-client, if none is said, and is clean afterwards', async () => {
    const stop = measureBulks()
    expect(register.getSingleMetric('bulkcall_size')).toBeDefined()
    stop()
    expect(register.getMetricsAsArray()).toEqual([])
    measureBulks()()
  })

  it('a metric is left out, renamed, or given other buckets', async () => {
    const registry = measure({
      metrics: {
        bulkcall_window_seconds: false,
        bulkcall_bulks_total: 'shop_bulks_total',
        bulkcall_size: [10, 20],
        bulkcall_run_seconds: { name: 'shop_bulk_seconds', help: 'The time of a bulk', buckets: [1] },
        bulkcall_hits_total: true,
      },
    })
    await new AsyncBulkCall(async () => null, { name: 'rows' }).call(1)

    const text = await registry.metrics()
    expect(text).toContain('bulkcall_size_bucket{le="20",loader="rows"} 1\n')
    expect(text).not.toContain('le="5",loader="rows"')
    expect(text).not.toContain('bulkcall_window_seconds')
    expect(text).not.toContain('bulkcall_bulks_total')
    expect(text).toContain('shop_bulks_total{loader="rows",cause="tick",outcome="none"} 1\n')
    expect(text).toContain('# HELP shop_bulk_seconds The time of a bulk\n')
    expect(text).toContain('bulkcall_hits_total')
  })

  it('all can be left out', async () => {
    const names = namesOf(measure())
    const registry = measure({ metrics: Object.fromEntries(names.map(name => [name, false])) })
    await new BulkLoader(async () => null, { name: 'rows' }).loadMany([1, 1])

    expect(names.length).toBe(10)
    expect(await registry.metrics()).toBe('\n')
  })

  it.each<[object, string]>([
    [
      { registy: 1 },
      "Bulkcall: an option must be one of registry, metrics, got 'registy' (did you mean 'registry'?)",
    ],
    [{ registry: {} }, 'Bulkcall: registry must be a Registry of prom-client'],
    [{ metrics: { bulkcall_sise: true } }, "did you mean 'bulkcall_size'?"],
    [
      { metrics: { bulkcall_size: 3 } },
      'Bulkcall: bulkcall_size must be true, false, a name, a list of buckets or an object',
    ],
    [
      { metrics: { bulkcall_size: [] } },
      'Bulkcall: the buckets of bulkcall_size must be numbers, each above the one before',
    ],
    [{ metrics: { bulkcall_size: [2, 1] } }, 'the buckets of bulkcall_size'],
    [{ metrics: { bulkcall_size: { buckets: ['1'] } } }, 'the buckets of bulkcall_size'],
    [
      { metrics: { bulkcall_pending: [1] } },
      'Bulkcall: bulkcall_pending must be true, false, a name or an object',
    ],
    [{ metrics: { bulkcall_pending: { buckets: [1] } } }, 'an option must be one of name, help'],
  ])('what is wrong is told at once: %o', (options, message) => {
    expect(() => measureBulks({ registry: new Registry(), ...options })).toThrow(message)
  })
})

describe('the dashboard', () => {
  const page = readFileSync(new URL('../../../docs/guides/metrics.md', import.meta.url), 'utf8')
  const text = readFileSync(new URL('../dashboard.json', import.meta.url), 'utf8')
  const dashboard = JSON.parse(text) as {
    panels: { id: number; type: string; targets?: { expr: string }[] }[]
  }

  it('asks for metrics that there are, and for all of them; so do the alerts of the guide for theirs', () => {
    const registry = measure()
    const exported = new Set(
      namesOf(registry).flatMap(name => {
        const { type } = registry.getSingleMetric(name) as unknown as { type: string }
        return type === 'histogram' ? ['_bucket', '_sum', '_count'].map(part => name + part) : [name]
      }),
    )
    const asked = new Set(text.match(/\bbulkcall_\w+/g))

    expect([...asked].filter(name => !exported.has(name))).toEqual([])
    const alerting = page.slice(page.indexOf('```yaml')).match(/\bbulkcall_\w+/g)!
    expect(alerting.filter(name => !exported.has(name))).toEqual([])
    const unseen = namesOf(registry).filter(name => ![...asked].some(each => each.startsWith(name)))
    expect(unseen).toEqual([])
  })

  it('asks for labels that the metrics have', async () => {
    const labels = [...text.matchAll(/by \(([\w, ]+)\)/g)].flatMap(([, list]) => list!.split(', '))
    expect(new Set(labels)).toEqual(new Set(['loader', 'le', 'cause', 'outcome']))
  })

  it('has panels with queries, each with a number of its own', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { type, targets } of panels) {
      if (type === 'row') continue
      expect(targets!.length).toBeGreaterThan(0)
      for (const { expr } of targets!)
        expect(expr.split('(').length, `brackets of ${expr}`).toBe(expr.split(')').length)
    }
  })
})

function namesOf(registry: Registry): string[] {
  return registry.getMetricsAsArray().map(({ name }) => name)
}

function pass(time: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, time)
  })
}
