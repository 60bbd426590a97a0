/**
 * The playground of the site: the same work under three policies, on the real engine.
 */

import { describe, expect, it } from 'vitest'

import {
  presets,
  serviceTime,
  simulate,
  type Outcome,
  type Settings,
} from '../docs/.vitepress/theme/playground/simulate.ts'

const usual: Settings = { rows: 16, spread: 6, backend: 5, size: 32, delay: 10, concurrent: 4 }

async function simulateAll(settings: Settings): Promise<{ tick: Outcome; fixed: Outcome; scope: Outcome }> {
  const [tick, fixed, scope] = await Promise.all(
    (['tick', 'fixed', 'scope'] as const).map(policy => simulate(settings, policy)),
  )
  return { tick: tick!, fixed: fixed!, scope: scope! }
}

describe('the playground', () => {
  it('makes many batches at the end of the tick, and two with a window, which a scope closes early', async () => {
    const { tick, fixed, scope } = await simulateAll(usual)
    const lastReady = Math.max(...scope.rows.map((_, row) => serviceTime(row, usual)))

    expect(tick.batches.length).toBeGreaterThan(5)
    expect([fixed, scope].map(({ batches }) => batches.map(({ keys }) => keys))).toEqual([
      [16, 4],
      [16, 4],
    ])
    expect(scope.batches.map(({ from }) => from)).toEqual([lastReady, lastReady + usual.backend])
    expect(scope.ms).toBe(lastReady + 2 * usual.backend)
    expect(fixed.ms).toBeGreaterThan(scope.ms + usual.delay)
  })

  it('is as early with a scope as with the tick where there is no I/O between', async () => {
    const { tick, fixed, scope } = await simulateAll({ ...usual, spread: 0 })

    expect(scope).toEqual(tick)
    expect(fixed.ms).toBe(scope.ms + 2 * usual.delay)
  })

  it('may leave a key for one batch more than a fixed window, where it is earlier', async () => {
    const few = { rows: 29, spread: 0, backend: 4, size: 4, delay: 15, concurrent: 3 }
    const { fixed, scope } = await simulateAll(few)

    expect([fixed.batches.length, scope.batches.length]).toEqual([10, 11])
    expect(scope.ms).toBeLessThan(fixed.ms)
  })

  it('stops waiting once three delays have brought nothing, and with a longer delay it need not', async () => {
    const impatient = { rows: 17, spread: 14, backend: 1, size: 27, delay: 1, concurrent: 13 }
    const { fixed, scope } = await simulateAll(impatient)
    const patient = await simulateAll({ ...impatient, delay: 15 })

    expect(scope.batches.length).toBeGreaterThan(fixed.batches.length)
    expect(patient.scope.batches).toHaveLength(patient.fixed.batches.length)
    expect(patient.scope.batches.length).toBeLessThan(scope.batches.length)
    expect(patient.scope.ms - scope.ms).toBeLessThanOrEqual(impatient.backend)
  })

  it('opens with work for which a scope sends the fewest batches, and has its answers first', async () => {
    const { tick, fixed, scope } = await simulateAll(presets[0]!.settings)

    expect(scope.batches.length).toBeLessThan(tick.batches.length / 4)
    expect(scope.ms).toBeLessThan(tick.ms)
    expect(scope.ms).toBeLessThan(fixed.ms)
  })

  it.each(presets)(
    'needs no more batches with a scope than otherwise, and no more time than a fixed window: $name',
    async ({ settings }) => {
      const { tick, fixed, scope } = await simulateAll(settings)

      for (const other of [tick, fixed])
        expect(scope.batches.length).toBeLessThanOrEqual(other.batches.length)
      expect(scope.ms).toBeLessThan(fixed.ms)
    },
  )

  it('sends a batch for nearly every row at the end of the tick where nothing is limited, and is earlier by less than the rows are apart', async () => {
    const { settings } = presets.find(({ name }) => name === 'no limit')!
    const { tick, scope } = await simulateAll(settings)

    expect(tick.batches.length).toBeGreaterThanOrEqual(settings.rows)
    expect(scope.ms - tick.ms).toBeGreaterThan(0)
    expect(scope.ms - tick.ms).toBeLessThan(settings.spread)
  })

  it.each([
    { ...usual, concurrent: 1 },
    { ...usual, size: 3, rows: 30 },
    { ...usual, delay: 1, spread: 20 },
  ])('keeps size and concurrent: %o', async settings => {
    const { fixed, scope, tick } = await simulateAll(settings)

    for (const { batches } of [fixed, scope, tick])
      for (const { keys, from } of batches) {
        expect(keys).toBeLessThanOrEqual(settings.size)
        const running = batches.filter(other => other.from <= from && from < other.to)
        expect(running.length).toBeLessThanOrEqual(settings.concurrent)
      }
  })
})
