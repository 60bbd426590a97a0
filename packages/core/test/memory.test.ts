/**
 * Memory: a million calls leave nothing behind.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Leftovers } from './support/soak.ts'

describe('after a million calls', () => {
  let left: Leftovers

  beforeAll(async () => {
    const program = join(import.meta.dirname, 'support/soak.ts')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', program],
      { cwd: import.meta.dirname, timeout: 500_000 },
    )
    left = JSON.parse(stdout) as Leftovers
  }, 600_000)

  it('S15 S86 the heap is as large as it was after the first two hundred thousand', () => {
    expect(left.calls).toBeGreaterThanOrEqual(1_000_000)
    // Each way of calling makes 70 000 calls in between. If one of them left 100 bytes a call, that would be 7 MB.
    expect(left.growth).toBeLessThan(4_000_000)
  })

  it('S40 no listener is left on a signal that outlives its calls', () => {
    expect(left.listeners).toBe(0)
  })

  it('S15 S17 no timer, slot or handle is left, and nothing is pending or in flight', () => {
    const { timers, pending, inFlight, slotsInUse } = left
    expect({ timers, pending, inFlight, slotsInUse }).toEqual({
      timers: 0,
      pending: 0,
      inFlight: 0,
      slotsInUse: 0,
    })
    // What the start of the program held may have gone since; nothing may have come.
    const { resourcesBefore } = left
    expect(left.resourcesAfter.filter(resource => !resourcesBefore.includes(resource))).toEqual([])
  })
})
