/**
 * The program in a process of its own, as its users run it.
 */

import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  /** Resolves when this has been printed, with all that was printed so far; rejects if the program ends before. */
  printed(what: RegExp): Promise<string>
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<Ended>
}

export function startProgram(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const main = ['--conditions=@bulkcall/source', '--import', 'tsx', 'src/main.ts', ...args]
  const {
    PORT: _port,
    HOST: _host,
    DATABASE_URL: _url,
    INIT_CWD: _folder,
    NODE_OPTIONS: _options,
    ...rest
  } = process.env
  const child = spawn(process.execPath, main, {
    cwd: join(import.meta.dirname, '..'),
    env: { ...rest, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const watcher of watchers) watcher()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>(resolve => {
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
  return {
    ended,
    signal: name => void child.kill(name),
    printed: what =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!what.test(stdout)) return
          watchers.delete(look)
          resolve(stdout)
        }
        watchers.add(look)
        look()
        void ended.then(({ code }) =>
          reject(new Error(`It ended with ${code} before it printed ${what}:\n${stdout}\n${stderr}`)),
        )
      }),
  }
}

export function runProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return startProgram(args, env).ended
}

/** The rows of the table that compares the ways of loading: statements and ms, by the name of the way. */
export function readTable(text: string): Record<string, { statements: number; ms: number }> {
  const rows = text.matchAll(
    /^(?<name>\w[\w, ]*?) +(?<statements>[\d,]+) +(?:[\d.]+ ×)? +[\d.]+ +(?<ms>\d+) ms\b/gm,
  )
  return Object.fromEntries(
    Array.from(rows, ({ groups }) => [
      groups!['name']!,
      {
        statements: number(groups!['statements']!),
        ms: number(groups!['ms']!),
      },
    ]),
  )
}

function number(text: string): number {
  return Number(text.replaceAll(',', ''))
}
