import { given } from './options.mjs'

/** What a work asks for, in the words of `dataloader`, which the drop-in takes too. */
export const dataLoaderOptions = ({ cache, size, window } = {}) =>
  given({
    cache,
    maxBatchSize: size,
    batchScheduleFn: window === undefined ? undefined : dispatch => setTimeout(() => dispatch(), window),
  })
