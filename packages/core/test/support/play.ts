/**
 * Plays a plan: engines on virtual time, and in the order of the plan tasks that are called, callers that abort, commands
 * that end, promise jobs, turns and time. It writes down what happened, and knows what each call should have got.
 */

import { getEventListeners } from 'node:events'
import {
  AsyncBulkCall,
  onBulk,
  semaphore,
  type AsyncContext,
  type BulkEvent,
  type Host,
} from '../../src/index.ts'
import { ManualHost } from './manual-host.ts'

/** How a command behaves. All but the first three end when a step of the plan says so. */
export type Manner =
  | 'at once'
  | 'generator'
  | 'throw'
  | 'later'
  | 'none'
  | 'reject'
  | 'few'
  | 'many'
  /** One result a step. */
  | 'stream'
  /** Half of the results, one a step, and then an error. */
  | 'torn stream'
  /** Never ends where there is a `timeout`; elsewhere it ends when the plan has been played. */
  | 'hang'

/** The signal that a call is made with: none, its own, one that several calls share, or one that has aborted. */
export type SignalOfCall = 'no' | 'own' | 'shared' | 'aborted'

export type Step =
  | { readonly do: 'call'; readonly engine: number; readonly signal: SignalOfCall }
  | {
      readonly do: 'callMany'
      readonly engine: number
      readonly count: number
      readonly signal: SignalOfCall
    }
  | { readonly do: 'abort' | 'end a command'; readonly which: number }
  | { readonly do: 'flush' | 'close'; readonly engine: number }
  | { readonly do: 'promise jobs'; readonly count: number }
  | { readonly do: 'turn' }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'nothing' }

export interface EnginePlan {
  readonly size: number
  readonly delay: number
  readonly maxPending: number
  readonly timeout: number
}

export interface Plan {
  /** The slots of the limiter that all engines share; `null` for none. */
  readonly slots: number | null
  readonly watched: boolean
  readonly engines: readonly EnginePlan[]
  /** The manners of the commands, in the order in which they start, over and over. */
  readonly manners: readonly Manner[]
  readonly steps: readonly Step[]
}

export type Outcome =
  | { readonly status: 'fulfilled'; readonly value: unknown }
  | { readonly status: 'rejected'; readonly reason: unknown }

/** One task, called alone or among others. */
export interface Call {
  readonly id: number
  readonly engine: number
  readonly calledAt: number
  readonly controller: AbortController | null
  /** What refused it, where it was refused. */
  readonly refusal: 'closed' | 'overflow' | 'aborted' | null
  /** Where the task was when its caller aborted. */
  aborted: 'pending' | 'running' | 'given' | null
  bulk: Bulk | null
  /** Each time that its promise settled. */
  readonly outcomes: Outcome[]
}

/** One call of a command. */
export interface Bulk {
  readonly engine: number
  readonly tasks: readonly number[]
  readonly manner: Manner
  readonly error: Error
  readonly startedAt: number
  /** How many tasks had been called and not started when it started, its own not among them. */
  readonly pendingBehind: number
  /** How many commands ran when it started, over all engines, itself among them. */
  readonly running: number
  readonly runningOfEngine: number
  /** Whether the caller of one of its tasks had aborted by then. */
  readonly hadAborted: boolean
  /** Why it may have started, as far as the plan tells. */
  readonly reasons: readonly string[]
  /** When the results of a stream were yielded. */
  readonly yieldedAt: number[]
  endedAt: number | null
  /** Lets a command that waits for its step go on. */
  goOn: (() => void) | null
}

/** What was to be seen at the end of a turn. */
export interface Sample {
  readonly time: number
  readonly freeSlot: boolean
  readonly slotsInUse: number
  readonly inLine: number
  readonly running: number
  readonly engines: readonly {
    readonly waits: readonly number[]
    readonly ready: boolean
    readonly timers: number
    readonly idle: boolean
    /** Whether the engine counts as many pending tasks as there are. */
    readonly countsRight: boolean
  }[]
}

