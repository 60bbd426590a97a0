/**
 * Bulkcall turns many single calls into few bulk calls: limits and a second-level cache for many machines.
 * @module
 */

export { redisLimiter } from './redis-limiter.ts'
export { withCache } from './with-cache.ts'
export {
  BulkEntryError,
  BulkForgetError,
  BulkLimiterDownError,
  BulkSlotLostError,
  BulkStoreDownError,
} from './errors.ts'

export type { IoredisClient, NodeRedisClient, RedisClient } from './client.ts'
export type { RedisLimiterOptions } from './redis-limiter.ts'
export type { SharedStore } from './entries.ts'
export type { CachedCommand, CacheOptions } from './with-cache.ts'
