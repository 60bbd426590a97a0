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
import { useWhatIf, WhatIfPanel } from './what-if.tsx'
import { Waterfall } from './waterfall.tsx'

interface Props {
  readonly operation: RecordedOperation
  readonly operations: readonly RecordedOperation[]
  readonly documents: Documents
  readonly bulk: number | null
  readonly onBulk: (id: number | null) => void
}

export function RunView({ operation, operations, documents, bulk, onBulk }: Props): JSX.Element {
  const whatIf = useWhatIf(operation)
  const end = useEnd(operation)
  const [field, setField] = useState<{ readonly of: number; readonly cost: FieldCost } | null>(null)
  const costs = useMemo(() => costsOf(operation), [operation])
  const chosenField = field?.of === operation.id ? field.cost : null
  const lit = useMemo(
    () => (chosenField === null ? null : new Set(chosenField.bulks.map(({ id }) => id))),
    [chosenField],
  )
  const chosen = operation.bulks.find(({ id }) => id === bulk)
  const after = operation.ms === null ? 0 : endOf(operation) - durationOf(operation)

  return (
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
          <Waterfall operation={operation} end={end} chosen={bulk} lit={lit} onChoose={onBulk} />
        )}
        <DocumentView
          operation={operation}
          documents={documents}
          costs={costs}
          chosen={chosenField}
          onChoose={cost => setField(cost === null ? null : { of: operation.id, cost })}
        />
        <Lanes operation={operation} operations={operations} width={end * 1.02} />
        <Loaders operation={operation} />
      </div>
      <div class="rail">
        {chosen !== undefined && <Details operation={operation} bulk={chosen} onClose={() => onBulk(null)} />}
        {operation.ms !== null && operation.bulks.length > 0 && (
          <WhatIfPanel {...whatIf} operation={operation} />
        )}
      </div>
    </div>
  )
}

/** How often what goes on is drawn anew, in ms. */
const frame = 100

/** The end of what is shown; that of an operation that goes on moves. */
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
