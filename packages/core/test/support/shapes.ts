/**
 * Shapes of work that people write, and on which windows that close too early, or too late, are worse than a fixed one.
 * @module
 */

import {
  again,
  all,
  fail,
  field,
  io,
  load,
  loadHot,
  loader,
  loadMany,
  loop,
  map,
  microtask,
  nothing,
  place,
  query,
  seq,
  type Field,
  type Place,
  type Tree,
  type Work,
} from './work.ts'

const rows = 12

const loaders: Tree['loaders'] = {
  users: loader(3),
  posts: loader(3),
  comments: loader(3),
  slow: loader(20),
  failing: loader(3, { fails: true }),
  now: loader(0),
  quick: loader(0.5),
  // One command that loads from another, which loads from a third one.
  first: loader(1),
  second: loader(1, { via: { loader: 'first', io: 0 } }),
  third: loader(1, { via: { loader: 'second', io: 0 } }),
  secondLate: loader(1, { via: { loader: 'first', io: 2 } }),
  thirdLate: loader(1, { via: { loader: 'second', io: 2 } }),
}

function tree(fields: Readonly<Record<string, Field | Work>>, ...places: readonly Place[]): Tree {
  const made = Object.entries(fields).map(([name, of]) => [name, 'do' in of ? field(of) : of] as const)
  return { loaders, fields: Object.fromEntries(made), places }
}

/** A field alone, for each of the rows. */
const alone = (of: Field | Work): Tree => tree({ author: of }, place('author', rows))

const guard = io(1, 2, 3, 4)
const guarded = (name: string): Work => seq(guard, load(name))

export const siblings = tree(
  { author: seq(io(0, 1, 2, 3, 4), load('users')), editor: guarded('users') },
  place('author', rows),
  place('editor', rows),
)

export const plainNested = tree(
  { posts: load('posts'), author: load('users'), comments: load('comments'), friends: load('users') },
  place('posts', 5, place('author', 4, place('comments', 2, place('friends', 1, place('posts', 1))))),
)

export const chain = alone(load('third'))

/** One after the other, each for who waits for the one before. */
export const inTurn = alone(loop(3, load('users')))

/** One await, then loads whose number differs from row to row. */
export const manyAfterIo = alone(seq(guard, map([1, 3, 0, 2], load('users'))))

/** What the row needs for its load it has, or gets by I/O, beside another load. */
export const atOnceOrLater = alone(all(load('posts'), seq(io(0, 1, 2, 3), load('users'))))

/** Promises that are kept, as on a context: three for all rows. */
export const kept = alone(field(seq(io(0, 1, 2), load('users')), { memo: 3 }))

/** A command that loads after I/O of its own, beside and above loads of the same loader. */
export const lateChain = tree(
  { second: load('secondLate'), first: load('first') },
  place('second', 1, place('first', 1)),
  again(1, place('first', 1)),
)

export const besideIdle = tree(
  { next: load('quick'), idle: io(6) },
  again(19, place('next', 1, place('idle', 3))),
)

/** A shape, and how many bulks a fixed window has for it, and the tick: a test holds that it is what it says it is. */
export interface Shape {
  readonly tree: Tree
  readonly fixed: number
  readonly tick: number
  /** In ms; 5 if it does not matter. */
  readonly delay?: number
  /** The first run that is held to the rules, where that is not the first: the runs before it teach what is needed. */
  readonly from?: number
}

