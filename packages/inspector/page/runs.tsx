/**
 * The runs of an operation: one bar each, from which one is opened, or compared with the one that is open.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { durationOf, hasFailed } from './facts.ts'
import { moveFocus } from './keyboard.ts'
import { many, time, timeOfDay } from './numbers.ts'
import { Help } from './tip.tsx'

/** As many as have room in a row. */
const mostShown = 60

interface Props {
  readonly runs: readonly RecordedOperation[]
  readonly chosen: RecordedOperation
  readonly other: RecordedOperation | null
  readonly onChoose: (id: number) => void
  readonly onCompare: (id: number | null) => void
}

export function Runs({ runs, chosen, other, onChoose, onCompare }: Props): JSX.Element {
  const place = runs.indexOf(chosen)
  const latest = Math.max(runs.length, place + 1)
  const first = Math.max(0, Math.min(latest - mostShown, place))
  const shown = runs.slice(first, first + mostShown)
  const longest = Math.max(...shown.map(durationOf), 0.001)
  const slowest = runs.reduce((most, run) => (durationOf(run) > durationOf(most) ? run : most))
  const step = (by: number): void => {
    const next = runs[place + by]
    if (next !== undefined) onChoose(next.id)
  }
  const before = runs[place - 1] ?? runs[place + 1]
  return (
    <section class="runs" aria-label="Runs">
      <div class="bar">
        <button aria-label="The run before" disabled={place <= 0} onClick={() => step(-1)}>
          ‹
        </button>
        <button aria-label="The run after" disabled={place >= runs.length - 1} onClick={() => step(1)}>
          ›
        </button>
        <span class="place">
          run {place + 1} of {runs.length} <Help term="runs" />
        </span>
        <button disabled={slowest === chosen} onClick={() => onChoose(slowest.id)}>
          slowest
        </button>
        {other === null ? (
          <button disabled={before === undefined} onClick={() => onCompare(before!.id)}>
            compare
          </button>
        ) : (
          <button aria-pressed="true" onClick={() => onCompare(null)}>
            end of comparison
          </button>
        )}
      </div>
      <ul onKeyDown={moveFocus}>
        {shown.map(run => (
          <li key={run.id}>
            <button
              class={`${hasFailed(run) ? 'failed' : ''}${run === other ? ' other' : ''}`}
              aria-current={run === chosen}
              aria-label={`Run at ${timeOfDay(run.at)}: ${time(durationOf(run))}, ${many(run.bulks.length, 'bulk')}${hasFailed(run) ? ', failed' : ''}`}
              data-tip={`${timeOfDay(run.at)}\n${time(durationOf(run))}${run.ms === null ? ' until now' : ''}, ${many(run.bulks.length, 'bulk')}${hasFailed(run) ? '\n✕ failed' : ''}${other === null ? '' : '\nCompare with this one'}`}
              onClick={() => (other === null || run === chosen ? onChoose(run.id) : onCompare(run.id))}
            >
              <i style={{ height: `${Math.max(6, (100 * durationOf(run)) / longest)}%` }} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
