/**
 * Memory: requests leave nothing behind. `BULKCALL_SOAK=100000` asks that many; CI does.
 */

import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { findingsOf } from '../../../test/support/findings.ts'
import type { SoakReport } from './support/soak.ts'

const requests = Number(process.env.BULKCALL_SOAK ?? 10_000)

describe(`after ${requests} requests`, () => {
  let report: SoakReport

  beforeAll(async () => {
    report = await findingsOf(join(import.meta.dirname, 'support/soak.ts'), {
      flags: ['--expose-gc'],
      args: [String(requests)],
    })
  }, 600_000)

  it('the heap is as large as it was after a fifth of them', () => {
    expect(report.requests).toBe(requests)
    // A fifth of them is warm-up. If the others left 400 bytes each, that would be more.
    expect(report.growth).toBeLessThan(Math.max(2_000_000, requests * 0.8 * 400))
  })

  it('all slots are free, although some of their clients did not wait', () => {
    expect(report.slotsInUse).toBe(0)
    expect(report.failed).toBeLessThanOrEqual(requests / 20)
  })
})
