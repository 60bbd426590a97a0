/**
 * What an engine must do, told once more and as plainly as can be: lists of tasks, and nothing that makes it fast.
 *
 * Written from what is promised (S8 to S22, S37 to S45), not from the engine. The queue is one flat list of tasks. Each
 * task remembers the window that it came into: a call comes into the last window while that has room, else it opens one.
 * The head's window says why a bulk may start (S8), and stays where it is when the head leaves (S9).
 * @module
 */

export interface ModelSettings {
  /** The most tasks in one bulk. */
  readonly size: number
  /** The longest a task waits for company, in ms. */
  readonly delay: number
  /** How many bulks may run at once; `null` is no limit. */
  readonly slots: number | null
  /** Whether the calls are made in a scope. */
  readonly scope: boolean
}

/** One thing that may happen to an engine. */
export interface Happening {
  readonly what: What
  /** The task, the bulk or the piece of work that it happens to, by its number. */
  readonly to?: number
}

type What =
  | 'call'
  | 'call with a signal'
  /** A piece of work that is nothing but the call. */
  | 'call in a piece of work'
  /** A piece of work begins and makes no call of its own. */
  | 'begin work'
  /** A piece of work makes a call and goes on beside it. */
  | 'begin work with a call'
  /** The same, and its caller may abort. */
  | 'begin work with a signal'
  | 'end work'
  | 'abort'
  | 'succeed'
  | 'fail'
  | 'flush'
  | 'close'
  /** One millisecond goes by. */
  | 'time'
  /** The promise jobs run. */
  | 'drain'
  /** The turn ends. */
  | 'turn'

/** What can be seen from outside, of the model and of an engine alike. */
export interface Picture {
  readonly bulks: readonly SeenBulk[]
  readonly pending: number
  readonly inFlight: number
  /** At the most one, at any moment. */
  readonly oneTimer: boolean
  /** What can be seen only when the promise jobs have run. */
  readonly settled: null | {
    readonly outcomes: readonly string[]
    readonly flushes: readonly FlushState[]
    readonly timers: number | null
  }
}

interface SeenBulk {
  readonly tasks: readonly number[]
  readonly cause: string
  /** Tasks left behind it, and bulks in flight with it, at its start. */
  readonly pending: number
  readonly inFlight: number
  /** Whether its signal has aborted. */
  readonly aborted: boolean
}

interface Task {
  readonly calledAt: number
  readonly window: number
  readonly signal: boolean
  /** The piece of work that made it, where that is known; `null` for a call that nobody is known to have made. */
  readonly piece: number | null
  outcome: 'waiting' | 'done' | 'failed' | 'aborted' | 'closed'
}

interface Window {
  readonly openedAt: number
  flushed: boolean
  ticked: boolean
  quiet: boolean
}

interface Bulk {
  readonly tasks: readonly number[]
  readonly cause: string
  readonly pending: number
  readonly inFlight: number
  readonly window: number
  aborted: boolean
  /** What its command has given, though the engine may not have heard of it yet. */
  gave: 'nothing' | 'done' | 'failed'
  /** The engine has heard that the command has settled. */
  over: boolean
}

/** `flush()` and `close()` wait for the windows up to one, and for the end of the turn in which those are over. */
interface Flush {
  readonly through: number
  state: FlushState
}

/** `may be done` is from when all is over until the turn has ended. */
export type FlushState = 'waits' | 'may be done' | 'done'

interface Job {
  readonly what: 'pump' | 'settle' | 'end work'
  readonly to: number
}

/** A piece of work that runs on beside its calls. */
interface Piece {
  state: 'running' | 'ending' | 'ended'
}

export class Model {
  readonly settings: ModelSettings
  #now = 0
  readonly #tasks: Task[] = []
  #queue: number[] = []
  readonly #windows: Window[] = []
  readonly #bulks: Bulk[] = []
  readonly #jobs: Job[] = []
  readonly #flushes: Flush[] = []
  readonly #pieces: Piece[] = []
  #tickAsked = false
  /** Whether a window of a scope has opened in this turn. */
  #openedNow = false
  /** Whether what is pending began with a call of work that is not known. */
  #isStray = false
  #closing = false
  /** Whether the last thing that happened has let the promise jobs run. */
  #drained = true

