/**
 * Windows that close themselves, on shapes of work that people write: in each of thirty runs beside a fixed window of the
 * same `delay`, in exact virtual time. Minimal counterexamples of the random trees become shapes here.
 */

import { describe, expect, it } from 'vitest'
import { ours } from './support/contenders.ts'
import { broken, contest, patient, rules, times, type Contest } from './support/contest.ts'
import { besideIdle, chain, plainNested, shapes, siblings } from './support/shapes.ts'
import type { Tree } from './support/work.ts'

const delay = 5

const run = (of: Tree, ms = delay): Promise<Contest> => contest(of, ms, ours(of, ms))

describe('in each of thirty runs', () => {
  it.each(Object.entries(shapes))(
    'S45 %s: no more bulks than with a fixed window, and no later',
    async (_name, { tree: of, delay: ms = delay }) => {
      const result = await run(of, ms)
      const { noMoreBulks, noLater, right, inOrder } = rules
      expect(broken(result, noMoreBulks, noLater, right, inOrder, patient(ms))).toEqual([])
    },
  )

  it.each(Object.entries(shapes))(
    'S45 %s, in a schema that is wrapped twice: no more bulks than with a fixed window, and no later',
    async (_name, { tree: of, delay: ms = delay }) => {
      const result = await contest(of, ms, ours(of, ms, 2))
      expect(broken(result, rules.noMoreBulks, rules.noLater, rules.right)).toEqual([])
    },
  )
})

describe('what is certain', () => {
  it('S45 plain nested fields are loaded at the moment of the tick, and no timer is set', async () => {
    const result = await run(plainNested)
    expect(result.ours.map(({ ms }) => ms)).toEqual(Array.from({ length: times }, () => result.tick.ms))
    expect(result.ours.map(({ timers }) => timers)).toEqual(Array.from({ length: times }, () => 0))
  })

  it('S45 a chain of three loaders is done when it is with the tick, however long `delay` is', async () => {
    const { tick, ours: all30 } = await run(chain, 100)
    expect(all30.map(({ ms }) => ms)).toEqual(Array.from({ length: times }, () => tick.ms))
  })
})

describe('what is learned', () => {
  it('S80 siblings with I/O and one load each start at the moment of the last load', async () => {
    const { ours: all30, fixed } = await run(siblings)
    for (const { bulks, ms, lastLoadAt } of all30.slice(2)) {
      expect(bulks.map(({ at }) => at)).toEqual([lastLoadAt.get('users')])
      expect(ms).toBeLessThan(fixed.ms)
    }
  })
})

describe('the budget of waiting', () => {
  it('S45 a chain of 20 loads does not wait at each for leaves that never load', async () => {
    const { ours: all30, tick } = await run(besideIdle)
    expect(all30[0]!.ms).toBeLessThanOrEqual(tick.ms + 3 * delay)
    for (const { ms } of all30.slice(-10)) expect(ms).toBeLessThanOrEqual(2 * tick.ms)
  })
})
