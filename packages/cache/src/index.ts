/**
 * Bulkcall turns many single calls into few bulk calls: a second-level cache under a command.
 * @module
 */

export { withCache } from './with-cache.ts'
export { BulkEntryError, BulkForgetError, BulkStoreDownError } from './errors.ts'

export type { SharedStore } from './entries.ts'
export type { CachedCommand, CacheOptions } from './with-cache.ts'
