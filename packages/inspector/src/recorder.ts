/**
 * The recorder: hears of all bulks of the process and keeps those of the latest operations of this server.
 * @module
 */

import { onBulk, type BulkEvent, type BulkScope, type Limiter, type OpenBulk } from '@bulkcall/core'
import type { RecordedBulk, RecordedLimiter, RecordedOperation, Recording } from './recording.ts'

/** Where instants come from: the clock of the events. */
export interface Clock {
  now(): number
  /** What the clock showed in 1970. */
  readonly origin: number
}

const realClock: Clock = { now: () => performance.now(), origin: performance.timeOrigin }

/** A turn of the event loop in which tasks came, and when. */
interface Turn {
  readonly number: number
  readonly after: number | null
  readonly ms: number
}

/** An operation that goes on, or has ended and is kept. */
interface Entry {
  readonly operation: RecordedOperation
  startedAt: number
  /** The bulk that has settled last, and when. */
  lastSettled: number | null
  lastSettledAt: number
  /** The latest turn in which tasks came, and when the first of them did. */
  turn: Turn | null
  /** Its bulks that have not started, by their numbers. */
  readonly open: Map<number, RecordedBulk>
  /** How many executions share it: those of one HTTP batch. */
  running: number
  /** Whether it is one of this server: a bulk may come before its operation is known. */
  claimed: boolean
  /** Whether it has got its place among those that are kept, which it may have lost since. */
  kept: boolean
}

export class Recorder {
  /** Hears that an operation has changed. */
  onChange: ((operation: RecordedOperation) => void) | null = null
  readonly #most: number
  readonly #clock: Clock
  readonly #entries = new WeakMap<BulkScope, Entry>()
  readonly #bulks = new WeakMap<BulkEvent, RecordedBulk>()
  readonly #limiterIds = new WeakMap<Limiter, number>()
  readonly #operations = new Set<RecordedOperation>()
  #lastId = 0
  #lastLimiterId = 0
  #turnNumber = 0
  #turnEnds = false
  readonly #stop: () => void

