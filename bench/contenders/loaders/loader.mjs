/** `BulkLoader`; of another checkout, if one is named. */
const { BulkLoader } = await import(process.env.BULKCALL_BENCH_CORE ?? '@bulkcall/core')

export const packages = ['@bulkcall/core']

export const make = (command, { cache = true, size, concurrent, window: delay } = {}) =>
  new BulkLoader(command, {
    ...(cache ? {} : { cache }),
    ...(size === undefined ? {} : { size }),
    ...(concurrent === undefined ? {} : { concurrent }),
    ...(delay === undefined ? {} : { delay }),
  })
