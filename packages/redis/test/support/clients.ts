/**
 * Connections of each package whose clients are taken.
 */

import { Redis as Ioredis } from 'ioredis'
import Iovalkey from 'iovalkey'
import { createClient } from 'redis'

import type { RedisClient } from '../../src/index.ts'

export interface Connection {
  readonly client: RedisClient
  close(): void
}

export const connect = {
  async redis(path: string): Promise<Connection> {
    const client = createClient({ socket: { path, reconnectStrategy: 20 } })
    // Without a listener a lost connection ends the process.
    client.on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  async ioredis(path: string): Promise<Connection> {
    const client = new Ioredis({ path, maxRetriesPerRequest: 1, retryStrategy: () => 20 })
    client.on('error', () => {})
    return { client, close: () => client.disconnect() }
  },
  async iovalkey(path: string): Promise<Connection> {
    const client = new Iovalkey.default({ path, maxRetriesPerRequest: 1, retryStrategy: () => 20 })
    client.on('error', () => {})
    return { client, close: () => client.disconnect() }
  },
} satisfies Record<string, (path: string) => Promise<Connection>>
