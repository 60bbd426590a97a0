/**
 * The options on the command line.
 * @module
 */

import { parseArgs } from 'node:util'

import { UsageError } from './failure.ts'

export interface Options {
  /** The URL of a PostgreSQL server, `'embedded'`, or `null` for the one that is installed here, if any. */
  readonly database: string | null
  /** The URL of a Redis server, `'none'`, or `null` for the one that is installed here, if any. */
  readonly redis: string | null
  readonly processes: number
  readonly limit: number
  readonly requests: number
  readonly once: boolean
  readonly help: boolean
}

export const help = `Several GraphQL servers over one PostgreSQL and one Redis. Puts the same load on them with a limit for each process,
with shared bulks, with one limit for all, and with one limit and a cache, and tells the difference.

  --database <where>  postgres://… for a server, or embedded (a server that is started for this, if one is installed)
  --redis <where>     redis://… for a server, or none (a server that is started for this, if one is installed)
  --processes <n>     GraphQL servers (2)
  --limit <n>         statements at once: of each process, or of all (4)
  --requests <n>      requests in each way (1000)
  --once              ends after the comparison
  --help              shows this`

const flags = {
  database: { type: 'string' },
  redis: { type: 'string' },
  processes: { type: 'string', default: '2' },
  limit: { type: 'string', default: '4' },
  requests: { type: 'string', default: '1000' },
  once: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

export function readOptions(args: string[]): Options {
  const { database = null, redis = null, ...values } = parse(args)
  if (database !== null && database !== 'embedded' && !isUrl(database, /^postgres(ql)?:/))
    // A URL may hold a password, so it is not repeated here.
    throw new UsageError(
      '--database must be a URL such as postgres://user:password@host:5432/name, or embedded.',
    )
  if (redis !== null && redis !== 'none' && !isUrl(redis, /^rediss?:/))
    throw new UsageError('--redis must be a URL such as redis://host:6379, or none.')
  return {
    database,
    redis,
    processes: wholeNumber('--processes', values.processes, 1, 16),
    limit: wholeNumber('--limit', values.limit, 1, 100),
    requests: wholeNumber('--requests', values.requests, 1, 1_000_000),
    once: values.once,
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

function isUrl(value: string, scheme: RegExp): boolean {
  return scheme.test(value) && URL.canParse(value)
}

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = Number(value)
  if (/^\d+$/.test(value) && number >= least && number <= most) return number
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}, got '${value}'.`)
}
