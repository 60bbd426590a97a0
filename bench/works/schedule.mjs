/** Work with timers: a window, and a limit. */

import { setTimeout as sleep } from 'node:timers/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { loadEach, shuffled } from './keys.mjs'

const stream = {
  field: 'loaders',
  name: 'stream',
  title: '5,000 unique keys, 10 each turn of the event loop, over a window of 1 ms',
  contenders: ['dataloader', 'loader', 'drop-in', 'call', 'batshit', 'pacer', 'effect'],
  clock: 'cpu',
  unit: 'ns a load',
  loads: 5_000,
  keys: slice => shuffled(5_000, slice),
  answers: keys => keys,
  prepare({ makerOf }, count) {
    const make = makerOf({ window: 1 })
    return {
      async run(keys) {
        const loader = make(async asked => (count(), asked))
        const answers = []
        for (let from = 0; from < keys.length; from += 10) {
          answers.push(loadEach(loader, keys.slice(from, from + 10)))
          await nextTurn()
        }
        return (await Promise.all(answers)).flat()
      },
    }
  },
}

/** 40 commands of 1 ms, 4 at a time: no order can be quicker than 10 of them one after the other. */
const limited = {
  field: 'loaders',
  name: 'limit-4',
  title: '400 unique keys in bulks of 10, 4 at once, each bulk 1 ms: beside the ideal schedule',
  contenders: ['ideal', 'loader', 'call', 'p-queue'],
  base: 'ideal',
  clock: 'wall',
  unit: 'ns a load',
  slice: 50,
  loads: 400,
  keys: slice => shuffled(400, slice),
  answers: keys => keys,
  prepare({ makerOf }, count) {
    const make = makerOf({ size: 10, concurrent: 4 })
    const command = async keys => {
      count()
      await sleep(1)
      return keys
    }
    return { run: keys => loadEach(make(command), keys) }
  },
}

export const schedule = [stream, limited]
