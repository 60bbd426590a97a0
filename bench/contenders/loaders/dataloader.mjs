import DataLoader from 'dataloader'

export const packages = ['dataloader']

/** It has no limit: all its batches start at once. */
export const make = (command, { cache = true, size = Infinity, window = 0 } = {}) =>
  new DataLoader(command, {
    ...(cache ? {} : { cache }),
    ...(size < Infinity ? { maxBatchSize: size } : {}),
    ...(window > 0 ? { batchScheduleFn: dispatch => setTimeout(() => dispatch(), window) } : {}),
  })
