/**
 * A density: many bulks in one line, by how many of them were open or ran.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk } from '../src/recording.ts'
import type { View } from './layout.ts'

/** As many columns as the eye can distinguish. */
const columns = 240

export function Density({
  bulks,
  view,
  now,
}: {
  readonly bulks: readonly RecordedBulk[]
  readonly view: View
  readonly now: number
}): JSX.Element {
  const { from, to } = view
  const place = (instant: number): number => Math.round((columns * (instant - from)) / (to - from))
  const changes = new Int32Array(columns + 1)
  for (const { openedAt, settledAt } of bulks) {
    const [first, last] = [place(openedAt), Math.max(place(settledAt ?? now), place(openedAt) + 1)]
    if (last <= 0 || first >= columns) continue
    changes[Math.max(0, first)]!++
    changes[Math.min(columns, last)]!--
  }
  let count = 0
  let most = 1
  const counts = Array.from({ length: columns }, (_, n) => {
    count += changes[n]!
    most = Math.max(most, count)
    return count
  })
  const path = counts.map((each, n) => `H${n}V${(1 - each / most).toFixed(3)}`).join('')
  return (
    <svg class="density" viewBox={`0 0 ${columns} 1`} preserveAspectRatio="none" aria-hidden="true">
      <path d={`M0 1${path}H${columns}V1Z`} />
    </svg>
  )
}
