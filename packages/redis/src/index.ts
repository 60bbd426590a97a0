/**
 * Bulkcall turns many single calls into few bulk calls: limits and a second-level cache for many machines.
 * @module
 */

export { redisLimiter } from './redis-limiter.ts'
export { withCache } from './with-cache.ts'
export { BulkLimiterDownError, BulkSlotLostError } from './errors.ts'

export type { IoredisClient, NodeRedisClient, RedisClient } from './client.ts'
export type { RedisLimiterOptions } from './redis-limiter.ts'
export type { SharedStore } from './store.ts'
export type { CachedCommand, CacheOptions } from './with-cache.ts'
