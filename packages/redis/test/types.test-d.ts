import type { Redis as Ioredis } from 'ioredis'
import type Iovalkey from 'iovalkey'
import type { createClient, createCluster } from 'redis'
import { expectTypeOf, it } from 'vitest'

import type { RedisClient } from '../src/index.ts'

it('the clients of redis, ioredis and iovalkey will do', () => {
  expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>()
  expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisClient>()
  expectTypeOf<Ioredis>().toExtend<RedisClient>()
  expectTypeOf<Iovalkey.default>().toExtend<RedisClient>()
})
