/**
 * A tree of work, run by windows that close themselves beside fixed ones and the tick.
 * @module
 */

import { fixed, runOnce, runs, tick, type Contender, type Outcome } from './run.ts'
import type { Tree } from './work.ts'

/** So many runs of a tree: enough for what is learned wrongly to show. */
export const times = 30

export interface Contest {
  readonly tree: Tree
  readonly delay: number
  readonly fixed: Outcome
  readonly tick: Outcome
  /** One after the other, with what the earlier ones have taught. */
  readonly ours: readonly Outcome[]
}

export async function contest(tree: Tree, delay: number, contender: Contender): Promise<Contest> {
  return {
    tree,
    delay,
    fixed: await runOnce(tree, fixed(delay)),
    tick: await runOnce(tree, tick),
    ours: await runs(tree, contender, times),
  }
}

/** A contest without the runs that were there to learn from. */
export function since(from: number, result: Contest): Contest {
  return { ...result, ours: result.ours.slice(from - 1) }
}

/** Where a run has more bulks than it may have, is later than it may be, or is wrong; `null` where all is well. */
export type Rule = (run: Outcome, contest: Contest) => string | null

export const rules = {
  noMoreBulks: (run, { fixed: { bulks } }) =>
    run.bulks.length <= bulks.length ? null : 'more bulks than with a fixed window',

  noLater: (run, { fixed: { ms } }) => (run.ms <= ms ? null : 'later than with a fixed window'),

  /** Who is earlier meets fewer others: a bulk more is the price of each `delay` that was not waited. */
  fewBulks: (run, { fixed: window, delay }) =>
    run.bulks.length <= window.bulks.length + 1 + Math.max(0, window.ms - run.ms) / delay
      ? null
      : 'more bulks than with a fixed window',

  hardlyLater: (run, { fixed: window, tick: turn, delay }) =>
    run.ms <= Math.max(window.ms, turn.ms) + delay ? null : 'later than with a fixed window',

  noWorseThanFirst: (run, { ours: [first], delay }) =>
    run.bulks.length <= first!.bulks.length + 1 + Math.max(0, first!.ms - run.ms) / delay
      ? null
      : 'more bulks than in the first run',

  worthWaiting: (run, { tick: { bulks, ms }, ours: all }) =>
    all.indexOf(run) < times - 10 || run.ms <= 2 * ms || run.ms * run.bulks.length <= ms * bulks.length
      ? null
      : 'over twice as late as with the tick, for few bulks less',

  right: (run, { tick: { results } }) => (run.results === results ? null : 'other results'),

  /** Each task is in one bulk, and stands there in the order of the calls. */
  inOrder: run => {
    for (const [name, keys] of run.loads) {
      const sent = run.bulks.filter(bulk => bulk.name === name).flatMap(({ tasks }) => tasks)
      if (sent.join() !== keys.join()) return `${name}: called with ${keys.join()}, sent ${sent.join()}`
    }
    return null
  },
} satisfies Record<string, Rule>

export function patient(delay: number): Rule {
  return ({ longestWait }) => (longestWait <= delay ? null : `a task has waited for ${longestWait} ms`)
}

/** What a contest breaks of the rules: a text that tells of the first run that breaks each. */
export function broken(result: Contest, ...all: readonly Rule[]): string[] {
  return all.flatMap(rule => {
    for (const [i, run] of result.ours.entries()) {
      const what = rule(run, result)
      if (what !== null) return [`run ${i + 1}: ${what}\n${report(result, i)}`]
    }
    return []
  })
}

function report({ fixed: window, tick: turn, ours: all }: Contest, run: number): string {
  const rows: [string, Outcome][] = [
    ['tick', turn],
    ['fixed', window],
    [`run ${run + 1}`, all[run]!],
  ]
  if (run > 0) rows.push(['run 1', all[0]!])
  return rows.map(([name, outcome]) => `  ${name.padEnd(6)} ${summary(outcome)}`).join('\n')
}

/** One run in a line: how many bulks, how long, and each bulk with its size and its start. */
export function summary({ bulks, ms }: Outcome): string {
  const each = bulks.map(({ name, tasks, at }) => `${name}${tasks.length}@${at}`)
  return `${bulks.length} bulks, ${ms} ms: ${each.join(' ')}`
}
