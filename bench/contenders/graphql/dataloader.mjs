import DataLoader from 'dataloader'

import { names } from '../../graphql/rows.mjs'
import { yogaOver } from '../../graphql/yoga.mjs'

export const packages = ['dataloader', 'graphql-yoga']

export const serve = backend =>
  yogaOver(backend, {
    context: () => ({
      bulk: Object.fromEntries(names.map(each => [each, new DataLoader(backend.commands[each])])),
    }),
  })
