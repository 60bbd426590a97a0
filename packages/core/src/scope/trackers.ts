/**
 * The trackers of scopes, for those who get a scope as an option. Here, and not in `BulkScope`, so that a program without
 * scopes does not load what they are made of.
 * @module
 */

import { version } from '../registry.ts'
import { check } from '../validate.ts'
import type { Tracker } from './tracker.ts'

/** Under this key a scope of any copy of this package has its tracker, where the copies fit each other. */
export const trackerKey: unique symbol = Symbol.for(`bulkcall:${version}`) as never

/** The tracker of a scope that was given as this option, or `null` without one. */
export function checkScope(what: string, scope: unknown): Tracker | null {
  if (scope === undefined) return null
  check(what, isScope(scope), 'a BulkScope of this version', scope)
  return (scope as Scope)[trackerKey]
}

/** Whether this is a scope, of whichever copy of this package that fits. */
export function isScope(value: unknown): boolean {
  return (value as Partial<Scope> | null | undefined)?.[trackerKey] !== undefined
}

/** Whatever was given may be one. */
interface Scope {
  readonly [trackerKey]: Tracker
}
