/** `AsyncBulkCall`: the engine alone, without a cache. Equal keys are asked twice. */
import { AsyncBulkCall } from '@bulkcall/core'

import { given } from '../options.mjs'

export const packages = ['@bulkcall/core']

export const makerOf = ({ size, concurrent, window: delay } = {}) => {
  const options = given({ size, concurrent, delay })
  return command => {
    const bulk = new AsyncBulkCall(command, options)
    return { load: key => bulk.call(key), loadMany: keys => bulk.callMany(keys) }
  }
}
