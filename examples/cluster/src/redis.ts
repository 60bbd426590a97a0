/**
 * Redis: a server that runs already, or one that is started for this.
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { createClient } from 'redis'

import { Failure, reasonOf } from './failure.ts'
import { freePort, startProgram } from './program.ts'

/** Redis as the program that has started it sees it. */
export interface Redis {
  /** In words. */
  readonly shown: string
  readonly url: string
  /** How many calls it has had from limits and caches. */
  calls(): Promise<number>
  /** Forgets what an earlier run has left. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** All names in Redis begin with this. */
export const prefix = 'bulkcall-cluster'

/**
 * @param where a URL, `'none'`, or `null` for the server that is installed here, if any
 * @returns `null` where there is none
 */
export async function openRedis(where: string | null): Promise<Redis | null> {
  if (where === 'none') return null
  if (where !== null) return connect(where, `Redis at ${new URL(where).host}`, async () => {})
  const file = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap(folder => ['redis-server', 'valkey-server'].map(name => join(folder, name)))
    .find(program => existsSync(program))
  return file === undefined ? null : startServer(file)
}

async function startServer(file: string): Promise<Redis> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkcall-cluster-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const end = await startProgram({
    name: 'Redis',
    file,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', folder],
    folder,
    async ask() {
      const client = createClient({ url, socket: { reconnectStrategy: false } }).on('error', () => {})
      await client.connect()
      await client.close()
    },
  })
  return connect(url, `Redis, started for this on port ${port}`, async () => {
    await end()
    rmSync(folder, { recursive: true, force: true })
  })
}

async function connect(url: string, shown: string, stop: () => Promise<void>): Promise<Redis> {
  const client = createClient({ url, socket: { connectTimeout: 5_000, reconnectStrategy: false } })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await stop()
    throw new Failure(`${shown} cannot be used: ${reasonOf(error)}.`)
  }
  return {
    shown,
    url,
    async calls() {
      const stats = await client.info('commandstats')
      // What a client calls; what a script calls within Redis is counted by Redis too.
      const counts = stats.matchAll(/^cmdstat_(?:eval|evalsha|zrem|mget|exec):calls=(\d+)/gm)
      return Array.from(counts, ([, calls]) => Number(calls)).reduce((sum, calls) => sum + calls, 0)
    },
    async clear() {
      for await (const keys of client.scanIterator({ MATCH: `*${prefix}*`, COUNT: 1_000 }))
        if (keys.length > 0) await client.unlink(keys)
    },
    async close() {
      await client.close()
      await stop()
    },
  }
}
