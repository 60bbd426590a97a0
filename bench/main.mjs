/**
 * `npm run bench`: Bulkcall beside its peers, in one run. README.md tells what is measured, and how to read it.
 */

import { execFileSync } from 'node:child_process'

import { readOptions } from './arguments.mjs'
import { countsOfOperation, wrongCounts, wrongRatios } from './check.mjs'
import { nodeBinary } from '../.ci/node.mjs'
import { race } from './race.mjs'
import { countHeading, countSection, heading, section } from './report.mjs'
import { remember, writeResults } from './results.mjs'
import { startServices } from './services.mjs'
import { works } from './works.mjs'

const options = readOptions(process.argv.slice(2), works)
const failures = []

const services = await startServices(options.works)
try {
  for (const major of options.nodes) {
    const node = major === 'this' ? process.execPath : nodeBinary(major)
    if (node === null) throw new Error(`There is no Node ${major}`)
    const version = versionOf(node)
    console.log(options.count ? countHeading(version) : heading(version))
    for (const work of options.works) {
      const missing = services.missing(work)
      if (missing !== null) {
        console.log(`\n${work.name}: skipped, ${missing}`)
        continue
      }
      if (options.count) {
        console.log(countSection(work, await countsOf(work, node)))
        continue
      }
      const result = await race(work, { ...options, node, env: services.env })
      console.log(section(work, result))
      if (options.check) failures.push(...wrongRatios(work, result))
      if (options.write) remember(work, { node: version, short: options.short }, result)
    }
    for (const work of options.checked) failures.push(...(await wrongCounts(work, { ...options, node })))
  }
} finally {
  await services.stop()
}

if (options.write) writeResults(works)
for (const failure of failures) console.error(`✗ ${failure}`)
if (options.check)
  console.log(failures.length === 0 ? '\nchecked: good' : `\nchecked: ${failures.length} wrong`)
process.exitCode = failures.length === 0 ? 0 : 1

async function countsOf(work, node) {
  const counts = {}
  for (const name of work.contenders)
    if (options.only?.includes(name) ?? true)
      counts[name] = await countsOfOperation(work, name, { node, env: services.env })
  return counts
}

function versionOf(node) {
  return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
}
