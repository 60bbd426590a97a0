/**
 * A recording: what operations have loaded, as it goes over the wire and into a file. No key is in it, and no result; the
 * values in documents and the variables are only where the option `values` wants them.
 *
 * Instants are in milliseconds from the start of their operation; what has no end or no limit is `null`, since JSON knows
 * no `Infinity`. Names are never keys of objects: they may be anything.
 * @module
 */

/** What the page shows, and what it saves. */
export interface Recording {
  readonly version: 2
  /** How many operations are kept at most. */
  readonly keeps: number
  /** The newest last. */
  readonly operations: readonly RecordedOperation[]
  /** The documents of these operations, each once. */
  readonly documents: readonly RecordedDocument[]
}

/** The text of an operation: a field a line. */
export interface RecordedDocument {
  /** The number of its first line, which no other line of this server has: those that follow are counted on. */
  readonly id: number
  readonly lines: readonly (readonly [depth: number, text: string])[]
}

/** One GraphQL operation; one event of a subscription; or all operations of one HTTP batch, which share their loaders. */
export interface RecordedOperation {
  /** A number that no other operation of this server has. */
  readonly id: number
  /** The name that the client gave it, or `null`. */
  name: string | null
  /** `query`, `mutation` or `subscription`; `null` until it is known. */
  kind: string | null
  /** When it started: milliseconds since 1970, with fractions. */
  at: number
  /** How long it took; `null` while it goes on. */
  ms: number | null
  /** How many errors its result has. */
  errors: number
  /** The numbers of its documents: those of one HTTP batch have several. */
  documents?: number[]
  /** Its variables, as JSON, where the option `values` wants them. */
  variables?: string
  readonly bulks: RecordedBulk[]
  /** How many bulks more it had, for which there was no room. */
  omitted?: number
  /** How many keys each loader answered without a task, because they had been asked already. */
  readonly hits: [loader: string, keys: number][]
  /** The same by the line of the field that wanted them, where that is known. */
  readonly fieldHits: [line: number, loader: string, keys: number][]
  /** The limiters of its bulks. */
  readonly limiters: RecordedLimiter[]
}

/** What bounds the bulks in flight. */
export interface RecordedLimiter {
  /** A number that no other limiter of this server has. */
  readonly id: number
  /** How many slots it has; `null` where it cannot tell. */
  readonly slots: number | null
}

/** Tasks of one bulk that came in one tick of the event loop, and what they came after. */
export type Arrival = [
  /** The bulk of this operation that had settled last; `null` for the start of the operation. */
  after: number | null,
  /** How long after it the first task of that tick came. */
  ms: number,
  tasks: number,
  /** For how long that tick went on then. */
  took?: number,
]

/** One bulk, also one that is still open. */
export interface RecordedBulk {
  readonly id: number
  readonly loader: string
  /** The settings `size` and `delay`; `null` for no bound. */
  size: number | null
  delay: number | null
  /** The numbers of its limiters: all of them must have a slot for it. */
  limiters: readonly number[]
  tasks: number
  /** Why it started. */
  cause: string | null
  openedAt: number
  /** When it could have started, had there been a slot; `null` until it has started. */
  readyAt: number | null
  startedAt: number | null
  settledAt: number | null
  /** How many tasks were left pending behind it, and how many bulks of its loader were in flight, itself among them. */
  pending: number
  inFlight: number
  none: boolean
  failed: number
  error: string | null
  abandoned: boolean
  /** Whether the command ran out of its time (`timeout`). */
  timedOut?: boolean
  /** For how long the event loop was busy while the bulk was open, and while its command ran; missing where nobody knows. */
  busyOpen?: number
  busyRunning?: number
  /** Which fields wanted how many of its tasks, and on which line of the document they are. */
  readonly fields: [field: string, tasks: number, line?: number][]
  readonly arrivals: Arrival[]
}
