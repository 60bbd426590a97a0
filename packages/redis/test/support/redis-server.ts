/**
 * A real Redis for the tests: the one that is installed on this machine, on a socket in a folder of its own.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { createClient } from 'redis'

/** Where the server is, or null where none is installed: `apt-get install redis-server` on Debian. */
export const redisProgram = findProgram()

if (redisProgram === null)
  console.warn('SKIPPED: no redis-server in the PATH. On Debian, apt-get install redis-server.')

function findProgram(): string | null {
  const folders = process.env['PATH']!.split(delimiter)
  const programs = ['redis-server', 'valkey-server'].flatMap(name =>
    folders.map(folder => join(folder, name)),
  )
  return programs.find(program => existsSync(program)) ?? null
}

export interface RedisServer {
  /** Where it listens. */
  readonly path: string
  /** One command, on a connection of the test's own. */
  ask(...command: string[]): Promise<unknown>
  /** How often each command was called since the last `forgetCalls()`. */
  calls(): Promise<Record<string, number>>
  forgetCalls(): Promise<void>
  /** Ends it without a goodbye; its data is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Leaves all connections open and answers nobody. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkcall-redis-'))
  const path = join(folder, 'socket')
  let child: ChildProcess
  let ended: Promise<void>

  const start = async (): Promise<void> => {
    const flags = ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', '', '--appendonly', 'no']
    child = spawn(redisProgram!, flags, { stdio: 'ignore' })
    ended = new Promise(resolve => void child.once('exit', () => resolve()))
    await until(async () => (await ask('PING')) === 'PONG')
  }
  const kill = (): Promise<void> => {
    child.kill('SIGKILL')
    return ended
  }
  const ask = async (...command: string[]): Promise<unknown> => {
    const client = createClient({ socket: { path, reconnectStrategy: false } })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.sendCommand(command)
    } finally {
      if (client.isOpen) client.destroy()
    }
  }

  await start()
  return {
    path,
    ask,
    start,
    kill,
    async calls() {
      const stats = String(await ask('INFO', 'commandstats'))
      const rows = stats.matchAll(/^cmdstat_(?<name>[\w|]+):calls=(?<calls>\d+)/gm)
      return Object.fromEntries(
        Array.from(rows, ({ groups }) => [groups!['name']!, Number(groups!['calls'])]),
      )
    },
    forgetCalls: async () => void (await ask('CONFIG', 'RESETSTAT')),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Looks again and again, for a machine may be slow; what never comes true is what the test is about. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  let last: unknown = null
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(5)) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
  }
  throw new Error(`It never came true: ${holds.toString()}`, { cause: last })
}
