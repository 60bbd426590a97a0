/**
 * What many calls at once cost, counted in steps and not in seconds.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { storms } from './support/storms.ts'

describe('many at once', () => {
  let report: Readonly<Record<string, readonly number[]>>

  beforeAll(async () => {
    const program = join(import.meta.dirname, 'support/steps.ts')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@bulkcall/source', '--import', 'tsx', program],
      { cwd: import.meta.dirname },
    )
    report = JSON.parse(stdout) as typeof report
  })

  it.each(Object.keys(storms))('S211 takes steps that are linear in them: %s', name => {
    const [few, many] = report[name]!
    expect(few).toBeGreaterThan(1)
    expect(many).toBeLessThan(few! * 1.2)
  })
})
