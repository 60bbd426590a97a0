/**
 * The waterfall: the bulks of a run along the time, with zoom, folded loaders, and what followed from the chosen one.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { Chart } from './chart.tsx'
import { segmentsOf } from './facts.ts'
import { onKeys } from './keyboard.ts'
import { layoutOf, type View } from './layout.ts'
import { Links } from './links.tsx'
import { clamp } from './numbers.ts'
import { clamped, Overview } from './overview.tsx'
import type { Timeline } from './timeline.ts'
import { Help } from './tip.tsx'

interface Props {
  readonly operation: RecordedOperation
  readonly end: number
  readonly chosen: number | null
  readonly timeline: Timeline | null
  readonly lit: ReadonlySet<number> | null
  readonly onChoose: (id: number) => void
}

export function Waterfall({ operation, end, chosen, timeline, lit, onChoose }: Props): JSX.Element {
  const { id, bulks, limiters, ms } = operation
  const area = useRef<HTMLDivElement>(null)
  const [zoomed, setZoomed] = useState<{ readonly of: number; readonly view: View } | null>(null)
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set())
  const whole = useMemo(() => ({ from: 0, to: end * 1.02 }), [end])
  const view = zoomed?.of === id ? clamped(zoomed.view, whole) : whole
  const show = (next: View): void => {
    const isAll = next.to - next.from > whole.to * 0.999
    setZoomed(isAll ? null : { of: id, view: clamped(next, whole) })
  }
  const segments = useMemo(() => segmentsOf(operation, end), [operation, end])
  const layout = useMemo(
    () => layoutOf(bulks, end, view, collapsed),
    [bulks, end, view.from, view.to, collapsed],
  )
  const bulk = bulks.find(each => each.id === chosen)

  // A listener of the page's own: only such a one may keep the page from scrolling.
  useEffect(() => {
    const element = area.current!
    const turn = (event: WheelEvent): void => {
      const { left, width } = element.querySelector('.lines')!.getBoundingClientRect()
      const length = view.to - view.from
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault()
        const at = view.from + (length * (event.clientX - left)) / width
        const factor = Math.exp(event.deltaY / 200)
        show({ from: at - (at - view.from) * factor, to: at + (view.to - at) * factor })
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault()
        pan(((event.deltaX || event.deltaY) * length) / width)
      }
    }
    element.addEventListener('wheel', turn, { passive: false })
    return () => element.removeEventListener('wheel', turn)
  })

  useEffect(() => {
    const length = view.to - view.from
    const middle = (view.from + view.to) / 2
    const press = onKeys({
      '+': () => show({ from: middle - length / 4, to: middle + length / 4 }),
      '-': () => show({ from: middle - length, to: middle + length }),
      '0': () => show(whole),
      // All of it cannot be moved.
      ...(view !== whole && { ArrowLeft: () => pan(-length / 5), ArrowRight: () => pan(length / 5) }),
    })
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })

  function pan(ms_: number): void {
    const by = clamp(ms_, whole.from - view.from, whole.to - view.to)
    if (by !== 0) show({ from: view.from + by, to: view.to + by })
  }

  const fold = (loader: string): void => {
    const next = new Set(collapsed)
    if (!next.delete(loader)) next.add(loader)
    setCollapsed(next)
  }
  const loaders = [...new Set(bulks.map(({ loader }) => loader))]
  const allFolded = loaders.every(loader => collapsed.has(loader))

  // Many bars: they are made anew only when something about them is.
  const chart = useMemo(
    () => (
      <Chart
        label="Bulks"
        layout={layout}
        view={view}
        now={end}
        end={ms ?? undefined}
        limiters={limiters}
        collapsed={collapsed}
        chosen={chosen}
        lit={lit}
        onChoose={onChoose}
        onFold={fold}
      >
        {bulk === undefined || timeline === null ? null : (
          <Links chosen={bulk} {...{ bulks, timeline, layout, view }} />
        )}
      </Chart>
    ),
    [operation, layout, view.from, view.to, end, chosen, timeline, lit],
  )

  return (
    <section class="waterfall" aria-label="Waterfall" ref={area}>
      <h2>
        Waterfall <Help term="waterfall" />
        {loaders.length > 1 && (
          <button class="quiet" onClick={() => setCollapsed(new Set(allFolded ? [] : loaders))}>
            {allFolded ? 'unfold all' : 'fold all'}
          </button>
        )}
      </h2>
      <Overview segments={segments} whole={whole} view={view} onView={show} />
      {chart}
    </section>
  )
}
