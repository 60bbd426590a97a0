// Runs the tests, and the built packages, on other versions of Node, but for what is alike on all (vitest.config.ts):
//   node .ci/matrix.mjs           every version that .ci/node.mjs knows
//   node .ci/matrix.mjs 22 26     these
import { spawnSync } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

import { nodeBinary, versions } from './node.mjs'

const asked = process.argv.slice(2)
const unknown = asked.filter(major => !(major in versions))
if (unknown.length > 0) {
  console.error(
    `Unknown version of Node: ${unknown.join(', ')}. Known are ${Object.keys(versions).join(', ')}.`,
  )
  process.exit(2)
}

const failed = []
for (const major of asked.length > 0 ? asked : Object.keys(versions)) {
  const version = versions[major]
  console.log(`\nNode ${version}`)
  const node = nodeBinary(major)
  const passes =
    node !== null && run(node, ['node_modules/vitest/vitest.mjs', 'run']) && run(node, ['.ci/smoke.mjs'])
  if (!passes) failed.push(version)
}

if (failed.length > 0) {
  console.error(`\nFailed on Node ${failed.join(', ')}`)
  process.exitCode = 1
}

function run(node, args) {
  // First in the path, so that whatever a test starts runs on this version too.
  const env = {
    ...process.env,
    BULKCALL_ALL: 'true',
    BULKCALL_MATRIX: 'true',
    PATH: dirname(node) + delimiter + process.env.PATH,
  }
  return spawnSync(node, args, { stdio: 'inherit', env }).status === 0
}
