/**
 * The bar of one bulk: its phases along the time, distinguished by pattern as well as by colour.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedBulk } from '../src/recording.ts'
import { bulkFailed, phases, spansOf, timeIn } from './facts.ts'
import type { View } from './layout.ts'
import { figure, many, time } from './numbers.ts'
import { causes, doings } from './words.ts'

interface Props {
  readonly bulk: RecordedBulk
  readonly view: View
  readonly now: number
}

/** The phases, as parts of the bar: it stands in an element that is as wide as the view. */
export function Phases({ bulk, view, now }: Props): JSX.Element {
  const failed = bulkFailed(bulk)
  return (
    <>
      {spansOf(bulk, now).map(({ phase, from, to }, n) => (
        <i
          key={n}
          class={phase === 'command' && failed ? 'command failed' : phase}
          style={placeOf(from, to, view)}
        />
      ))}
    </>
  )
}

export function percentOf(instant: number, { from, to }: View): string {
  return `${(100 * (instant - from)) / (to - from)}%`
}

/** Where a time is in the view. */
export function placeOf(from: number, to: number, view: View): { left: string; width: string } {
  return { left: percentOf(from, view), width: `${(100 * (to - from)) / (view.to - view.from)}%` }
}

/** What failed, in few words; `null` if nothing did. */
export function failureOf({ failed, error, timedOut }: RecordedBulk): string | null {
  if (timedOut === true) return 'timed out'
  return failed > 0 || error !== null ? `${failed} failed` : null
}

/** All that a bar shows, in words: a title and lines. */
export function wordsOf(bulk: RecordedBulk, place: number, now: number): string[] {
  const { loader, tasks, size, cause, settledAt, openedAt, none, fields, error } = bulk
  const failure = failureOf(bulk)
  return [
    `${loader}, bulk ${place}`,
    `${many(tasks, 'load')}${size === null ? '' : ` of ${figure(size)}`}, opened at ${time(openedAt)}`,
    ...phases.flatMap(phase => {
      const ms = timeIn(phase, bulk, now)
      return ms >= 0.005 ? [`${doings[phase]}: ${time(ms)}`] : []
    }),
    cause === null ? 'It is still open.' : `${cause}: ${causes[cause] ?? ''}`,
    ...(settledAt === null && cause !== null ? ['It still runs.'] : []),
    ...(none ? ['It gave none.'] : []),
    ...(failure === null ? [] : [`✕ ${failure}${error === null ? '' : `: ${error.slice(0, 160)}`}`]),
    ...fields.slice(0, 3).map(([field, count]) => `${field} ×${count}`),
    ...(fields.length > 3 ? [`and ${many(fields.length - 3, 'field')} more`] : []),
  ]
}
