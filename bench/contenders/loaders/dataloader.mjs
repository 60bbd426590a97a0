import DataLoader from 'dataloader'

import { dataLoaderOptions } from '../dataloader-options.mjs'

export const packages = ['dataloader']

/** It has no limit: all its batches start at once. */
export const makerOf = asked => {
  const options = dataLoaderOptions(asked)
  return command => new DataLoader(command, options)
}