/** What a task gets from every command that gives results. */
export function resultOf(task: number): string | Error {
  return isPoisoned(task) ? new Error(`task ${task} is poisoned`) : `result of ${task}`
}

export function isPoisoned(task: number): boolean {
  return task % 5 === 4
}

export async function play(plan: Plan): Promise<Play> {
  const played = new Play(plan)
  await played.run()
  return played
}

export class Play {
  readonly plan: Plan
  readonly calls: Call[] = []
  readonly bulks: Bulk[] = []
  readonly samples: Sample[] = []
  readonly started: BulkEvent[] = []
  readonly settled: BulkEvent[] = []
  /** The events of all engines in the order in which they were told. */
  readonly told: { readonly what: 'started' | 'settled'; readonly id: number }[] = []
  /** For each flush and close that has resolved: the calls before it that had not settled by the end of that turn. */
  readonly leftByDrains: Call[][] = []
  drains = 0
  readonly limiter: ReturnType<typeof semaphore> | null
  readonly hosts: EngineHost[] = []
  readonly engines: AsyncBulkCall<number, unknown>[] = []

  readonly #host = new ManualHost()
  #shared = new AbortController()
  readonly #waiting: Call[][] = []
  readonly #flushedThrough: number[] = []
  readonly #closed: boolean[] = []

  constructor(plan: Plan) {
    this.plan = plan
    this.limiter = plan.slots === null ? null : semaphore(plan.slots)
    plan.engines.forEach((options, engine) => {
      const host = new EngineHost(this.#host)
      this.hosts.push(host)
      this.#waiting.push([])
      this.#flushedThrough.push(-1)
      this.#closed.push(false)
      const command = (tasks: readonly number[]): unknown => this.#command(engine, tasks)
      this.engines.push(
        new AsyncBulkCall(command as (tasks: number[]) => unknown[], {
          ...options,
          concurrent: this.limiter,
          name: `engine ${engine}`,
          host,
        }),
      )
    })
  }

  async run(): Promise<void> {
    const unwatch = this.plan.watched
      ? onBulk({
          started: event => {
            this.started.push({ ...event })
            this.told.push({ what: 'started', id: event.id })
          },
          settled: event => {
            this.settled.push(event)
            this.told.push({ what: 'settled', id: event.id })
          },
        })
      : () => {}
    try {
      for (const step of this.plan.steps) await this.#step(step)
      await this.#windUp()
    } finally {
      unwatch()
    }
  }

  /** How many listeners are left on the signals of the callers. */
  get listeners(): number {
    return this.calls.reduce((sum, { controller }) => {
      return sum + (controller === null ? 0 : getEventListeners(controller.signal, 'abort').length)
    }, 0)
  }

  get idle(): boolean {
    return this.engines.every(engine => engine.pending === 0 && engine.inFlight === 0)
  }

  timedOut(bulk: Bulk): boolean {
    return bulk.endedAt === null || bulk.endedAt >= this.#deadline(bulk)
  }

  /** Whether the command ran for twice its time. */
  abandoned(bulk: Bulk): boolean {
    return bulk.endedAt === null || bulk.endedAt >= this.#abandonedAt(bulk)
  }

  /** When the bulk was over: its command had ended, or was abandoned. */
  overAt(bulk: Bulk): number {
    return Math.min(bulk.endedAt ?? Infinity, this.#abandonedAt(bulk))
  }

  #abandonedAt(bulk: Bulk): number {
    return bulk.startedAt + 2 * this.plan.engines[bulk.engine]!.timeout
  }

  /** All that a call may have got, in words. There is one thing, unless it was aborted while its result was under way. */
  expected(call: Call): string[] {
    const abort = inWords({ status: 'rejected', reason: call.controller?.signal.reason })
    if (call.refusal === 'closed') return ['rejected: BulkClosedError']
    if (call.refusal === 'overflow') return ['rejected: BulkOverflowError']
    if (call.refusal === 'aborted') return [abort]
    if (call.aborted === 'pending' || call.aborted === 'running') return [abort]
    const given = call.bulk === null ? 'to be in a bulk' : this.#given(call.bulk, call.id)
    return call.aborted === 'given' ? [abort, given] : [given]
  }

  #given(bulk: Bulk, task: number): string {
    const result = resultOf(task)
    const itsResult = result instanceof Error ? `rejected: ${result.message}` : `fulfilled: ${result}`
    const yieldedAt = bulk.yieldedAt[bulk.tasks.indexOf(task)]
    if (yieldedAt !== undefined && yieldedAt < this.#deadline(bulk)) return itsResult
    if (this.timedOut(bulk)) return 'rejected: BulkTimeoutError'
    const { manner } = bulk
    if (manner === 'none') return 'fulfilled: null'
    if (manner === 'few' || manner === 'many') return 'rejected: BulkLengthError'
    const fails = manner === 'throw' || manner === 'reject' || manner === 'torn stream'
    return fails ? `rejected: ${bulk.error.message}` : itsResult
  }

  #deadline(bulk: Bulk): number {
    return bulk.startedAt + this.plan.engines[bulk.engine]!.timeout
  }

