// Runs all tests, and the built packages, on other versions of Node:
//   node .ci/matrix.mjs           every version below
//   node .ci/matrix.mjs 22 26     these
// The binaries come from npm and are kept in the user's cache folder.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const versions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }
const platform = process.platform === 'win32' ? 'win' : process.platform
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'bulkcall')

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
  const node = install(version)
  const passes =
    node !== null && run(node, ['node_modules/vitest/vitest.mjs', 'run']) && run(node, ['.ci/smoke.mjs'])
  if (!passes) failed.push(version)
}

if (failed.length > 0) {
  console.error(`\nFailed on Node ${failed.join(', ')}`)
  process.exitCode = 1
}

/** The path of the binary, or null if it cannot be had. */
function install(version) {
  const name = `node-${platform}-${process.arch}`
  const folder = join(cache, `node-${version}`)
  const node = join(folder, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node')
  if (existsSync(node) && versionOf(node) === `v${version}`) return node

  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // A package of its own, so that npm does not look for one further up.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--loglevel=error']
  // Twice: a network may be away for a moment.
  for (const stdio of ['ignore', ['ignore', 'ignore', 'inherit']]) {
    const { status } = spawnSync('npm', ['install', ...flags, `${name}@${version}`], {
      cwd: folder,
      stdio,
      shell: platform === 'win',
    })
    if (status === 0 && versionOf(node) === `v${version}`) return node
  }
  console.error(`Node ${version} could not be installed from the npm package ${name}`)
  return null
}

function versionOf(node) {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return stdout?.trim()
}

function run(node, args) {
  // First in the path, so that whatever a test starts runs on this version too.
  const env = { ...process.env, PATH: dirname(node) + delimiter + process.env.PATH }
  return spawnSync(node, args, { stdio: 'inherit', env }).status === 0
}
