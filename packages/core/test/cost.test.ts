/**
 * What many calls at once cost, counted in steps and not in seconds.
 */

import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { findingsOf } from '../../../test/support/findings.ts'
import { storms } from './support/storms.ts'

describe('many at once', () => {
  let report: Readonly<Record<string, readonly number[]>>

  beforeAll(async () => {
    report = await findingsOf(join(import.meta.dirname, 'support/steps.ts'))
  })

  it.each(Object.keys(storms))('S211 takes steps that are linear in them: %s', name => {
    const [few, many] = report[name]!
    expect(few).toBeGreaterThan(1)
    expect(many).toBeLessThan(few! * 1.2)
  })
})
