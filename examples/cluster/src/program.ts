/**
 * A server that is installed on this machine and is started for this program alone, in a folder of its own.
 * @module
 */

import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { Failure, reasonOf } from './failure.ts'

export interface Program {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly folder: string
  /** Whose rights it runs with, where it refuses those of root. */
  readonly as?: { readonly uid: number; readonly gid: number } | undefined
  /** Asks whether it answers; rejects while it does not. */
  readonly ask: () => Promise<unknown>
}

/**
 * Ends the server when its own input does: however this program ends, also by a signal that no program sees. Again and again, as a
 * server that has just been started does not listen to signals yet.
 */
const keeper =
  'exec 3<&0; "$0" "$@" 3<&- & server=$!; { read _ <&3; while kill -INT $server; do sleep 1; done; } & wait $server'

/** Starts it and waits until it answers. What comes back ends it. */
export async function startProgram({
  name,
  file,
  args,
  folder,
  as,
  ask,
}: Program): Promise<() => Promise<void>> {
  // A group of its own: Ctrl-C is for this program, which ends the server when nobody needs it any more.
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore']
  const child = spawn('sh', ['-c', keeper, file, ...args], { cwd: folder, stdio, detached: true, ...as })
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = (): Promise<void> => {
    child.stdin.destroy()
    return ended
  }
  for (const deadline = Date.now() + 30_000; ;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      await ask()
      return stop
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) {
        // oxlint-disable-next-line no-await-in-loop -- the last one
        await stop()
        throw new Failure(`${name} does not start: ${reasonOf(error)}.`)
      }
      // oxlint-disable-next-line no-await-in-loop -- between two attempts
      await sleep(50)
    }
  }
}

export function freePort(): Promise<number> {
  const server = createServer()
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
