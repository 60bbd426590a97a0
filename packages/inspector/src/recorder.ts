/**
 * The recorder: listens to all bulks of the process and keeps those of the latest operations of this server, as far as they
 * have room.
 * @module
 */

import { BulkTimeoutError, onBulk, type BulkEvent, type BulkScope, type OpenBulk } from '@bulkcall/core'
import { arrive, rounded } from './arrivals.ts'
import { Documents, type Executed } from './documents.ts'
import { entryOf, loadedNothing, longestName, openBulk, weights, type Entry } from './entry.ts'
import { EventLoop, realClock, type Clock } from './event-loop.ts'
import type { RecordedBulk, RecordedLimiter } from './recording.ts'
import { defaultBytes, Shelf } from './shelf.ts'
import { Limiters } from './slots.ts'
import { copied, cut, readable, textOf } from './words.ts'

/** More of the variables than anyone reads. */
const longestVariables = 2_000

export interface RecorderOptions {
  /** How many operations are kept. */
  readonly keeps: number
  readonly clock?: Clock | undefined
  /** How much memory they may take, about. */
  readonly bytes?: number | undefined
  /** Whether the values in documents and the variables are recorded. */
  readonly values?: boolean | undefined
}

/** A bulk that runs. */
interface Running {
  readonly bulk: RecordedBulk
  readonly startedAt: number
  /** How long the event loop had been idle when it started. */
  readonly idle: number | null
}

/** `useBulk` also knows which node of the document the field is whose resolver runs now. */
interface FieldSource {
  node?(): object | undefined
}

export class Recorder {
  readonly shelf: Shelf
  readonly clock: Clock
  readonly loop: EventLoop
  readonly #documents: Documents
  readonly #values: boolean
  readonly #entries = new WeakMap<BulkScope, Entry>()
  readonly #running = new WeakMap<BulkEvent, Running>()
  readonly #limiters = new Limiters()
  #lastId = 0
  readonly #stop: () => void

