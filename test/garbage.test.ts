/**
 * Garbage: batches are short-lived, and are collected with what is short-lived. What lasts longer is moved to where garbage
 * is looked for seldom, at length, which costs a busy server more than its batches do.
 */

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { findingsOf } from './support/findings.ts'

it('of batches that are over nothing outlives two small collections, as nothing does with dataloader', async () => {
  const program = join(import.meta.dirname, 'support/garbage.ts')
  const left: Record<string, number> = await findingsOf(program, { flags: ['--expose-gc'] })
  expect(Object.keys(left)).toHaveLength(5)
  // Each batch has three results or more. The last one may be there still.
  const lasting = Object.entries(left).filter(([, results]) => results >= 0.1)
  expect(lasting).toEqual([])
})
