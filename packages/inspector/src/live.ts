/**
 * Live: what is recorded, in pieces, to whoever has room for them. Nothing waits here for a page: it is asked for when the
 * page has taken what came before, and what has been forgotten by then, or has changed again, is never written.
 * @module
 */

import type { RecordedDocument } from './recording.ts'
import type { Shelf } from './shelf.ts'

/** How often a page learns of changes at most, in ms: more often than people see is of no use. */
const pause = 200
/** How often a page gets something at least, in ms: a connection that is silent for long is cut by some proxies. */
const silence = 15_000
/** About how many bytes one piece has at most, unless it is one operation that has more. */
const pieceBytes = 256 * 1024
/** How many bytes of changes a page gets in a second: an operation that goes on is written again and again. */
const bytesPerSecond = 256 * 1024
/** However large that operation is, it is seen to go on. */
const longestPause = 10_000

type Bytes = Uint8Array<ArrayBuffer>

/** One page that is open. */
interface Page {
  /** What is left of the recording that it gets first. */
  first: Iterator<string> | null
  /** The operations that it knows, and their documents. */
  readonly known: Set<number>
  readonly documents: Set<number>
  /** The latest change that it knows of, and how many operations had been forgotten then. */
  seen: number
  forgotten: number
  /** When it may get the next changes, and when it has got anything. */
  dueAt: number
  gotAt: number
  /** Where it waits for something to say: the end of that. */
  wake: ((bytes: Bytes | null) => void) | null
  gone: boolean
}

