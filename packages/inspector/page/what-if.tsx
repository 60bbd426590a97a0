/**
 * What if: the operation again, with other settings, by the engine itself.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { bound, many, percent, time } from './numbers.ts'
import { loadersOf, replay, type Change, type LoaderSettings, type Prediction } from './replay.ts'

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
  readonly prediction: Prediction | null
  readonly error: string | null
  readonly set: (change: Change) => void
}

/** The controls start anew with each operation. */
export function useWhatIf(operation: RecordedOperation | undefined): WhatIf {
  const [{ of, change }, setChange] = useState<{ of: unknown; change: Change }>({
    of: null,
    change: { loader: null },
  })
  const [outcome, setOutcome] = useState<{
    of: unknown
    prediction: Prediction | null
    error: string | null
  }>()
  // An operation that has ended stays as it is, and one that goes on is not replayed.
  const done = operation !== undefined && operation.ms !== null && operation.bulks.length > 0
  const id = done ? operation.id : null
  const now = of === id ? change : { loader: null }

  useEffect(() => {
    if (!done) return undefined
    let wanted = true
    // A control that is moved says many things; the last one counts.
    const timer = setTimeout(() => {
      replay(operation, now).then(
        prediction => wanted && setOutcome({ of: id, prediction, error: null }),
        (error: unknown) => wanted && setOutcome({ of: id, prediction: null, error: String(error) }),
      )
    }, 20)
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [id, done, now.loader, now.size, now.delay, now.concurrent])

  const fits = outcome?.of === id && id !== null
  return {
    change: now,
    prediction: fits ? outcome.prediction : null,
    error: fits ? outcome.error : null,
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

export function Controls({ operation, change, prediction, error, set }: Props): JSX.Element {
  const loaders = loadersOf(operation)
  const own = loaders.filter(({ loader }) => change.loader === null || change.loader === loader)
  const isChanged = changes(change)
  return (
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
      <p class="outcome" role="status">
        {error ??
          (prediction === null ? 'Replaying …' : <Outcome {...{ operation, prediction, isChanged }} />)}
      </p>
    </div>
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

interface OutcomeProps {
  readonly operation: RecordedOperation
  readonly prediction: Prediction
  readonly isChanged: boolean
}

function Outcome({ operation, prediction, isChanged }: OutcomeProps): JSX.Element {
  const [before, after] = [operation.ms ?? 0, prediction.ms]
  const bulks = many(prediction.bulks.length, 'bulk')
  if (!isChanged)
    return (
      <>
        Move a control. As recorded, the replay comes to {time(after)} and {bulks}; it really was{' '}
        {time(before)} and {operation.bulks.length}.
      </>
    )
  const less = after < before
  return (
    <>
      <b class={Math.abs(after - before) < before * 0.02 ? '' : less ? 'good' : 'bad'}>{time(after)}</b>{' '}
      instead of {time(before)}
      {Math.abs(after - before) > before / 200 &&
        ` (${less ? '−' : '+'}${percent(Math.abs(after - before), before)})`}
      , <b>{bulks}</b> instead of {operation.bulks.length}
    </>
  )
}
