/**
 * Links: what followed from what, where a bulk is chosen: an arrow from the bulk after which its loads came, and arrows to
 * those whose loads came after it.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk } from '../src/recording.ts'
import type { Layout, View } from './layout.ts'
import type { Timeline } from './timeline.ts'

interface Props {
  readonly chosen: RecordedBulk
  readonly bulks: readonly RecordedBulk[]
  readonly timeline: Timeline
  readonly layout: Layout
  readonly view: View
}

const width = 1000
/** More arrows than can be followed. */
const mostLinks = 60

export function Links({ chosen, bulks, timeline, layout, view }: Props): JSX.Element {
  const before = new Set(timeline.sourcesOf(chosen).map(({ after }) => after))
  const sources = bulks.filter(({ id }) => before.has(id)).map(each => [each, chosen] as const)
  const followers = bulks
    .filter(each => timeline.sourcesOf(each).some(({ after }) => after === chosen.id))
    .map(each => [chosen, each] as const)
  const x = (instant: number): number => (width * (instant - view.from)) / (view.to - view.from)
  return (
    <svg
      class="links"
      viewBox={`0 0 ${width} ${layout.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      style={{ height: `${layout.height}px` }}
    >
      {[...sources, ...followers].slice(0, mostLinks).map(([from, to]) => {
        const [x1, x2] = [x(from.settledAt ?? from.openedAt), x(to.openedAt)]
        const [y1, y2] = [layout.middles.get(from.id) ?? 0, layout.middles.get(to.id) ?? 0]
        const bend = Math.max(6, Math.abs(x2 - x1) / 2)
        return (
          <path
            key={`${from.id} ${to.id}`}
            class={to === chosen ? 'source' : 'follower'}
            d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}
          />
        )
      })}
    </svg>
  )
}
