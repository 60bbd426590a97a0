import { BulkLoader } from '@bulkcall/core'
import { redisLimiter, type RedisClient } from '@bulkcall/redis'
import { Redis } from 'ioredis'

const client: RedisClient = new Redis()
const names = new BulkLoader(async (ids: number[]) => ids.map(String), {
  concurrent: redisLimiter({ client, key: 'names', limit: 4 }),
})
export const name: Promise<string> = names.load(1)
