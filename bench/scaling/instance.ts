/**
 * One instance: a server that answers requests, with loaders on the real engine.
 */

import { AsyncBulkCall, BulkLoader, BulkScope, semaphore, SharedLoader, type Limiter } from '@bulkcall/core'
import type { Database, Redis } from './backend.ts'
import { cached, type Fetch } from './cache.ts'
import { ClusterLimiter } from './cluster-limiter.ts'
import type { Random } from './random.ts'
import type { VirtualHost } from './virtual-host.ts'

/** How the instances load. */
export interface Way {
  readonly name: string
  /** Whether bulks take keys of many requests. */
  readonly shared?: boolean
  /** Who keeps the limit on commands: nobody, each instance its part of it, or all together. */
  readonly limit?: 'instance' | 'cluster'
  /** How long answers are kept in Redis, in ms. */
  readonly cache?: number
}

/** What all instances have in common. */
export interface Site {
  readonly host: VirtualHost
  readonly database: Database
  readonly redis: Redis
  readonly instances: number
}

/** Answers a request, which is for these rows and has so many ms of I/O of its own. */
export type Answer = (rows: readonly number[], own: number) => Promise<unknown>

/** How many commands may run at once, over all instances. */
const limit = 32
/** How many rows there are of each kind. */
export const entities = 20_000

export function instance({ shared = false, limit: keeper, cache }: Way, site: Site, chance: Random): Answer {
  const { host, database, redis } = site
  const limiter = limiterOf(keeper, site, chance)
  const wide = new BulkScope({ host })

  const run: Fetch = keys => database.run(keys.length)
  // The limit lies below a cache, so that a bulk whose keys are all kept needs no slot.
  const fetchOf = (name: string): Fetch => {
    if (cache === undefined) return run
    const call = new AsyncBulkCall(
      async (keys: number[]) => {
        await run(keys)
        return keys
      },
      { name, host, concurrent: limiter },
    )
    return cached(keys => allOf(call, keys), redis, name, cache)
  }
  const loaderOf = (name: string): ((scope: BulkScope) => BulkLoader<number, number>) => {
    const fetch = fetchOf(name)
    const command = async (keys: number[]): Promise<number[]> => {
      await fetch(keys)
      return keys
    }
    const settings = { name, host, size: 500, delay: 5, concurrent: cache === undefined ? limiter : null }
    if (!shared) return scope => new BulkLoader<number, number>(command, { ...settings, scope })
    const all = new SharedLoader<number, number>(command, { ...settings, scope: wide })
    return scope => all.loader({ scope })
  }
  const [postsOf, authorsOf] = [loaderOf('posts'), loaderOf('authors')]

  // Two levels, as a list and what belongs to each of its rows, and between them I/O of its own.
  return (rows, own) => {
    const scope = new BulkScope({ host, within: wide })
    const [posts, authors] = [postsOf(scope), authorsOf(scope)]
    const answer = async (row: number): Promise<number> => {
      const post = await scope.run(() => posts.load(row))
      if (own > 0) await scope.run(() => host.sleep(own))
      return scope.run(() => authors.load((post * 7) % entities))
    }
    return Promise.all(rows.map(answer))
  }
}

function limiterOf(keeper: Way['limit'], { host, redis, instances }: Site, chance: Random): Limiter | null {
  if (keeper === undefined) return null
  if (keeper === 'cluster') return new ClusterLimiter(host, redis, limit, chance)
  // Nobody can be given less than one: with more instances than slots, all of them together have more than the limit.
  return semaphore(Math.max(1, Math.floor(limit / instances)))
}

/** A failure of one key is one of all: the database fails whole commands. */
async function allOf(call: AsyncBulkCall<number, number>, keys: readonly number[]): Promise<void> {
  const failed = (await call.callMany(keys)).find(answer => (answer as unknown) instanceof Error)
  if (failed !== undefined) throw failed
}
