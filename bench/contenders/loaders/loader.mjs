import { given } from '../options.mjs'

/** `BulkLoader`; of another checkout, if one is named. */
const { BulkLoader } = await import(process.env.BULKCALL_BENCH_CORE ?? '@bulkcall/core')

export const packages = ['@bulkcall/core']

export const makerOf = ({ cache, size, concurrent, window: delay } = {}) => {
  const options = given({ cache, size, concurrent, delay })
  return command => new BulkLoader(command, options)
}
