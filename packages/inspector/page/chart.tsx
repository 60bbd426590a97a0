/**
 * A chart of bulks: loaders below each other, their bulks along the time.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk, RecordedLimiter } from '../src/recording.ts'
import { failureOf, percentOf, Phases, placeOf, wordsOf } from './bar.tsx'
import { Density } from './density.tsx'
import { moveFocus } from './keyboard.ts'
import type { Layout, Placed, Section, View } from './layout.ts'
import { figure, many, round, ticksOf, time } from './numbers.ts'
import { settingsOf } from './settings.ts'

export interface ChartProps {
  readonly label: string
  readonly layout: Layout
  readonly view: View
  /** Until when bulks go on that have not ended. */
  readonly now: number
  /** When the operation ended. */
  readonly end?: number | undefined
  readonly limiters?: readonly RecordedLimiter[]
  readonly compact?: boolean
  readonly chosen?: number | null
  /** Those that are in the foreground; `null` for all. */
  readonly lit?: ReadonlySet<number> | null
  readonly collapsed?: ReadonlySet<string>
  /** Bulks can be chosen where someone listens, and loaders folded. */
  readonly onChoose?: (id: number) => void
  readonly onFold?: (loader: string) => void
  readonly children?: JSX.Element | null
}

export function Chart(props: ChartProps): JSX.Element {
  const { label, layout, view, end, compact, children } = props
  return (
    <div class={`chart${compact ? ' compact' : ''}`} role="group" aria-label={label} onKeyDown={moveFocus}>
      <div class="lines" aria-hidden="true">
        {ticksOf(view.to - view.from, view.from).map(tick => (
          <span key={tick} style={{ left: percentOf(tick, view) }}>
            {round(tick)}
          </span>
        ))}
        {end !== undefined && end >= view.from && end <= view.to && (
          <span class="end" style={{ left: percentOf(end, view) }} />
        )}
      </div>
      {layout.sections.map(section => (
        <Loader key={section.loader} section={section} {...props} />
      ))}
      {children}
    </div>
  )
}

function Loader({ section, ...props }: ChartProps & { readonly section: Section }): JSX.Element {
  const { view, now, limiters = [], collapsed, onFold } = props
  const { loader, bulks, height, placed, dense, row } = section
  const isFolded = collapsed?.has(loader) ?? false
  const settings = props.compact ? '' : settingsOf(bulks, limiters)
  const words = (
    <>
      <b>{loader}</b>{' '}
      <small>
        {many(bulks.length, 'bulk')}
        {settings !== '' && ` · ${settings}`}
      </small>
    </>
  )
  return (
    <section aria-label={loader} style={{ height: `${height}px` }}>
      <h3 title={`${loader}: ${many(bulks.length, 'bulk')}${settings === '' ? '' : `, ${settings}`}`}>
        {onFold === undefined ? (
          words
        ) : (
          <button class="fold" aria-expanded={!isFolded} onClick={() => onFold(loader)}>
            <span aria-hidden="true">{isFolded ? '▸' : '▾'}</span> {words}
          </button>
        )}
        {dense && <small> too many to tell apart: zoom in</small>}
        {section.waiting > 0 && <small> {many(section.waiting, 'bulk')} more only wait here</small>}
      </h3>
      {row === 0 ? (
        <div class={`track ${dense ? 'dense' : 'folded'}`}>
          <Density bulks={bulks} view={view} now={now} />
        </div>
      ) : (
        <>
          {section.single && <Labels placed={placed} row={row} />}
          <div class={`track${row < 6 ? ' thin' : ''}`}>
            {placed.map(each => (
              <Bulk key={each.bulk.id} placed={each} {...props} section={section} />
            ))}
          </div>
        </>
      )}
    </section>
  )
}

/** How many loads each bulk has, and why it started, before the bar. */
function Labels({ placed, row }: { readonly placed: readonly Placed[]; readonly row: number }): JSX.Element {
  return (
    <div class="labels" aria-hidden="true">
      {placed.map(({ bulk, top }) => (
        <span key={bulk.id} style={{ top: `${top}px`, height: `${row}px` }}>
          <span class="count">
            {figure(bulk.tasks)}
            {bulk.size !== null && <small> / {figure(bulk.size)}</small>}
          </span>
          <span class="cause">{bulk.cause ?? 'open'}</span>
        </span>
      ))}
    </div>
  )
}

interface BulkProps extends ChartProps {
  readonly placed: Placed
  readonly section: Section
}

function Bulk({ placed, section, view, now, chosen, lit, onChoose }: BulkProps): JSX.Element {
  const { bulk, place, top } = placed
  const style = { top: `${top}px`, height: `${section.row}px` }
  const inside = (
    <>
      <Phases bulk={bulk} view={view} now={now} />
      {section.single && <Note bulk={bulk} view={view} now={now} />}
    </>
  )
  const dim = lit && !lit.has(bulk.id) ? ' dim' : ''
  const hit = hitOf(bulk, view, now)
  const [title, ...words] = wordsOf(bulk, place, now)
  const label = `${title}: ${words.join(', ')}`
  return onChoose === undefined ? (
    <div class={`bulk${dim}`} style={style} role="img" aria-label={label}>
      {inside}
    </div>
  ) : (
    <div class={`bulk${dim}${chosen === bulk.id ? ' chosen' : ''}`} style={style}>
      {inside}
      <button
        style={section.single ? { left: 0, width: '100%' } : hit}
        aria-label={label}
        aria-pressed={chosen === bulk.id}
        data-tip={[title, ...words].join('\n')}
        onClick={() => onChoose(bulk.id)}
      />
    </div>
  )
}

/** Where the pointer finds a bulk: its bar, and at least a few pixels. */
function hitOf({ openedAt, settledAt }: RecordedBulk, view: View, now: number): Record<string, string> {
  const { left, width } = placeOf(openedAt, settledAt ?? now, view)
  return { left, width: `max(4px, ${width})` }
}

/** How long it took, behind the bar or before it, where there is more room. */
function Note({
  bulk,
  view,
  now,
}: Pick<BulkProps, 'view' | 'now'> & { readonly bulk: RecordedBulk }): JSX.Element {
  const part = (instant: number): number => (instant - view.from) / (view.to - view.from)
  const [first, last] = [part(bulk.openedAt), part(bulk.settledAt ?? now)]
  const place =
    last < 0.8
      ? { left: `${100 * last}%` }
      : first > 0.2
        ? { right: `${100 * (1 - first)}%` }
        : { right: '0' }
  const failure = failureOf(bulk)
  return (
    <span class="note" style={place}>
      {time((bulk.settledAt ?? now) - bulk.openedAt)}
      {bulk.none && ' · none'}
      {failure !== null && <b> ✕ {failure}</b>}
      {bulk.settledAt === null && ' …'}
    </span>
  )
}
