/**
 * Opens the database: PostgreSQL, embedded in this process or a server.
 * @module
 */

import type { Database } from './database.ts'
import { openEmbedded } from './embedded.ts'
import type { Options } from './options.ts'
import { openServer, placeOf } from './postgres.ts'

export function openDatabase({ database, pool }: Pick<Options, 'database' | 'pool'>): Promise<Database> {
  return 'url' in database ? openServer(database.url, pool) : openEmbedded(database.folder)
}

/** The database in words. */
export function shown(database: Options['database']): string {
  return 'url' in database
    ? `PostgreSQL at ${placeOf(database.url)}`
    : 'the embedded PostgreSQL (the first time takes some seconds)'
}
