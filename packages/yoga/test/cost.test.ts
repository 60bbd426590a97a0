/**
 * What a client can make an operation cost: documents that are written to be expensive, counted in steps and not in seconds.
 */

import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { findingsOf } from '../../../test/support/findings.ts'
import { attacks, type StepsReport } from './support/attacks.ts'

describe('a document that is written to be expensive', () => {
  let report: Readonly<Record<string, StepsReport>>

  beforeAll(async () => {
    report = await findingsOf(join(import.meta.dirname, 'support/steps.ts'))
  })

  it.each(Object.keys(attacks))('S160 takes steps that are linear in it: %s', name => {
    const { few, many } = report[name]!
    // In the first run nothing is recorded. In the next two it is worked out what the resolvers were seen to do: that is
    // bounded by the schema.
    for (const run of [0, 3, 4]) {
      expect(many[run]).toBeLessThan(few[run]! * (name.includes('loader of its own') ? 2 : 1.2))
      expect(many[run]).toBeLessThan(700)
    }
  })
})
