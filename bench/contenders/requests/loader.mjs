/** `BulkLoader` by hand, with settings that are made once, and all loaders at the beginning of a request. */
const { BulkLoader } = await import(process.env.BULKCALL_BENCH_CORE ?? '@bulkcall/core')

export const packages = ['@bulkcall/core']

export const serverOf = commands => {
  const options = commands.map((_, place) => ({ name: `loader ${place}` }))
  return () => {
    const loaders = commands.map((command, place) => new BulkLoader(command, options[place]))
    return place => loaders[place]
  }
}
