/**
 * What resolvers get.
 * @module
 */

import type { createPubSub, YogaInitialContext } from 'graphql-yoga'

import type { Queries } from './queries.ts'
import type { BulkLoaders } from './with-bulkcall.ts'

/** Resolvers only load, so that the same ones can be run over other loaders for comparison. */
export type Loaders = { readonly [Name in keyof BulkLoaders]: Pick<BulkLoaders[Name], 'load'> }

/** The airports that have been changed, by their idents. */
export type Changes = ReturnType<typeof createPubSub<{ airportChanged: [ident: string] }>>

/** An application that has only Bulkcall says `BulkContext<typeof bulk>` for `bulk`. */
export interface Context extends YogaInitialContext {
  readonly bulk: Loaders
  readonly sql: Queries
  readonly changes: Changes
}
