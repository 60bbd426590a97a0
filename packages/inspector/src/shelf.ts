/**
 * The shelf: the latest operations, as far as they have room.
 * @module
 */

import type { Documents } from './documents.ts'
import { loadedNothing, type Entry } from './entry.ts'
import type { RecordedDocument, Recording } from './recording.ts'

/** How much memory all that is kept may take, about. */
export const defaultBytes = 32_000_000
/** Of that, one operation may take a part: the others are worth something too. */
const partOfOne = 1 / 4
/** More of one than a page can show, and than it opens again from a file. */
const mostOfOne = 8_000_000
/** How much is kept of an operation of which it is not known whether it is one of this server. */
const bytesOfUnknown = 64_000

export class Shelf {
  /** How many operations are kept at most. */
  readonly keeps: number
  readonly #mostBytes: number
  readonly #documents: Documents
  /** Those that are kept, the oldest first. */
  readonly #kept = new Map<number, Entry>()
  /** The same, the one that has changed last at the end. */
  readonly #byChange = new Set<Entry>()
  #bytes = 0
  #changes = 0
  #forgotten = 0

  constructor(keeps: number, bytes: number, documents: Documents) {
    this.keeps = keeps
    this.#mostBytes = bytes
    this.#documents = documents
  }

  get recording(): Recording {
    const operations = [...this.#kept.values()].map(({ operation }) => operation)
    const ids = new Set(operations.flatMap(({ documents = [] }) => documents))
    const documents = [...ids].flatMap(id => this.#documents.get(id) ?? [])
    return { version: 2, keeps: this.keeps, operations, documents }
  }

  /** About how much memory the operations take that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many changes there have been, and how many operations had to go. */
  get changes(): number {
    return this.#changes
  }

  get forgotten(): number {
    return this.#forgotten
  }

  /** The numbers of the operations that are kept now, the oldest first. */
  ids(): number[] {
    return [...this.#kept.keys()]
  }

  has(id: number): boolean {
    return this.#kept.has(id)
  }

  /** An operation that is kept, as JSON. */
  write(id: number): string {
    return JSON.stringify(this.#kept.get(id)!.operation)
  }

  /** The documents of an operation that is kept. */
  documentsOf(id: number): readonly RecordedDocument[] {
    return this.#kept.get(id)!.documents
  }

  /** Whether an operation that is kept has the document with this number. */
  hasDocument(id: number): boolean {
    return this.#documents.get(id) !== undefined
  }

  /** The operations that have changed since a change, in the order of their latest ones. */
  *changedSince(change: number): Generator<{ readonly id: number; readonly change: number }> {
    if (change === this.#changes) return
    for (const entry of this.#byChange)
      if (entry.change > change) yield { id: entry.operation.id, change: entry.change }
  }

  /** Something about an entry has changed. It gets its place with its first load: one that loads nothing is not worth it. */
  changed(entry: Entry): void {
    const { operation } = entry
    if (entry.lost || !entry.claimed || loadedNothing(operation)) return
    if (!entry.kept) {
      entry.kept = true
      this.#kept.set(operation.id, entry)
      this.#bytes += entry.bytes
      for (const document of entry.documents) this.#bytes += this.#documents.keep(document)
    }
    entry.change = ++this.#changes
    this.#byChange.delete(entry)
    this.#byChange.add(entry)
    for (const oldest of this.#kept.values()) {
      const fits = this.#kept.size <= this.keeps && this.#bytes <= this.#mostBytes
      if (fits || this.#kept.size === 1) break
      this.#forget(oldest)
    }
  }

  /** An operation has one more document. */
  addDocument(entry: Entry, document: RecordedDocument): void {
    if (entry.lost || entry.documents.includes(document)) return
    // Those of an HTTP batch have a number for each, as long as there is room.
    if (!this.hasRoom(entry, 16)) return
    entry.documents.push(document)
    ;(entry.operation.documents ??= []).push(document.id)
    if (entry.kept) this.#bytes += this.#documents.keep(document)
  }

  /** Whether there is room for something more of an operation; then it is taken. */
  hasRoom(entry: Entry, bytes: number): boolean {
    const most = Math.min(this.#mostBytes * partOfOne, mostOfOne)
    if (entry.bytes + bytes > (entry.claimed ? most : Math.min(most, bytesOfUnknown))) return false
    entry.bytes += bytes
    if (entry.kept) this.#bytes += bytes
    return true
  }

  #forget(entry: Entry): void {
    const { operation } = entry
    this.#forgotten++
    this.#kept.delete(operation.id)
    this.#byChange.delete(entry)
    this.#bytes -= entry.bytes
    for (const document of entry.documents) this.#bytes -= this.#documents.drop(document)
    // It may go on for long, and its scope holds it.
    entry.lost = true
    entry.open.clear()
    operation.bulks.length = 0
    operation.hits.length = 0
    operation.fieldHits.length = 0
  }
}
