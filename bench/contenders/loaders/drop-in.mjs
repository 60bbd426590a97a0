// Not by name in the text: the package may not be there.
const name = '@bulkcall/dataloader'
const { default: DataLoader } = await import(name)

export const packages = [name]

export const make = (command, { cache = true, size = Infinity, window = 0 } = {}) =>
  new DataLoader(command, {
    ...(cache ? {} : { cache }),
    ...(size < Infinity ? { maxBatchSize: size } : {}),
    ...(window > 0 ? { batchScheduleFn: dispatch => setTimeout(() => dispatch(), window) } : {}),
  })
