/** By hand: keys are gathered until the end of the turn, and a queue limits how many commands run. No cache. */
import PQueue from 'p-queue'

export const packages = ['p-queue']

export const makerOf =
  ({ size = Infinity, concurrent = Infinity } = {}) =>
  command => {
    const queue = new PQueue({ concurrency: concurrent })
    let waiting = []
    const start = () => {
      const loads = waiting
      waiting = []
      for (let from = 0; from < loads.length; from += size) {
        const some = loads.slice(from, from + size)
        void queue
          .add(() => command(some.map(({ key }) => key)))
          .then(
            answers => some.forEach(({ settle }, place) => settle(answers[place])),
            error => some.forEach(({ fail }) => fail(error)),
          )
      }
    }
    return {
      load(key) {
        if (waiting.length === 0) void Promise.resolve().then(() => process.nextTick(start))
        return new Promise((settle, fail) => waiting.push({ key, settle, fail }))
      },
    }
  }
