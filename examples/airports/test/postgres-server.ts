/**
 * A real PostgreSQL server for the tests: the one that is installed on this machine, in a folder of its own.
 */

import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import pg from 'pg'

export interface PostgresServer {
  readonly url: string
  /** Breaks all connections and is away until this has settled, as when a machine restarts. */
  restart(whileAway: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

/** Where its programs are, or null where it is not installed: `apt-get install postgresql` on Debian. */
export const postgresPrograms = findPrograms()

function findPrograms(): string | null {
  const versions = '/usr/lib/postgresql'
  const folders = existsSync(versions)
    ? readdirSync(versions).map(version => join(versions, version, 'bin'))
    : []
  return folders.find(folder => existsSync(join(folder, 'initdb'))) ?? null
}

export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'airports-postgres-'))
  // It refuses to be run by root.
  const who = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid)

  const data = join(folder, 'data')
  await promisify(execFile)(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    { ...who, cwd: folder },
  )
  const port = await freePort()
  const flags = ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F']
  const start = (): Run =>
    run(spawn(join(programs, 'postgres'), flags, { ...who, cwd: folder, stdio: 'ignore' }))
  const url = `postgres://tester@127.0.0.1:${port}/postgres`
  let running = start()
  const stop = async (): Promise<void> => {
    await running.end('SIGINT')
    rmSync(folder, { recursive: true, force: true })
  }
  const restart = async (whileAway: () => Promise<unknown>): Promise<void> => {
    // Without a goodbye to its clients.
    await running.end('SIGQUIT')
    await whileAway()
    running = start()
    await untilItAnswers(url)
  }
  try {
    await untilItAnswers(url)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, restart, stop }
}

/** One run of the server. */
interface Run {
  end(signal: NodeJS.Signals): Promise<void>
}

function run(server: ChildProcess): Run {
  const ended = new Promise<void>(resolve => void server.once('exit', () => resolve()))
  return {
    end(signal) {
      server.kill(signal)
      return ended
    },
  }
}

async function untilItAnswers(url: string): Promise<void> {
  for (const deadline = Date.now() + 100_000; ; await sleep(100)) {
    const client = new pg.Client(url)
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

/**
 * A port that nobody listens on, and that the system gives to nobody by itself, as it does from 32768 on: it must still be
 * free when the server comes back, after many clients have tried to reach it.
 */
function freePort(): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(freePort()))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)))
  })
}

function idOf(flag: string): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}
