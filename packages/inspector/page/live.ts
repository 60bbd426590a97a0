/**
 * Live: what the server tells as it happens.
 * @module
 */

import type { RecordedOperation, Recording } from '../src/recording.ts'

export interface Live {
  readonly connected: boolean
  readonly operations: readonly RecordedOperation[]
}

/** Tells the operations whenever any has changed. */
export function listen(tell: (live: Live) => void): void {
  let keeps = Infinity
  let operations = new Map<number, RecordedOperation>()
  // This page is also the stream: what it is asked for tells which.
  const source = new EventSource(location.pathname)
  const told = (connected: boolean): void => tell({ connected, operations: [...operations.values()] })

  source.addEventListener('recording', ({ data }) => {
    const recording = JSON.parse(data as string) as Recording
    keeps = recording.keeps
    operations = new Map(recording.operations.map(operation => [operation.id, operation]))
    told(true)
  })
  source.addEventListener('operations', ({ data }) => {
    for (const operation of JSON.parse(data as string) as RecordedOperation[])
      operations.set(operation.id, operation)
    for (const oldest of operations.keys()) {
      if (operations.size <= keeps) break
      operations.delete(oldest)
    }
    told(true)
  })
  source.addEventListener('error', () => told(false))
}
