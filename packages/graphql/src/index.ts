/**
 * Bulkcall turns many single calls into few bulk calls: loaders for any GraphQL server.
 * @module
 */

export { defineBulk } from './define-bulk.ts'
export { bulkResolver } from './batch.ts'

export type { BulkResolverCall, BulkResolverOptions } from './batch.ts'
export type {
  BulkCommand,
  BulkCommandContext,
  BulkContext,
  BulkDefinition,
  BulkDefinitions,
  BulkLoaders,
  BulkOptions,
  BulkServer,
  BulkSettings,
  AnyDefinitions,
  Checked,
  TypedByCommand,
} from './types.ts'
