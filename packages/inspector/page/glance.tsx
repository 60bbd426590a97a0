/**
 * A run at a glance: how long it took, what was saved, and where the time went.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { savedBy, sharesOf } from './facts.ts'
import { figure, many, percent, time } from './numbers.ts'
import { Help } from './tip.tsx'
import { verdictOn } from './verdict.ts'
import { doings } from './words.ts'

export function Glance({
  operation,
  end,
}: {
  readonly operation: RecordedOperation
  readonly end: number
}): JSX.Element {
  const shares = sharesOf(operation, end).filter(({ ms }) => ms >= end / 1000)
  const { loads, hits, bulks } = savedBy(operation)
  return (
    <section class="glance" aria-label="At a glance">
      <p class="numbers">
        <strong>
          {time(end)}
          {operation.ms === null && ' …'}
        </strong>
        <span>
          <b>{many(loads, 'load')}</b>
          <Help term="loads" /> became <b>{many(bulks, 'bulk')}</b>
          <Help term="bulk" />
        </span>
        {hits > 0 && (
          <span class="muted">
            {figure(hits)} cached
            <Help term="cached" />
          </span>
        )}
      </p>
      {operation.ms !== null && <p class="verdict">{verdictOn(operation)}</p>}
      <div class="shares" aria-hidden="true">
        {shares.map(({ doing, ms }) => (
          <i key={doing} class={doing} style={{ width: `${(100 * ms) / end}%` }} />
        ))}
      </div>
      <ul class="legend">
        {shares.map(({ doing, ms }) => (
          <li key={doing}>
            <i class={`swatch ${doing}`} /> {doings[doing]}
            <Help term={doing} />{' '}
            <span class="muted">
              {time(ms)}, {percent(ms, end)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
