/**
 * The measure of windows, measured: trees of work run as they say, in exact virtual time, and a contender that breaks the
 * rules is found out.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyEarlyTree, anyEvenTree, anyTree } from './support/any-work.ts'
import { broken, contest, patient, rules, summary } from './support/contest.ts'
import { fixed, runOnce, tick, type Contender } from './support/run.ts'
import { shapes } from './support/shapes.ts'
import {
  again,
  all,
  fail,
  field,
  hasIo,
  hasLateLoads,
  io,
  isEven,
  load,
  loader,
  loadHot,
  loadMany,
  loop,
  map,
  microtask,
  nothing,
  place,
  print,
  seq,
  size,
  type Field,
  type Place,
  type Tree,
  type Work,
} from './support/work.ts'

const loaders: Tree['loaders'] = {
  a: loader(3),
  b: loader(1, { via: { loader: 'a', io: 2 } }),
  f: loader(3, { fails: true }),
}

function tree(fields: Readonly<Record<string, Field>>, ...places: readonly Place[]): Tree {
  return { loaders, fields, places }
}

const alone = (of: Field, rows: number | readonly number[] = 2): Tree => tree({ A: of }, place('A', rows))
const told = async (of: Tree, contender: Contender = tick): Promise<string> =>
  summary(await runOnce(of, contender))

const toldOf = (...parts: Parameters<typeof field>): Promise<string> => told(alone(field(...parts)))
const kindsOf = (work: Work): boolean[] => {
  const one = alone(field(work))
  return [hasIo(one), hasLateLoads(one), isEven(one)]
}
const sample = (trees: fc.Arbitrary<Tree>): Tree[] => fc.sample(trees, { numRuns: 300, seed: 1 })

describe('a tree of work', () => {
  it('does what each kind of work says, when it says so', async () => {
    expect(await toldOf(load('a'))).toBe('1 bulks, 3 ms: a2@0')
    expect(await toldOf(loadHot('a'))).toBe('1 bulks, 3 ms: a2@0')
    expect(await toldOf(loadMany('a', 1, 4))).toBe('1 bulks, 3 ms: a5@0')
    expect(await toldOf(seq(io(0, 1), load('a')))).toBe('2 bulks, 4 ms: a1@0 a1@1')
    expect(await toldOf(seq(microtask, load('a')))).toBe('1 bulks, 3 ms: a2@0')
    expect(await toldOf(seq(load('a'), load('a')))).toBe('2 bulks, 6 ms: a2@0 a2@3')
    expect(await toldOf(seq(load('a'), io(1), load('a')))).toBe('2 bulks, 7 ms: a2@0 a2@4')
    expect(await toldOf(all(load('a'), seq(io(2), load('a'))))).toBe('2 bulks, 5 ms: a2@0 a2@2')
    expect(await toldOf(map([2, 3], seq(io(1), load('a'))))).toBe('1 bulks, 4 ms: a5@1')
    expect(await toldOf(loop([2, 1], seq(io(1), load('a'))))).toBe('2 bulks, 8 ms: a2@1 a1@5')
    expect(await toldOf(io(7))).toBe('0 bulks, 7 ms: ')
    expect(await toldOf(nothing)).toBe('0 bulks, 0 ms: ')
    expect(await toldOf(fail())).toBe('0 bulks, 0 ms: ')
    expect(await toldOf(seq(fail(2), load('a')))).toBe('1 bulks, 3 ms: a1@0')
    expect(await toldOf(load('b'))).toBe('2 bulks, 6 ms: b2@0 a2@2')
    expect(await toldOf(seq(io(1), load('a')), { memo: 1 })).toBe('1 bulks, 4 ms: a1@1')
  })

  it('goes on below each result as soon as it is there, and not below one that failed', async () => {
    const next = field(load('a'))
    const below = (of: Field): Promise<string> => told(tree({ A: of, B: next }, place('A', 2, place('B', 1))))
    expect(await below(field(seq(io(1, 2), fail(2))))).toBe('1 bulks, 5 ms: a1@2')
    expect(await below(field(map(2, io(1, 2)), { list: true }))).toBe('2 bulks, 5 ms: a2@1 a2@2')
    expect(await below(field(seq(io(1), map(2, io(1, 2))), { list: true }))).toBe('2 bulks, 6 ms: a2@2 a2@3')
    expect(await below(field(map(2, io(1, 2))))).toBe('1 bulks, 5 ms: a2@2')
    expect(await told(tree({ A: next }, again(2, place('A', [1, 2]))))).toBe('3 bulks, 9 ms: a1@0 a1@3 a1@6')
  })

  it('gives a failing key to those who load it, and to no other', async () => {
    const { results } = await runOnce(alone(field(load('f')), 11), tick)
    const seen = JSON.parse(results) as string[]
    expect(seen).toContain('failed')
    expect(new Set(seen).size).toBeGreaterThan(1)
  })

  it('waits for a fixed window as long as it says', async () => {
    const late = alone(field(seq(io(0, 4), load('a'))))
    expect(await told(late, fixed(5))).toBe('1 bulks, 8 ms: a2@5')
    expect(await told(late, fixed(3))).toBe('2 bulks, 10 ms: a1@3 a1@7')
    const { timers, longestWait, lastLoadAt } = await runOnce(late, fixed(3))
    expect({ timers, longestWait }).toEqual({ timers: 2, longestWait: 3 })
    expect(lastLoadAt).toEqual(new Map([['a', 4]]))
  })

  it('is distinguished from others by what it does', () => {
    expect(kindsOf(load('a'))).toEqual([false, false, true])
    expect(kindsOf(map(3, load('a')))).toEqual([false, false, true])
    expect(kindsOf(seq(load('a'), io(1)))).toEqual([true, false, true])
    expect(kindsOf(seq(io(1), load('a')))).toEqual([true, true, true])
    expect(kindsOf(seq(microtask, load('a')))).toEqual([false, true, true])
    expect(kindsOf(map(3, seq(load('a'), load('a'))))).toEqual([false, true, true])
    expect(kindsOf(loop([1, 2], load('a')))).toEqual([false, true, true])
    expect(kindsOf(load('b'))).toEqual([true, true, false])
    expect(kindsOf(nothing)).toEqual([false, false, true])
  })

  it('prints as text, without what the document does not use', () => {
    const of = tree(
      { A: field(map([1, 2], seq(io(1), load('b'))), { list: true }), B: field(load('f'), { memo: 1 }) },
      again(1, place('A', [1, 2])),
    )
    expect(print(of)).toBe(`  loader a: 3 ms
  loader b: 1 ms, via a after 2 ms
  A: list of 1|2× at once (io 1, then load b)
  document: A×1|2 { again 1 }`)
    expect(size(of)).toBe(2 * (1 + 2 * 2))
  })
})

describe('shapes', () => {
  it.each(Object.entries(shapes))(
    '%s: so many bulks with a fixed window, and with the tick',
    async (_name, shape) => {
      const { tree: of, delay = 5 } = shape
      const [window, turn] = [await runOnce(of, fixed(delay)), await runOnce(of, tick)]
      expect([window.bulks.length, turn.bulks.length]).toEqual([shape.fixed, shape.tick])
    },
  )
})

describe('rules', () => {
  const always = [rules.right, rules.inOrder, patient(5)]

  it('what must hold with any window holds with fixed ones and the tick', async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, fc.constantFrom(tick, fixed(5)), async (of, contender) => {
        expect(broken(await contest(of, 5, contender), ...always)).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  it('a fixed window breaks none of those that compare with it', async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, async of => {
        const { fewBulks, noMoreBulks, noLater, noWorseThanFirst } = rules
        const result = await contest(of, 5, fixed(5))
        expect(broken(result, fewBulks, noMoreBulks, noLater, noWorseThanFirst)).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  const siblings = shapes['siblings with I/O and one load each']!.tree

  it('the tick has more bulks than a fixed window may have', async () => {
    const found = broken(await contest(siblings, 5, tick), rules.fewBulks)
    expect(found).toEqual([expect.stringMatching(/^run 1: more bulks than with a fixed window\n {2}tick /)])
  })

  it('a longer window is too late, and not patient', async () => {
    const found = broken(await contest(siblings, 5, fixed(6)), rules.noLater, patient(5))
    expect(found).toEqual([
      expect.stringContaining('later than with a fixed window'),
      expect.stringContaining('a task has waited for 6 ms'),
    ])
  })

  it('a fixed window is not worth waiting for where the tick has as many bulks', async () => {
    const { tree: of } = shapes['plain nested fields']!
    expect(broken(await contest(of, 20, fixed(20)), rules.worthWaiting)).toHaveLength(1)
  })

  it('who learns the wrong thing is found out', async () => {
    let run = 0
    const worse: Contender = host => (run++ < 20 ? fixed(5) : tick)(host)
    const found = broken(await contest(siblings, 5, worse), rules.noWorseThanFirst)
    expect(found).toEqual([expect.stringMatching(/^run 21: more bulks than in the first run/)])
  })
})

describe('random trees', () => {
  it('are of many kinds', () => {
    const trees = sample(anyTree)
    expect(trees.filter(hasIo).length).toBeGreaterThan(100)
    expect(trees.filter(of => !hasIo(of)).length).toBeGreaterThan(10)
    const text = trees.map(print).join('\n')
    for (const kind of [
      'list of',
      'at once',
      'in turn',
      'one promise of',
      'again',
      'via',
      'throw',
      'loadMany',
      'hot',
    ])
      expect(text).toContain(kind)
  })

  it('load early, and on one level, where they say so', () => {
    expect(sample(anyEarlyTree).filter(hasLateLoads)).toEqual([])
    expect(sample(anyEvenTree).filter(of => hasLateLoads(of) || !isEven(of))).toEqual([])
  })
})
