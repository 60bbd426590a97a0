/**
 * The registry: what all copies of this package share in a process. There may be several: a package manager installs a second
 * one, or one is loaded by `import` here and by `require` there.
 * @module
 */

import { release } from './release.ts'

/** Of what is in the registry, and of what copies know of each other's scopes. A change of either needs a new one. */
export const version = 1

interface Registry {
  readonly version: number
  /** The version of the package that made it. */
  readonly release: string
  /** Each a `BulkListener`. A new list after each change, since one may be gone through at this moment. */
  listeners: readonly object[]
  // Whether any of them has this method: read for each task, so that who only counts bulks makes nobody pay for it.
  called: boolean
  pending: boolean
  hit: boolean
  /** The number that the latest event or scope has got. */
  last: number
}

const key = Symbol.for('bulkcall')

export const registry: Registry = join(globalThis as object)

function join(holder: { [key]?: Registry }): Registry {
  const own = { version, release, listeners: [], called: false, pending: false, hit: false, last: 0 }
  const found = (holder[key] ??= own)
  if (found.version === version) return found
  globalThis.process?.emitWarning?.(
    `Bulkcall: two versions of @bulkcall/core share no listeners: ${found.release} and ${release}`,
    { code: 'BULKCALL_VERSIONS' },
  )
  return own
}

/** A number that nothing else of the process has. */
export function nextId(): number {
  return ++registry.last
}
