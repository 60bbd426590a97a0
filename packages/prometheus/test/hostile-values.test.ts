/**
 * Whatever is thrown or given as a result, the metrics count it, and nothing is thrown out of them.
 */

import { BulkScope } from '@bulkcall/core'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { counts, hostile, load } from '../../../test/support/hostile-values.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

import { measureBulks } from '../src/index.ts'

describe('S50 the metrics', () => {
  for (const [what, make] of Object.entries(hostile)) {
    it.each(counts)(`count ${what}, %i at a time`, async count => {
      const registry = new Registry()
      const stop = measureBulks({ registry })
      const uncaught = await uncaughtDuring(() => load(make, count, new BulkScope()))
      const text = await registry.metrics()
      stop()

      expect(uncaught).toEqual([])
      const bulks = [...text.matchAll(/^bulkcall_bulks_total\{.*\} (?<bulks>\d+)$/gm)]
      expect(bulks.reduce((sum, { groups }) => sum + Number(groups!['bulks']), 0)).toBeGreaterThanOrEqual(
        6 * (2 + count),
      )
      expect(text).toMatch(/^bulkcall_in_flight\{loader="hostile"\} 0$/m)
      expect(text).toMatch(/^bulkcall_bulks_total\{.*outcome="failed"\} [1-9]/m)
    })
  }
})
