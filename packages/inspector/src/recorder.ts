/**
 * The recorder: listens to all bulks of the process and keeps those of the latest operations of this server, as far as they
 * have room.
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

/** How much memory all that is kept may take, about. */
export const defaultBytes = 32_000_000
/** Of that, one operation may take a part: the others are worth something too. */
const partOfOne = 1 / 4
/** More of one than a page can show, and than it opens again from a file. */
const mostOfOne = 8_000_000
/** How much is kept of an operation of which it is not known whether it is one of this server. */
const bytesOfUnknown = 64_000

/** What the parts of an operation take in memory, in bytes: about, and rather too much. */
const weights = { operation: 800, bulk: 700, pair: 120, arrival: 120, limiter: 100 } as const
/** Names come from clients too, and have no bound of their own. */
const longestName = 200
const longestError = 500

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
  /** Whether it has got its place among those that are kept. */
  kept: boolean
  /** Whether it has lost that place: nothing more is written of it. */
  lost: boolean
  /** What it takes in memory. */
  bytes: number
  /** The number of its latest change, among those of all operations. */
  change: number
}

export class Recorder {
  /** How many operations are kept at most. */
  readonly keeps: number
  readonly #mostBytes: number
  readonly #clock: Clock
  readonly #entries = new WeakMap<BulkScope, Entry>()
  readonly #bulks = new WeakMap<BulkEvent, RecordedBulk>()
  readonly #limiterIds = new WeakMap<Limiter, number>()
  /** Those that are kept, the oldest first. */
  readonly #kept = new Map<number, Entry>()
  /** The same, the one that has changed last at the end. */
  readonly #byChange = new Set<Entry>()
  #bytes = 0
  #changes = 0
  #forgotten = 0
  #lastId = 0
  #lastLimiterId = 0
  #turnNumber = 0
  #turnEnds = false
  readonly #stop: () => void

