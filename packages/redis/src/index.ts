/**
 * Bulkcall turns many single calls into few bulk calls: one limit for many machines.
 * @module
 */

export { redisLimiter } from './redis-limiter.ts'
export { BulkLimiterDownError, BulkSlotLostError } from './errors.ts'

export type { IoredisClient, NodeRedisClient, RedisClient } from './client.ts'
export type { RedisLimiterOptions } from './redis-limiter.ts'
