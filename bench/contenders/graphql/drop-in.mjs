import { names } from '../../graphql/rows.mjs'
import { yogaOver } from '../../graphql/yoga.mjs'

const name = '@bulkcall/dataloader'
const { default: DataLoader } = await import(name)

export const packages = [name, 'graphql-yoga']

export const serve = backend =>
  yogaOver(backend, {
    context: () => ({
      bulk: Object.fromEntries(names.map(each => [each, new DataLoader(backend.commands[each])])),
    }),
  })
