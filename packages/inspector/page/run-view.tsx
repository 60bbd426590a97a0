/**
 * One run of an operation: how long it took and why, its bulks along the time, its document, and what other settings would
 * have done.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { Details } from './details.tsx'
import { DocumentView } from './document-view.tsx'
import { durationOf, endOf } from './facts.ts'
import { costsOf, type FieldCost } from './field-costs.ts'
import { Glance } from './glance.tsx'
import type { Documents } from './groups.ts'
import { Lanes } from './lanes.tsx'
import { Loaders } from './loaders.tsx'
import { many, time } from './numbers.ts'
import { ongoing } from './ongoing.ts'
import { timelineOf } from './timeline.ts'
import { useWhatIf, WhatIfPanel } from './what-if.tsx'
import { Waterfall } from './waterfall.tsx'

interface Props {
  readonly operation: RecordedOperation
  readonly operations: readonly RecordedOperation[]
  readonly documents: Documents
  /** Whether more is still to come of a run that goes on. */
  readonly isLive: boolean
  readonly bulk: number | null
  readonly onBulk: (id: number | null) => void
}

export function RunView({
  operation: recorded,
  operations,
  documents,
  isLive,
  bulk,
  onBulk,
}: Props): JSX.Element {
  const operation = useMemo(
    () => (recorded.ms === null ? ongoing(recorded, operations) : recorded),
    [recorded, operations],
  )
  const whatIf = useWhatIf(operation, documents)
  const end = useEnd(operation, isLive)
  const [field, setField] = useState<{ readonly of: number; readonly cost: FieldCost } | null>(null)
  const costs = useMemo(() => costsOf(operation), [operation])
  const chosenField = field?.of === operation.id ? field.cost : null
  const lit = useMemo(
    () => (chosenField === null ? null : new Set(chosenField.bulks.map(({ id }) => id))),
    [chosenField],
  )
  const chosen = operation.bulks.find(({ id }) => id === bulk)
  const timeline = useMemo(
    () => (chosen === undefined ? null : timelineOf(operation, documents)),
    [chosen === undefined, operation, documents],
  )
  const after = operation.ms === null ? 0 : endOf(operation) - durationOf(operation)

  return (
    <>
      <div class="run">
        <div class="content">
          <Glance operation={operation} end={operation.ms ?? end} />
          {after > 0.05 && (
            <p class="muted">
              A bulk went on for {time(after)} after the operation had ended: see the dashed line.
            </p>
          )}
          {(operation.omitted ?? 0) > 0 && (
            <p class="note-line">
              {many(operation.omitted!, 'bulk')} more had no room in the recording: see the option{' '}
              <code>bytes</code>.
            </p>
          )}
          {operation.bulks.length > 0 && (
            <Waterfall
              operation={operation}
              end={end}
              chosen={bulk}
              timeline={timeline}
              lit={lit}
              onChoose={onBulk}
            />
          )}
          <DocumentView
            operation={operation}
            documents={documents}
            costs={costs}
            chosen={chosenField}
            onChoose={cost => setField(cost === null ? null : { of: operation.id, cost })}
          />
          <Lanes operation={operation} operations={operations} width={end * 1.02} />
        </div>
        <div class="rail">
          {chosen !== undefined && timeline !== null && (
            <Details operation={operation} bulk={chosen} timeline={timeline} onClose={() => onBulk(null)} />
          )}
          {operation.ms !== null && operation.bulks.length > 0 && (
            <WhatIfPanel {...whatIf} operation={operation} />
          )}
        </div>
      </div>
      <Loaders operation={operation} />
    </>
  )
}

/** How often what goes on is drawn anew, in ms. */
const frame = 100

/** The end of what is shown; that of an operation that goes on moves, while the server is there. */
function useEnd(operation: RecordedOperation, isLive: boolean): number {
  const { id, ms } = operation
  const moves = isLive && ms === null
  const [shown, setShown] = useState({ id, end: 0 })
  const known = endOf(operation)
  useEffect(() => {
    if (!moves) return undefined
    // By our own clock: that of the server may be another one.
    const offset = known - performance.now()
    const timer = setInterval(() => setShown({ id, end: offset + performance.now() }), frame)
    return () => clearInterval(timer)
  }, [id, moves])
  return ms === null && shown.id === id ? Math.max(known, shown.end) : known
}
