/**
 * The layout of a waterfall: which row each bulk has. A few bulks of a loader have a row each; where there are many, those
 * that do not overlap share one, so that hundreds of them are seen at once.
 * @module
 */

import type { RecordedBulk } from '../src/recording.ts'
import { byLoader } from './facts.ts'

/** More rows of one loader than that share them. */
const mostSingle = 10
/** More lanes than anyone can distinguish. */
const mostLanes = 60
/** How high the lanes of one loader may be together, in pixels, and a density. */
const highest = 132
export const dense = 30
/** More elements than a page draws quickly. */
export const mostDrawn = 700

export const heads = { full: 26, compact: 20 } as const

export interface Placed {
  readonly bulk: RecordedBulk
  /** Its number among those of its loader. */
  readonly place: number
  readonly top: number
}

export interface Section {
  readonly loader: string
  readonly bulks: readonly RecordedBulk[]
  readonly top: number
  readonly height: number
  /** The height of a row in it; 0 where only the head is shown. */
  readonly row: number
  /** Whether each bulk has a row of its own, with words. */
  readonly single: boolean
  /** Too many to draw one by one: they are drawn as a density. */
  readonly dense: boolean
  /** How many are not drawn since they only wait here. */
  readonly waiting: number
  readonly placed: readonly Placed[]
}

export interface Layout {
  readonly sections: readonly Section[]
  readonly height: number
  /** Where the middle of each bulk is. */
  readonly middles: ReadonlyMap<number, number>
}

export interface View {
  readonly from: number
  readonly to: number
}

export function layoutOf(
  bulks: readonly RecordedBulk[],
  now: number,
  { from, to }: View,
  collapsed: ReadonlySet<string>,
  compact = false,
): Layout {
  const head = compact ? heads.compact : heads.full
  const middles = new Map<number, number>()
  let top = 0
  const sections = [...byLoader(bulks)].map(([loader, all]): Section => {
    const inView = (begin: number, end: number | null): boolean => begin <= to && (end ?? now) >= from
    const visible = all.filter(({ openedAt, settledAt }) => inView(openedAt, settledAt))
    // A thousand bulks may wait at the same time: of so many, those are drawn that do anything else.
    const drawn =
      visible.length > mostDrawn
        ? visible.filter(
            ({ openedAt, startedAt, settledAt }) =>
              inView(openedAt, openedAt) || (startedAt !== null && inView(startedAt, settledAt)),
          )
        : visible
    const isDense = drawn.length > mostDrawn
    const isDrawn = new Set(isDense ? [] : drawn)
    const single = !compact && all.length <= mostSingle
    const folded = collapsed.has(loader)
    const closed = folded || isDense
    // Those that only wait here take no room from those that do not.
    const inLanes = closed ? [] : drawn === visible ? all : drawn
    const lanes = single ? [...inLanes.keys()] : lanesOf(inLanes, now, (to - from) / 400)
    const laneOf = new Map(inLanes.map((bulk, n) => [bulk, lanes[n]!]))
    const count = Math.max(0, ...lanes) + 1
    const row = compact ? rowOf(count, 9, 60) : single ? 22 : rowOf(count, 14, highest)
    const begin = top + head
    for (const bulk of all) {
      const lane = laneOf.get(bulk)
      middles.set(bulk.id, lane === undefined ? top + head / 2 : begin + (lane + 0.5) * row)
    }
    const section: Section = {
      loader,
      bulks: all,
      top,
      row: closed ? 0 : row,
      height: head + (folded ? 0 : isDense ? dense : Math.ceil(count * row)),
      single,
      dense: isDense && !folded,
      waiting: closed ? 0 : visible.length - drawn.length,
      placed: closed
        ? []
        : all.flatMap((bulk, n) =>
            isDrawn.has(bulk) ? [{ bulk, place: n + 1, top: laneOf.get(bulk)! * row }] : [],
          ),
    }
    top += section.height
    return section
  })
  return { sections, height: top, middles }
}

function rowOf(lanes: number, tall: number, most: number): number {
  return Math.max(2, Math.min(tall, Math.floor(most / lanes)))
}

/** For each bulk the first lane that is free by then. */
function lanesOf(bulks: readonly RecordedBulk[], now: number, gap: number): number[] {
  const ends: number[] = []
  return bulks.map(({ openedAt, settledAt }) => {
    let lane = ends.findIndex(end => end <= openedAt)
    if (lane === -1) lane = ends.length < mostLanes ? ends.length : mostLanes - 1
    ends[lane] = Math.max(openedAt, settledAt ?? now) + gap
    return lane
  })
}
