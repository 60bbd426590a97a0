/**
 * The ways of loading: the same schema and the same resolvers, with Bulkcall, with DataLoader (once with a fixed window) and with neither.
 * @module
 */

import { useBulkInspector } from '@bulkcall/inspector'

import type { Queries } from './queries.ts'
import { resolvers } from './resolvers.ts'
import { withBulkcall } from './with-bulkcall.ts'
import { clearing, withDataLoader } from './with-dataloader.ts'
import { withoutBulk } from './without-bulk.ts'

export interface Way {
  readonly name: string
  /** Where it is served. */
  readonly path: string
  readonly resolvers: typeof resolvers
  readonly plugin: object
  /** What watches it, and where below its path that is served. */
  readonly watching?: { readonly path: string; readonly name: string; readonly plugin: object }
}

/** @param delay ms that a key may wait for others with Bulkcall; by default that of `useBulk` */
export function waysOf(sql: Queries, connections: number, delay?: number): Way[] {
  const cleared = { ...resolvers, Mutation: clearing(resolvers.Mutation) }
  return [
    {
      name: 'a statement for each key',
      path: '/without-bulk',
      resolvers,
      plugin: withoutBulk(sql),
    },
    {
      name: 'DataLoader',
      path: '/with-dataloader',
      resolvers: cleared,
      plugin: withDataLoader(sql),
    },
    {
      name: 'DataLoader, fixed window of 5 ms',
      path: '/with-fixed-window',
      resolvers: cleared,
      plugin: withDataLoader(sql, 5),
    },
    {
      name: 'Bulkcall',
      path: '/graphql',
      resolvers,
      plugin: withBulkcall(sql, connections, delay),
      watching: {
        path: '/graphql/bulk',
        name: 'what it loads, as it happens',
        // Nothing in it is secret, whatever NODE_ENV says.
        plugin: useBulkInspector({ enabled: () => true }),
      },
    },
  ]
}
