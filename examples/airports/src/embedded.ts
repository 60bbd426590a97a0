/**
 * PostgreSQL in this process (PGlite), kept in a folder so that only the first start takes long.
 * @module
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PGlite } from '@electric-sql/pglite'

import type { Database } from './database.ts'
import { Failure, reasonOf } from './failure.ts'

export async function openEmbedded(folder: string): Promise<Database> {
  const unlock = lock(folder)
  const files = join(folder, 'postgres')
  const complete = join(folder, 'complete')
  try {
    // The first start makes the files of a new database. If it was ended in the middle, they are of no use.
    if (!existsSync(complete)) rmSync(files, { recursive: true, force: true })
    const database = await PGlite.create(files)
    writeFileSync(complete, 'The files of the database are complete.\n')
    return wrap(database, unlock)
  } catch (error) {
    unlock()
    throw new Failure(
      `The database in ${folder} cannot be opened: ${reasonOf(error)}. Delete the folder to start anew.`,
    )
  }
}

function wrap(database: PGlite, unlock: () => void): Database {
  let statements = 0
  return {
    // It runs one statement at a time, whatever --pool says.
    connections: 1,
    get statements() {
      return statements
    },
    async query<Row>(sql: string, params: readonly unknown[] = []) {
      statements++
      const { rows } = await database.query<Row>(sql, [...params])
      return rows
    },
    async close() {
      await database.close()
      unlock()
    },
  }
}

/** Two processes on the same files would destroy them, and PGlite itself does not look. */
function lock(folder: string): () => void {
  const file = join(folder, 'lock')
  try {
    mkdirSync(folder, { recursive: true })
    const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
    if (owner > 0 && isRunning(owner))
      throw new Failure(`The database in ${folder} is in use by another process (${owner}).`)
    rmSync(file, { force: true })
    // If another process comes in between, one of the two fails here.
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`The folder ${folder} cannot be used for a database: ${reasonOf(error)}.`)
  }
  return () => rmSync(file, { force: true })
}

function isRunning(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
