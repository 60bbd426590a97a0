import { getEventListeners } from 'node:events'
import { onBulk } from '@bulkcall/core'
import Original from 'dataloader'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import DataLoader from '../src/index.ts'
import { bounds, boundsByHand, check, options } from './support/interleaving.ts'
import { program, run, unordered } from './support/program.ts'

const runs = rounds(1_000)

test('however loads, aborts and answers interleave, each load settles once and by its own fate', async () => {
  await check(options, runs)
}, 120_000)

test('the same with the options of the engine', async () => {
  await check(
    fc.tuple(options, bounds).map(([one, other]) => ({ ...one, ...other })),
    2 * runs,
  )
}, 120_000)

test('the same where a batchScheduleFn sends batches in another order than they opened', async () => {
  await check(options, runs, true)
  await check(
    fc.tuple(options, boundsByHand).map(([one, other]) => ({ ...one, ...other })),
    2 * runs,
    true,
  )
}, 120_000)

test('the same while somebody listens', async () => {
  const stop = onBulk({})
  try {
    await check(options, runs)
  } finally {
    stop()
  }
}, 120_000)

test('with a signal that never aborts a random program sees the same as with dataloader', async () => {
  const { signal } = new AbortController()
  class Signalled extends DataLoader<any, any> {
    override load(key: any): Promise<any> {
      return super.load(key, { signal })
    }
  }
  await fc.assert(
    fc.asyncProperty(program, async each => {
      expect(unordered(await run(Signalled, each))).toEqual(unordered(await run(Original, each)))
    }),
    { numRuns: runs },
  )
  expect(getEventListeners(signal, 'abort')).toEqual([])
}, 120_000)
