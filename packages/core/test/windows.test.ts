/**
 * Windows that close themselves, on shapes of work that people write: in each of thirty runs beside a fixed window of the
 * same `delay`, in exact virtual time. Minimal counterexamples of the random trees become shapes here.
 */

import { describe, expect, it } from 'vitest'
import { ours } from './support/contenders.ts'
import { broken, contest, patient, rules, since, times, type Contest } from './support/contest.ts'
import {
  atOnceOrLater,
  besideIdle,
  chain,
  inTurn,
  kept,
  lateChain,
  manyAfterIo,
  plainNested,
  shapes,
  siblings,
} from './support/shapes.ts'
import type { Tree } from './support/work.ts'

const delay = 5

const run = (of: Tree, ms = delay): Promise<Contest> => contest(of, ms, ours(of, ms))
const { noMoreBulks, noLater, right, inOrder } = rules

/** How a run went once it was known what its work does: its bulks by their starts, and its end. */
const learned = async (of: Tree) => {
  const { ours: all30, fixed, tick } = await run(of)
  const [first, ...others] = all30.slice(3).map(({ bulks, ms }) => ({ bulks: bulks.map(({ at }) => at), ms }))
  for (const other of others) expect(other).toEqual(first)
  return { ...first!, fixed, tick }
}

describe('in each of thirty runs', () => {
  it.each(Object.entries(shapes))(
    'S89 %s: no more bulks than with a fixed window, and no later',
    async (_name, { tree: of, delay: ms = delay, from = 1 }) => {
      const result = await run(of, ms)
      expect(broken(result, right, inOrder, patient(ms))).toEqual([])
      expect(broken(since(from, result), noMoreBulks, noLater)).toEqual([])
    },
  )

  it.each(Object.entries(shapes))(
    'S89 %s, in a schema that is wrapped twice: no more bulks than with a fixed window, and no later',
    async (_name, { tree: of, delay: ms = delay, from = 1 }) => {
      const result = await contest(of, ms, ours(of, ms, 2))
      expect(broken(result, right, inOrder, patient(ms))).toEqual([])
      expect(broken(since(from, result), noMoreBulks, noLater)).toEqual([])
    },
  )

  it('S89 all but one of them are so from the first run on: a piece that loads at once and goes on to load beside that', async () => {
    const later = Object.entries(shapes).filter(([, { from = 1 }]) => from > 1)
    expect(later.map(([name, { from }]) => [name, from])).toEqual([
      ['loads from two loaders at the same time', 3],
    ])
    // It was taken for work that waits. If that has become untrue, it is to be held to the rules from its first run on.
    const [[, { tree: of }]] = later as [(typeof later)[0]]
    expect(broken(await run(of), noMoreBulks)).toHaveLength(1)
  })
})

describe('what is certain', () => {
  it('S45 plain nested fields are loaded at the moment of the tick, and no timer is set', async () => {
    const result = await run(plainNested)
    expect(result.ours.map(({ ms }) => ms)).toEqual(Array.from({ length: times }, () => result.tick.ms))
    expect(result.ours.map(({ timers }) => timers)).toEqual(Array.from({ length: times }, () => 0))
  })

  it('S84 a chain of three loaders is done when it is with the tick, however long `delay` is', async () => {
    const { tick, ours: all30 } = await run(chain, 100)
    expect(all30.map(({ ms }) => ms)).toEqual(Array.from({ length: times }, () => tick.ms))
  })
})

describe('what is learned', () => {
  it('S85 siblings with I/O and one load each start at the moment of the last load', async () => {
    const { ours: all30, fixed } = await run(siblings)
    for (const { bulks, ms, lastLoadAt } of all30.slice(2)) {
      expect(bulks.map(({ at }) => at)).toEqual([lastLoadAt.get('users')])
      expect(ms).toBeLessThan(fixed.ms)
    }
  })
})

describe('what is left of the calls of a piece of work', () => {
  it('S230 of loads one after the other, no window waits for the next', async () => {
    const { bulks, ms, tick } = await learned(inTurn)
    expect(bulks).toHaveLength(tick.bulks.length)
    expect(ms).toBe(tick.ms)
  })

  it('S230 where all come in one tick, none is waited for after it, however many they are', async () => {
    const { bulks, fixed } = await learned(manyAfterIo)
    expect(fixed.bulks).toHaveLength(1)
    expect(bulks).toEqual([4])
  })

  it('S230 where one comes at once or after I/O, no other is waited for', async () => {
    const { bulks, fixed } = await learned(atOnceOrLater)
    expect(fixed.bulks).toHaveLength(2)
    expect(bulks).toEqual([0, 3])
  })

  it('S233 a promise that is given again is none to wait for once its load is made', async () => {
    const { bulks, fixed } = await learned(kept)
    expect(fixed.bulks).toHaveLength(1)
    expect(bulks).toEqual([2])
  })

  it('S231 a command that has made its late calls waits for them, with all who wait for its bulk', async () => {
    const { ms, tick } = await learned(lateChain)
    expect(ms).toBe(tick.ms)
  })
})

describe('the budget of waiting', () => {
  it('S88 a chain of 20 loads does not wait at each for leaves that never load', async () => {
    const { ours: all30, tick } = await run(besideIdle)
    expect(all30[0]!.ms).toBeLessThanOrEqual(tick.ms + 3 * delay)
    for (const { ms } of all30.slice(-10)) expect(ms).toBeLessThanOrEqual(2 * tick.ms)
  })
})
