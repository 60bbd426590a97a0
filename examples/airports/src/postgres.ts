/**
 * A PostgreSQL server, by its URL and a pool of connections.
 * @module
 */

import pg from 'pg'

import type { Database } from './database.ts'
import { Failure, reasonOf } from './failure.ts'

/** The tables have a schema of their own, so that they meet nobody else's. */
const schema = 'bulkcall_airports'

export async function openServer(url: string, connections: number): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 5_000,
    onConnect: client => client.query(`set search_path to ${schema}`),
  })
  // A connection that is lost while nobody uses it is replaced by the pool; without a listener it would end the process.
  pool.on('error', error => console.error(`A connection to the database was lost: ${reasonOf(error)}`))

  try {
    await pool.query(`create schema if not exists ${schema}`)
  } catch (error) {
    await pool.end()
    throw new Failure(`The database at ${placeOf(url)} cannot be used: ${reasonOf(error)}.`)
  }

  let statements = 0
  return {
    connections,
    get statements() {
      return statements
    },
    async query<Row>(sql: string, params: readonly unknown[] = []) {
      statements++
      const { rows } = await pool.query(sql, [...params])
      return rows as Row[]
    },
    close: () => pool.end(),
  }
}

/** A URL without what nobody should read over one's shoulder. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
