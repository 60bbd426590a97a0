import Original from 'dataloader'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import DataLoader from '../src/index.ts'
import { isExact, program, run, unordered } from './support/program.ts'

const runs = rounds(1_000)

test('a random program sees the same batches, values and errors as with dataloader, in the same order', async () => {
  const exact = program.filter(isExact)
  await fc.assert(
    fc.asyncProperty(exact, async each => {
      expect(await run(DataLoader, each)).toEqual(await run(Original, each))
    }),
    { numRuns: runs },
  )
}, 120_000)

test('a random program that loads many keys at once sees the same between any two batches', async () => {
  await fc.assert(
    fc.asyncProperty(program, async each => {
      expect(unordered(await run(DataLoader, each))).toEqual(unordered(await run(Original, each)))
    }),
    { numRuns: runs },
  )
}, 120_000)
