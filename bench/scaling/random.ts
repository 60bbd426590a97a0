/** Chance that is the same in every run. */

export type Random = () => number

/** Numbers from 0 to below 1, from a seed (mulberry32). */
export function random(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The time to the next of events that come so often on average, one independent of the other. */
export function untilNext(chance: Random, perSecond: number): number {
  return (-Math.log(1 - chance()) / perSecond) * 1000
}

/** Keys from 0 to below `count`, of which the first are asked far more often (Zipf, exponent 1). */
export function skewed(chance: Random, count: number): () => number {
  const sums: number[] = []
  let sum = 0
  for (let rank = 1; rank <= count; rank++) sums.push((sum += 1 / rank))
  return () => {
    const wanted = chance() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
