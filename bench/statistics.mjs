/** The middle of some numbers, and what half of them lie between. */
export function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return { low: quantile(sorted, 1 / 4), median: quantile(sorted, 1 / 2), high: quantile(sorted, 3 / 4) }
}

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  return below + (sorted[Math.ceil(place)] - below) * (place % 1)
}
