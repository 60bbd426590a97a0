/**
 * Two runs of one operation, side by side, with the differences marked.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { Chart } from './chart.tsx'
import { compare, type Row } from './differences.ts'
import { durationOf, endOf } from './facts.ts'
import { layoutOf } from './layout.ts'
import { figure, time, timeOfDay } from './numbers.ts'

export function Comparison({
  left,
  right,
}: {
  readonly left: RecordedOperation
  readonly right: RecordedOperation
}): JSX.Element {
  const rows = compare(left, right)
  const width = Math.max(endOf(left), endOf(right)) * 1.04
  const view = { from: 0, to: width }
  return (
    <section class="comparison" aria-label="Comparison">
      <div class="charts">
        {[left, right].map((run, n) => (
          <figure key={n}>
            <figcaption>
              <b>{n === 0 ? 'this run' : 'the other'}</b> {timeOfDay(run.at)}, {time(durationOf(run))}
            </figcaption>
            <Chart
              label={n === 0 ? 'Bulks of this run' : 'Bulks of the other run'}
              layout={layoutOf(run.bulks, endOf(run), view, new Set(), true)}
              view={view}
              now={endOf(run)}
              end={run.ms ?? undefined}
              compact
            />
          </figure>
        ))}
      </div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col" />
              <th scope="col">this run</th>
              <th scope="col">the other</th>
              <th scope="col">difference</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ what, left: a, right: b, unit, differs }) => {
              const more = (b ?? 0) - (a ?? 0)
              return (
                <tr key={what} class={differs ? 'differs' : ''}>
                  <th scope="row">{what}</th>
                  <td>{show(a, unit)}</td>
                  <td>{show(b, unit)}</td>
                  <td>{differs ? `${more < 0 ? '−' : '+'}${show(Math.abs(more), unit)}` : ''}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function show(value: number | null, unit: Row['unit']): string {
  if (value === null) return '–'
  return unit === 'ms' ? time(value) : figure(value)
}
