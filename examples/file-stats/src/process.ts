/**
 * Running a process and hearing what it says.
 * @module
 */

import { execFile } from 'node:child_process'

export interface Where {
  readonly folder: string
  /** Ends the process when nobody waits for it any more. */
  readonly signal?: AbortSignal
}

export interface Said {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

/** Resolves with what the program said, whatever its exit code; rejects if it could not be run to its end. */
export function run(program: string, args: readonly string[], { folder, signal }: Where): Promise<Said> {
  // In English, so that what it says can be read.
  const env = { ...process.env, LC_ALL: 'C' }
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, env, signal, maxBuffer: Infinity }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ stdout, stderr, code })
      else reject(code === 'ENOENT' ? new Error(`${program} was not found`) : error)
    })
  })
}

/** What git says; rejects with its complaint. */
export async function runGit(args: readonly string[], where: Where): Promise<string> {
  const { stdout, stderr, code } = await run('git', args, where)
  if (code === 0) return stdout
  throw new Error(stderr.split('\n')[0] || `git ended with code ${code}`)
}

/** Whether a program can be run with these arguments. */
export async function works(program: string, args: readonly string[], where: Where): Promise<boolean> {
  try {
    return (await run(program, args, where)).code === 0
  } catch {
    return false
  }
}
