/**
 * The documents of what is recorded: each text once, however many operations have it.
 * @module
 */

import { print } from './document.ts'
import type { RecordedDocument } from './recording.ts'
import { readable } from './words.ts'

/** A document as an executor gets it, with the name of the operation that is run. */
export interface Executed {
  readonly document: { readonly definitions: readonly unknown[] }
  readonly operationName?: string | null
}

interface Operation {
  readonly operation: string
  readonly name?: { readonly value: string }
}

/** The operation of a document that is run. */
export function operationOf({ document, operationName }: Executed): Operation | undefined {
  return document.definitions.find(
    (definition): definition is Operation =>
      typeof (definition as Partial<Operation>).operation === 'string' &&
      (!operationName || (definition as Operation).name?.value === operationName),
  )
}

interface Shown {
  readonly document: RecordedDocument
  readonly key: string
  readonly bytes: number
  /** How many of the operations that are kept have it. */
  users: number
}

export class Documents {
  readonly #values: boolean
  /** What has been printed, by the node of its operation. */
  readonly #printed = new WeakMap<object, Shown>()
  readonly #byShown = new WeakMap<RecordedDocument, Shown>()
  /** The number of the line that a field is. */
  readonly #places = new WeakMap<object, number>()
  /** Those that operations have which are kept. */
  readonly #byKey = new Map<string, Shown>()
  readonly #byId = new Map<number, Shown>()
  #nextId = 1

  constructor(values: boolean) {
    this.#values = values
  }

  /** The document of what is executed, printed the first time that it is; `null` for what is no document. */
  of(executed: Executed): RecordedDocument | null {
    return readable(() => this.#of(executed)) ?? null
  }

  #of(executed: Executed): RecordedDocument | null {
    const operation = operationOf(executed)
    if (operation === undefined) return null
    const known = this.#printed.get(operation)
    if (known !== undefined) return known.document
    const { lines, fields } = print(executed.document.definitions, operation, this.#values)
    const key = JSON.stringify(lines)
    const shown = this.#byKey.get(key) ?? {
      document: { id: this.#nextId, lines },
      key,
      bytes: 2 * key.length + 100 * lines.length,
      users: 0,
    }
    const { id } = shown.document
    if (id === this.#nextId) this.#nextId += lines.length
    // A document of the same text has the same lines.
    for (const [field, line] of fields) this.#places.set(field, id + line)
    this.#printed.set(operation, shown)
    this.#byShown.set(shown.document, shown)
    return shown.document
  }

  /** The number of the line that a field is, of all lines of all documents. */
  placeOf(field: object | undefined): number | undefined {
    return field === undefined ? undefined : this.#places.get(field)
  }

  /** The document with a number, if an operation has it that is kept. */
  get(id: number): RecordedDocument | undefined {
    return this.#byId.get(id)?.document
  }

  /** An operation that has it is kept. Gives the bytes that this takes more. */
  keep(document: RecordedDocument): number {
    const shown = this.#byShown.get(document)!
    if (shown.users++ > 0) return 0
    this.#byKey.set(shown.key, shown)
    this.#byId.set(document.id, shown)
    return shown.bytes
  }

  /** It is kept no more. Gives the bytes that are free again. */
  drop(document: RecordedDocument): number {
    const shown = this.#byShown.get(document)!
    if (--shown.users > 0) return 0
    if (this.#byKey.get(shown.key) === shown) this.#byKey.delete(shown.key)
    this.#byId.delete(document.id)
    return shown.bytes
  }
}
