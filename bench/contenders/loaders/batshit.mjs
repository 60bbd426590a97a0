/** No cache; equal keys of one window are asked once. The command gives a `Map`, so that an answer is found at once. */
import { create } from '@yornaath/batshit'

export const packages = ['@yornaath/batshit']

export const makerOf =
  ({ window = 0 } = {}) =>
  command => {
    const batcher = create({
      fetcher: async keys => {
        const answers = await command(keys)
        return new Map(keys.map((key, place) => [key, answers[place]]))
      },
      resolver: (answers, key) => answers.get(key),
      scheduler: start => Math.max(0, start + window - Date.now()),
    })
    return { load: key => batcher.fetch(key) }
  }
