/**
 * The waterfall: one row a bulk, grouped by loader, with its phases along the time.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk, RecordedLimiter } from '../src/recording.ts'
import { loadersIn, spansOf } from './facts.ts'
import { moveFocus } from './keyboard.ts'
import { bound, many, ticksOf, time } from './numbers.ts'

/** More rows of one loader than anyone reads. */
const mostRows = 100

interface Props {
  readonly label: string
  readonly bulks: readonly RecordedBulk[]
  readonly limiters: readonly RecordedLimiter[]
  /** How many ms the whole width is, and until when bulks go on that have not ended. */
  readonly width: number
  readonly now: number
  /** When the operation ended. */
  readonly end?: number | undefined
  readonly chosen?: number | null
  /** Rows can be chosen where someone listens. */
  readonly onChoose?: (id: number) => void
}

export function Waterfall({ label, bulks, limiters, width, now, end, chosen, onChoose }: Props): JSX.Element {
  const percentOf = (ms: number): string => `${(100 * ms) / width}%`
  return (
    <div class="waterfall" role="group" aria-label={label}>
      <div class="lines" aria-hidden="true">
        {ticksOf(width).map(tick => (
          <span key={tick} style={{ left: percentOf(tick) }}>
            {tick === 0 ? '0' : time(tick).replace(/\.?0+(?= )(?<=\..*)/, '')}
          </span>
        ))}
        {end !== undefined && <span class="end" style={{ left: percentOf(end) }} />}
      </div>
      {loadersIn({ bulks: [...bulks], hits: [] }, now).map(({ loader, bulks: rows }) => (
        <section key={loader} aria-label={loader}>
          <h3>
            {loader} <small>{settingsOf(rows, limiters)}</small>
          </h3>
          <ul onKeyDown={moveFocus}>
            {rows.slice(0, mostRows).map((bulk, n) => (
              <li key={bulk.id}>
                {onChoose === undefined ? (
                  <div class="row" role="img" aria-label={describe(bulk, n)}>
                    <Row bulk={bulk} width={width} now={now} />
                  </div>
                ) : (
                  <button
                    class="row"
                    aria-label={describe(bulk, n)}
                    aria-pressed={chosen === bulk.id}
                    onClick={() => onChoose(bulk.id)}
                  >
                    <Row bulk={bulk} width={width} now={now} />
                  </button>
                )}
              </li>
            ))}
          </ul>
          {rows.length > mostRows && <p class="muted">and {many(rows.length - mostRows, 'bulk')} more</p>}
        </section>
      ))}
    </div>
  )
}

function Row({ bulk, width, now }: { bulk: RecordedBulk; width: number; now: number }): JSX.Element {
  const spans = spansOf(bulk, now)
  const last = (spans.at(-1)?.to ?? bulk.openedAt) / width
  const first = bulk.openedAt / width
  const failed = bulk.failed > 0 || bulk.error !== null
  // Behind the bar or before it, where there is more room.
  const place = last < 0.85 || first < 0.15 ? { left: `${100 * last}%` } : { right: `${100 * (1 - first)}%` }
  return (
    <>
      <span class="label">
        <span class="count">
          {bulk.tasks.toLocaleString('en')}
          {bulk.size !== null && <small> / {bulk.size.toLocaleString('en')}</small>}
        </span>
        <span class="cause">{bulk.cause ?? 'open'}</span>
      </span>
      <span class="track">
        {spans.map(({ phase, from, to }) => (
          <i
            key={phase}
            class={phase === 'running' && failed ? 'running failed' : phase}
            style={{ left: `${(100 * from) / width}%`, width: `${(100 * (to - from)) / width}%` }}
          />
        ))}
        <span class="note" style={place}>
          {time((bulk.settledAt ?? now) - bulk.openedAt)}
          {bulk.none && ' · none'}
          {failed && <b> ✕ {bulk.failed} failed</b>}
          {bulk.settledAt === null && ' …'}
        </span>
      </span>
    </>
  )
}

/** All that a row shows, in words. */
function describe(bulk: RecordedBulk, place: number): string {
  const { loader, tasks, size, cause, settledAt, openedAt, none, failed, error } = bulk
  const phases = spansOf(bulk, settledAt ?? openedAt).map(
    ({ phase, from, to }) => `${phase} ${time(to - from)}`,
  )
  return [
    `${loader}, bulk ${place + 1}: ${many(tasks, 'load')}${size === null ? '' : ` of ${size}`}`,
    `opened at ${time(openedAt)}`,
    ...phases,
    cause === null ? 'still open' : `started by ${cause}`,
    ...(none ? ['gave none'] : []),
    ...(failed > 0 || error !== null ? [`${failed} failed`] : []),
  ].join(', ')
}

/** The settings of a loader, in few words. */
export function settingsOf(bulks: readonly RecordedBulk[], limiters: readonly RecordedLimiter[]): string {
  const bulk = bulks.find(({ cause }) => cause !== null)
  if (bulk === undefined) return ''
  const slots = bulk.limiters.map(id => limiters.find(limiter => limiter.id === id)?.slots ?? null)
  return [
    bulk.size === null ? '' : `size ${bound(bulk.size)}`,
    bulk.delay === 0 ? 'end of turn' : `delay ${bound(bulk.delay, ' ms')}`,
    ...slots.flatMap(each => (each === null ? [] : [many(each, 'slot')])),
  ]
    .filter(Boolean)
    .join(' · ')
}
