/**
 * The ways of loading that are compared.
 * @module
 */

import { withCache, type SharedStore } from '@bulkcall/cache'
import { AsyncBulkCall, grouped, keyed, type CommandContext, type Limiter } from '@bulkcall/core'
import { redisLimiter, type RedisClient } from '@bulkcall/redis'
import { useBulk, type BulkContext } from '@bulkcall/yoga'
import { createKeyv } from '@keyv/redis'

import type { Author, Company, Post, Queries } from './queries.ts'
import { prefix } from './redis.ts'

export const ways = [
  'a limit for each process',
  'the same, with shared bulks',
  'one limit for all',
  'one limit, and a cache',
] as const

export type Way = (typeof ways)[number]

/** The ways that need no Redis. */
export const waysWithoutRedis: readonly Way[] = ways.slice(0, 2)

/** What a process has. Where there is no Redis, there are only the ways without. */
interface Means {
  readonly sql: Queries
  readonly limit: number
  readonly redis: RedisClient | null
}

type Command<R> = (keys: number[], context: CommandContext) => Promise<(R | Error)[]>

interface Commands {
  readonly postsOfPage: Command<Post[]>
  readonly authors: Command<Author | null>
  readonly companies: Command<Company | null>
}

/** The loaders of one process. */
export function loadersOf(way: Way, { sql, limit, redis }: Means) {
  const commands: Commands = {
    postsOfPage: grouped(sql.postsOfPages, post => post.page),
    authors: keyed(sql.authors, author => author.id),
    companies: keyed(sql.companies, company => company.id),
  }
  const shared = way === 'the same, with shared bulks'
  if (redis === null || waysWithoutRedis.includes(way)) return loaders(commands, limit, shared)

  const overall = redisLimiter({ client: redis, key: `${prefix}:database`, limit })
  if (way === 'one limit for all') return loaders(commands, overall)

  const store = createKeyv(redis as never)
  store.on('error', error => console.error(error))
  return loaders({
    postsOfPage: cached('posts', commands.postsOfPage, overall, store),
    authors: cached('author', commands.authors, overall, store),
    companies: cached('company', commands.companies, overall, store),
  })
}

function loaders(
  { postsOfPage, authors, companies }: Commands,
  concurrent?: number | Limiter,
  shared = false,
) {
  return useBulk(
    {
      postsOfPage: { command: postsOfPage, shared },
      authors: { command: authors, shared },
      companies: { command: companies, shared },
    },
    { concurrent },
  )
}

/** The limit lies below the cache, so that a bulk whose keys are all kept needs no slot. */
function cached<R>(kind: string, command: Command<R>, concurrent: Limiter, store: SharedStore): Command<R> {
  const fetch = new AsyncBulkCall(command, { concurrent, name: kind })
  return withCache((keys: number[], { signal }) => fetch.callMany(keys, { signal }), {
    store,
    key: key => `${prefix}:${kind}:${key}`,
    ttl: 60_000,
    // The machine is as busy as it can be, Redis too. On other machines 50 ms, the default, is plenty.
    budget: 1_000,
  })
}

export type Context = BulkContext<ReturnType<typeof loadersOf>>