  /** Ends the turn, and looks. */
  async #turn(): Promise<void> {
    await this.#host.turn()
    this.samples.push(this.#sample())
  }

  /** Ends the turn and lets time pass. Each instant at which timers fire is a turn, too. */
  async #pass(ms: number): Promise<void> {
    const until = this.#host.time + ms
    await this.#turn()
    while (this.#host.nextTimerAt <= until) {
      await this.#host.advance(this.#host.nextTimerAt - this.#host.time)
      await this.#turn()
    }
    await this.#host.advance(until - this.#host.time)
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        return this.#call(step.engine % this.engines.length, step.signal)
      case 'callMany':
        return this.#callMany(step.engine % this.engines.length, step.count, step.signal)
      case 'abort':
        return this.#abort(step.which)
      case 'end a command':
        return this.#endCommand(step.which)
      case 'flush':
      case 'close':
        return this.#drain(step.do, step.engine % this.engines.length)
      case 'promise jobs':
        for (let i = 0; i < step.count; i++) await Promise.resolve()
        return
      case 'turn':
        return this.#turn()
      case 'time':
        return this.#pass(step.ms)
      case 'nothing':
    }
  }

  #call(engine: number, wish: SignalOfCall): void {
    const controller = this.#controller(wish)
    const call = this.#enter(engine, controller)
    const promise = this.engines[engine]!.call(call.id, { signal: controller?.signal })
    void promise.then(
      value => call.outcomes.push({ status: 'fulfilled', value }),
      (reason: unknown) => call.outcomes.push({ status: 'rejected', reason }),
    )
  }

  #callMany(engine: number, count: number, wish: SignalOfCall): void {
    const controller = this.#controller(wish)
    const calls = Array.from({ length: count }, () => this.#enter(engine, controller))
    const tasks = calls.map(call => call.id)
    void this.engines[engine]!.callMany(tasks, { signal: controller?.signal }).then(results => {
      results.forEach((result, place) => {
        const outcome: Outcome =
          result instanceof Error
            ? { status: 'rejected', reason: result }
            : { status: 'fulfilled', value: result }
        calls[place]!.outcomes.push(outcome)
      })
    })
  }

  #controller(wish: SignalOfCall): AbortController | null {
    if (wish === 'no') return null
    if (wish === 'shared') {
      if (this.#shared.signal.aborted) this.#shared = new AbortController()
      return this.#shared
    }
    const controller = new AbortController()
    if (wish === 'aborted') controller.abort(new Error(`abort of ${this.calls.length}`))
    return controller
  }

  #enter(engine: number, controller: AbortController | null): Call {
    const waiting = this.#waiting[engine]!
    const { maxPending } = this.plan.engines[engine]!
    const call: Call = {
      id: this.calls.length,
      engine,
      calledAt: this.#host.time,
      controller,
      refusal: this.#closed[engine]
        ? 'closed'
        : waiting.length >= maxPending
          ? 'overflow'
          : controller?.signal.aborted === true
            ? 'aborted'
            : null,
      aborted: null,
      bulk: null,
      outcomes: [],
    }
    this.calls.push(call)
    if (call.refusal === null) waiting.push(call)
    return call
  }

  #abort(which: number): void {
    const able = this.calls.filter(call => {
      return call.controller !== null && call.outcomes.length === 0 && !call.controller.signal.aborted
    })
    const chosen = able[which % able.length]
    const controller = chosen?.controller
    if (controller == null) return
    // All at once, before the signal tells the first of them: none of them may be in a bulk that starts from here on.
    for (const call of able) if (call.controller === controller) this.#leave(call)
    controller.abort(new Error(`abort of ${chosen!.id}`))
  }

  #leave(call: Call): void {
    if (call.bulk === null) {
      call.aborted = 'pending'
      const waiting = this.#waiting[call.engine]!
      if (call.refusal === null) waiting.splice(waiting.indexOf(call), 1)
      return
    }
    const { yieldedAt, tasks, endedAt } = call.bulk
    const given = yieldedAt.length > tasks.indexOf(call.id)
    const timedOut = this.#host.time >= this.#deadline(call.bulk)
    call.aborted = given || timedOut || endedAt !== null ? 'given' : 'running'
  }

  #endCommand(which: number): void {
    const able = this.bulks.filter(bulk => bulk.goOn !== null && bulk.manner !== 'hang')
    this.#goOn(able[which % able.length])
  }

  #goOn(bulk: Bulk | undefined): void {
    const goOn = bulk?.goOn
    if (bulk !== undefined) bulk.goOn = null
    goOn?.()
  }

  #drain(what: 'flush' | 'close', engine: number): void {
    const before = this.calls.filter(call => call.engine === engine)
    this.#flushedThrough[engine] = this.calls.length - 1
    if (what === 'close') this.#closed[engine] = true
    this.drains++
    void this.engines[engine]![what]()
      .then(() => this.#host.drain())
      .then(() => this.leftByDrains.push(before.filter(call => call.outcomes.length === 0)))
  }

  #command(engine: number, tasks: readonly number[]): unknown {
    const bulk = this.#start(engine, tasks)
    const { manner } = bulk
    if (manner === 'stream') return this.#stream(bulk, tasks.length)
    if (manner === 'torn stream') return this.#stream(bulk, Math.floor(tasks.length / 2))
    if (manner !== 'at once' && manner !== 'generator' && manner !== 'throw') return this.#later(bulk)
    bulk.endedAt = this.#host.time
    if (manner === 'throw') throw bulk.error
    return manner === 'generator' ? lazily(tasks) : tasks.map(resultOf)
  }

  #start(engine: number, tasks: readonly number[]): Bulk {
    const waiting = this.#waiting[engine]!
    const calls = tasks.map(task => this.calls[task]!)
    const reasons = this.#reasons(engine)
    for (const call of calls) {
      if (waiting.includes(call)) waiting.splice(waiting.indexOf(call), 1)
    }
    const { manners } = this.plan
    const bulk: Bulk = {
      engine,
      tasks: [...tasks],
      manner: manners[this.bulks.length % manners.length]!,
      error: new Error(`bulk ${this.bulks.length} failed`),
      startedAt: this.#host.time,
      pendingBehind: waiting.length,
      running: 1 + this.#running.length,
      runningOfEngine: 1 + this.#running.filter(other => other.engine === engine).length,
      hadAborted: calls.some(call => call.controller?.signal.aborted === true),
      reasons,
      yieldedAt: [],
      endedAt: null,
      goOn: null,
    }
    for (const call of calls) call.bulk = bulk
    this.bulks.push(bulk)
    return bulk
  }

  /** The bulks whose commands run and have not been abandoned. */
  get #running(): Bulk[] {
    return this.bulks.filter(({ engine, startedAt, endedAt }) => {
      return endedAt === null && this.#host.time < startedAt + 2 * this.plan.engines[engine]!.timeout
    })
  }

  async #later(bulk: Bulk): Promise<unknown> {
    await this.#permission(bulk)
    bulk.endedAt = this.#host.time
    const results = bulk.tasks.map(resultOf)
    if (bulk.manner === 'none') return null
    if (bulk.manner === 'reject') throw bulk.error
    if (bulk.manner === 'few') return results.slice(1)
    if (bulk.manner === 'many') return [...results, 'one too many']
    return results
  }

  async *#stream(bulk: Bulk, count: number): AsyncGenerator {
    try {
      for (const task of bulk.tasks.slice(0, count)) {
        await this.#permission(bulk)
        bulk.yieldedAt.push(this.#host.time)
        yield resultOf(task)
      }
      if (count < bulk.tasks.length) throw bulk.error
    } finally {
      bulk.endedAt = this.#host.time
    }
  }

  #permission(bulk: Bulk): Promise<void> {
    return new Promise(goOn => {
      bulk.goOn = goOn
    })
  }

  /** Why, naively, the first of those who wait could start now. */
  #reasons(engine: number): string[] {
    const waiting = this.#waiting[engine]!
    const { size, delay } = this.plan.engines[engine]!
    const first = waiting[0]
    if (first === undefined) return []
    const reasons: string[] = []
    if (waiting.length >= size) reasons.push('size')
    if (this.#flushedThrough[engine]! >= first.id) reasons.push('flush')
    if (this.#closed[engine]) reasons.push('close')
    if (delay === 0) reasons.push('tick')
    else if (this.#host.time - first.calledAt >= delay) reasons.push('delay')
    return reasons
  }

  #sample(): Sample {
    return {
      time: this.#host.time,
      freeSlot: this.limiter === null || this.limiter.inUse < this.plan.slots!,
      slotsInUse: this.limiter?.inUse ?? 0,
      inLine: this.limiter?.waiting ?? 0,
      running: this.#running.length,
      engines: this.engines.map((engine, at) => ({
        waits: this.#waiting[at]!.map(call => this.#host.time - call.calledAt),
        ready: this.#reasons(at).length > 0,
        timers: this.hosts[at]!.timers,
        idle: engine.pending === 0 && engine.inFlight === 0,
        countsRight: engine.pending === this.#waiting[at]!.length,
      })),
    }
  }

  /** Starts what is pending and lets every command end that ever will. */
  async #windUp(): Promise<void> {
    this.engines.forEach((_, engine) => this.#drain('flush', engine))
    await this.#turn()
    for (let rounds = 0; !this.idle && rounds < 300; rounds++) {
      for (const bulk of this.bulks) {
        const hangs = bulk.manner === 'hang' && this.plan.engines[bulk.engine]!.timeout < Infinity
        if (!hangs) this.#goOn(bulk)
      }
      await this.#pass(5)
    }
    await this.#turn()
  }
}

