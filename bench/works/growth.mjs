/** How the cost of one load grows with what is around it. It should not. */

import { loadEach, number, shuffled } from './keys.mjs'

const defaults = {
  field: 'loaders',
  contenders: ['dataloader', 'loader', 'drop-in', 'floor'],
  clock: 'cpu',
  unit: 'ns a load',
  launches: { long: 1, short: 1 },
  slices: { long: 5, short: 3 },
  answers: keys => keys,
}

const ofKeys = [10, 100, 1_000, 10_000, 100_000, 1_000_000].map(loads => ({
  ...defaults,
  name: `keys-${loads}`,
  title: `growth: ${number(loads)} keys in one bulk`,
  loads,
  keys: slice => shuffled(loads, slice),
  prepare({ makerOf }, count) {
    const make = makerOf()
    const command = async keys => (count(), keys)
    return { run: keys => loadEach(make(command), keys) }
  },
}))

const ofLoaders = [1, 10, 100, 1_000, 10_000].map(loaders => ({
  ...defaults,
  name: `loaders-${loaders}`,
  title: `growth: ${number(loaders)} loaders at once, 10 keys each`,
  loads: 10 * loaders,
  keys: slice => shuffled(10, slice),
  answers: keys => Array.from({ length: loaders }, () => keys),
  prepare({ makerOf }, count) {
    const make = makerOf()
    const command = async keys => (count(), keys)
    return {
      run: keys => Promise.all(Array.from({ length: loaders }, () => loadEach(make(command), keys))),
    }
  },
}))

/** What is loaded leads to the next load, as levels of a query do. */
const ofDepth = [1, 2, 4, 8].map(depth => ({
  ...defaults,
  name: `depth-${depth}`,
  title: `growth: ${depth} levels of 100 keys`,
  loads: 100 * depth,
  keys: slice => shuffled(100, slice),
  answers: keys => keys.map(key => key + 1_000 * depth),
  prepare({ makerOf }, count) {
    const make = makerOf()
    const command = async keys => (count(), keys.map(key => key + 1_000))
    return {
      run(keys) {
        const loader = make(command)
        const descend = async key => {
          let at = key
          for (let level = 0; level < depth; level++) at = await loader.load(at)
          return at
        }
        return Promise.all(keys.map(descend))
      },
    }
  },
}))

export const growth = [...ofKeys, ...ofLoaders, ...ofDepth]
