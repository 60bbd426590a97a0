import { useBulk } from '@bulkcall/yoga'

import { yogaOver } from '../../graphql/yoga.mjs'

export const packages = ['@bulkcall/yoga', 'graphql-yoga']

export const serve = backend =>
  yogaOver(backend, {
    plugins: [
      useBulk(backend.commands, backend.connections === null ? {} : { concurrent: backend.connections }),
    ],
  })