  /** @param most how many operations are kept */
  constructor(most: number, clock: Clock = realClock) {
    this.#most = most
    this.#clock = clock
    this.#stop = onBulk({
      called: (bulk, tasks, asker) => this.#called(bulk, tasks, asker),
      hit: (name, keys, scope) => this.#hit(name, keys, scope),
      started: event => this.#started(event),
      settled: event => this.#settled(event),
    })
  }

  get recording(): Recording {
    return { version: 1, keeps: this.#most, operations: [...this.#operations] }
  }

  /** Hears no more. */
  stop(): void {
    this.#stop()
  }

  /**
   * An operation of this server runs in this scope; of several that share one, as in an HTTP batch, each says so.
   * @returns says that it has ended, with so many errors; only the first time counts
   */
  begin(scope: BulkScope, kind: string | null): (errors: number) => void {
    const entry = this.#entryOf(scope)
    const { operation } = entry
    let ended = false
    entry.running++
    entry.claimed = true
    operation.ms = null
    operation.kind ??= kind
    this.#changed(entry, scope)

    return errors => {
      if (ended) return
      ended = true
      operation.errors += errors
      if (--entry.running > 0) return
      operation.ms = this.#since(entry)
      // Their tasks were given up, or found a place in a bulk before them.
      const sent = operation.bulks.filter(bulk => bulk.startedAt !== null)
      operation.bulks.splice(0, Infinity, ...sent)
      entry.open.clear()
      this.#changed(entry, scope)
    }
  }

  /** An operation is kept from its first load on: those that load nothing are not worth a place. */
  #changed(entry: Entry, scope: BulkScope): void {
    const { operation } = entry
    operation.name = scope.name ?? operation.name
    if (!entry.claimed || loadedNothing(operation)) return
    if (!entry.kept) {
      entry.kept = true
      this.#operations.add(operation)
      for (const oldest of this.#operations) {
        if (this.#operations.size <= this.#most) break
        this.#operations.delete(oldest)
      }
    }
    if (this.#operations.has(operation)) this.onChange?.(operation)
  }

  /** The entry of a scope that loads now. A subscription may have waited long for its event, which begins with this. */
  #loading(scope: BulkScope): Entry {
    const entry = this.#entryOf(scope)
    const { operation } = entry
    if (operation.kind === 'subscription' && loadedNothing(operation)) {
      entry.startedAt = entry.lastSettledAt = this.#clock.now()
      operation.at = rounded(this.#clock.origin + entry.startedAt)
    }
    return entry
  }

  #entryOf(scope: BulkScope): Entry {
    let entry = this.#entries.get(scope)
    if (entry === undefined) {
      const startedAt = this.#clock.now()
      const operation: RecordedOperation = {
        id: ++this.#lastId,
        name: scope.name ?? null,
        kind: null,
        at: rounded(this.#clock.origin + startedAt),
        ms: null,
        errors: 0,
        bulks: [],
        hits: [],
        limiters: [],
      }
      entry = {
        operation,
        startedAt,
        lastSettled: null,
        lastSettledAt: startedAt,
        turn: null,
        open: new Map(),
        running: 0,
        claimed: false,
        kept: false,
      }
      this.#entries.set(scope, entry)
    }
    return entry
  }

  #since({ startedAt }: Entry, at = this.#clock.now()): number {
    // Its first bulk may have opened a moment before anybody heard of it.
    return Math.max(0, rounded(at - startedAt))
  }

  #called({ id, name, scope }: OpenBulk, tasks: number, asker: string | undefined): void {
    if (scope === null) return
    const entry = this.#loading(scope)
    const bulk = entry.open.get(id) ?? this.#opened(entry, id, name, this.#clock.now())
    bulk.tasks += tasks
    if (asker !== undefined) count(bulk.askers, asker, tasks)

    const arrival = this.#arrival(entry)
    const latest = bulk.arrivals.at(-1)
    if (latest?.[0] === arrival.after && latest[1] === arrival.ms) latest[2] += tasks
    else bulk.arrivals.push([arrival.after, arrival.ms, tasks])
    this.#changed(entry, scope)
  }

  #opened(entry: Entry, id: number, loader: string, at: number): RecordedBulk {
    const bulk = openBulk(id, loader, this.#since(entry, at))
    entry.operation.bulks.push(bulk)
    entry.open.set(id, bulk)
    return bulk
  }

  /**
   * When a task comes. All that come in one turn come at one instant: how long the resolvers of a list take, one after the
   * other, is no time in which a bulk could have started.
   */
  #arrival(entry: Entry): Turn {
    const { turn, lastSettled: after } = entry
    if (turn !== null && turn.number === this.#turn() && turn.after === after) return turn
    return (entry.turn = {
      number: this.#turn(),
      after,
      ms: Math.max(0, rounded(this.#clock.now() - entry.lastSettledAt)),
    })
  }

  /** The number of the turn of the event loop; a turn in which nobody asks for it is not counted. */
  #turn(): number {
    if (!this.#turnEnds) {
      this.#turnEnds = true
      endOfTurn(() => {
        this.#turnEnds = false
        this.#turnNumber++
      })
    }
    return this.#turnNumber
  }

  #hit(loader: string, keys: number, scope: BulkScope | null): void {
    if (scope === null) return
    const entry = this.#loading(scope)
    count(entry.operation.hits, loader, keys)
    this.#changed(entry, scope)
  }

  #started(event: BulkEvent): void {
    const { id, name, scope, limiter } = event
    if (scope === null) return
    const entry = this.#entryOf(scope)
    const { operation } = entry
    const bulk = entry.open.get(id) ?? this.#opened(entry, id, name, event.startedAt)
    entry.open.delete(id)
    const limiters = limiter === null ? [] : partsOf(limiter).map(part => this.#told(part))
    for (const told of limiters)
      if (!operation.limiters.some(({ id: known }) => known === told.id)) operation.limiters.push(told)
    Object.assign(bulk, {
      size: finite(event.size),
      delay: finite(event.delay),
      limiters: limiters.map(told => told.id),
      tasks: event.tasks,
      cause: event.cause,
      openedAt: this.#since(entry, event.openedAt ?? event.readyAt),
      readyAt: this.#since(entry, event.readyAt),
      startedAt: this.#since(entry, event.startedAt),
      pending: event.pending,
      inFlight: event.inFlight,
    } satisfies Partial<RecordedBulk>)
    this.#bulks.set(event, bulk)
    this.#changed(entry, scope)
  }

  #settled(event: BulkEvent): void {
    const { scope, settledAt, none, failed, error, abandoned } = event
    const bulk = this.#bulks.get(event)
    if (scope === null || bulk === undefined || settledAt === null) return
    const entry = this.#entryOf(scope)
    entry.lastSettled = bulk.id
    entry.lastSettledAt = settledAt
    Object.assign(bulk, {
      settledAt: this.#since(entry, settledAt),
      none,
      failed,
      error: error === undefined ? null : textOf(error),
      abandoned,
    } satisfies Partial<RecordedBulk>)
    this.#changed(entry, scope)
  }

  #told(limiter: Limiter): RecordedLimiter {
    let id = this.#limiterIds.get(limiter)
    if (id === undefined) this.#limiterIds.set(limiter, (id = ++this.#lastLimiterId))
    return { id, slots: limiter.slots ?? null }
  }
}

/** After the promise jobs, where there is Node's next tick, which waits for them; else with the next timer. */
function endOfTurn(job: () => void): void {
  if (globalThis.process?.nextTick === undefined) setTimeout(job, 0)
  else queueMicrotask(() => process.nextTick(job))
}

function loadedNothing({ bulks, hits }: RecordedOperation): boolean {
  return bulks.length === 0 && hits.length === 0
}

function openBulk(id: number, loader: string, openedAt: number): RecordedBulk {
  return {
    id,
    loader,
    size: null,
    delay: null,
    limiters: [],
    tasks: 0,
    cause: null,
    openedAt,
    readyAt: null,
    startedAt: null,
    settledAt: null,
    pending: 0,
    inFlight: 0,
    none: false,
    failed: 0,
    error: null,
    abandoned: false,
    askers: [],
    arrivals: [],
  }
}

function partsOf(limiter: Limiter): readonly Limiter[] {
  return limiter.parts?.flatMap(partsOf) ?? [limiter]
}

function count(counts: [string, number][], name: string, more: number): void {
  const entry = counts.find(([known]) => known === name)
  if (entry === undefined) counts.push([name, more])
  else entry[1] += more
}

/** A text for people, however long what was thrown is. */
function textOf(error: unknown): string {
  try {
    return String(error).slice(0, 500)
  } catch {
    return 'an error that cannot be told'
  }
}

function finite(value: number): number | null {
  return value === Infinity ? null : value
}

/** To microseconds: more digits say nothing. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
