/**
 * Causality: which bulks the loads of a bulk may have followed from, by the document. A field is resolved when those above
 * it have been, so its loads follow from theirs, and not from whatever else had settled before.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import type { Documents } from './groups.ts'

export class Causality {
  /** The lines above each line of a field. Those of fragments are missing, since they are below several. */
  readonly #above = new Map<number, ReadonlySet<number>>()
  /** The lines that got keys of each loader from its cache. */
  readonly #hits = new Map<string, number[]>()
  /** The loaders and lines of which one bulk waits for the one before it. */
  readonly #chains = new Set<string>()

  constructor({ bulks, documents: ids = [], fieldHits }: RecordedOperation, documents: Documents) {
    for (const id of ids) this.#read(id, documents.get(id)?.lines ?? [])
    for (const [line, loader] of fieldHits) {
      const lines = this.#hits.get(loader) ?? []
      this.#hits.set(loader, lines)
      lines.push(line)
    }
    const ends = new Map<string, number>()
    for (const bulk of bulks.toSorted((a, b) => a.openedAt - b.openedAt)) {
      for (const [, , line] of bulk.fields) {
        const key = `${line} ${bulk.loader}`
        const end = ends.get(key)
        if (end === undefined) this.#chains.add(key)
        else if (bulk.openedAt < end) this.#chains.delete(key)
        ends.set(key, Math.max(end ?? 0, bulk.settledAt ?? Infinity))
      }
    }
  }

  #read(id: number, lines: readonly (readonly [depth: number, text: string])[]): void {
    // The fields of a mutation at its root wait for each other.
    if (lines[0]?.[1].startsWith('mutation') !== false) return
    const path: number[] = []
    for (const [n, [depth]] of lines.entries()) {
      if (n > 0 && depth === 0 && lines[n]![1] !== '}') return
      path.length = Math.min(depth, path.length)
      this.#above.set(id + n, new Set(path))
      path.push(id + n)
    }
  }

  /** What the loads of a bulk may have followed from depends on nothing else; `null` if they may have from anything. */
  keyOf({ loader, tasks, fields }: RecordedBulk): string | null {
    const lines = fields.map(([, , line]) => line)
    const known = fields.reduce((sum, [, count]) => sum + count, 0)
    if (known < tasks || lines.some(line => line === undefined || !this.#above.has(line))) return null
    return `${lines.toSorted((a, b) => a! - b!).join()} ${loader}`
  }

  /** Whether any load of a bulk may have followed from one that had settled. */
  mayFollow(bulk: RecordedBulk, before: RecordedBulk): boolean {
    if (this.keyOf(bulk) === null || this.keyOf(before) === null) return true
    const sources = [...before.fields.map(([, , line]) => line!), ...(this.#hits.get(before.loader) ?? [])]
    return bulk.fields.some(([, , line]) =>
      sources.some(source =>
        source === line
          ? // A resolver may load again, once it has what it has loaded.
            bulk.loader !== before.loader || this.#chains.has(`${line} ${bulk.loader}`)
          : this.#above.get(line!)!.has(source),
      ),
    )
  }
}
