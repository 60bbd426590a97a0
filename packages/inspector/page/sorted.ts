/**
 * Lists that are sorted by an instant.
 * @module
 */

/** How many entries of a list are not after an instant. */
export function countUntil<V>(
  sorted: readonly V[],
  instant: number,
  instantOf: (entry: V) => number,
): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (instantOf(sorted[middle]!) <= instant) from = middle + 1
    else to = middle
  }
  return from
}
