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
  let operations = new Map<number, RecordedOperation>()
  // This page is also the stream: what it is asked for tells which.
  const source = new EventSource(location.pathname)
  const told = (connected: boolean): void => tell({ connected, operations: [...operations.values()] })

  source.addEventListener('recording', ({ data }) => {
    const recording = JSON.parse(data as string) as Recording
    operations = new Map(recording.operations.map(operation => [operation.id, operation]))
    told(true)
  })
  source.addEventListener('operations', ({ data }) => {
    for (const operation of JSON.parse(data as string) as RecordedOperation[])
      operations.set(operation.id, operation)
    told(true)
  })
  // What the server has no room for any more, the page does not keep either.
  source.addEventListener('forgotten', ({ data }) => {
    for (const id of JSON.parse(data as string) as number[]) operations.delete(id)
    told(true)
  })
  source.addEventListener('error', () => told(false))
}
