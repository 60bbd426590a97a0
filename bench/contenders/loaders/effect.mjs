/** A request a key, run together as Effect runs many. No cache, and equal keys are asked twice. */
import { Effect, Exit, Request, RequestResolver } from 'effect'

export const packages = ['effect']

export const makerOf =
  ({ size = Infinity, window = 0 } = {}) =>
  command => {
    const Load = Request.of()
    let resolver = RequestResolver.make(entries =>
      Effect.promise(async () => {
        const answers = await command(entries.map(({ request }) => request.key))
        entries.forEach((entry, place) => entry.completeUnsafe(Exit.succeed(answers[place])))
      }),
    )
    if (size < Infinity) resolver = RequestResolver.batchN(resolver, size)
    if (window > 0) resolver = RequestResolver.setDelay(resolver, window)
    const load = key => Effect.request(Load({ key }), resolver)
    return {
      load: key => Effect.runPromise(load(key)),
      each: keys => Effect.runPromise(Effect.forEach(keys, load, { concurrency: 'unbounded' })),
    }
  }
