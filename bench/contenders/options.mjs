/**
 * Options as a loader takes them: without those that a work does not set, and none at all where it sets none. They are made
 * before anything is timed, since making them costs as much as loading a key.
 */
export function given(options) {
  const set = Object.entries(options).filter(([, value]) => value !== undefined)
  return set.length === 0 ? undefined : Object.fromEntries(set)
}
