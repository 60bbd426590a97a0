import { onBulk } from '@bulkcall/core'
import Original from 'dataloader'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import DataLoader from '../src/index.ts'
import { program, run, unordered } from './support/program.ts'

let stop: () => void
beforeAll(() => {
  stop = onBulk({})
})
afterAll(() => stop())

test('a random program sees the same when somebody listens, for which the engine sends the batches', async () => {
  await fc.assert(
    fc.asyncProperty(program, async each => {
      expect(unordered(await run(DataLoader, each))).toEqual(unordered(await run(Original, each)))
    }),
    { numRuns: rounds(500) },
  )
}, 120_000)
