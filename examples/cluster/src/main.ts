/**
 * Starts what is shared, puts the same load on the cluster in each way, and tells the difference.
 * @module
 */

import { measure, start, tell, type Effort } from './comparison.ts'
import { makeData } from './data.ts'
import { Failure } from './failure.ts'
import { queryOf } from './load.ts'
import { help, readOptions, type Options } from './options.ts'
import { openDatabase } from './postgres.ts'
import { openRedis } from './redis.ts'
import { ways, waysWithoutRedis } from './ways.ts'

/** What is open, in the order in which it was opened. */
const open: { close(): Promise<void> }[] = []

async function run(options: Options): Promise<void> {
  const redis = await opened(openRedis(options.redis))
  const database = await opened(openDatabase(options.database))
  await makeData(database.query)

  const { processes, limit, requests } = options
  say(
    `${processes} processes over ${database.shown},`,
    `and ${redis?.shown ?? 'no Redis: the ways that need one are left out (apt-get install redis-server)'}.`,
    `${requests.toLocaleString('en')} requests, at most ${limit} statements at once: of each process, or of all.\n`,
  )
  const efforts: Effort[] = []
  for (const way of redis === null ? waysWithoutRedis : ways) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that none disturbs another
    efforts.push(await measure(way, { database, redis }, options))
  }
  say(...tell(efforts))
  if (options.once) return close()

  const cluster = await start(efforts.at(-1)!.way, { database, redis }, options)
  open.push({ close: () => cluster.stop() })
  say(`\nThe processes go on, with ${efforts.at(-1)!.way}. GraphiQL is at`)
  say(...cluster.addresses.map(address => `  ${address}?query=${encodeURIComponent(queryOf(1))}`))
  say('Press Ctrl-C to stop.')
}

/** What is still opening is closed as well: a signal may come at any moment. */
function opened<R extends { close(): Promise<void> } | null>(opening: Promise<R>): Promise<R> {
  open.push({
    async close() {
      const [outcome] = await Promise.allSettled([opening])
      if (outcome.status === 'fulfilled') await outcome.value?.close()
    },
  })
  return opening
}

let closing: Promise<void> | null = null

/** Closes what is open: once, whoever asks, since a signal makes what runs at that moment fail, and that closes as well. */
function close(): Promise<void> {
  return (closing ??= closeLast())
}

/** The last first. */
async function closeLast(): Promise<void> {
  const resource = open.pop()
  if (resource === undefined) return
  await resource.close()
  await closeLast()
}

function say(...lines: string[]): void {
  console.log(lines.join('\n'))
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return say(help)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void close().then(() => process.exit()))
  await run(options)
}

// Whoever reads the output, such as `head`, may have seen enough.
process.stdout.on('error', () => process.exit())

try {
  await main()
} catch (error) {
  await close()
  if (!(error instanceof Failure)) throw error
  console.error(error.message)
  process.exitCode = error.exitCode
}
