/** Work of one loader: loads in one turn, few and many. */

import { loadEach, number, shuffled } from './keys.mjs'

const all = ['dataloader', 'loader', 'drop-in', 'call', 'floor', 'batshit', 'pacer', 'effect', 'p-queue']
const few = all.filter(name => name !== 'pacer')
const loaders = ['dataloader', 'loader', 'drop-in']

const defaults = {
  field: 'loaders',
  clock: 'cpu',
  unit: 'ns a load',
  answers: keys => keys,
}

/** Fresh loaders, used for one burst. */
function burstOf(loads, { name, title, contenders, options, ask = loadEach, ...more }) {
  return {
    ...defaults,
    name,
    title,
    contenders,
    loads,
    keys: slice => shuffled(loads, slice),
    prepare({ makerOf }, count) {
      const make = makerOf(options)
      const command = async keys => {
        count()
        return keys
      }
      return { run: keys => ask(make(command), keys) }
    },
    ...more,
  }
}

/** So many keys, with a cache and without one. */
function burstsOf(loads, { name, uncached, title, contenders, without = loaders }) {
  return [
    burstOf(loads, { name, title, contenders }),
    burstOf(loads, {
      name: uncached,
      title: `${title}, cache off`,
      contenders: without,
      options: { cache: false },
    }),
  ]
}

/** What most requests ask of one loader: a few keys, once. Making the loader is a good part of the work. */
export const small = [1, 3, 10, 100].flatMap(loads =>
  burstsOf(loads, {
    name: `new-${loads}`,
    uncached: `new-${loads}-uncached`,
    title: `a new loader, ${loads} unique ${loads === 1 ? 'key' : 'keys'}`,
    contenders: loads < 10 ? [...loaders, 'floor'] : all,
    without: [...loaders, 'floor'],
  }),
)

const bursts = [1_000, 10_000].flatMap(loads =>
  burstsOf(loads, {
    name: `burst-${loads}`,
    uncached: `uncached-${loads}`,
    title: `${number(loads)} unique keys`,
    contenders: loads > 1_000 ? few : all,
  }),
)

const strings = burstOf(1_000, {
  name: 'strings-1000',
  title: '1,000 unique keys, strings never seen before',
  contenders: few,
  fresh: true,
  keys: slice => shuffled(1_000, slice).map(key => `${slice}:${key}`),
})

const duplicates = [
  [50, 2],
  [80, 5],
].map(([share, times]) =>
  burstOf(1_000, {
    name: `duplicates-${share}`,
    title: `1,000 loads, ${share} % of them of a key asked before`,
    contenders: [...loaders, 'floor', 'batshit', 'effect'],
    options: { cacheNeeded: true },
    keys: slice => shuffled(1_000, slice).map(key => Math.floor(key / times)),
  }),
)

/** One loader that has all the answers. */
const hits = {
  ...defaults,
  name: 'hits-closed',
  title: '1,000 cache hits, no bulk open',
  contenders: [...loaders, 'floor'],
  loads: 1_000,
  keys: slice => shuffled(1_000, slice),
  prepare({ makerOf }, count) {
    const loader = makerOf({ cacheNeeded: true })(async keys => (count(), keys))
    return { before: keys => loadEach(loader, keys), run: keys => loadEach(loader, keys) }
  },
}

/** The same, after one key that is new each time: hits wait for its bulk. */
const hitsWithOpenBulk = {
  ...hits,
  name: 'hits-open',
  title: '1,000 cache hits, a bulk open',
  contenders: loaders,
  prepare({ makerOf }, count) {
    const make = makerOf()
    let loader
    let fresh = 0
    return {
      before(keys) {
        loader = make(async asked => (count(), asked))
        return loadEach(loader, keys)
      },
      async run(keys) {
        const first = loader.load(--fresh)
        const answers = await Promise.all(keys.map(key => loader.load(key)))
        await first
        return answers
      },
    }
  },
}

const many = burstOf(1_000, {
  name: 'many-1000',
  title: '`loadMany` of 1,000 unique keys',
  contenders: [...loaders, 'call'],
  ask: (loader, keys) => loader.loadMany(keys),
})

const refusal = new Error('refused')
const settled = promise =>
  promise.then(
    value => value,
    () => 'refused',
  )

const errors = {
  ...defaults,
  name: 'errors-100',
  title: '1,000 unique keys, an Error for each tenth',
  contenders: [...loaders, 'call'],
  loads: 1_000,
  keys: slice => shuffled(1_000, slice),
  answers: keys => keys.map(key => (key % 10 === 0 ? 'refused' : key)),
  prepare({ makerOf }, count) {
    const make = makerOf()
    const command = async keys => (count(), keys.map(key => (key % 10 === 0 ? refusal : key)))
    return {
      run(keys) {
        const loader = make(command)
        return Promise.all(keys.map(key => settled(loader.load(key))))
      },
    }
  },
}

const failures = {
  ...errors,
  name: 'errors-bulk',
  title: '1,000 unique keys, the command fails',
  answers: keys => keys.map(() => 'refused'),
  prepare({ makerOf }, count) {
    const make = makerOf()
    const command = async () => {
      count()
      throw refusal
    }
    return {
      run(keys) {
        const loader = make(command)
        return Promise.all(keys.map(key => settled(loader.load(key))))
      },
    }
  },
}

const chunks = [
  burstOf(10_000, {
    name: 'chunks',
    title: '10,000 unique keys in bulks of 100',
    contenders: [...loaders, 'call', 'floor', 'effect', 'p-queue'],
    options: { size: 100 },
  }),
  burstOf(10_000, {
    name: 'chunks-limit-4',
    title: '10,000 unique keys in bulks of 100, 4 at once (dataloader: no limit)',
    contenders: ['dataloader', 'loader', 'call', 'floor', 'p-queue'],
    options: { size: 100, concurrent: 4 },
  }),
]

export const burst = [
  ...bursts,
  strings,
  ...duplicates,
  hits,
  hitsWithOpenBulk,
  many,
  errors,
  failures,
  ...chunks,
]
