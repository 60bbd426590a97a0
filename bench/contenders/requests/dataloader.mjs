import DataLoader from 'dataloader'

export const packages = ['dataloader']

/** A server makes the loaders of each request at its beginning. */
export const serverOf = commands => () => {
  const loaders = commands.map(command => new DataLoader(command))
  return place => loaders[place]
}