export class Live {
  readonly #shelf: Shelf
  readonly #pages = new Set<Page>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(shelf: Shelf) {
    this.#shelf = shelf
  }

  /** How many pages are open. */
  get pages(): number {
    return this.#pages.size
  }

  /**
   * A stream that tells what is recorded now, and then each operation that changes.
   * @param signal aborts when the page has gone: not every server cancels the stream then
   */
  stream(Stream: typeof ReadableStream, signal: AbortSignal | undefined): ReadableStream<Bytes> {
    const page: Page = {
      first: null,
      known: new Set(),
      documents: new Set(),
      seen: this.#shelf.changes,
      forgotten: this.#shelf.forgotten,
      dueAt: 0,
      gotAt: performance.now(),
      wake: null,
      gone: false,
    }
    page.first = this.#firstOf(page)
    this.#pages.add(page)
    signal?.addEventListener('abort', () => this.#leave(page), { once: true })
    if (signal?.aborted) this.#leave(page)
    return new Stream<Bytes>({
      pull: async sink => {
        const bytes = await this.#next(page)
        if (bytes !== null) sink.enqueue(bytes)
        else if (!page.gone) sink.close()
      },
      cancel: () => this.#leave(page),
    })
  }

  /** What is recorded now, as JSON. */
  snapshot(Stream: typeof ReadableStream): ReadableStream<Bytes> {
    const pieces = piecesOf(this.#shelf)
    return new Stream<Bytes>({
      pull(sink) {
        const { done, value } = pieces.next()
        if (done === true) sink.close()
        else sink.enqueue(encoder.encode(value))
      },
    })
  }

  /** Ends all streams. */
  close(): void {
    for (const { wake } of this.#pages) wake?.(null)
    this.#pages.clear()
    this.#rest()
  }

  *#firstOf(page: Page): Generator<string> {
    yield 'event: recording\ndata: '
    yield* piecesOf(this.#shelf, (id, documents) => {
      page.known.add(id)
      for (const document of documents) page.documents.add(document)
    })
    yield '\n\n'
  }

  #next(page: Page): Bytes | null | Promise<Bytes | null> {
    if (!this.#pages.has(page)) return null
    const piece = page.first?.next()
    if (piece !== undefined && piece.done !== true) return encoder.encode(piece.value)
    page.first = null
    return new Promise(resolve => {
      page.wake = resolve
      this.#tick()
    })
  }

  #leave(page: Page): void {
    page.gone = true
    this.#pages.delete(page)
    page.wake?.(null)
    if (this.#pages.size === 0) this.#rest()
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Looks for changes as long as any page waits for them. */
  #tick(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const now = performance.now()
      // Many pages get the same: it is written once.
      const written = new Map<number, string>()
      let waits = false
      for (const page of this.#pages) {
        if (page.wake === null) continue
        const bytes = now < page.dueAt ? null : this.#changesFor(page, written, now)
        if (bytes === null) {
          waits = true
          continue
        }
        const { wake } = page
        page.wake = null
        wake(bytes)
      }
      if (waits) this.#tick()
    }, pause)
    ;(this.#timer as { unref?(): void }).unref?.()
  }

  /** What a page does not know yet; `null` if that is nothing. */
  #changesFor(page: Page, written: Map<number, string>, now: number): Bytes | null {
    const texts: string[] = []
    const shelf = this.#shelf
    if (page.forgotten !== shelf.forgotten) {
      page.forgotten = shelf.forgotten
      const ids = [...page.known].filter(id => !shelf.has(id))
      for (const id of ids) page.known.delete(id)
      if (ids.length > 0) texts.push(`event: forgotten\ndata: [${ids.join()}]\n\n`)
      const documents = [...page.documents].filter(id => !shelf.hasDocument(id))
      for (const id of documents) page.documents.delete(id)
      if (documents.length > 0) texts.push(`event: forgottenDocuments\ndata: [${documents.join()}]\n\n`)
    }
    const operations: string[] = []
    const added: RecordedDocument[] = []
    let length = 0
    for (const { change, id } of shelf.changedSince(page.seen)) {
      const text = written.get(id) ?? shelf.write(id)
      written.set(id, text)
      if (length > 0 && length + text.length > pieceBytes) break
      operations.push(text)
      length += text.length
      for (const document of shelf.documentsOf(id)) {
        if (page.documents.has(document.id)) continue
        page.documents.add(document.id)
        added.push(document)
      }
      page.known.add(id)
      page.seen = change
    }
    if (added.length > 0) texts.push(`event: documents\ndata: ${JSON.stringify(added)}\n\n`)
    if (operations.length > 0) texts.push(`event: operations\ndata: [${operations.join()}]\n\n`)
    else if (texts.length === 0 && now - page.gotAt > silence) texts.push(': still here\n\n')
    if (texts.length === 0) return null

    const bytes = encoder.encode(texts.join(''))
    page.gotAt = now
    page.dueAt = now + Math.min(longestPause, (1000 * bytes.length) / bytesPerSecond)
    return bytes
  }
}

/** A recording in pieces of some size. What is forgotten while somebody reads them is left out. */
function* piecesOf(
  shelf: Shelf,
  wrote?: (id: number, documents: Iterable<number>) => void,
): Generator<string> {
  let piece = `{"version":2,"keeps":${shelf.keeps},"operations":[`
  let separator = ''
  const documents = new Map<number, RecordedDocument>()
  for (const id of shelf.ids()) {
    if (!shelf.has(id)) continue
    const text = shelf.write(id)
    if (piece.length + text.length > pieceBytes) {
      yield piece
      piece = ''
      // It may have been forgotten while somebody took the piece before.
      if (!shelf.has(id)) continue
    }
    piece += separator + text
    separator = ','
    const own = shelf.documentsOf(id)
    for (const document of own) documents.set(document.id, document)
    wrote?.(
      id,
      own.map(document => document.id),
    )
  }
  piece += '],"documents":['
  separator = ''
  for (const document of documents.values()) {
    const text = JSON.stringify(document)
    if (piece.length + text.length > pieceBytes) {
      yield piece
      piece = ''
    }
    piece += separator + text
    separator = ','
  }
  yield `${piece}]}`
}

const encoder = new TextEncoder()
