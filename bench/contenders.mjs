/**
 * The contenders at each field of work. Each is a file of its own, loaded only in its own process; a work asks of it what it
 * needs, and passes those by that cannot do it.
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** @returns what the file of the contender exports, with the versions of its packages; `null` if it is not installed */
export async function contenderOf({ name, against }, { field }) {
  if (name === 'before') process.env.BULKCALL_BENCH_CORE = join(against, 'packages/core/dist/index.js')
  const file = name === 'before' ? 'loader' : name
  let contender
  try {
    contender = await import(`./contenders/${field}/${file}.mjs`)
  } catch (error) {
    if (name === 'drop-in' && error.code === 'ERR_MODULE_NOT_FOUND') return null
    throw error
  }
  const { packages = [] } = contender
  return {
    ...contender,
    versions: Object.fromEntries(packages.map(each => [each, versionOf(each)])),
  }
}

const require = createRequire(import.meta.url)

/** Not every package lets its package.json be imported, so it is looked for from its entry upwards. */
function versionOf(name) {
  for (const folder of require.resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version
    } catch {}
  }
  return dirname(name)
}
