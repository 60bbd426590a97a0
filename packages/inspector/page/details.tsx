/**
 * The details of one bulk.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { endOf, phases, timeIn } from './facts.ts'
import { many, percent, time } from './numbers.ts'

const causes: Readonly<Record<string, string>> = {
  size: 'It was full.',
  delay: 'Its first load had waited the whole delay.',
  tick: 'The turn of the event loop was over.',
  quiet: 'Nothing more could come: all that ran waited for loads.',
  flush: 'The application flushed it.',
  close: 'The application closed the loader.',
}

const words = {
  collecting: 'collecting',
  late: 'late: event loop busy',
  waiting: 'waiting for a slot',
  running: 'running',
} as const

interface Props {
  readonly operation: RecordedOperation
  readonly bulk: RecordedBulk
  readonly onClose: () => void
}

export function Details({ operation, bulk, onClose }: Props): JSX.Element {
  const { bulks } = operation
  const now = endOf(operation)
  const place = bulks.filter(({ loader, id }) => loader === bulk.loader && id <= bulk.id).length
  const shown = phases.filter(phase => phase !== 'late' || timeIn(phase, bulk, now) > 0)
  const failed = bulk.failed > 0 || bulk.error !== null
  return (
    <aside aria-label="Details of the bulk">
      <header>
        <h2>
          {bulk.loader} <small>bulk {place}</small>
        </h2>
        <button class="quiet" aria-label="Close the details" onClick={onClose}>
          ✕
        </button>
      </header>
      {failed && (
        <p class="error">
          <b>{many(bulk.failed, 'load')} failed.</b> {bulk.error}
          {bulk.abandoned && ' The command never settled, and its slot was taken from it.'}
        </p>
      )}
      <dl>
        <dt>loads</dt>
        <dd>
          {bulk.tasks.toLocaleString('en')}
          {bulk.size !== null && ` of ${bulk.size.toLocaleString('en')} (${percent(bulk.tasks, bulk.size)})`}
        </dd>
        <dt>cause</dt>
        <dd>
          {bulk.cause === null ? (
            'It is still open.'
          ) : (
            <>
              <b>{bulk.cause}</b> {causes[bulk.cause]}
            </>
          )}
        </dd>
        {shown.map(phase => (
          <>
            <dt>
              <i class={`swatch ${phase}${failed && phase === 'running' ? ' failed' : ''}`} /> {words[phase]}
            </dt>
            <dd>{time(timeIn(phase, bulk, now))}</dd>
          </>
        ))}
        {bulk.none && (
          <>
            <dt>result</dt>
            <dd>none: every load got null</dd>
          </>
        )}
        <dt>left behind it</dt>
        <dd>{many(bulk.pending, 'load')}</dd>
        <dt>in flight</dt>
        <dd>{many(bulk.inFlight, 'bulk')} with it</dd>
      </dl>
      {bulk.askers.length > 0 && (
        <>
          <h3>Asked by</h3>
          <ul>
            {bulk.askers.map(([field, tasks]) => (
              <li key={field}>
                <code>{field}</code> ×{tasks.toLocaleString('en')}
              </li>
            ))}
          </ul>
        </>
      )}
      {bulk.arrivals.length > 0 && (
        <>
          <h3>Came after</h3>
          <ul>
            {sources(bulk, bulks).map(([source, tasks, ms]) => (
              <li key={source}>
                {source} ×{tasks.toLocaleString('en')} <small>{ms}</small>
              </li>
            ))}
          </ul>
        </>
      )}
    </aside>
  )
}

/** After which bulks the loads came, how many, and how long after. */
function sources(bulk: RecordedBulk, bulks: readonly RecordedBulk[]): [string, number, string][] {
  const afters = [...new Set(bulk.arrivals.map(([after]) => after))]
  return afters.map(after => {
    const arrivals = bulk.arrivals.filter(([other]) => other === after)
    const source = bulks.find(({ id }) => id === after)
    const place =
      source && bulks.filter(({ loader, id }) => loader === source.loader && id <= source.id).length
    const times = arrivals.map(([, ms]) => ms)
    const [first, last] = [time(Math.min(...times)), time(Math.max(...times))]
    return [
      source === undefined ? 'the start' : `${source.loader}, bulk ${place}`,
      arrivals.reduce((sum, [, , tasks]) => sum + tasks, 0),
      first === last ? `+${first}` : `+${first} to ${last}`,
    ]
  })
}
