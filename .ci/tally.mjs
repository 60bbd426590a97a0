// The end of a CI run: adds up the reports of all test runs. Each argument is a failed step, named by its report if
// it has one: a step whose report has no failed test failed in another way, and counts as one failure. What has failed
// is printed last, right above the sum, since of a long log often only the end is read.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const sum = { passed: 0, failed: 0, skipped: 0 }
const explained = new Set()
/** What has to be said of single tests and steps. */
const told = []

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
  for (const file of report.testResults) tell(file, titleOf(name))
}

for (const step of process.argv.slice(2)) {
  if (explained.has(step)) continue
  sum.failed += 1
  told.push(`A step failed: ${step}`, ...endOf(step))
}

for (const each of shortened(told, 100)) console.log(each)

if (sum.passed === 0 && sum.failed === 0) {
  sum.failed = 1
  console.log('No test has run')
}

console.log(line(sum))
process.exitCode = sum.failed === 0 ? 0 : 1

/** The tests of a file that failed, or passed only because they were tried again, which CI allows. */
function tell({ name: path, status, message, assertionResults }, run) {
  // Some runs are made in a copy of the checkout.
  const file = path.replace(/^.*?\/(?=(?:packages|examples|test)\/)/, '')
  const failed = assertionResults.filter(test => test.status === 'failed')
  for (const { fullName, failureMessages } of failed)
    told.push(`failed: ${fullName} (${file}, ${run})`, ...excerpt(failureMessages[0] ?? '', 3))
  for (const test of assertionResults)
    if (test.status === 'passed' && test.failureMessages.length > 0)
      told.push(
        `passed on a retry: ${test.fullName} (${file}, ${run})`,
        ...excerpt(test.failureMessages[0], 1),
      )
  // Not one of its tests, but what is around them, such as an import or a hook.
  if (status === 'failed' && failed.length === 0)
    told.push(`failed: ${file} (${run})`, ...excerpt(message ?? '', 3))
}

/** The last lines of what a step has printed: those that speak of errors, if there are any. */
function endOf(step) {
  try {
    const lines = linesOf(readFileSync(join(process.env.LOGS, basename(step)), 'utf8'))
    const loud = lines.filter(each => /error|fail|unhandled|timed? ?out/i.test(each))
    return (loud.length > 0 ? loud : lines).slice(-15)
  } catch {
    return []
  }
}

function excerpt(message, most) {
  return shortened(
    linesOf(message).filter(each => !each.includes('node_modules')),
    most,
  )
}

/** The lines of a text that are not empty, as they are shown here. */
function linesOf(text) {
  return stripVTControlCharacters(text)
    .replaceAll(process.cwd(), '.')
    .split('\n')
    .filter(each => each.trim() !== '')
    .map(each => `  ${each.slice(0, 200)}`)
}

function shortened(lines, most) {
  return lines.length <= most ? lines : [...lines.slice(0, most), '…']
}

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
