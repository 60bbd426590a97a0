/**
 * Windows that close themselves, on random trees of work in exact virtual time: beside fixed windows of the same `delay`
 * and beside the tick. `BULKCALL_TREES=5000` tries that many trees for each property.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyEarlyTree, anyEvenTree, anyTree } from './support/any-work.ts'
import { ours } from './support/contenders.ts'
import { broken, contest, patient, rules, type Contest, type Rule } from './support/contest.ts'
import type { Outcome } from './support/run.ts'
import { hasIo, hasLateLoads, type Tree } from './support/work.ts'

const numRuns = Number(process.env.BULKCALL_TREES ?? 90)
const delay = 5
/** Seeds that are the same each time; and one that is not, which finds what these do not. */
const seeds = [11, 2024, Date.now() % 2 ** 31]

/** The smallest tree that breaks a rule in one of its runs, and how; empty where there is none. */
async function counterexample(trees: fc.Arbitrary<Tree>, ...all: readonly Rule[]): Promise<string> {
  const property = fc.asyncProperty(trees, async tree => {
    const [first] = broken(await contest(tree, delay, ours(tree, delay)), ...all)
    if (first !== undefined) throw new Error(first)
  })
  for (const seed of seeds) {
    const found = await fc.check(property, { numRuns: Math.ceil(numRuns / seeds.length), seed })
    if (found.failed)
      return `${fc.stringify(found.counterexample?.[0])}${String(found.errorInstance)}\nseed ${found.seed}, path ${found.counterexamplePath}`
  }
  return ''
}

function sample(trees: fc.Arbitrary<Tree>, keep: (tree: Tree) => boolean): Promise<Contest[]> {
  const kept = fc.sample(trees, { numRuns: numRuns * 2, seed: seeds[0]! }).filter(keep)
  return Promise.all(kept.map(tree => contest(tree, delay, ours(tree, delay))))
}

function mean(runs: readonly Outcome[], of: (run: Outcome) => number): number {
  return runs.reduce((total, run) => total + of(run), 0) / runs.length
}

/** The sums over all trees of all bulks, and of the time, of a run: on an average of thirty, and beside the others. */
function sums(all: readonly Contest[]): { bulksOfFixed: number; timeOfTick: number } {
  const sum = (of: (one: Contest) => number): number => all.reduce((total, one) => total + of(one), 0)
  const bulks = sum(one => mean(one.ours, run => run.bulks.length))
  const time = sum(one => mean(one.ours, run => run.ms))
  return {
    bulksOfFixed: bulks / sum(one => one.fixed.bulks.length),
    timeOfTick: time / sum(one => one.tick.ms),
  }
}

describe('tree by tree', () => {
  it('S46 S2 results are the same, and each task is in one bulk, in the order of the calls', async () => {
    expect(await counterexample(anyTree, rules.right, rules.inOrder)).toBe('')
  })

  it('S9 no task waits longer than `delay`', async () => {
    expect(await counterexample(anyTree, patient(delay))).toBe('')
  })

  it('S45 there is at most one bulk more than with a fixed window', async () => {
    expect(await counterexample(anyTree, rules.fewBulks)).toBe('')
  })

  it('S45 nothing is later than with a fixed window', async () => {
    expect(await counterexample(anyTree, rules.noLater)).toBe('')
  })

  it('S45 no run has more bulks than the first', async () => {
    expect(await counterexample(anyTree, rules.noWorseThanFirst)).toBe('')
  })

  it('S45 what has been learned never costs twice the time, unless it saves bulks in proportion', async () => {
    expect(await counterexample(anyTree, rules.worthWaiting)).toBe('')
  })
})

describe('in sum', () => {
  it('S45 there are at most 0.85 of the bulks of a fixed window where there is I/O', async () => {
    expect(sums(await sample(anyTree, hasIo)).bulksOfFixed).toBeLessThanOrEqual(0.85)
  })

  it('S45 there are no more bulks than with a fixed window where there is no I/O', async () => {
    expect(sums(await sample(anyEarlyTree, tree => !hasIo(tree))).bulksOfFixed).toBeLessThanOrEqual(1)
  })

  it('S45 it takes at most 1.05 of the time of the tick where nothing is uncertain', async () => {
    expect(sums(await sample(anyEvenTree, tree => !hasLateLoads(tree))).timeOfTick).toBeLessThanOrEqual(1.05)
  })

  it('S45 it takes at most 1.05 of the time of the tick where no load is late', async () => {
    expect(sums(await sample(anyEarlyTree, tree => !hasLateLoads(tree))).timeOfTick).toBeLessThanOrEqual(1.05)
  })
})