export const shapes: Readonly<Record<string, Shape>> = {
  'inner loads of one resolver after I/O each': {
    tree: alone(map(5, seq(guard, load('users')))),
    fixed: 1,
    tick: 4,
  },
  'one await, then several loads': { tree: alone(seq(guard, map(5, load('users')))), fixed: 1, tick: 4 },
  'one await, then a `loadMany`': { tree: alone(seq(guard, loadMany('users', 5))), fixed: 1, tick: 4 },
  'an await of what has settled, then several loads': {
    tree: alone(seq(microtask, map(5, seq(microtask, load('users'))))),
    fixed: 1,
    tick: 1,
  },
  'a list of promises, I/O before each': {
    tree: alone(field(map(5, seq(guard, load('users'))), { list: true })),
    fixed: 1,
    tick: 4,
  },
  'a list of promises, each of a load': {
    tree: alone(field(map(5, load('users')), { list: true })),
    fixed: 1,
    tick: 1,
  },
  'a list of promises after one await': {
    tree: alone(field(seq(guard, map(5, load('users'))), { list: true })),
    fixed: 1,
    tick: 4,
  },
  'a list of promises with work below each': {
    tree: tree(
      { authors: field(map(5, seq(guard, load('users'))), { list: true }), posts: guarded('posts') },
      place('authors', 3, place('posts', 2)),
    ),
    fixed: 2,
    tick: 11,
  },
  'two loads one after the other in one resolver': {
    tree: alone(seq(load('users'), load('posts'))),
    fixed: 2,
    tick: 2,
  },
  'two loads of one loader one after the other': {
    tree: alone(seq(load('users'), load('users'))),
    fixed: 2,
    tick: 2,
  },
  'two loads one after the other, with I/O between them': {
    tree: alone(seq(load('users'), guard, load('users'))),
    fixed: 2,
    tick: 5,
  },
  'promises of I/O and a load that one resolver gives again': { tree: kept, fixed: 1, tick: 3 },
  'loads one after the other': { tree: inTurn, fixed: 3, tick: 3 },
  'one await, then loads whose number differs': { tree: manyAfterIo, fixed: 1, tick: 3 },
  'a command that loads late, beside loads of the same loader': { tree: lateChain, fixed: 4, tick: 5 },
  'loads in a loop, after I/O each': { tree: alone(loop(3, guarded('users'))), fixed: 3, tick: 11 },
  'loads from two loaders at the same time': {
    tree: alone(all(guarded('users'), load('posts'), seq(io(2), load('posts')))),
    fixed: 2,
    tick: 6,
    from: 3,
  },
  'guards in front of every field': {
    tree: tree(
      { author: guarded('users'), posts: guarded('posts'), comments: guarded('comments') },
      place('author', 20, place('posts', 1, place('comments', 2, place('author', 1)))),
    ),
    fixed: 4,
    tick: 22,
  },
  'guards that throw for some rows': {
    tree: tree(
      { author: seq(guard, fail(3), load('users')), posts: seq(load('posts'), fail(2)), next: load('users') },
      place('author', rows, place('next', 1)),
      place('posts', rows, place('next', 1)),
    ),
    fixed: 3,
    tick: 8,
  },
  'work that throws at once, or late, or whose keys fail': {
    tree: tree(
      { bad: fail(2), late: seq(io(2), fail()), author: load('failing'), next: guarded('users') },
      place('bad', rows, place('next', 1)),
      place('late', rows, place('next', 1)),
      place('author', rows, place('next', 1)),
    ),
    fixed: 3,
    tick: 6,
  },
  'a promise of a load that several resolvers give': {
    tree: tree(
      { viewer: field(load('users'), { memo: 1 }), posts: load('posts') },
      place('viewer', rows, place('posts', 1)),
      place('posts', rows),
    ),
    fixed: 3,
    tick: 3,
  },
  'a promise of I/O and a load that several resolvers give': {
    tree: tree(
      {
        viewer: field(seq(io(2), load('users')), { memo: 1 }),
        author: guarded('users'),
        posts: load('posts'),
      },
      place('viewer', rows, place('posts', 1)),
      place('author', rows, place('posts', 1)),
    ),
    fixed: 2,
    tick: 8,
  },
  'the same few keys for all rows': {
    tree: tree(
      { author: seq(guard, loadHot('users')), editor: loadHot('users'), posts: load('posts') },
      place('author', rows, place('posts', 1)),
      place('editor', rows, place('posts', 1)),
    ),
    fixed: 2,
    tick: 3,
  },
  'a chain of three loaders': { tree: chain, fixed: 3, tick: 3 },
  'a chain of three loaders, delay 100': { tree: chain, fixed: 3, tick: 3, delay: 100 },
  'a chain of three loaders with I/O in a command': { tree: alone(load('thirdLate')), fixed: 3, tick: 3 },
  'a chain of three loaders beside loads from each': {
    tree: tree(
      { chain: load('third'), second: load('second'), first: guarded('first') },
      place('chain', rows),
      place('second', rows),
      place('first', rows),
    ),
    fixed: 3,
    tick: 7,
  },
  'an operation within a resolver': {
    tree: tree(
      {
        search: query(place('author', 2, place('posts', 1))),
        author: guarded('users'),
        posts: load('posts'),
      },
      place('search', rows),
      place('author', rows, place('posts', 1)),
    ),
    fixed: 2,
    tick: 8,
  },
  'an operation within a resolver, after I/O and before a load': {
    tree: tree(
      {
        search: seq(guard, query(place('author', 2, place('posts', 1))), load('posts')),
        author: guarded('users'),
        posts: load('posts'),
      },
      place('search', rows),
      place('author', rows, place('posts', 1)),
    ),
    fixed: 5,
    tick: 18,
  },
  recursion: {
    tree: tree({ friends: load('users') }, again(4, place('friends', 2))),
    fixed: 5,
    tick: 5,
  },
  'recursion with guards': {
    tree: tree({ friends: guarded('users') }, again(4, place('friends', 2))),
    fixed: 5,
    tick: 27,
  },
  'recursion with guards and several loads': {
    tree: tree({ friends: seq(guard, map(2, load('users'))) }, again(3, place('friends', 2))),
    fixed: 4,
    tick: 20,
  },
  'lists of very different length': {
    tree: tree(
      { posts: load('posts'), author: guarded('users') },
      place('posts', 5, place('author', [1, 40, 0, 2])),
    ),
    fixed: 2,
    tick: 5,
  },
  'inner loads of very different number': {
    tree: alone(map([1, 30, 0, 2], seq(guard, load('users')))),
    fixed: 1,
    tick: 4,
  },
  // Each window gets one more load: that it waits for more after that is not in vain.
  'a pool of two in front of each load': {
    tree: alone(seq(io(7, 8, 14, 15, 21, 22, 28, 29, 35, 36, 42, 43), load('users'))),
    fixed: 6,
    tick: 12,
  },
  'siblings with I/O and one load each': { tree: siblings, fixed: 1, tick: 5 },
  'loads beside work that never loads': {
    tree: tree(
      { author: load('users'), idle: io(4), none: nothing },
      place('author', rows, place('author', 1)),
      place('idle', rows),
      place('none', rows),
    ),
    fixed: 2,
    tick: 2,
  },
  'loads beside a slow loader whose rows lead to more': {
    tree: tree(
      { author: load('users'), report: load('slow') },
      place('author', rows, place('author', 1)),
      place('report', rows, place('author', 1)),
    ),
    fixed: 4,
    tick: 4,
  },
  'plain nested fields': { tree: plainNested, fixed: 5, tick: 5 },
  'a chain of 20 loads beside leaves that wait and never load': { tree: besideIdle, fixed: 20, tick: 20 },
}
