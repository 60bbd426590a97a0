/**
 * Bulkcall turns many single calls into few bulk calls: the GraphQL Yoga plugin.
 * @module
 */

export { useBulk } from './use-bulk.ts'
export { bulkResolver } from '@bulkcall/graphql'

export type { BulkPlugin, UseBulkOptions } from './types.ts'
export type {
  BulkCommand,
  BulkCommandContext,
  BulkContext,
  BulkDefinition,
  BulkDefinitions,
  BulkLoaders,
  BulkResolverCall,
  BulkResolverOptions,
  BulkServer,
  BulkSettings,
} from '@bulkcall/graphql'
