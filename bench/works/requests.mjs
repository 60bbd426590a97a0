/** Work of a request, which makes its own loaders. */

import { loadEach, shuffled } from './keys.mjs'

const contenders = ['dataloader', 'loader', 'drop-in', 'useBulk']

/** Loads per request, over so many loaders; `flight` requests are under way at once. */
function requestOf({ name, title, loaders, used, keysEach, flight = 1, ask }) {
  const loads = used * keysEach * flight
  return {
    field: 'requests',
    clock: 'cpu',
    unit: 'ns a load',
    name,
    title,
    contenders,
    loads,
    keys: slice => shuffled(keysEach, slice),
    answers: keys => Array.from({ length: used * flight }, () => keys),
    prepare({ serverOf }, count) {
      const command = async keys => (count(), keys)
      const request = serverOf(Array.from({ length: loaders }, () => command))
      // The ones in use are spread over all.
      const places = Array.from({ length: used }, (_, place) => Math.floor((place * loaders) / used))
      const one = keys => {
        const loader = request()
        return places.map(place => ask(loader(place), keys))
      }
      return {
        run(keys) {
          if (flight === 1) return Promise.all(one(keys))
          const asked = []
          for (let each = 0; each < flight; each++) asked.push(...one(keys))
          return Promise.all(asked)
        },
      }
    },
  }
}

const loadMany = (loader, keys) => loader.loadMany(keys)
const five = { loaders: 5, used: 5, keysEach: 10 }

export const requests = [
  requestOf({
    name: 'make-5',
    title: 'a request that makes 5 loaders and loads 10 keys from one',
    loaders: 5,
    used: 1,
    keysEach: 10,
    ask: loadEach,
  }),
  requestOf({
    name: 'make-20',
    title: 'a request that makes 20 loaders and loads 10 keys from one',
    loaders: 20,
    used: 1,
    keysEach: 10,
    ask: loadEach,
  }),
  requestOf({ name: 'request-load', title: 'a request: 5 loaders × 10 keys', ...five, ask: loadEach }),
  requestOf({
    name: 'request-many',
    title: 'a request: 5 loaders × 10 keys by `loadMany`',
    ...five,
    ask: loadMany,
  }),
  requestOf({
    name: 'flight-load',
    title: '256 requests at once: 5 loaders × 10 keys each',
    ...five,
    flight: 256,
    ask: loadEach,
  }),
  requestOf({
    name: 'flight-many',
    title: '256 requests at once: 5 loaders × 10 keys each by `loadMany`',
    ...five,
    flight: 256,
    ask: loadMany,
  }),
]
