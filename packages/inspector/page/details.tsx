/**
 * The details of one bulk.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { failureOf } from './bar.tsx'
import { endOf, phases, timeIn } from './facts.ts'
import { figure, many, percent, time } from './numbers.ts'
import type { Source, Timeline } from './timeline.ts'
import { causes, doings } from './words.ts'

interface Props {
  readonly operation: RecordedOperation
  readonly bulk: RecordedBulk
  readonly timeline: Timeline
  readonly onClose: () => void
}

export function Details({ operation, bulk, timeline, onClose }: Props): JSX.Element {
  const { bulks } = operation
  const now = endOf(operation)
  const place = bulks.filter(({ loader, id }) => loader === bulk.loader && id <= bulk.id).length
  const shown = phases.filter(phase => timeIn(phase, bulk, now) >= 0.005)
  const failure = failureOf(bulk)
  return (
    <aside class="details" aria-label="Details of the bulk">
      <header>
        <h2>
          {bulk.loader} <small>bulk {place}</small>
        </h2>
        <button class="quiet" aria-label="Close the details" onClick={onClose}>
          ✕
        </button>
      </header>
      {failure !== null && (
        <p class="error">
          <b>
            {many(bulk.failed, 'load')} {bulk.timedOut ? 'timed out' : 'failed'}.
          </b>{' '}
          {bulk.error}
          {bulk.abandoned && ' The batch function never settled, and its slot was taken from it.'}
        </p>
      )}
      <dl>
        <dt>loads</dt>
        <dd>
          {figure(bulk.tasks)}
          {bulk.size !== null && ` of ${figure(bulk.size)} (${percent(bulk.tasks, bulk.size)})`}
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
              <i class={`swatch ${phase}${failure !== null && phase === 'command' ? ' failed' : ''}`} />{' '}
              {doings[phase]}
            </dt>
            <dd>
              {time(timeIn(phase, bulk, now))}
              {phase === 'command' && (bulk.busyRunning ?? 0) > 0.05 && (
                <small> loop busy: {time(bulk.busyRunning!)}</small>
              )}
            </dd>
          </>
        ))}
        {bulk.none && (
          <>
            <dt>result</dt>
            <dd>none: every load got null</dd>
          </>
        )}
        <dt>still pending</dt>
        <dd>{many(bulk.pending, 'load')}</dd>
        <dt>in flight</dt>
        <dd>{many(Math.max(0, bulk.inFlight - 1), 'other bulk')}</dd>
      </dl>
      {bulk.fields.length > 0 && (
        <>
          <h3>Loaded by</h3>
          <ul>
            {bulk.fields.map(([field, tasks, line]) => (
              <li key={`${field} ${line}`}>
                <code>{field}</code> ×{figure(tasks)}
              </li>
            ))}
          </ul>
        </>
      )}
      {bulk.arrivals.length > 0 && (
        <>
          <h3>Followed from</h3>
          <ul>
            {sources(timeline.sourcesOf(bulk), bulks).map(([source, tasks, ms]) => (
              <li key={source}>
                {source} ×{figure(tasks)} <small>{ms}</small>
              </li>
            ))}
          </ul>
        </>
      )}
    </aside>
  )
}

/** After which bulks the loads came, how many, and how long after. */
function sources(all: readonly Source[], bulks: readonly RecordedBulk[]): [string, number, string][] {
  const afters = [...new Set(all.map(({ after }) => after))]
  return afters.map(after => {
    const arrivals = all.filter(other => other.after === after)
    const source = bulks.find(({ id }) => id === after)
    const place =
      source && bulks.filter(({ loader, id }) => loader === source.loader && id <= source.id).length
    const times = arrivals.map(({ ms }) => ms)
    const [first, last] = [time(Math.min(...times)), time(Math.max(...times))]
    return [
      source === undefined ? 'the start' : `${source.loader}, bulk ${place}`,
      arrivals.reduce((sum, { tasks }) => sum + tasks, 0),
      first === last ? `+${first}` : `+${first} to ${last}`,
    ]
  })
}
