/**
 * Groups: the runs of one operation, by its name and its document, and what they have in common.
 * @module
 */

import type { RecordedDocument, RecordedOperation } from '../src/recording.ts'
import { durationOf, hasFailed } from './facts.ts'
import { titleOf } from './numbers.ts'

/** The documents that are known, by their numbers. */
export type Documents = ReadonlyMap<number, RecordedDocument>

export interface Group {
  readonly key: string
  readonly title: string
  readonly kind: string | null
  /** The oldest first. */
  readonly runs: readonly RecordedOperation[]
  /** Of those that have ended: half of them took no longer, and all but a twentieth. `null` while none has ended. */
  readonly p50: number | null
  readonly p95: number | null
  /** How many bulks a run has, on average. */
  readonly bulks: number
  readonly failures: number
  readonly latest: RecordedOperation
}

/** Which groups are shown, and in which order. */
export interface Filter {
  readonly text: string
  readonly onlyFailed: boolean
  readonly slowestFirst: boolean
}

/** The text of the documents of an operation. */
export function textOf({ documents = [] }: RecordedOperation, known: Documents): string {
  return documents
    .map(
      id =>
        known
          .get(id)
          ?.lines.map(([depth, text]) => '  '.repeat(depth) + text)
          .join('\n') ?? '',
    )
    .join('\n\n')
}

/** The one that ran last first, or the one that is slow most often. */
export function groupsOf(
  operations: readonly RecordedOperation[],
  known: Documents,
  { text, onlyFailed, slowestFirst }: Filter,
): Group[] {
  const texts = new Map<string, string>()
  const byKey = new Map<string, RecordedOperation[]>()
  const wanted = text.trim().toLowerCase()
  for (const operation of operations) {
    if (onlyFailed && !hasFailed(operation)) continue
    const ids = operation.documents?.join() ?? ''
    const document = texts.get(ids) ?? textOf(operation, known)
    texts.set(ids, document)
    const title = titleOf(operation)
    if (wanted !== '' && !`${title}\n${document}`.toLowerCase().includes(wanted)) continue
    const key = `${operation.kind} ${title}\n${document}`
    const runs = byKey.get(key)
    if (runs === undefined) byKey.set(key, [operation])
    else runs.push(operation)
  }
  const groups = [...byKey].map(([key, runs]) => groupOf(key, runs))
  return groups.toSorted(
    (a, b) =>
      (slowestFirst ? (b.p95 ?? 0) - (a.p95 ?? 0) : 0) ||
      b.latest.at - a.latest.at ||
      b.latest.id - a.latest.id,
  )
}

function groupOf(key: string, unordered: readonly RecordedOperation[]): Group {
  const runs = unordered.toSorted((a, b) => a.at - b.at || a.id - b.id)
  const times = runs
    .filter(({ ms }) => ms !== null)
    .map(durationOf)
    .toSorted((a, b) => a - b)
  const latest = runs.at(-1)!
  return {
    key,
    title: titleOf(latest),
    kind: latest.kind,
    runs,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    bulks: runs.reduce((sum, { bulks, omitted = 0 }) => sum + bulks.length + omitted, 0) / runs.length,
    failures: runs.filter(hasFailed).length,
    latest,
  }
}

/** The least of these times that is not below so many of them. */
export function quantile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? null
}