  constructor({ keeps, clock = realClock, bytes = defaultBytes, values = false }: RecorderOptions) {
    this.clock = clock
    this.loop = new EventLoop(clock)
    this.#values = values
    this.#documents = new Documents(values)
    this.shelf = new Shelf(keeps, bytes, this.#documents)
    this.#stop = onBulk({
      called: (bulk, tasks, field) => this.#called(bulk, tasks, field),
      hit: (name, keys, scope) => this.#hit(name, keys, scope),
      started: event => this.#started(event),
      settled: event => this.#settled(event),
    })
  }

  /** Listens no more. */
  stop(): void {
    this.#stop()
  }

  /**
   * An operation of this server runs in this scope; of several that share one, as in an HTTP batch, each says so.
   * @returns says that it has ended, with so many errors; only the first time counts
   */
  begin(
    scope: BulkScope,
    kind: string | null,
    executed?: Executed,
    variables?: unknown,
  ): (errors: number) => void {
    const entry = this.#entryOf(scope)
    const { operation } = entry
    let ended = false
    entry.running++
    entry.claimed = true
    operation.ms = null
    operation.kind ??= kind
    const document = executed && this.#documents.of(executed)
    if (document) this.shelf.addDocument(entry, document)
    if (this.#values) this.#tellVariables(entry, variables)
    this.#changed(entry, scope)

    return errors => {
      if (ended) return
      ended = true
      operation.errors += errors
      if (--entry.running > 0) return
      operation.ms = this.#since(entry)
      // Their tasks were given up, or found a place in a bulk before them.
      let sent = 0
      for (const bulk of operation.bulks) if (bulk.startedAt !== null) operation.bulks[sent++] = bulk
      operation.bulks.length = sent
      entry.open.clear()
      this.#changed(entry, scope)
    }
  }

  #tellVariables(entry: Entry, variables: unknown): void {
    const json = readable(() => JSON.stringify(variables))
    if (json === undefined || json === '{}' || entry.operation.variables !== undefined) return
    const text = cut(json, longestVariables)
    if (this.shelf.hasRoom(entry, 2 * text.length)) entry.operation.variables = copied(text)
  }

  #changed(entry: Entry, scope: BulkScope): void {
    const { operation } = entry
    if (scope.name !== undefined && !entry.lost) {
      const name = cut(scope.name, longestName)
      if (name !== operation.name) operation.name = copied(name)
    }
    this.shelf.changed(entry)
  }

  /** Counts something of a name, and of a line; what there is no room for is not counted. */
  #count(
    entry: Entry,
    counts: [name: string, count: number, line?: number][],
    name: string,
    more: number,
    line?: number,
  ): void {
    const known = cut(name, longestName)
    const pair = counts.find(each => each[0] === known && each[2] === line)
    if (pair !== undefined) pair[1] += more
    else if (this.shelf.hasRoom(entry, weights.pair + 2 * known.length)) {
      const text = name === known ? known : copied(known)
      counts.push(line === undefined ? [text, more] : [text, more, line])
    }
  }

  /** The entry of a scope that loads now. A subscription may have waited long for its event, which begins with this. */
  #loading(scope: BulkScope): Entry {
    const entry = this.#entryOf(scope)
    const { operation } = entry
    if (operation.kind === 'subscription' && loadedNothing(operation)) {
      entry.startedAt = entry.lastSettledAt = this.clock.now()
      operation.at = rounded(this.clock.origin + entry.startedAt)
    }
    return entry
  }

  #entryOf(scope: BulkScope): Entry {
    let entry = this.#entries.get(scope)
    if (entry === undefined) {
      const startedAt = this.clock.now()
      entry = entryOf(++this.#lastId, scope, startedAt, rounded(this.clock.origin + startedAt))
      this.#entries.set(scope, entry)
    }
    return entry
  }

  #since({ startedAt }: Entry, at = this.clock.now()): number {
    // Its first bulk may have opened a moment before anybody knew of it.
    return Math.max(0, rounded(at - startedAt))
  }

  /** The line of the field whose resolver runs now. */
  #line({ caller }: BulkScope): number | undefined {
    return this.#documents.placeOf(readable(() => (caller as FieldSource | undefined)?.node?.()))
  }

  #called({ id, name, scope }: OpenBulk, tasks: number, field: string | undefined): void {
    if (scope === null) return
    const entry = this.#loading(scope)
    const bulk = entry.open.get(id) ?? this.#opened(entry, id, name, this.clock.now())
    if (bulk === null) return
    bulk.tasks += tasks
    if (field !== undefined) this.#count(entry, bulk.fields, field, tasks, this.#line(scope))
    arrive(entry, bulk, tasks, this)
    this.#changed(entry, scope)
  }

  /** A bulk of an operation; `null` if there is no room for it, or its operation is not kept any more. */
  #opened(entry: Entry, id: number, loader: string, at: number): RecordedBulk | null {
    // With its first arrival.
    if (entry.lost || !this.shelf.hasRoom(entry, weights.bulk + weights.arrival)) return null
    const bulk = openBulk(id, cut(loader, longestName), this.#since(entry, at))
    entry.operation.bulks.push(bulk)
    entry.open.set(id, bulk)
    return bulk
  }

  #hit(loader: string, keys: number, scope: BulkScope | null): void {
    if (scope === null) return
    const entry = this.#loading(scope)
    if (entry.lost) return
    const { hits, fieldHits } = entry.operation
    this.#count(entry, hits, loader, keys)
    const line = this.#line(scope)
    if (line !== undefined) {
      const known = cut(loader, longestName)
      const found = fieldHits.find(each => each[0] === line && each[1] === known)
      if (found !== undefined) found[2] += keys
      else if (this.shelf.hasRoom(entry, weights.pair)) fieldHits.push([line, copied(known), keys])
    }
    this.#changed(entry, scope)
  }

  #started(event: BulkEvent): void {
    const { id, name, scope } = event
    if (scope === null) return
    const idle = this.loop.sample()
    const entry = this.#entryOf(scope)
    const { operation } = entry
    const bulk = entry.open.get(id) ?? this.#opened(entry, id, name, event.startedAt)
    if (bulk === null) {
      if (entry.lost) return
      operation.omitted = (operation.omitted ?? 0) + 1
      this.#changed(entry, scope)
      return
    }
    entry.open.delete(id)
    // An engine whose timer fired a little early is ahead of the clock.
    const startedAt = Math.min(event.startedAt, this.clock.now())
    const readyAt = Math.min(event.readyAt, startedAt)
    const openedAt = Math.min(event.openedAt ?? readyAt, entry.startedAt + bulk.openedAt, readyAt)
    Object.assign(bulk, {
      size: finite(event.size),
      delay: finite(event.delay),
      limiters: this.#limitersOf(entry, event).map(limit => limit.id),
      tasks: event.tasks,
      cause: event.cause,
      openedAt: this.#since(entry, openedAt),
      readyAt: this.#since(entry, readyAt),
      startedAt: this.#since(entry, startedAt),
      pending: event.pending,
      inFlight: event.inFlight,
    } satisfies Partial<RecordedBulk>)
    const busy = this.loop.busyBetween(openedAt, readyAt)
    if (busy !== null) bulk.busyOpen = rounded(busy)
    this.#running.set(event, { bulk, idle, startedAt })
    this.#changed(entry, scope)
  }

  #settled(event: BulkEvent): void {
    const { scope, none, failed, error, abandoned } = event
    const running = this.#running.get(event)
    if (scope === null || running === undefined || event.settledAt === null) return
    const { bulk, startedAt } = running
    const settledAt = Math.max(startedAt, Math.min(event.settledAt, this.clock.now()))
    const idle = this.loop.sample()
    const entry = this.#entryOf(scope)
    if (entry.lost) return
    const text = error === undefined ? null : textOf(error)
    entry.lastSettled = bulk.id
    entry.lastSettledAt = settledAt
    Object.assign(bulk, {
      settledAt: this.#since(entry, settledAt),
      none,
      failed,
      error: text === null || this.shelf.hasRoom(entry, 2 * text.length) ? text : cut(text, 20),
      abandoned,
    } satisfies Partial<RecordedBulk>)
    if (readable(() => error instanceof BulkTimeoutError) === true) bulk.timedOut = true
    if (idle !== null && running.idle !== null)
      bulk.busyRunning = rounded(Math.max(0, settledAt - startedAt - (idle - running.idle)))
    this.#changed(entry, scope)
  }

  /** The limiters of a bulk, which its operation then has too. */
  #limitersOf(entry: Entry, { limiter }: BulkEvent): RecordedLimiter[] {
    const { limiters } = entry.operation
    return this.#limiters.of(limiter).filter(part => {
      if (limiters.some(({ id }) => id === part.id)) return true
      if (!this.shelf.hasRoom(entry, weights.limiter)) return false
      limiters.push(part)
      return true
    })
  }
}

function finite(value: number): number | null {
  return value === Infinity ? null : value
}
