/**
 * Loads the data, starts the server, and shows what loading in bulk is worth.
 * @module
 */

import { compare, tell, warmUps } from './comparison.ts'
import { loadData } from './data.ts'
import { metricsPath } from './metrics.ts'
import { openDatabase, shown } from './open-database.ts'
import type { Options } from './options.ts'
import { showProgress, showSeconds } from './progress.ts'
import { queriesOf } from './queries.ts'
import { listen } from './server.ts'
import { revealing } from './starting-queries.ts'
import { printTraces } from './tracing.ts'
import { waysOf } from './ways.ts'

/** How often each way of loading is measured. */
const rounds = 7

/** What is open: the last is closed first. */
const open: { close(): Promise<void> }[] = []

/** Starts it, or closes again what was open and fails. */
export async function start(options: Options): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(exit))
  try {
    await run(options)
  } catch (error) {
    await stop()
    throw error
  }
}

async function run(options: Options): Promise<void> {
  // The port comes first: that it is busy is told at once, while the database takes its time.
  const listener = await listen(options)
  open.push(listener)
  say(`Opening ${shown(options.database)}`)
  const showNoMore = showSeconds(process.stdout, 'PostgreSQL starts')
  const database = await openDatabase(options).finally(showNoMore)
  // It is closed after the listener, whose last requests need it.
  open.unshift(database)
  await loadData(database, (...progress) => showProgress(process.stdout, ...progress))

  const sql = queriesOf(database)
  const ways = waysOf(sql, database.connections)
  listener.serve(ways, sql, options.metrics)

  say(
    `\nOne query about airports of Europe, over ${plural(database.connections, 'connection')} to the database.`,
    `Medians of ${rounds} rounds, after ${warmUps} to warm up:\n`,
  )
  const { address } = listener
  const compared = showSeconds(process.stdout, 'Comparing')
  say(...tell(await compare(revealing, { address, ways, sql, database }, rounds).finally(compared)))
  if (options.once) return stop()

  say('\nGraphiQL is at')
  for (const { path, name } of ways.toReversed()) say(`  ${address}${path}  ${name}`)
  if (options.metrics) say(`Metrics are at\n  ${address}${metricsPath}`)
  if (options.trace) open.push(printTraces(say))
  for (const { watching } of ways)
    if (watching !== undefined) say(`\nThe inspector is at\n  ${address}${watching.path}  ${watching.name}`)
  say('Press Ctrl-C to stop.')
}

/** Closes what is open, the last first. */
async function stop(): Promise<void> {
  const resource = open.pop()
  if (resource === undefined) return
  await resource.close()
  await stop()
}

function say(...lines: string[]): void {
  console.log(lines.join('\n'))
}

function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}

function exit(): void {
  process.exit()
}
