/**
 * The comparison: the same load, in each way of loading.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

import { startCluster, type Cluster } from './cluster.ts'
import type { Database } from './database.ts'
import { load, type Load } from './load.ts'
import type { Options } from './options.ts'
import type { Redis } from './redis.ts'
import type { Way } from './ways.ts'

/** What one way took. */
export interface Effort extends Load {
  readonly way: Way
  readonly requests: number
  readonly statements: number
  /** The most statements that were seen to run at once; `null` where the database cannot tell. */
  readonly mostAtOnce: number | null
  readonly redisCalls: number
}

/** So long each statement takes in addition, in seconds, where statements can run at once. */
const pause = 0.004

/** Where the processes find what they need. */
export interface Backends {
  readonly database: Database
  readonly redis: Redis | null
}

export function start(way: Way, { database, redis }: Backends, options: Options): Promise<Cluster> {
  const { processes, limit } = options
  const task = {
    way,
    limit,
    database: database.url,
    redis: redis?.url ?? null,
    pause: database.url === null ? 0 : pause,
  }
  return startCluster(processes, task, database.query)
}

export async function measure(way: Way, backends: Backends, options: Options): Promise<Effort> {
  const { database, redis } = backends
  const { requests } = options
  await redis?.clear()
  const cluster = await start(way, backends, options)
  try {
    // The first time, much is compiled and planned.
    await load(cluster.addresses, requests / 10)
    const before = { statements: await cluster.statements(), redisCalls: (await redis?.calls()) ?? 0 }
    const watched = watch(database)
    const took = await load(cluster.addresses, requests)
    return {
      way,
      requests,
      ...took,
      mostAtOnce: await watched.end(),
      statements: (await cluster.statements()) - before.statements,
      redisCalls: ((await redis?.calls()) ?? 0) - before.redisCalls,
    }
  } finally {
    await cluster.stop()
  }
}

/** Looks again and again how many statements run. */
function watch({ running }: Database): { end(): Promise<number | null> } {
  const state = { most: 0, over: running === null }
  const look = async (): Promise<void> => {
    while (!state.over) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      state.most = Math.max(state.most, await running!())
      // oxlint-disable-next-line no-await-in-loop -- the same
      await sleep(2)
    }
  }
  const looking = look()
  return {
    async end() {
      state.over = true
      await looking
      return running === null ? null : state.most
    },
  }
}

/** What each way took, as a table. */
export function tell(efforts: readonly Effort[]): string[] {
  return table([
    ['', 'requests/s', 'median', '99 of 100', 'SQL statements', 'most at once', 'Redis calls'],
    ...efforts.map(({ way, requestsPerSecond, median, p99, statements, mostAtOnce, redisCalls }) => [
      way,
      number(Math.round(requestsPerSecond)),
      `${median} ms`,
      `${p99} ms`,
      number(statements),
      mostAtOnce === null ? '-' : number(mostAtOnce),
      number(redisCalls),
    ]),
  ])
}

/** Columns as wide as they must be: words to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  '),
  )
}

function number(value: number): string {
  return value.toLocaleString('en')
}
