/**
 * The overview: what the whole operation waited for along the time, in one strip. Dragging over it zooms.
 * @module
 */

import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { placeOf } from './bar.tsx'
import type { Segment } from './facts.ts'
import type { View } from './layout.ts'
import { clamp, time } from './numbers.ts'
import { doings } from './words.ts'

interface Props {
  readonly segments: readonly Segment[]
  readonly whole: View
  readonly view: View
  readonly onView: (view: View) => void
}

/** Less than that is a click, not a drag. */
const least = 0.004

export function Overview({ segments, whole, view, onView }: Props): JSX.Element {
  const strip = useRef<HTMLDivElement>(null)
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number } | null>(null)
  const width = whole.to - whole.from
  const isZoomed = view.from > whole.from || view.to < whole.to

  const instantAt = (event: PointerEvent): number => {
    const { left, width: pixels } = strip.current!.getBoundingClientRect()
    return whole.from + clamp((event.clientX - left) / pixels, 0, 1) * width
  }
  const zoom = (factor: number): void => {
    const [middle, half] = [(view.from + view.to) / 2, ((view.to - view.from) * factor) / 2]
    onView(clamped({ from: middle - half, to: middle + half }, whole))
  }
  const shown =
    drag === null ? view : { from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) }

  return (
    <div class="overview">
      <div class="zoom" role="group" aria-label="Zoom">
        <button aria-label="Zoom in" onClick={() => zoom(0.5)}>
          +
        </button>
        <button aria-label="Zoom out" disabled={!isZoomed} onClick={() => zoom(2)}>
          −
        </button>
        <button aria-label="Show all of it" disabled={!isZoomed} onClick={() => onView(whole)}>
          all
        </button>
      </div>
      <div
        class="strip"
        ref={strip}
        role="img"
        aria-label={`From ${time(view.from)} to ${time(view.to)} of ${time(width)}`}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          const at = instantAt(event)
          setDrag({ from: at, to: at })
        }}
        onPointerMove={event => drag !== null && setDrag({ ...drag, to: instantAt(event) })}
        onPointerUp={() => {
          if (drag !== null && shown.to - shown.from > width * least) onView(clamped(shown, whole))
          setDrag(null)
        }}
        onDblClick={() => onView(whole)}
      >
        {segments.map(({ doing, from, to }) => (
          <i
            key={from}
            class={doing}
            title={`${doings[doing]}: ${time(to - from)}`}
            style={placeOf(from, to, whole)}
          />
        ))}
        {(isZoomed || drag !== null) && (
          <span class="window-of" style={placeOf(shown.from, shown.to, whole)} />
        )}
      </div>
    </div>
  )
}

/** A view that is not empty and not beyond the whole. */
export function clamped({ from, to }: View, whole: View): View {
  const width = clamp(to - from, (whole.to - whole.from) / 5_000, whole.to - whole.from)
  const begin = clamp((from + to - width) / 2, whole.from, whole.to - width)
  return { from: begin, to: begin + width }
}
