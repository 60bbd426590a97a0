/**
 * Asks three questions about each file of a folder, and tells how many processes it took.
 * @module
 */

import { basename } from 'node:path'

import { listFiles } from './files.ts'
import { inspect } from './inspection.ts'
import { help, readOptions, UsageError } from './options.ts'
import { works } from './process.ts'
import { Progress } from './progress.ts'
import { compare, plural, report } from './report.ts'
import type { Settings } from './questions.ts'

/** So many files are compared: enough for a ratio, and not too many processes. */
const mostCompared = 100

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return say([help])

  const { folder } = options
  const { paths, walkedBecause } = await listFiles(folder)
  const tools = { stat: await works('stat', ['--version'], { folder }), git: walkedBecause === null }
  if (!tools.git && !tools.stat) throw new UsageError('There is neither GNU stat nor a git checkout to ask.')
  if (!tools.git) say([`Only sizes are known, since git cannot help here (${walkedBecause}).`])
  if (!tools.stat) say(['Sizes are not known, since GNU stat was not found.'])

  say([`Asking about ${plural(paths.length, 'file')} below ${basename(folder)}`])
  const asked = options.missing === null ? paths : [options.missing, ...paths]
  const settings: Settings = { ...options, tools }
  const progress = new Progress(process.stdout)
  const inspection = await inspect(asked, settings, ({ asked: answered, processes }) =>
    progress.show(`${plural(answered, 'answer')} by ${plural(processes, 'process', 'processes')}`),
  )
  progress.clear()
  say(report(inspection))

  const some = inspection.files.slice(0, mostCompared).map(file => file.path)
  if (options.compare && some.length > 0) {
    const bulk = await inspect(some, settings)
    const single = await inspect(some, { ...settings, size: 1 })
    say(compare(some.length, bulk.tally, single.tally))
  }
}

function say(lines: readonly string[]): void {
  console.log(lines.join('\n'))
}

// Whoever reads the output, such as `head`, may have seen enough.
process.stdout.on('error', () => process.exit())

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
