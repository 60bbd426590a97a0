import { dataLoaderOptions } from '../dataloader-options.mjs'

// Not by name in the text: the package may not be there.
const name = '@bulkcall/dataloader'
const { default: DataLoader } = await import(name)

export const packages = [name]

export const makerOf = asked => {
  const options = dataLoaderOptions(asked)
  return command => new DataLoader(command, options)
}
