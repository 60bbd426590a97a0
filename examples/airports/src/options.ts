/**
 * The options on the command line and in the environment.
 * @module
 */

import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { UsageError } from './failure.ts'

export interface Options {
  readonly port: number
  readonly host: string
  /** The URL of a PostgreSQL server, or the folder of the embedded one. */
  readonly database: { readonly url: string } | { readonly folder: string }
  readonly pool: number
  readonly once: boolean
  readonly metrics: boolean
  readonly trace: boolean
  readonly help: boolean
}

export const help = `A GraphQL server over PostgreSQL: 5,210 airports, their regions and countries. Runs one query with Bulkcall, with
DataLoader and with neither, prints what each took, and keeps running.

  --port <n>          the port; 0 for any that is free (4000, or PORT)
  --host <name>       the address to listen on (127.0.0.1, or HOST)
  --database <where>  postgres://… for a server, anything else is a folder for the embedded PostgreSQL
                      (examples/airports/.data, or DATABASE_URL)
  --pool <n>          connections to the server at most, and bulks in flight at once (4)
  --once              ends after the comparison
  --metrics           serves metrics for Prometheus at /metrics
  --trace             prints a trace of each operation after the comparison
  --help              shows this`

const flags = {
  port: { type: 'string' },
  host: { type: 'string' },
  database: { type: 'string' },
  pool: { type: 'string' },
  once: { type: 'boolean', default: false },
  metrics: { type: 'boolean', default: false },
  trace: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

type Environment = Readonly<Record<string, string | undefined>>

export function readOptions(args: string[], environment: Environment): Options {
  const values = parse(args)
  /** A setting and the name by which it was given: the flag comes before the variable. */
  const given = (flag: 'port' | 'host' | 'database' | 'pool', variable: string, otherwise: string) =>
    values[flag] === undefined
      ? { name: variable, value: environment[variable] || otherwise }
      : { name: `--${flag}`, value: values[flag] }

  return {
    port: wholeNumber(given('port', 'PORT', '4000'), 0, 65_535),
    host: nonEmpty(given('host', 'HOST', '127.0.0.1')),
    database: readDatabase(given('database', 'DATABASE_URL', ''), environment),
    pool: wholeNumber({ name: '--pool', value: values.pool ?? '4' }, 1, 100),
    once: values.once,
    metrics: values.metrics,
    trace: values.trace,
    help: values.help,
  }
}

interface Given {
  readonly name: string
  readonly value: string
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: flags }).values
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${sentence}. Try --help.`)
  }
}

function readDatabase({ name, value }: Given, environment: Environment): Options['database'] {
  if (value === '' && name === 'DATABASE_URL') return { folder: join(import.meta.dirname, '../.data') }
  if (/^postgres(ql)?:\/\//i.test(value) && URL.canParse(value)) return { url: value }
  // A URL may hold a password, so it is not repeated here.
  if (value === '' || /^[a-z][a-z\d+.-]+:/i.test(value))
    throw new UsageError(
      `${name} must be a URL such as postgres://user:password@host:5432/name, or a folder.`,
    )
  // npm runs a script in the folder of its package, and tells in which one it was called.
  return { folder: resolve(environment['INIT_CWD'] ?? '.', value) }
}

function nonEmpty({ name, value }: Given): string {
  if (value.trim() !== '') return value
  throw new UsageError(`${name} must be the name or address of this machine, got '${value}'.`)
}

function wholeNumber({ name, value }: Given, least: number, most: number): number {
  const number = Number(value)
  if (/^\d+$/.test(value) && number >= least && number <= most) return number
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}, got '${value}'.`)
}
