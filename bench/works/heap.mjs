/** What a load weighs. */

import { setImmediate as nextTurn } from 'node:timers/promises'

import { loadEach, shuffled } from './keys.mjs'

const loads = 20_000

const defaults = {
  field: 'loaders',
  clock: 'heap',
  unit: 'bytes a load',
  loads,
  launches: { long: 1, short: 1 },
  slices: { long: 5, short: 3 },
}

/** Bytes that are alive after what could be collected has been. */
function alive() {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

const pending = {
  ...defaults,
  name: 'heap-pending',
  title: 'heap: a load that is pending, with its promise',
  contenders: ['dataloader', 'loader', 'drop-in', 'call', 'floor', 'batshit', 'effect'],
  prepare({ makerOf }) {
    const make = makerOf()
    const weigh = async slice => {
      const keys = shuffled(loads, slice)
      const nothing = Promise.resolve()
      const answers = Array.from({ length: loads }, () => nothing)
      const loader = make(async asked => asked)
      await loader.load(-1)
      await nextTurn()
      const before = alive()
      for (let place = 0; place < loads; place++) answers[place] = loader.load(keys[place])
      const after = alive()
      await Promise.all(answers)
      return (after - before) / loads
    }
    return warm(weigh)
  },
}

const cachedBy = ({ name, title, contenders, ask }) => ({
  ...defaults,
  name,
  title,
  contenders,
  prepare({ makerOf }) {
    const make = makerOf({ cacheNeeded: true })
    const weigh = async slice => {
      const keys = shuffled(loads, slice)
      const loader = make(async asked => asked)
      await nextTurn()
      const before = alive()
      await ask(loader, keys)
      await nextTurn()
      const after = alive()
      // It is alive until here.
      await loader.load(keys[0])
      return (after - before) / loads
    }
    return warm(weigh)
  },
})

/** The first time, code is compiled, and that weighs something too. */
async function warm(weigh) {
  await weigh(0)
  await weigh(1)
  return { weigh }
}

export const heap = [
  pending,
  cachedBy({
    name: 'heap-cached',
    title: 'heap: an answer in the cache',
    contenders: ['dataloader', 'loader', 'drop-in', 'floor'],
    ask: loadEach,
  }),
  cachedBy({
    name: 'heap-cached-many',
    title: 'heap: an answer in the cache, by `loadMany`',
    contenders: ['dataloader', 'loader', 'drop-in'],
    ask: (loader, keys) => loader.loadMany(keys),
  }),
]
