/**
 * The trackers of scopes, for those who get a scope as an option. Here, and not in `BulkScope`, so that a program without
 * scopes does not load what they are made of: then nothing is one.
 * @module
 */

import type { Tracker } from './tracker.ts'

let read: (scope: unknown) => Tracker | undefined = () => undefined

/** `BulkScope` says how its tracker is read. */
export function readTrackersBy(reader: (scope: unknown) => Tracker | undefined): void {
  read = reader
}

/** The tracker of a scope; `undefined` for what is no scope of this copy of the package. */
export function trackerOf(scope: unknown): Tracker | undefined {
  return read(scope)
}
