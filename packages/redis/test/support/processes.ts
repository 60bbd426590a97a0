/**
 * Starts workers in processes of their own.
 */

import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Worker {
  /** Resolves when it has printed this. */
  printed(text: string): Promise<void>
  kill(): void
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

export function startWorker(
  path: string,
  limit: number,
  leaseMs: number,
  what: number | 'hold',
  clockOff = 0,
): Worker {
  const worker = join(import.meta.dirname, 'worker.ts')
  const { NODE_OPTIONS: _options, ...env } = process.env
  const child = spawn(
    process.execPath,
    [
      '--conditions=@bulkcall/source',
      '--import',
      'tsx',
      worker,
      path,
      String(limit),
      String(leaseMs),
      String(what),
      String(clockOff),
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let stdout = ''
  let stderr = ''
  const ended = new Promise<Awaited<Worker['ended']>>(resolve => {
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
  const heard = new Set<() => void>()
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const hear of heard) hear()
  })
  return {
    ended,
    kill: () => void child.kill('SIGKILL'),
    printed: text =>
      new Promise((resolve, reject) => {
        const hear = (): void => {
          if (stdout.includes(text)) resolve()
        }
        heard.add(hear)
        hear()
        void ended.then(end =>
          reject(new Error(`It ended before it printed ${text}: ${JSON.stringify(end)}`)),
        )
      }),
  }
}
