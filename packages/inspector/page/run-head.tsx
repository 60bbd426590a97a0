/**
 * The head of a run: its name, when it was, and what can be saved of it.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { hasFailed } from './facts.ts'
import type { Documents } from './groups.ts'
import { many, timeOfDay, titleOf } from './numbers.ts'
import { save } from './save.ts'
import { traceOf } from './trace.ts'

interface Props {
  readonly operation: RecordedOperation
  readonly operations: readonly RecordedOperation[]
  readonly documents: Documents
}

export function RunHead({ operation, operations, documents }: Props): JSX.Element {
  const title = titleOf(operation)
  const file = title.replaceAll(/[^\w-]+/g, '-')
  const recordingOf = (those: readonly RecordedOperation[]): object => {
    const ids = new Set(those.flatMap(each => each.documents ?? []))
    return {
      version: 2,
      keeps: those.length,
      operations: those,
      documents: [...ids].flatMap(id => documents.get(id) ?? []),
    }
  }
  return (
    <header class="head">
      <div>
        <h1>{title}</h1>
        <p class="muted">
          {operation.kind ?? 'operation'} at {timeOfDay(operation.at)}
          {hasFailed(operation) && (
            <b class="bad"> ✕ {operation.errors > 0 ? many(operation.errors, 'error') : 'a bulk failed'}</b>
          )}
        </p>
      </div>
      <div class="actions" role="group" aria-label="Save">
        <button onClick={() => save(`${file}.json`, recordingOf([operation]))}>JSON</button>
        <button
          onClick={() => save('bulks.json', recordingOf(operations))}
          aria-label="JSON of all operations"
        >
          JSON of all
        </button>
        <button
          onClick={() => save(`${file}.trace.json`, traceOf(operation))}
          data-tip="Opens in Perfetto, and at chrome://tracing"
        >
          Chrome trace
        </button>
      </div>
    </header>
  )
}
