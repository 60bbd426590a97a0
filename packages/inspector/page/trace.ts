/**
 * An operation as a trace in the format of Chrome, which Perfetto opens: for each bulk an asynchronous span with its
 * phases in it, for each loader a track.
 * @module
 */

import type { RecordedOperation } from '../src/recording.ts'
import { endOf, loadersIn, spansOf } from './facts.ts'
import { many, titleOf } from './numbers.ts'

export interface TraceEvent {
  readonly ph: 'M' | 'b' | 'e'
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly cat?: string
  readonly id?: number
  /** Microseconds. */
  readonly ts?: number
  readonly args?: Readonly<Record<string, unknown>>
}

export function traceOf(operation: RecordedOperation): { readonly traceEvents: TraceEvent[] } {
  const end = endOf(operation)
  const title = titleOf(operation)
  const span = (tid: number, id: number, name: string, from: number, to: number, args = {}): TraceEvent[] => {
    const event = { cat: 'bulk', id, name, pid: operation.id, tid }
    return [
      { ...event, ph: 'b', ts: from * 1000, args },
      { ...event, ph: 'e', ts: to * 1000 },
    ]
  }
  const loaders = loadersIn(operation, end).flatMap(({ loader, bulks }, n) => {
    const tid = n + 1
    const rows = bulks.flatMap(bulk => {
      const { id, tasks, size, cause, none, failed, error, fields, settledAt, openedAt } = bulk
      const args = {
        tasks,
        size,
        cause,
        none,
        failed,
        error,
        fields: fields.map(([field, count]) => `${field} ×${count}`),
      }
      const [begin, finish] = span(
        tid,
        id,
        `${loader}: ${many(tasks, 'load')}`,
        openedAt,
        settledAt ?? end,
        args,
      )
      const inner = spansOf(bulk, end).flatMap(({ phase, from, to }) => span(tid, id, phase, from, to))
      return [begin!, ...inner, finish!]
    })
    return [[named('thread_name', operation.id, tid, loader)], rows].flat()
  })
  return {
    traceEvents: [
      named('process_name', operation.id, 0, title),
      named('thread_name', operation.id, 0, title),
      ...span(0, 0, title, 0, end, { errors: operation.errors }),
      ...loaders,
    ],
  }
}

function named(name: string, pid: number, tid: number, text: string): TraceEvent {
  return { ph: 'M', name, pid, tid, args: { name: text } }
}
