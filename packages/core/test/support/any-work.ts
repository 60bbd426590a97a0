/**
 * Random trees of work.
 * @module
 */

import fc from 'fast-check'
import {
  all,
  fail,
  field,
  io,
  load,
  loadHot,
  loadMany,
  loop,
  map,
  microtask,
  nothing,
  print,
  seq,
  size,
  type Field,
  type Loader,
  type Place,
  type Tree,
  type Work,
} from './work.ts'

const fieldNames = ['A', 'B', 'C', 'D'] as const
const loaderNames = ['a', 'b', 'c'] as const
/** More than that teaches nothing more, and takes long. */
const largest = 120

const anyLoaderName = fc.constantFrom(...loaderNames)
const anyTimes = fc.constantFrom([1], [2], [3], [1, 2], [0, 3], [1, 7])
const anyRows = fc.constantFrom([1], [2], [3], [1, 4], [2, 0, 3], [1, 9])

/**
 * I/O of a piece of work. The eighths keep it from ending at the very instant at which a window of whole ms does: who is
 * first then is chance.
 */
const anyIo = fc
  .constantFrom([1], [3], [1, 2, 3, 4], [0, 1, 2, 3], [7], [0, 9], [20])
  .map(ms => io(...ms.map(one => (one === 0 ? 0 : one + 1 / 8))))

const anyLoad = fc.oneof(
  { weight: 4, arbitrary: anyLoaderName.map(load) },
  { weight: 1, arbitrary: anyLoaderName.map(loadHot) },
  {
    weight: 1,
    arbitrary: fc.tuple(anyLoaderName, anyTimes).map(([name, times]) => loadMany(name, ...times)),
  },
)

/** What a piece may wait for: I/O as a rule, or a promise that has settled. */
const anyWait = fc.oneof({ weight: 5, arbitrary: anyIo }, { weight: 1, arbitrary: fc.constant(microtask) })
const anyLateLoad = fc.tuple(anyWait, anyLoad).map(([wait, then]) => seq(wait, then))
const anyInner = fc.oneof(
  anyLoad,
  anyLateLoad,
  fc.tuple(anyLoad, anyWait).map(works => seq(...works)),
)
const anyFail = fc.constantFrom(1, 2, 3).map(fail)

/** Work as people write it, the frequent kinds more often. */
const anyWork: fc.Arbitrary<Work> = fc.oneof(
  { weight: 4, arbitrary: anyLoad },
  { weight: 4, arbitrary: anyLateLoad },
  { weight: 2, arbitrary: fc.tuple(anyTimes, anyInner).map(([times, work]) => map(times, work)) },
  {
    weight: 2,
    arbitrary: fc.tuple(anyWait, anyTimes, anyLoad).map(([wait, times, one]) => seq(wait, map(times, one))),
  },
  { weight: 1, arbitrary: fc.tuple(anyTimes, anyInner).map(([times, work]) => loop(times, work)) },
  { weight: 1, arbitrary: fc.tuple(anyLoad, anyLoad).map(works => seq(...works)) },
  { weight: 1, arbitrary: fc.tuple(anyLoad, anyWait, anyLoad).map(works => seq(...works)) },
  { weight: 1, arbitrary: fc.tuple(anyInner, anyInner).map(works => all(...works)) },
  { weight: 1, arbitrary: anyIo },
  { weight: 1, arbitrary: fc.constantFrom(nothing, microtask) },
  { weight: 1, arbitrary: anyFail },
  { weight: 1, arbitrary: fc.tuple(anyInner, anyFail).map(works => seq(...works)) },
  { weight: 1, arbitrary: fc.tuple(anyFail, anyInner).map(works => seq(...works)) },
)

/** Work that loads in its synchronous part if it loads, and does nothing after that which could bring more. */
const anyEarlyWork: fc.Arbitrary<Work> = fc.oneof(
  { weight: 6, arbitrary: anyLoad },
  { weight: 1, arbitrary: fc.tuple(anyTimes, anyLoad).map(([times, work]) => map(times, work)) },
  { weight: 1, arbitrary: fc.tuple(anyLoad, anyLoad).map(works => all(...works)) },
  { weight: 1, arbitrary: fc.constant(nothing) },
  { weight: 1, arbitrary: fc.tuple(anyLoad, anyFail).map(works => seq(...works)) },
)

const anyMemo = fc.oneof(
  { weight: 7, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2) },
)
const anyField = (work: fc.Arbitrary<Work>, memos: fc.Arbitrary<number>): fc.Arbitrary<Field> =>
  fc
    .tuple(work, fc.constantFrom(false, false, false, true), memos)
    .map(([does, list, memo]) => field(does, { list, memo }))

const anyPlace: fc.Arbitrary<Place> = fc.letrec<{ place: Place }>(tie => ({
  place: fc.record({
    field: fc.constantFrom(...fieldNames),
    rows: anyRows,
    next: fc.oneof({ maxDepth: 3 }, fc.constant([]), fc.array(tie('place'), { maxLength: 2 })),
    again: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(1, 2) },
    ),
  }),
})).place

const anyMs = fc.constantFrom(0, 0.5, 3, 8)

/** Commands that answer by themselves. */
const anyLoaders = (takes: fc.Arbitrary<Record<'a' | 'b' | 'c', number>>) =>
  fc.tuple(takes, fc.constantFrom(null, null, null, 'a', 'b', 'c')).map(([ms, failing]) => {
    const made = (name: 'a' | 'b' | 'c'): Loader => ({ takes: ms[name], via: null, fails: failing === name })
    return { a: made('a'), b: made('b'), c: made('c') }
  })
const anyUnevenLoaders = anyLoaders(fc.record({ a: anyMs, b: anyMs, c: anyMs }))
const anyEvenLoaders = anyLoaders(anyMs.map(ms => ({ a: ms, b: ms, c: ms })))

/** Some of the commands load from the loaders before theirs. */
const anyChainedLoaders = fc
  .tuple(
    anyUnevenLoaders,
    fc.constantFrom(false, false, true),
    fc.constantFrom(null, null, null, 'a', 'b'),
    fc.constantFrom(0, 2),
  )
  .map(([{ a, b, c }, bViaA, cVia, ms]) => ({
    a,
    b: bViaA ? { ...b, via: { loader: 'a', io: 0 } } : b,
    c: cVia === null ? c : { ...c, via: { loader: cVia, io: ms } },
  }))

function trees(
  loaders: fc.Arbitrary<Tree['loaders']>,
  work: fc.Arbitrary<Work>,
  memos: fc.Arbitrary<number> = anyMemo,
): fc.Arbitrary<Tree> {
  const one = anyField(work, memos)
  return fc
    .record({
      loaders,
      fields: fc.record({ A: one, B: one, C: one, D: one }),
      places: fc.array(anyPlace, { minLength: 1, maxLength: 3 }),
    })
    .filter(tree => size(tree) <= largest)
    .map(tree => ({ ...tree, [fc.toStringMethod]: () => `\n${print(tree)}\n` }))
}

/** Any tree. */
export const anyTree: fc.Arbitrary<Tree> = trees(anyChainedLoaders, anyWork)

/** All loads come in the synchronous part of work. */
export const anyEarlyTree: fc.Arbitrary<Tree> = trees(anyUnevenLoaders, anyEarlyWork)

/** The same; all commands take equally long, and each piece gives a promise of its own: nothing is uncertain. */
export const anyEvenTree: fc.Arbitrary<Tree> = trees(anyEvenLoaders, anyEarlyWork, fc.constant(0))
