const name = '@bulkcall/dataloader'
const { default: DataLoader } = await import(name)

export const packages = [name]

export const serverOf = commands => () => {
  const loaders = commands.map(command => new DataLoader(command))
  return place => loaders[place]
}