  constructor(settings: ModelSettings) {
    this.settings = settings
  }

  /** How many calls were made, how many of them with a signal, and how many pieces of work have begun. */
  get calls(): number {
    return this.#tasks.length
  }

  get signals(): number {
    return this.#tasks.filter(task => task.signal).length
  }

  get pieces(): number {
    return this.#pieces.length
  }

  get closing(): boolean {
    return this.#closing
  }

  /** How many flushes wait. */
  get flushing(): number {
    return this.#flushes.filter(flush => flush.state === 'waits' && flush.through < Infinity).length
  }

  /** Tasks whose callers could abort now, pending or in flight. */
  get abortable(): number[] {
    return this.#numbers(this.#tasks, task => task.signal && task.outcome === 'waiting')
  }

  /** Bulks whose commands could settle now. */
  get unsettled(): number[] {
    return this.#numbers(this.#bulks, bulk => bulk.gave === 'nothing')
  }

  /** Pieces of work that could end now. */
  get working(): number[] {
    return this.#numbers(this.#pieces, piece => piece.state === 'running')
  }

  happen({ what, to = 0 }: Happening): void {
    this.#drained = false
    switch (what) {
      case 'call':
        this.#call(false, null)
        break
      case 'call with a signal':
        this.#call(true, null)
        break
      case 'call in a piece of work':
        this.#call(false, this.#pieces.push({ state: 'ended' }) - 1)
        break
      case 'begin work':
        this.#pieces.push({ state: 'running' })
        break
      case 'begin work with a call':
      case 'begin work with a signal':
        this.#call(what === 'begin work with a signal', this.#pieces.push({ state: 'running' }) - 1)
        break
      case 'end work':
        this.#pieces[to]!.state = 'ending'
        this.#jobs.push({ what: 'end work', to })
        break
      case 'abort':
        this.#abort(to)
        break
      case 'succeed':
      case 'fail':
        this.#bulks[to]!.gave = what === 'fail' ? 'failed' : 'done'
        this.#jobs.push({ what: 'settle', to })
        break
      case 'flush':
        for (const window of this.#pendingWindows) this.#windows[window]!.flushed = true
        this.#flushes.push({ through: this.#windows.length, state: 'waits' })
        this.#pump()
        break
      case 'close':
        this.#closing = true
        this.#flushes.push({ through: Infinity, state: 'waits' })
        this.#pump()
        break
      case 'time':
        // A scope lets the turn end before time matters, as it does on every host.
        if (this.settings.scope) this.#endTurn()
        this.drain()
        this.#now++
        this.#pump()
        break
      case 'drain':
        this.drain()
        break
      case 'turn':
        this.#endTurn()
        break
    }
    this.#tellFlushes()
  }

  /** Lets the promise jobs run, in the order in which they were asked for. */
  drain(): void {
    this.#drained = true
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      if (job.what === 'end work') this.#pieces[job.to]!.state = 'ended'
      if (job.what === 'settle') this.#settle(this.#bulks[job.to]!)
      if (job.what === 'pump') this.#pump()
    }
    this.#tellFlushes()
  }