/** The host of one engine: the clock and the turns of all, and a count of the timers of its own. */
class EngineHost implements Host {
  /** The most timers that there have been at once. */
  mostTimers = 0
  readonly #host: ManualHost
  readonly #timers = new Set<unknown>()
  #timersSet = 0

  constructor(host: ManualHost) {
    this.#host = host
  }

  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#host.now()
  }

  setTimer(wake: () => void, ms: number): unknown {
    if (++this.#timersSet > 500) throw new Error('the play does not end: a timer is set over and over')
    const timer = this.#host.setTimer(() => {
      this.#timers.delete(timer)
      wake()
    }, ms)
    this.#timers.add(timer)
    this.mostTimers = Math.max(this.mostTimers, this.timers)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer)
    this.#host.clearTimer(timer)
  }

  endOfTick(job: () => void): void {
    this.#host.endOfTick(job)
  }

  captureContext(): AsyncContext {
    return this.#host.captureContext()
  }
}

function* lazily(tasks: readonly number[]): Generator {
  for (const task of tasks) yield resultOf(task)
}

/** An outcome in the words of {@link Play.expected}. */
export function inWords(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'pending for ever'
  if (outcome.status === 'fulfilled') return `fulfilled: ${String(outcome.value)}`
  const { reason } = outcome
  if (!(reason instanceof Error)) return `rejected: ${String(reason)}`
  return `rejected: ${reason.name === 'Error' ? reason.message : reason.name}`
}
