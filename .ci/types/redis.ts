import { BulkLoader } from '@bulkcall/core'
import { redisLimiter, withCache, type RedisClient } from '@bulkcall/redis'
import { Redis } from 'ioredis'
import Keyv from 'keyv'

const client: RedisClient = new Redis()
const cached = withCache(async (ids: number[]) => ids.map(String), {
  store: new Keyv(),
  key: id => `name:${id}`,
  ttl: 1_000,
})
const names = new BulkLoader(cached, { concurrent: redisLimiter({ client, key: 'names', limit: 4 }) })
export const name: Promise<string> = names.load(1)
export const forgotten: Promise<void> = cached.forget([1])
