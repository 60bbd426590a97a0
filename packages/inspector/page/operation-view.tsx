/**
 * One operation: what was saved, where its time went, its bulks along the time, and what they would have been.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { endOf, hasFailed, savedBy, sharesOf, type Doing } from './facts.ts'
import { Lanes } from './lanes.tsx'
import { Loaders } from './loaders.tsx'
import { many, percent, time, titleOf } from './numbers.ts'
import { save } from './save.ts'
import { traceOf } from './trace.ts'
import { verdictOn } from './verdict.ts'
import { Waterfall } from './waterfall.tsx'
import { changes, Controls, useWhatIf } from './what-if.tsx'

const words: Readonly<Record<Doing, string>> = {
  running: 'running',
  waiting: 'waiting for a slot',
  late: 'late, event loop busy',
  collecting: 'collecting',
  elsewhere: 'elsewhere',
}

interface Props {
  readonly operation: RecordedOperation
  readonly operations: readonly RecordedOperation[]
  readonly bulk: number | null
  readonly onBulk: (id: number) => void
}

export function OperationView({ operation, operations, bulk, onBulk }: Props): JSX.Element {
  const whatIf = useWhatIf(operation)
  const end = useEnd(operation)
  const shares = sharesOf(operation, end).filter(({ doing, ms }) => doing !== 'late' || ms > end / 100)
  const { loads, hits, bulks } = savedBy(operation)
  const prediction = changes(whatIf.change) ? whatIf.prediction : null
  // One scale for what was and what would have been, with room for the last words.
  const width = Math.max(end, prediction?.ms ?? 0) * 1.1
  const title = titleOf(operation)
  const file = title.replaceAll(/[^\w-]+/g, '-')

  // Many rows: they are made anew only when something about them is.
  const real = useMemo(
    () => (
      <Waterfall
        label="Bulks"
        bulks={operation.bulks}
        limiters={operation.limiters}
        width={width}
        now={end}
        end={operation.ms ?? undefined}
        chosen={bulk}
        onChoose={onBulk}
      />
    ),
    [operation, width, end, bulk],
  )
  const predicted = useMemo(
    () =>
      prediction && (
        <Waterfall
          label="Predicted bulks"
          bulks={prediction.bulks}
          limiters={[]}
          width={width}
          now={prediction.ms}
          end={prediction.ms}
        />
      ),
    [prediction, width],
  )

  return (
    <>
      <header class="operation">
        <div>
          <h1>{title}</h1>
          <p class="muted">
            {operation.kind ?? 'operation'} · {new Date(operation.at).toLocaleTimeString()}
            {hasFailed(operation) && <b class="bad"> · ✕ {many(operation.errors, 'error')}</b>}
          </p>
        </div>
        <div class="actions" role="group" aria-label="Save">
          <button onClick={() => save(`${file}.json`, { version: 1, keeps: 1, operations: [operation] })}>
            JSON
          </button>
          <button
            onClick={() => save('bulks.json', { version: 1, keeps: operations.length, operations })}
            aria-label="JSON of all operations"
          >
            JSON of all
          </button>
          <button onClick={() => save(`${file}.trace.json`, traceOf(operation))} title="Opens in Perfetto">
            Chrome trace
          </button>
        </div>
      </header>

      <section class="glance" aria-label="At a glance">
        <p class="numbers">
          <strong>
            {time(end)}
            {operation.ms === null && ' …'}
          </strong>
          <span>
            <strong>{many(loads, 'load')}</strong> became <strong>{many(bulks, 'bulk')}</strong>
            {hits > 0 && <span class="muted"> · {hits.toLocaleString('en')} known already</span>}
          </span>
        </p>
        <div class="shares" aria-hidden="true">
          {shares.map(({ doing, ms }) => (
            <i key={doing} class={doing} style={{ width: `${(100 * ms) / end}%` }} />
          ))}
        </div>
        <ul class="legend">
          {shares.map(({ doing, ms }) => (
            <li key={doing}>
              <i class={`swatch ${doing}`} /> {words[doing]}{' '}
              <span class="muted">
                {time(ms)}, {percent(ms, end)}
              </span>
            </li>
          ))}
        </ul>
        {(operation.omitted ?? 0) > 0 && (
          <p class="verdict">
            {many(operation.omitted!, 'bulk')} more had no room in the recording: see the option{' '}
            <code>bytes</code>.
          </p>
        )}
        {operation.ms !== null && <p class="verdict">{verdictOn(operation)}</p>}
      </section>

      <section aria-label="Waterfall">{real}</section>

      {operation.ms !== null && operation.bulks.length > 0 && (
        <section class="what-if" aria-label="What if">
          <h2>
            What if <small>the same loads again, through the real engine, with other settings</small>
          </h2>
          <Controls {...whatIf} operation={operation} />
          {predicted}
        </section>
      )}

      <Lanes operation={operation} operations={operations} width={width} />
      <Loaders operation={operation} />
    </>
  )
}

/** How often what goes on is drawn anew, in ms. */
const frame = 100

/** The end of an operation; that of one that goes on moves. */
function useEnd(operation: RecordedOperation): number {
  const { id, ms } = operation
  const [shown, setShown] = useState({ id, end: 0 })
  const known = endOf(operation)
  useEffect(() => {
    if (ms !== null) return undefined
    // By our own clock: that of the server may be another one.
    const offset = known - performance.now()
    const timer = setInterval(() => setShown({ id, end: offset + performance.now() }), frame)
    return () => clearInterval(timer)
  }, [id, ms === null])
  return ms === null && shown.id === id ? Math.max(known, shown.end) : known
}
