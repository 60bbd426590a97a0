/**
 * Live: what the server records as it happens, and whether it is there.
 * @module
 */

import type { RecordedDocument, RecordedOperation, Recording } from '../src/recording.ts'
import type { Documents } from './groups.ts'
import { checkRecording } from './recorded-file.ts'

/**
 * `lost`: the server has gone, and what is shown is what it sent last. `refused`: it answers, but not with a recording.
 * `unreadable`: what it sent is no recording, so that nothing of it is shown.
 */
export type Connection = 'connecting' | 'live' | 'lost' | 'refused' | 'unreadable'

export interface Live {
  readonly connection: Connection
  /** When it was lost, by our own clock. */
  readonly since: number
  readonly operations: readonly RecordedOperation[]
  readonly documents: Documents
}

export const nothing: Live = { connection: 'connecting', since: 0, operations: [], documents: new Map() }

/** How long until it is tried again where the browser itself gives up, in ms. */
const pause = 3_000

/** Calls `tell` whenever anything has changed. Gives a function that tries again now. */
export function listen(tell: (live: Live) => void): () => void {
  let operations = new Map<number, RecordedOperation>()
  let documents = new Map<number, RecordedDocument>()
  let keeps = Infinity
  let connection: Connection = 'connecting'
  let since = 0
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined

  const now = (next: Connection): void => {
    if (next !== 'live' && (connection === 'live' || connection === 'connecting')) since = Date.now()
    connection = next
    // What the server has no room for any more, the page does not keep either, whatever became of what it sent.
    for (const id of operations.keys()) {
      if (operations.size <= keeps) break
      operations.delete(id)
    }
    tell({ connection, since, operations: [...operations.values()], documents: new Map(documents) })
  }

  function open(): void {
    clearTimeout(timer)
    // This page is also the stream: what it is asked for tells which.
    source = new EventSource(location.pathname)
    on('recording', data => {
      const recording = checkRecording(data)
      operations = new Map(recording.operations.map(operation => [operation.id, operation]))
      documents = new Map(recording.documents.map(document => [document.id, document]))
      keeps = recording.keeps
    })
    on('documents', data => {
      for (const document of part({ documents: data }).documents) documents.set(document.id, document)
    })
    on('operations', data => {
      for (const operation of part({ operations: data }).operations) operations.set(operation.id, operation)
    })
    on('forgotten', data => {
      for (const id of data as number[]) operations.delete(id)
    })
    on('forgottenDocuments', data => {
      for (const id of data as number[]) documents.delete(id)
    })
    source.addEventListener('error', () => {
      if (connection === 'unreadable') return
      // The browser tries again by itself, unless the server has answered with something else than a stream.
      if (source.readyState !== EventSource.CLOSED) return now('lost')
      now('refused')
      timer = setTimeout(open, pause)
    })
  }

  function on(event: string, take: (data: unknown) => void): void {
    source.addEventListener(event, ({ data }: MessageEvent<string>) => {
      try {
        take(JSON.parse(data))
        now('live')
      } catch {
        source.close()
        now('unreadable')
      }
    })
  }

  open()
  return () => {
    source.close()
    open()
  }
}

/** A part of a recording, looked at as a whole one is. */
function part(some: { operations?: unknown; documents?: unknown }): Recording {
  return checkRecording({ version: 2, keeps: 1, operations: [], documents: [], ...some })
}
