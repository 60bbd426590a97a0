/**
 * The second-level cache, as `withCache` keeps it: one question to Redis a bulk, one write for what was missing, and within
 * an instance no key that is being fetched is fetched a second time.
 */

import type { Redis } from './backend.ts'

export type Fetch = (keys: readonly number[]) => Promise<unknown>

/** Puts a cache before what fetches. */
export function cached(fetch: Fetch, redis: Redis, name: string, ms: number): Fetch {
  const underWay = new Map<number, Promise<void>>()

  const fly = async (keys: readonly number[]): Promise<void> => {
    const names = keys.map(key => `${name}:${key}`)
    const known = await redis.known(names)
    const missing = keys.filter((_, place) => !known[place])
    if (missing.length === 0) return
    await fetch(missing)
    void redis.keep(
      names.filter((_, place) => !known[place]),
      ms,
    )
  }

  return keys => {
    const own = keys.filter(key => !underWay.has(key))
    if (own.length > 0) {
      const flight = fly(own).finally(() => {
        for (const key of own) underWay.delete(key)
      })
      for (const key of own) underWay.set(key, flight)
    }
    return Promise.all(new Set(keys.map(key => underWay.get(key)!)))
  }
}
