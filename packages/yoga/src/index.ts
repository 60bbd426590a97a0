/**
 * Bulkcall turns many single calls into few bulk calls: the GraphQL Yoga plugin.
 * @module
 */

export { useBulk } from './use-bulk.ts'
export { bulkResolver } from './batch.ts'

export type { BulkResolverCall, BulkResolverOptions } from './batch.ts'
export type {
  BulkCommand,
  BulkCommandContext,
  BulkContext,
  BulkDefinition,
  BulkDefinitions,
  BulkLoaders,
  BulkPlugin,
  BulkSettings,
  UseBulkOptions,
} from './types.ts'
