/** `BulkLoader` by hand, as the guides say: a factory checks the options once, and a request begins with all loaders. */
const { bulkLoaderFactory } = await import(process.env.BULKCALL_BENCH_CORE ?? '@bulkcall/core')

export const packages = ['@bulkcall/core']

export const serverOf = commands => {
  const makers = commands.map((_, place) => bulkLoaderFactory({ name: `loader ${place}` }))
  return () => {
    const loaders = commands.map((command, place) => makers[place](command))
    return place => loaders[place]
  }
}
