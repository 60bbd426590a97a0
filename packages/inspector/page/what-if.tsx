/**
 * What if: the operation again, with other settings, by the engine itself.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { errorOf, most, unknownOf } from './calibration.ts'
import { Chart } from './chart.tsx'
import { durationOf } from './facts.ts'
import type { Documents } from './groups.ts'
import { layoutOf } from './layout.ts'
import { bound, figure, many, percent, time } from './numbers.ts'
import { loadersOf, type Change, type LoaderSettings, type Prediction } from './prediction.ts'
import { replay } from './replay.ts'
import { Help } from './tip.tsx'

type Setting = 'size' | 'delay' | 'concurrent'

/** Where each control can stand; `null` is no limit. */
const stops: Readonly<Record<Setting, readonly (number | null)[]>> = {
  size: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, null],
  delay: [0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100],
  concurrent: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, null],
}

const units: Readonly<Record<Setting, string>> = { size: '', delay: ' ms', concurrent: '' }

/** What the controls say, and what comes of it. */
export interface WhatIf {
  readonly change: Change
  /** The replay with the recorded settings, with which predictions are compared. */
  readonly asRecorded: Prediction | null
  readonly prediction: Prediction | null
  readonly error: string | null
  readonly set: (change: Change) => void
}

interface Outcome {
  readonly of: number
  readonly change: Change
  readonly asRecorded: Prediction | null
  readonly prediction: Prediction | null
  readonly error: string | null
}

const unchanged: Change = { loader: null }

