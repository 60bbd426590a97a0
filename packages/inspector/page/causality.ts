/**
 * Causality: which bulks the loads of a bulk may have followed from, by the document. A field is resolved when those above
 * it have been, so its loads follow from theirs, and not from whatever else had settled before.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import type { Documents } from './groups.ts'

/** A file may have anything in it. With more kinds of bulks, or more fields in one, nothing is taken for known. */
const most = { kinds: 100, fields: 50 } as const

export class Causality {
  /** Bulks of one key have the same loader, and loads of the same fields. */
  readonly #keys = new Map<RecordedBulk, string>()
  /** The lines above each line of a field. Those of fragments are missing, since they are below several. */
  readonly #above = new Map<number, readonly number[]>()
  /** The lines that got keys of each loader from its cache. */
  readonly #hits = new Map<string, Set<number>>()
  /** The loaders and lines of which one bulk waits for the one before it. */
  readonly #chains = new Set<string>()
  readonly #known = new Map<string, boolean>()

  constructor({ bulks, documents: ids = [], fieldHits }: RecordedOperation, documents: Documents) {
    const lines = new Set(bulks.flatMap(({ fields }) => fields.map(([, , line]) => line)))
    for (const id of ids) this.#read(id, documents.get(id)?.lines ?? [], lines)
    for (const bulk of bulks) this.#add(bulk)
    if (new Set(this.#keys.values()).size > most.kinds) this.#keys.clear()
    for (const [line, loader] of fieldHits)
      this.#hits.set(loader, (this.#hits.get(loader) ?? new Set()).add(line))
    const ends = new Map<string, number>()
    for (const { loader, fields, openedAt, settledAt } of bulks.toSorted((a, b) => a.openedAt - b.openedAt)) {
      for (const [, , line] of fields) {
        const key = `${line} ${loader}`
        const end = ends.get(key)
        if (end === undefined) this.#chains.add(key)
        else if (openedAt < end) this.#chains.delete(key)
        ends.set(key, Math.max(end ?? 0, settledAt ?? Infinity))
      }
    }
  }

  #read(
    id: number,
    text: readonly (readonly [depth: number, text: string])[],
    wanted: ReadonlySet<number | undefined>,
  ): void {
    // The fields of a mutation at its root wait for each other.
    if (text[0]?.[1].startsWith('mutation') !== false) return
    const path: number[] = []
    for (const [n, [depth, line]] of text.entries()) {
      if (n > 0 && depth === 0 && line !== '}') return
      path.length = Math.min(depth, path.length)
      if (wanted.has(id + n)) this.#above.set(id + n, [...path])
      path.push(id + n)
    }
  }

  #add(bulk: RecordedBulk): void {
    const { loader, tasks, fields } = bulk
    const lines = fields.map(([, , line]) => line)
    const known = fields.reduce((sum, [, count]) => sum + count, 0)
    if (known < tasks || lines.length > most.fields) return
    if (lines.every(line => line !== undefined && this.#above.has(line)))
      this.#keys.set(bulk, `${lines.toSorted((a, b) => a! - b!).join()} ${loader}`)
  }

  /** What the loads of a bulk may have followed from depends on nothing else; `null` if they may have from anything. */
  keyOf(bulk: RecordedBulk): string | null {
    return this.#keys.get(bulk) ?? null
  }

  /** Whether any load of a bulk may have followed from one that had settled. */
  mayFollow(bulk: RecordedBulk, before: RecordedBulk): boolean {
    const keys = [this.keyOf(bulk), this.keyOf(before)]
    if (keys.includes(null)) return true
    const key = keys.join('\n')
    const known = this.#known.get(key) ?? this.#decide(bulk, before)
    this.#known.set(key, known)
    return known
  }

  #decide({ loader, fields }: RecordedBulk, before: RecordedBulk): boolean {
    const own = new Set(before.fields.map(([, , line]) => line))
    const hits = this.#hits.get(before.loader)
    const isSource = (line: number): boolean => own.has(line) || hits?.has(line) === true
    return fields.some(
      ([, , line]) =>
        this.#above.get(line!)!.some(isSource) ||
        // A resolver may load again, once it has what it has loaded.
        (isSource(line!) && (loader !== before.loader || this.#chains.has(`${line} ${loader}`))),
    )
  }
}
