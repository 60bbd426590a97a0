// Other versions of Node: their binaries come from npm and are kept in the user's cache folder.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** By their major version. */
export const versions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }

/** Those on which not all tests are run: the last that could not `require` an ES module. */
const others = { 22.11: '22.11.0' }

const platform = process.platform === 'win32' ? 'win' : process.platform
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'bulkcall')

/** The path of the binary, or null if it cannot be had. */
export function nodeBinary(major) {
  const version = versions[major] ?? others[major]
  if (version === undefined) return null
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
