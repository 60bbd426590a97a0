/**
 * Live: what is recorded, as server-sent events to all pages that are open.
 * @module
 */

import type { Recorder } from './recorder.ts'
import type { RecordedOperation } from './recording.ts'

/** How often a page hears at most, in ms: more often than people see is of no use. */
const pause = 200
/** How often a page hears at least, in ms: a connection that is silent for long is cut by some proxies. */
const silence = 15_000

type Sink = Pick<ReadableStreamDefaultController<Uint8Array>, 'enqueue' | 'close' | 'desiredSize'>

/** One page that is open: what it has not been told yet. */
interface Page {
  readonly sink: Sink
  readonly changed: Set<RecordedOperation>
}

export class Live {
  readonly #recorder: Recorder
  readonly #pages = new Set<Page>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #told = 0

  constructor(recorder: Recorder) {
    this.#recorder = recorder
    recorder.onChange = operation => {
      for (const page of this.#pages) page.changed.add(operation)
    }
  }

  /** A stream that tells what is recorded now, and then each operation that changes. */
  stream(Stream: typeof ReadableStream): ReadableStream<Uint8Array> {
    let page: Page
    return new Stream<Uint8Array>({
      start: sink => {
        page = { sink, changed: new Set() }
        this.#pages.add(page)
        // What the server was before is no more: a page that comes again starts anew.
        tell(sink, 'recording', this.#recorder.recording)
        this.#tick()
      },
      cancel: () => this.#leave(page),
    })
  }

  /** Ends all streams. */
  close(): void {
    for (const page of this.#pages) {
      this.#leave(page)
      page.sink.close()
    }
  }

  #leave(page: Page): void {
    this.#pages.delete(page)
    if (this.#pages.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const silent = performance.now() - this.#told > silence
      for (const { sink, changed } of this.#pages) {
        // A page that cannot keep up is told less often, and never the same operation twice.
        if ((sink.desiredSize ?? 0) < 0) continue
        if (changed.size > 0) tell(sink, 'operations', [...changed])
        else if (silent) sink.enqueue(encoder.encode(': still here\n\n'))
        else continue
        changed.clear()
        this.#told = performance.now()
      }
      if (this.#pages.size > 0) this.#tick()
    }, pause)
    ;(this.#timer as { unref?(): void }).unref?.()
  }
}

const encoder = new TextEncoder()

function tell(sink: Sink, event: string, data: unknown): void {
  sink.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
}