  picture(): Picture {
    return {
      bulks: this.#bulks.map(({ tasks, cause, pending, inFlight, aborted }) => ({
        tasks,
        cause,
        pending,
        inFlight,
        aborted,
      })),
      pending: this.#queue.length,
      inFlight: this.#inFlight.length,
      oneTimer: true,
      settled: this.#drained
        ? {
            outcomes: this.#tasks.map(task => task.outcome),
            flushes: this.#flushes.map(flush => flush.state),
            timers: this.#timers,
          }
        : null,
    }
  }

  /**
   * All that matters from here on: two histories that lead to one key have one future. Numbers are told by their rank,
   * instants by how long they are ago. When each task came does not matter but for the window that it opened, nor what has
   * become of the call of a piece of work that runs on; both are told because an engine might take them for what does.
   */
  key(): string {
    const { delay } = this.settings
    const age = (instant: number): number =>
      delay > 0 && delay < Infinity ? Math.min(this.#now - instant, delay) : 0
    const windows = this.#pendingWindows
    const running = this.#inFlight
    const pieces = this.#numbers(this.#pieces, piece => piece.state !== 'ended')
    const rankOf = (piece: number | null): string => (piece === null ? 'u' : String(pieces.indexOf(piece)))
    const flushes = this.#flushes
      .filter(flush => flush.state === 'waits')
      .map(({ through }) => [
        windows.filter(window => window < through).length,
        running.filter(bulk => bulk.window < through).length,
      ])
    return JSON.stringify([
      this.calls,
      this.signals,
      this.pieces,
      this.flushing,
      +this.#isStray,
      this.#queue.map(number => {
        const task = this.#tasks[number]!
        const signal = task.signal ? 's' : ''
        return `${windows.indexOf(task.window)}${signal}${rankOf(task.piece)}${age(task.calledAt)}`
      }),
      windows.map(number => {
        const { openedAt, flushed, ticked, quiet } = this.#windows[number]!
        return [age(openedAt), +flushed, +ticked, +quiet]
      }),
      running.map(bulk => [bulk.gave, ...bulk.tasks.map(number => this.#waitsFor(number))]),
      this.#jobs.map(job => [
        job.what,
        job.what === 'end work' ? pieces.indexOf(job.to) : running.indexOf(this.#bulks[job.to]!),
      ]),
      pieces.map(number => [this.#pieces[number]!.state, ...this.#callsOf(number)]),
      [...new Set(flushes.map(String))].toSorted(),
      this.#tickAsked,
      this.#openedNow,
      this.#closing,
    ])
  }

  #waitsFor(number: number): string {
    const task = this.#tasks[number]!
    if (task.outcome !== 'waiting') return ''
    return task.signal ? 's' : 'p'
  }

  /** What has become of the calls of a piece of work. */
  #callsOf(piece: number): string[] {
    return this.#tasks.filter(task => task.piece === piece).map(task => task.outcome)
  }

  #numbers<V>(list: readonly V[], is: (each: V) => boolean): number[] {
    const numbers: number[] = []
    for (let number = 0; number < list.length; number++) if (is(list[number]!)) numbers.push(number)
    return numbers
  }

  get #inFlight(): Bulk[] {
    return this.#bulks.filter(bulk => !bulk.over)
  }

  /** The windows that have tasks in the queue, first to last. */
  get #pendingWindows(): number[] {
    const windows: number[] = []
    for (const number of this.#queue) {
      const { window } = this.#tasks[number]!
      if (window !== windows.at(-1)) windows.push(window)
    }
    return windows
  }

  /** One timer while only time can make the head ready, else none (S15); in a scope not before the turn has ended. */
  get #timers(): number | null {
    const { delay } = this.settings
    if (this.#openedNow) return null
    // A scope may have one of its own, that warns of a window which never closes.
    if (this.settings.scope && delay === Infinity && this.#queue.length > 0) return null
    const waits = this.#queue.length > 0 && this.#cause() === null
    return waits && delay > 0 && delay < Infinity ? 1 : 0
  }

  #call(signal: boolean, piece: number | null): void {
    const number = this.#tasks.length
    if (this.#closing) {
      this.#tasks.push({ calledAt: this.#now, window: -1, signal: false, piece, outcome: 'closed' })
      return
    }
    if (this.#queue.length === 0) this.#isStray = this.#comesFromUnknown(piece)
    const window = this.#windowForNext()
    this.#tasks.push({ calledAt: this.#now, window, signal, piece, outcome: 'waiting' })
    this.#queue.push(number)
    // The command never runs inside a call (S4), so a full bulk starts with the promise jobs.
    if (this.#queue.length >= this.settings.size) this.#askPump()
  }

  #askPump(): void {
    if (!this.#jobs.some(job => job.what === 'pump')) this.#jobs.push({ what: 'pump', to: -1 })
  }

  #windowForNext(): number {
    const last = this.#pendingWindows.at(-1)
    const mates = this.#queue.filter(number => this.#tasks[number]!.window === last)
    if (last !== undefined && mates.length < this.settings.size) return last
    if (this.settings.delay === 0) this.#tickAsked = true
    this.#openedNow = this.settings.scope && this.settings.delay > 0
    return this.#windows.push({ openedAt: this.#now, flushed: false, ticked: false, quiet: false }) - 1
  }

  #abort(number: number): void {
    this.#tasks[number]!.outcome = 'aborted'
    if (this.#queue.includes(number)) {
      this.#queue = this.#queue.filter(other => other !== number)
      // Its mates may have the same signal and not have heard of it yet, so nothing starts before the promise jobs.
      this.#askPump()
      return
    }
    const bulk = this.#bulks.find(other => other.tasks.includes(number))!
    if (!this.#hasCallers(bulk)) bulk.aborted = true
  }

  #settle(bulk: Bulk): void {
    for (const number of bulk.tasks) {
      const task = this.#tasks[number]!
      if (task.outcome === 'waiting') task.outcome = bulk.gave === 'failed' ? 'failed' : 'done'
    }
    bulk.over = true
    this.#pump()
  }

  #endTurn(): void {
    this.#openedNow = false
    for (;;) {
      this.drain()
      const pending = this.#pendingWindows.map(number => this.#windows[number]!)
      const closes = this.#isQuiet && !this.#isStray && pending.some(window => !window.quiet)
      for (const flush of this.#flushes) if (flush.state === 'may be done') flush.state = 'done'
      if (!this.#tickAsked && !closes) return
      for (const window of pending) {
        if (this.#tickAsked) window.ticked = true
        if (closes) window.quiet = true
      }
      this.#tickAsked = false
      this.#pump()
    }
  }

  /** No bulk whose callers still wait is in flight, and every piece of work waits for a pending call of its own (S45). */
  get #isQuiet(): boolean {
    // With no delay there is no window that a scope could close early.
    if (!this.settings.scope || this.settings.delay === 0) return false
    // A call that nobody is known to have made is nobody's: it says nothing of any piece (S83).
    const waiting = new Set(this.#queue.map(number => this.#tasks[number]!.piece))
    const isBusy = this.#pieces.some((piece, number) => piece.state !== 'ended' && !waiting.has(number))
    return !isBusy && !this.#bulks.some(bulk => this.#hasCallers(bulk))
  }

  /** Whether a call that opens a window comes while no piece of work can have made it, though work has begun (S280). */
  #comesFromUnknown(piece: number | null): boolean {
    return piece === null && this.pieces > 0 && this.settings.delay < Infinity && this.#isQuiet
  }

  #hasCallers(bulk: Bulk): boolean {
    return bulk.tasks.some(number => this.#tasks[number]!.outcome === 'waiting')
  }

  /** Why the first bulk may start now. */
  #cause(): string | null {
    const { size, delay } = this.settings
    const window = this.#windows[this.#tasks[this.#queue[0]!]!.window]!
    if (this.#queue.length >= size) return 'size'
    if (window.flushed) return 'flush'
    if (this.#closing) return 'close'
    if (delay === 0 && window.ticked) return 'tick'
    if (window.quiet) return 'quiet'
    if (delay > 0 && this.#now - window.openedAt >= delay) return 'delay'
    return null
  }

  #pump(): void {
    const slots = this.settings.slots ?? Infinity
    while (this.#inFlight.length < slots && this.#queue.length > 0) {
      const cause = this.#cause()
      if (cause === null) return
      const window = this.#pendingWindows[0]!
      const tasks = this.#queue.splice(0, this.settings.size)
      this.#bulks.push({
        tasks,
        cause,
        window,
        pending: this.#queue.length,
        inFlight: this.#inFlight.length + 1,
        aborted: false,
        gave: 'nothing',
        over: false,
      })
    }
  }

  #tellFlushes(): void {
    for (const flush of this.#flushes) {
      if (flush.state !== 'waits') continue
      const pending = this.#pendingWindows.some(window => window < flush.through)
      const running = this.#inFlight.some(bulk => bulk.window < flush.through)
      if (!pending && !running) flush.state = 'may be done'
    }
  }
}
