/**
 * Frozen values: what several callers get, and none of them may change for the others.
 * @module
 */

/**
 * Freezes a value as far as it is made of plain objects and arrays. What has a class of its own may have to change to work,
 * and stays as it is, with all that is in it.
 * @param seen what has been frozen already, so that circles end, and what several values have in common is looked at once
 */
export function frozen<V>(value: V, seen: Set<unknown>): V {
  // A list, and no recursion: a value may be deep.
  const ahead: unknown[] = [value]
  for (const one of ahead) {
    if (!isPlain(one) || seen.has(one)) continue
    seen.add(one)
    Object.freeze(one)
    for (const inner of Object.values(one)) if (typeof inner === 'object') ahead.push(inner)
  }
  return value
}

/** The prototype of plain objects, in whichever realm, has none itself. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Array.isArray(value) || Object.getPrototypeOf(prototype) === null
}