/** The controls start anew with each operation. */
export function useWhatIf(operation: RecordedOperation | undefined, documents: Documents): WhatIf {
  const [{ of, change }, setChange] = useState<{ of: number | null; change: Change }>({
    of: null,
    change: unchanged,
  })
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  // An operation that has ended stays as it is, and one that goes on is not replayed.
  const done = operation !== undefined && operation.ms !== null && operation.bulks.length > 0
  const id = done ? operation.id : null
  const now = of === id ? change : unchanged
  const known = outcome !== null && outcome.of === id ? outcome : null

  useEffect(() => {
    if (!done) return undefined
    let wanted = true
    const tell = (part: Partial<Outcome>): void => {
      if (wanted)
        setOutcome({
          of: operation.id,
          change: now,
          asRecorded: known?.asRecorded ?? null,
          prediction: null,
          error: null,
          ...part,
        })
    }
    // A control that is moved says many things; the last one counts.
    const timer = setTimeout(async () => {
      try {
        const asRecorded = known?.asRecorded ?? (await replay(operation, unchanged, documents))
        tell({ asRecorded, prediction: changes(now) ? await replay(operation, now, documents) : asRecorded })
      } catch (error) {
        tell({ error: String(error) })
      }
    }, 20)
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [id, done, now.loader, now.size, now.delay, now.concurrent])

  return {
    change: now,
    asRecorded: known?.asRecorded ?? null,
    prediction: known?.change === now || !changes(now) ? (known?.prediction ?? null) : null,
    error: known?.error ?? null,
    set: next => setChange({ of: id, change: next }),
  }
}

/** Whether anything is other than it was. */
export function changes({ size, delay, concurrent }: Change): boolean {
  return size !== undefined || delay !== undefined || concurrent !== undefined
}

interface Props extends WhatIf {
  readonly operation: RecordedOperation
}

export function WhatIfPanel(props: Props): JSX.Element {
  const { operation, change, asRecorded, prediction, error, set } = props
  const loaders = loadersOf(operation)
  const own = loaders.filter(({ loader }) => change.loader === null || change.loader === loader)
  const isChanged = changes(change)
  const shown = isChanged ? prediction : null
  const width = Math.max(shown?.ms ?? 0, asRecorded?.ms ?? 0) * 1.04
  const view = { from: 0, to: width }
  return (
    <section class="what-if" aria-label="What if">
      <h2>
        What if <Help term="whatIf" />
      </h2>
      <p class="outcome" role="status">
        {error ??
          (asRecorded === null || prediction === null ? (
            'Replaying …'
          ) : isChanged ? (
            <Difference before={asRecorded} after={prediction} />
          ) : (
            'Move a control, and see what it would do.'
          ))}
      </p>
      <div class="controls">
        <label class="loader">
          <span>loader</span>
          <select
            value={change.loader ?? ''}
            onChange={event => set({ loader: event.currentTarget.value || null })}
            aria-label="Loader to change"
          >
            <option value="">all loaders</option>
            {loaders.map(({ loader }) => (
              <option key={loader} value={loader}>
                {loader}
              </option>
            ))}
          </select>
        </label>
        {(['size', 'delay', 'concurrent'] as const).map(setting => (
          <Control
            key={setting}
            setting={setting}
            recorded={own.map(each => recordedValue(setting, each, operation))}
            value={change[setting]}
            onChange={value => set({ ...change, [setting]: value })}
          />
        ))}
        <button disabled={!isChanged} onClick={() => set({ loader: change.loader })}>
          As recorded
        </button>
      </div>
      {shown !== null && (
        <Chart
          label="Predicted bulks"
          layout={layoutOf(shown.bulks, shown.ms, view, new Set(), true)}
          view={view}
          now={shown.ms}
          end={shown.ms}
          compact
        />
      )}
      {asRecorded !== null && <Calibration operation={operation} asRecorded={asRecorded} />}
    </section>
  )
}

/** How far the replay can be trusted, and why not further. */
function Calibration({
  operation,
  asRecorded,
}: {
  readonly operation: RecordedOperation
  readonly asRecorded: Prediction
}): JSX.Element {
  const error = errorOf(operation, asRecorded)
  const [then, now] = [operation.bulks.length, asRecorded.bulks.length]
  return (
    <p class={`calibration${error > most ? ' off' : ''}`}>
      <b>Error of the replay: {error < 0.0005 ? '0 %' : `${(100 * error).toFixed(1)} %`}</b>{' '}
      <Help term="replay" />
      <br />
      As recorded it comes to {time(asRecorded.ms)} and {many(now, 'bulk')}; it was{' '}
      {time(durationOf(operation))} and {figure(then)}.
      {error > most && (
        <span class="unknown">
          {' '}
          Predictions say little here. Not known: {unknownOf(operation).join('; ')}.
        </span>
      )}
    </p>
  )
}

interface ControlProps {
  readonly setting: Setting
  readonly recorded: readonly (number | null)[]
  readonly value: number | null | undefined
  readonly onChange: (value: number | null) => void
}

function Control({ setting, recorded, value, onChange }: ControlProps): JSX.Element {
  const [first = null] = recorded
  const mixed = recorded.some(each => each !== first)
  const all = [...new Set([...stops[setting], ...recorded])].toSorted(
    (a, b) => (a ?? Infinity) - (b ?? Infinity),
  )
  const now = value === undefined ? first : value
  const text = value === undefined && mixed ? 'mixed' : bound(now, units[setting])
  return (
    <label class={value === undefined ? '' : 'changed'}>
      <span>
        {setting} <output>{text}</output>
      </span>
      <input
        type="range"
        name={setting}
        min={0}
        max={all.length - 1}
        value={all.indexOf(now)}
        aria-label={setting}
        aria-valuetext={text}
        onInput={event => onChange(all[Number(event.currentTarget.value)] ?? null)}
      />
    </label>
  )
}

function recordedValue(
  setting: Setting,
  loader: LoaderSettings,
  { limiters }: RecordedOperation,
): number | null {
  if (setting !== 'concurrent') return loader[setting]
  const slots = limiters.flatMap(({ id, slots: each }) =>
    loader.limiters.includes(id) && each !== null ? [each] : [],
  )
  return slots.length === 0 ? null : Math.min(...slots)
}

/** A prediction beside the replay as recorded. */
function Difference({
  before,
  after,
}: {
  readonly before: Prediction
  readonly after: Prediction
}): JSX.Element {
  const change = after.ms - before.ms
  const part = Math.abs(change) / Math.max(before.ms, 0.001)
  return (
    <>
      <b class={part < 0.02 ? '' : change < 0 ? 'good' : 'bad'}>{time(after.ms)}</b> instead of{' '}
      {time(before.ms)}
      {part >= 0.005 && ` (${change < 0 ? '−' : '+'}${percent(Math.abs(change), before.ms)})`},{' '}
      <b>{many(after.bulks.length, 'bulk')}</b> instead of {figure(before.bulks.length)}
    </>
  )
}
