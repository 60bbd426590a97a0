/** `AsyncBulkCall`: the engine alone, without a cache. Equal keys are asked twice. */
import { AsyncBulkCall } from '@bulkcall/core'

export const packages = ['@bulkcall/core']

export const make = (command, { size, concurrent, window: delay } = {}) => {
  const bulk = new AsyncBulkCall(command, {
    ...(size === undefined ? {} : { size }),
    ...(concurrent === undefined ? {} : { concurrent }),
    ...(delay === undefined ? {} : { delay }),
  })
  return { load: key => bulk.call(key), loadMany: keys => bulk.callMany(keys) }
}
