// The end of a CI run: adds up the reports of all test runs. Each argument is a failed step, named by its report if
// it has one: a step whose report has no failed test failed in another way, and counts as one failure.
import { readdirSync, readFileSync } from 'node:fs'

const sum = { passed: 0, failed: 0, skipped: 0 }
const explained = new Set()

for (const name of readReports()) {
  const report = readReport(`reports/${name}`)
  if (report === null) continue
  const passed = report.numPassedTests
  const failed = report.numFailedTests
  const skipped = report.numPendingTests + report.numTodoTests
  if (failed > 0) explained.add(`reports/${name}`)
  sum.passed += passed
  sum.failed += failed
  sum.skipped += skipped
  console.log(`${titleOf(name)}: ${line({ passed, failed, skipped })}`)
}

for (const step of process.argv.slice(2)) {
  if (explained.has(step)) continue
  sum.failed += 1
  console.log(`A step failed: ${step}`)
}

if (sum.passed === 0 && sum.failed === 0) {
  sum.failed = 1
  console.log('No test has run')
}

console.log(line(sum))
process.exitCode = sum.failed === 0 ? 0 : 1

function readReports() {
  try {
    return readdirSync('reports').filter(name => /^unit-.+\.json$/.test(name))
  } catch {
    return []
  }
}

/** `unit-22.json` is the run on Node 22, `unit-graphql-17.json` that on graphql 17. */
function titleOf(name) {
  const [, what] = /^unit-(.+)\.json$/.exec(name)
  return /^\d+$/.test(what) ? `Node ${what}` : what.replace('-', ' ')
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