  /**
   * @param keeps how many operations are kept
   * @param bytes how much memory they may take, about
   */
  constructor(keeps: number, clock: Clock = realClock, bytes: number = defaultBytes) {
    this.keeps = keeps
    this.#mostBytes = bytes
    this.#clock = clock
    this.#stop = onBulk({
      called: (bulk, tasks, asker) => this.#called(bulk, tasks, asker),
      hit: (name, keys, scope) => this.#hit(name, keys, scope),
      started: event => this.#started(event),
      settled: event => this.#settled(event),
    })
  }

  get recording(): Recording {
    return {
      version: 1,
      keeps: this.keeps,
      operations: [...this.#kept.values()].map(({ operation }) => operation),
    }
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

  /** The operations that have changed since a change, in the order of their latest ones. */
  *changedSince(change: number): Generator<{ readonly id: number; readonly change: number }> {
    if (change === this.#changes) return
    for (const entry of this.#byChange)
      if (entry.change > change) yield { id: entry.operation.id, change: entry.change }
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
      let sent = 0
      for (const bulk of operation.bulks) if (bulk.startedAt !== null) operation.bulks[sent++] = bulk
      operation.bulks.length = sent
      entry.open.clear()
      this.#changed(entry, scope)
    }
  }

  /** An operation is kept from its first load on: those that load nothing are not worth a place. */
  #changed(entry: Entry, scope: BulkScope): void {
    const { operation } = entry
    if (entry.lost) return
    if (scope.name !== undefined) {
      const name = cut(scope.name, longestName)
      if (name !== operation.name) operation.name = copied(name)
    }
    if (!entry.claimed || loadedNothing(operation)) return
    if (!entry.kept) {
      entry.kept = true
      this.#bytes += entry.bytes
      this.#kept.set(operation.id, entry)
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

  #forget(entry: Entry): void {
    this.#forgotten++
    this.#bytes -= entry.bytes
    this.#kept.delete(entry.operation.id)
    this.#byChange.delete(entry)
    // It may go on for long, and its scope holds it.
    entry.lost = true
    entry.open.clear()
    entry.operation.bulks.length = 0
    entry.operation.hits.length = 0
  }

  /** Whether there is room for something more of an operation; then it is taken. */
  #hasRoom(entry: Entry, bytes: number): boolean {
    const most = Math.min(this.#mostBytes * partOfOne, mostOfOne)
    if (entry.bytes + bytes > (entry.claimed ? most : Math.min(most, bytesOfUnknown))) return false
    entry.bytes += bytes
    if (entry.kept) this.#bytes += bytes
    return true
  }

  /** Counts something that has a name; what there is no room for is not counted. */
  #count(entry: Entry, counts: [string, number][], name: string, more: number): void {
    const known = cut(name, longestName)
    const pair = counts.find(([other]) => other === known)
    if (pair !== undefined) pair[1] += more
    else if (this.#hasRoom(entry, weights.pair + 2 * known.length))
      counts.push([name === known ? known : copied(known), more])
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
        name: scope.name === undefined ? null : copied(cut(scope.name, longestName)),
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
        lost: false,
        bytes: weights.operation,
        change: 0,
      }
      this.#entries.set(scope, entry)
    }
    return entry
  }

  #since({ startedAt }: Entry, at = this.#clock.now()): number {
    // Its first bulk may have opened a moment before anybody heard of it.
    return Math.max(0, rounded(at - startedAt))
  }

  #called({ id, name, scope }: OpenBulk, tasks: number, field: string | undefined): void {
    if (scope === null) return
    const entry = this.#loading(scope)
    const bulk = entry.open.get(id) ?? this.#opened(entry, id, name, this.#clock.now())
    if (bulk === null) return
    bulk.tasks += tasks
    if (field !== undefined) this.#count(entry, bulk.askers, field, tasks)

    const arrival = this.#arrival(entry)
    const latest = bulk.arrivals.at(-1)
    const joins = latest?.[0] === arrival.after && latest[1] === arrival.ms
    // Where there is no room, they are said to have come with the ones before: as many must come as the bulk has tasks.
    if (latest !== undefined && (joins || !this.#hasRoom(entry, weights.arrival))) latest[2] += tasks
    else bulk.arrivals.push([arrival.after, arrival.ms, tasks])
    this.#changed(entry, scope)
  }

  /** A bulk of an operation; `null` if there is no room for it, or its operation is not kept any more. */
  #opened(entry: Entry, id: number, loader: string, at: number): RecordedBulk | null {
    // With its first arrival.
    if (entry.lost || !this.#hasRoom(entry, weights.bulk + weights.arrival)) return null
    const bulk = openBulk(id, cut(loader, longestName), this.#since(entry, at))
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
    if (entry.lost) return
    this.#count(entry, entry.operation.hits, loader, keys)
    this.#changed(entry, scope)
  }

  #started(event: BulkEvent): void {
    const { id, name, scope, limiter } = event
    if (scope === null) return
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
    const limiters = this.#limitersIn(entry, limiter)
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
    if (entry.lost) return
    const text = error === undefined ? null : textOf(error)
    entry.lastSettled = bulk.id
    entry.lastSettledAt = settledAt
    Object.assign(bulk, {
      settledAt: this.#since(entry, settledAt),
      none,
      failed,
      error: text === null || this.#hasRoom(entry, 2 * text.length) ? text : cut(text, 20),
      abandoned,
    } satisfies Partial<RecordedBulk>)
    this.#changed(entry, scope)
  }

  /** The limiters of a bulk, which its operation then has too. */
  #limitersIn(entry: Entry, limiter: Limiter | null): RecordedLimiter[] {
    const { limiters } = entry.operation
    const parts = limiter === null ? [] : partsOf(limiter).map(part => this.#recordedOf(part))
    return parts.filter(part => {
      if (limiters.some(({ id }) => id === part.id)) return true
      if (!this.#hasRoom(entry, weights.limiter)) return false
      limiters.push(part)
      return true
    })
  }

  #recordedOf(limiter: Limiter): RecordedLimiter {
    let id = this.#limiterIds.get(limiter)
    if (id === undefined) this.#limiterIds.set(limiter, (id = ++this.#lastLimiterId))
    return { id, slots: slotsOf(limiter) }
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

/** What a limiter is made of. It is not ours, so it may throw when it is looked at, or be a part of itself. */
function partsOf(limiter: Limiter): readonly Limiter[] {
  const found = new Set<Limiter>()
  const seen = new Set<Limiter>()
  const look = (each: Limiter): void => {
    if (seen.has(each) || seen.size >= mostParts) return
    seen.add(each)
    const parts = readable(() => each.parts && [...each.parts])
    if (parts === undefined) found.add(each)
    else for (const part of parts) if (typeof part === 'object' && part !== null) look(part)
  }
  look(limiter)
  return [...found]
}

/** More limiters of one bulk than anyone has. */
const mostParts = 100

/** How many slots a limiter says that it has; `null` if that is no such number. */
function slotsOf(limiter: Limiter): number | null {
  const slots = readable(() => limiter.slots)
  return Number.isSafeInteger(slots) && slots! >= 1 ? slots! : null
}

/** What somebody else's object tells, or `undefined` where it throws. */
function readable<V>(read: () => V): V | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A text for people, whatever was thrown and however long it is. */
function textOf(error: unknown): string {
  return copied(cut(readable(() => String(error)) ?? 'an error that cannot be read', longestError))
}

/** A name may change later, when nobody checks it any more, and need not be a text then. */
function cut(name: unknown, most: number): string {
  const text = typeof name === 'string' ? name : (readable(() => String(name)) ?? 'unreadable')
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

/**
 * The same text, on its own: a part that was cut out of a text (a name out of a document, the begin of a message) keeps
 * the whole of it in memory.
 */
function copied(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}

function finite(value: number): number | null {
  return value === Infinity ? null : value
}

/** To microseconds: more digits say nothing. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
