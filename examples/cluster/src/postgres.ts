/**
 * PostgreSQL: a server of yours, one that is installed here, or one in this process.
 * @module
 */

import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'

import { applicationName, type Database } from './database.ts'
import { Failure, reasonOf } from './failure.ts'
import { freePort, startProgram } from './program.ts'

/** @param where a URL, `'embedded'`, or `null` for the server that is installed here, if any */
export async function openDatabase(where: string | null): Promise<Database> {
  if (where === 'embedded') return openEmbedded()
  if (where !== null) return connect(where, `PostgreSQL at ${new URL(where).host}`, async () => {})
  const programs = findPrograms()
  return programs === null ? openEmbedded() : startServer(programs)
}

async function connect(url: string, shown: string, stop: () => Promise<void>): Promise<Database> {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => {})
  try {
    await pool.query('select 1')
  } catch (error) {
    await stop()
    throw new Failure(`${shown} cannot be used: ${reasonOf(error)}.`)
  }
  const query: Database['query'] = async (sql, params = []) => (await pool.query(sql, [...params])).rows
  return {
    shown,
    url,
    query,
    async running() {
      const [row] = await query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where state = 'active' and application_name = $1`,
        [applicationName],
      )
      return row!.n
    },
    async close() {
      await pool.end()
      await stop()
    },
  }
}

async function startServer(programs: string): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkcall-cluster-postgres-'))
  // It refuses to be run by root.
  const as = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : undefined
  if (as !== undefined) chownSync(folder, as.uid, as.gid)
  const data = join(folder, 'data')
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'cluster', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    {
      ...as,
      cwd: folder,
      stdio: 'pipe',
    },
  )
  const port = await freePort()
  const url = `postgres://cluster@127.0.0.1:${port}/postgres`
  const end = await startProgram({
    name: 'PostgreSQL',
    file: join(programs, 'postgres'),
    args: ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F'],
    folder,
    as,
    async ask() {
      const client = new pg.Client(url)
      await client.connect()
      await client.end()
    },
  })
  return connect(url, `PostgreSQL, started for this on port ${port}`, async () => {
    await end()
    rmSync(folder, { recursive: true, force: true })
  })
}

async function openEmbedded(): Promise<Database> {
  const database = await PGlite.create()
  return {
    shown: 'the embedded PostgreSQL, which runs one statement at a time',
    url: null,
    query: async <Row>(sql: string, params: readonly unknown[] = []) =>
      (await database.query<Row>(sql, [...params])).rows,
    running: null,
    close: () => database.close(),
  }
}

/** Where the programs of an installed server are, as on Debian. */
function findPrograms(): string | null {
  const versions = '/usr/lib/postgresql'
  const folders = existsSync(versions)
    ? readdirSync(versions).map(version => join(versions, version, 'bin'))
    : []
  return folders.find(folder => existsSync(join(folder, 'initdb'))) ?? null
}

function idOf(flag: string): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}
