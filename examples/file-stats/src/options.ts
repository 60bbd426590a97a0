/**
 * The options on the command line.
 * @module
 */

import { statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  readonly folder: string
  readonly size: number
  readonly delay: number
  readonly concurrent: number
  readonly missing: string | null
  readonly compare: boolean
  readonly help: boolean
}

/** Something that can be put right on the command line. */
export class UsageError extends Error {}

export const help = `Asks three questions about each file of a folder (its size, how git treats its line ends, when it was
last committed), one file at a time, and lets Bulkcall answer them with few processes.

  --folder <folder>   the folder; this repository, if you name none
  --size <n>          the most files that one process is asked about (100)
  --delay <ms>        the longest that a question waits for others (0: the end of the tick)
  --concurrent <n>    how many processes may run at once (4)
  --missing <file>    asks about this file too: if it does not exist, it fails alone
  --compare           asks about the first 100 files again, one process for each question
  --help              shows this`

const flags = {
  folder: { type: 'string' },
  size: { type: 'string', default: '100' },
  delay: { type: 'string', default: '0' },
  concurrent: { type: 'string', default: '4' },
  missing: { type: 'string' },
  compare: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

export function readOptions(args: string[]): Options {
  const values = parse(args)
  const folder = readFolder(values.folder)
  return {
    folder,
    size: wholeNumber('--size', values.size, 1, 1000),
    delay: wholeNumber('--delay', values.delay, 0, 60_000),
    concurrent: wholeNumber('--concurrent', values.concurrent, 1, 64),
    missing: values.missing === undefined ? null : readMissing(values.missing, folder),
    compare: values.compare,
    help: values.help,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: flags }).values
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${sentence}. Try --help.`)
  }
}

function readFolder(given: string | undefined): string {
  if (given === undefined) return join(import.meta.dirname, '../../..')
  // npm runs a script in the folder of its package, and tells in which one it was called.
  const folder = resolve(process.env.INIT_CWD ?? '.', given)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder
  throw new UsageError(`--folder must be a folder that exists, got '${given}'.`)
}

/** Git refuses all that it is asked in one go if one of its paths is outside. */
function readMissing(given: string, folder: string): string {
  const path = relative(folder, resolve(folder, given))
  if (path !== '' && !path.startsWith('..')) return path
  throw new UsageError(`--missing must be a file below the folder, got '${given}'.`)
}

function wholeNumber(flag: string, given: string, least: number, most: number): number {
  const number = Number(given)
  if (/^\d+$/.test(given) && number >= least && number <= most) return number
  throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, got '${given}'.`)
}
