/**
 * Windows that close themselves, on random trees of work in exact virtual time: beside fixed windows of the same `delay`
 * and beside the tick. `BULKCALL_TREES=5000` tries that many trees; all tests together try 300 of each kind.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyEarlyTree, anyEvenTree, anyTree } from './support/any-work.ts'
import { ours } from './support/contenders.ts'
import { broken, contest, patient, rules, since, type Contest, type Rule } from './support/contest.ts'
import type { Outcome } from './support/run.ts'
import { hasIo, hasLateLoads, type Tree } from './support/work.ts'

const numRuns = Number(process.env.BULKCALL_TREES ?? (process.env.BULKCALL_ALL ? 300 : 100))
const delay = 5
/** In a hundred trees: two in a thousand, or one where fewer are tried. */
const rarely = Math.max(0.2, 100 / numRuns)

const race = (tree: Tree): Promise<Contest> => contest(tree, delay, ours(tree, delay))

/** The smallest tree that breaks a rule in one of its runs, and how; empty where there is none. Other trees each time. */
async function counterexample(trees: fc.Arbitrary<Tree>, ...all: readonly Rule[]): Promise<string> {
  const property = fc.asyncProperty(trees, async tree => {
    const [first] = broken(await race(tree), ...all)
    if (first !== undefined) throw new Error(first)
  })
  const found = await fc.check(property, { numRuns })
  if (!found.failed) return ''
  const where = `seed ${found.seed}, path ${found.counterexamplePath}`
  return `${fc.stringify(found.counterexample?.[0])}${String(found.errorInstance)}\n${where}`
}

const sampled = new Map<fc.Arbitrary<Tree>, Promise<readonly Contest[]>>()

/** Contests over trees that are the same each time. */
function contests(trees: fc.Arbitrary<Tree>): Promise<readonly Contest[]> {
  let all = sampled.get(trees)
  if (all === undefined) {
    all = raceAll(fc.sample(trees, { numRuns, seed: 11 }))
    sampled.set(trees, all)
  }
  return all
}

async function raceAll(trees: readonly Tree[]): Promise<Contest[]> {
  const all: Contest[] = []
  for (const tree of trees) all.push(await race(tree))
  return all
}

async function contestsWhere(
  trees: fc.Arbitrary<Tree>,
  keep: (tree: Tree) => boolean,
): Promise<readonly Contest[]> {
  return (await contests(trees)).filter(({ tree }) => keep(tree))
}

/** Of a hundred trees, how many break a rule in any of their runs, or in any from the nth on. */
async function percentBroken(trees: fc.Arbitrary<Tree>, rule: Rule, from = 1): Promise<number> {
  const all = await contests(trees)
  return (100 * all.filter(one => broken(since(from, one), rule).length > 0).length) / all.length
}

function mean(runs: readonly Outcome[], of: (run: Outcome) => number): number {
  return runs.reduce((total, run) => total + of(run), 0) / runs.length
}

/** The sums over all trees of all bulks, and of the time, of a run: on an average of thirty, and beside the others. */
function sums(all: readonly Contest[]): { bulksOfFixed: number; timeOfFixed: number; timeOfTick: number } {
  const sum = (of: (one: Contest) => number): number => all.reduce((total, one) => total + of(one), 0)
  const bulks = sum(one => mean(one.ours, run => run.bulks.length))
  const time = sum(one => mean(one.ours, run => run.ms))
  return {
    bulksOfFixed: bulks / sum(one => one.fixed.bulks.length),
    timeOfFixed: time / sum(one => one.fixed.ms),
    timeOfTick: time / sum(one => one.tick.ms),
  }
}

describe('of every tree', () => {
  it('S46 S2 results are the same, and each task is in one bulk, in the order of the calls', async () => {
    expect(await counterexample(anyTree, rules.right, rules.inOrder)).toBe('')
  })

  it('S9 no task waits longer than `delay`', async () => {
    expect(await counterexample(anyTree, patient(delay))).toBe('')
  })
})

// Windows that start earlier meet others at other moments: now and then that is a bulk more, or later. What is more is rare.
describe('of nearly every tree', () => {
  it('S89 there is at most one bulk more than with a fixed window, and one for each `delay` that it is earlier', async () => {
    expect(await percentBroken(anyTree, rules.fewBulks)).toBeLessThanOrEqual(2)
  })

  it('S89 nothing is later than with a fixed window', async () => {
    expect(await percentBroken(anyTree, rules.noLater)).toBeLessThanOrEqual(1)
  })

  it('S89 nothing is later than with a fixed window and the tick by more than one `delay`', async () => {
    expect(await percentBroken(anyTree, rules.hardlyLater)).toBeLessThanOrEqual(0.2)
  })

  it('S89 no run has more bulks than the first but one, and one for each `delay` that it is earlier', async () => {
    expect(await percentBroken(anyTree, rules.noWorseThanFirst)).toBeLessThanOrEqual(1)
  })

  it('S166 from the fourth run on, two in a thousand at most have more bulks than that', async () => {
    expect(await percentBroken(anyTree, rules.fewBulks, 4)).toBeLessThanOrEqual(rarely)
  })

  it('S166 from the fourth run on, two in a thousand at most are later than with a fixed window', async () => {
    expect(await percentBroken(anyTree, rules.noLater, 4)).toBeLessThanOrEqual(rarely)
  })

  it('S234 for two in a thousand at most, what has been learned costs twice the time and saves no bulks in proportion', async () => {
    expect(await percentBroken(anyTree, rules.worthWaiting)).toBeLessThanOrEqual(rarely)
  })
})

// Of calls whose instants do not depend on windows, none has fewer bulks than a fixed window in which no task waits for longer:
// it takes all that can be in a bulk with its first task. What is fewer comes of the moments at which others follow.
describe('in sum', () => {
  it('S89 bulks are those of a fixed window where there is I/O, and it takes less than two thirds of the time', async () => {
    const { bulksOfFixed, timeOfFixed } = sums(await contestsWhere(anyTree, hasIo))
    expect(bulksOfFixed).toBeLessThanOrEqual(1.05)
    expect(timeOfFixed).toBeLessThanOrEqual(0.66)
  })

  it('S89 bulks are those of a fixed window where there is no I/O', async () => {
    const { bulksOfFixed } = sums(await contestsWhere(anyEarlyTree, tree => !hasIo(tree)))
    expect(bulksOfFixed).toBeLessThanOrEqual(1.02)
  })

  it('S45 it takes at most 1.05 of the time of the tick where nothing is uncertain', async () => {
    const certain = await contestsWhere(anyEvenTree, tree => !hasLateLoads(tree))
    expect(sums(certain).timeOfTick).toBeLessThanOrEqual(1.05)
  })

  it('S45 it takes at most 1.05 of the time of the tick where no load is late', async () => {
    const early = await contestsWhere(anyEarlyTree, tree => !hasLateLoads(tree))
    expect(sums(early).timeOfTick).toBeLessThanOrEqual(1.05)
  })
})
