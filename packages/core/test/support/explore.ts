/**
 * Every order in which things can happen to an engine, up to a few tasks: the real engine, driven by hand, beside a model
 * of what it must do, compared after each happening.
 * @module
 */

import { AssertionError } from 'node:assert'
import type * as Core from '../../src/index.ts'
import type * as Kit from '../../src/kit.ts'
import { ManualHost } from './manual-host.ts'
import { Model, type FlushState, type Happening, type ModelSettings, type Picture } from './model.ts'

/** A copy of the package: the real one, or one with a fault in it. */
export type CoreModule = Pick<
  typeof Core,
  'AsyncBulkCall' | 'BulkLoader' | 'BulkScope' | 'SharedLoader' | 'onBulk' | 'semaphore'
> &
  typeof Kit

export interface ExploreSettings extends ModelSettings {
  /** The most calls in one history, and how many of them with a signal. */
  readonly tasks: number
  readonly signals: number
  /** How many flushes may wait at once. */
  readonly flushes: number
  /** Whether commands may fail. To the policy it is the same as success. */
  readonly failing: boolean
  /**
   * Whether things may happen one right after the other, before the promise jobs of the first have run. Without it, the
   * promise jobs run after each happening: fewer histories, so more tasks.
   */
  readonly racing: boolean
  /** The most pieces of work in one history; there are none without a scope. */
  readonly pieces: number
}

export interface Explored {
  /** States of the model that were reached. */
  readonly states: number
  /** Steps from state to state, each of which was taken by the real engine. */
  readonly transitions: number
  /** Happenings that the real engine has gone through. */
  readonly happenings: number
}

/** A state of the model, and where each happening leads; `null` where that has not been tried yet. */
interface State {
  readonly edges: (State | null)[]
  /** Everything from here on has been tried. */
  exhausted: boolean
}

/**
 * Tries every happening in every state that can be reached, and throws at the first one after which the engine is not what
 * the model says.
 *
 * An engine cannot be copied, so it goes on walks. Each walk begins anew, takes what has not been tried wherever it can,
 * and ends where nothing is left to try. It goes on through states that are known, so two histories that the model takes
 * for one are compared beyond the point where they meet.
 */
export async function explore(core: CoreModule, settings: ExploreSettings): Promise<Explored> {
  const states = new Map<string, State>()
  const stateOf = (model: Model): State => {
    const key = model.key()
    let state = states.get(key)
    if (state === undefined) {
      state = { edges: possible(model, settings).map(() => null), exhausted: false }
      states.set(key, state)
    }
    return state
  }

  const start = stateOf(new Model(settings))
  let transitions = 0
  let happenings = 0
  while (!start.exhausted) {
    const model = new Model(settings)
    const pair = new Pair(core, settings, model)
    const walk = [start]
    for (let state = start, choice; (choice = choose(state)) !== null;) {
      const jobs = pair.happen(possible(model, settings)[choice]!)
      // No `await` unless promise jobs are to run: it would let them.
      if (jobs !== null) await jobs
      happenings++
      if (state.edges[choice] === null) {
        transitions++
        pair.compare()
      }
      state = state.edges[choice] ??= stateOf(model)
      walk.push(state)
    }
    await pair.end()
    for (const state of walk.toReversed()) state.exhausted = choose(state) === null
  }
  return { states: states.size, transitions, happenings }
}

/** What to try next in a state: something new if there is, else the way to something new. */
function choose(state: State): number | null {
  if (state.exhausted) return null
  const fresh = state.edges.indexOf(null)
  if (fresh !== -1) return fresh
  const onwards = state.edges.findIndex(to => to !== state && !to!.exhausted)
  return onwards === -1 ? null : onwards
}

/** What can happen next. The order goes by ranks, so it is the same for all histories that lead to one state. */
function possible(model: Model, settings: ExploreSettings): Happening[] {
  const { tasks, signals, flushes, failing, racing, delay, scope, pieces } = settings
  const happenings: Happening[] = []
  const may = (what: Happening['what'], numbers?: readonly number[]): void => {
    if (numbers === undefined) happenings.push({ what })
    else for (const to of numbers) happenings.push({ what, to })
  }
  const mayCall = model.calls < tasks
  const mayWork = scope && model.pieces < pieces
  if (mayCall) may('call')
  if (mayCall && !model.closing && model.signals < signals) may('call with a signal')
  if (mayCall && !model.closing && mayWork) {
    may('call in a piece of work')
    may('begin work with a call')
    if (model.signals < signals) may('begin work with a signal')
  }
  if (mayWork) may('begin work')
  may('end work', model.working)
  may('abort', model.abortable)
  may('succeed', model.unsettled)
  if (failing) may('fail', model.unsettled)
  if (model.flushing < flushes) may('flush')
  if (!model.closing) may('close')
  if (delay > 0 && delay < Infinity) may('time')
  if (racing) may('drain')
  may('turn')
  return happenings
}

interface StartedBulk {
  readonly tasks: readonly number[]
  readonly cause: string
  readonly pending: number
  readonly inFlight: number
  readonly context: Core.CommandContext
  readonly succeed: () => void
  readonly fail: (error: Error) => void
}

/** An engine and the model of it. */
class Pair {
  readonly #settings: ExploreSettings
  readonly #model: Model
  readonly #host = new ManualHost()
  readonly #scope: Core.BulkScope | undefined
  readonly #call: Core.AsyncBulkCall<number, string>
  readonly #stopListening: () => void
  readonly #history: string[] = []

  #event: Core.BulkEvent | undefined
  readonly #bulks: StartedBulk[] = []
  readonly #outcomes: string[] = []
  readonly #aborts: (AbortController | null)[] = []
  readonly #flushes: FlushState[] = []
  readonly #pieces: (() => void)[] = []

  constructor(core: CoreModule, settings: ExploreSettings, model: Model) {
    const { size, delay, slots, scope } = settings
    const host = this.#host
    this.#settings = settings
    this.#model = model
    this.#scope = scope ? new core.BulkScope({ host }) : undefined
    this.#stopListening = core.onBulk({ started: event => (this.#event = event) })
    this.#call = new core.AsyncBulkCall(this.#command, {
      size,
      delay,
      concurrent: slots,
      scope: this.#scope,
      host,
    })
  }

  /** Lets one thing happen to both. Gives what to wait for where that lets the promise jobs run. */
  happen(happening: Happening): Promise<void> | null {
    const { what, to } = happening
    this.#history.push(to === undefined ? what : `${what} ${to}`)
    this.#model.happen(happening)
    if (!this.#settings.racing) this.#model.drain()
    if (what === 'time') return this.#pass()
    if (what === 'drain') return this.#host.drain()
    if (what === 'turn') return this.#host.turn()
    this.#do(happening)
    return this.#settings.racing ? null : this.#host.drain()
  }

  async #pass(): Promise<void> {
    if (this.#settings.scope) await this.#host.turn()
    await this.#host.advance(1)
  }

  /** Leaves the engine, and lets the program breathe. */
  end(): Promise<void> {
    this.#stopListening()
    return new Promise(resolve => void setImmediate(resolve))
  }

  readonly #command = (tasks: number[], context: Core.CommandContext): Promise<string[]> => {
    const { tasks: told, cause, pending, inFlight } = this.#event!
    const own = [...tasks]
    // It may do with its array what it likes (S33).
    tasks.length = 0
    return new Promise((resolve, fail) => {
      this.#bulks.push({
        tasks: own,
        cause: told === own.length ? cause : `${cause}, of ${told} tasks`,
        pending,
        inFlight,
        context,
        succeed: () => resolve(own.map(resultOf)),
        fail,
      })
    })
  }

  #do({ what, to = 0 }: Happening): void {
    switch (what) {
      case 'call':
        void this.#add()
        break
      case 'call with a signal':
        void this.#add(new AbortController())
        break
      case 'call in a piece of work':
        void this.#scope!.run(() => this.#add())
        this.#pieces.push(() => {})
        break
      case 'begin work':
        this.#work(() => {})
        break
      case 'begin work with a call':
        this.#work(() => this.#add())
        break
      case 'begin work with a signal':
        this.#work(() => this.#add(new AbortController()))
        break
      case 'end work':
        this.#pieces[to]!()
        break
      case 'abort':
        this.#aborts[to]!.abort(abortReason)
        break
      case 'succeed':
        this.#bulks[to]!.succeed()
        break
      case 'fail':
        this.#bulks[to]!.fail(new Error(failureOf(this.#bulks[to]!.tasks)))
        break
      case 'flush':
        this.#flushed(this.#call.flush())
        break
      case 'close':
        this.#flushed(this.#call.close())
        break
      case 'time':
      case 'drain':
      case 'turn':
        throw new Error(`${what} is done by the host`)
    }
  }

  #work(begin: () => unknown): void {
    void this.#scope!.run(() => {
      begin()
      return new Promise<void>(resolve => this.#pieces.push(resolve))
    })
  }

  #add(abort: AbortController | null = null): Promise<string> {
    const task = this.#outcomes.push('waiting') - 1
    this.#aborts.push(abort)
    const promise = this.#call.call(task, { signal: abort?.signal })
    promise.then(
      result => (this.#outcomes[task] = result === resultOf(task) ? 'done' : `done with ${result}`),
      (error: unknown) => (this.#outcomes[task] = this.#failureOf(task, error)),
    )
    return promise
  }

  #failureOf(task: number, error: unknown): string {
    if (error === abortReason) return 'aborted'
    const bulk = this.#bulks.find(other => other.tasks.includes(task))
    if (bulk !== undefined && (error as Error).message === failureOf(bulk.tasks)) return 'failed'
    return (error as { code?: string }).code === 'BULK_CLOSED' ? 'closed' : String(error)
  }

  #flushed(flush: Promise<void>): void {
    const number = this.#flushes.push('waits') - 1
    void flush.then(() => (this.#flushes[number] = 'done'))
  }

  compare(): void {
    const expected = this.#model.picture()
    const seen = this.#picture(expected)
    if (JSON.stringify(seen) === JSON.stringify(expected)) return
    const { size, delay, slots, scope } = this.#settings
    const message = [
      `the engine is not what the model says, with ${JSON.stringify({ size, delay: String(delay), slots, scope })}`,
      `history:  ${this.#history.join(', ')}`,
      `expected: ${JSON.stringify(expected)}`,
      `seen:     ${JSON.stringify(seen)}`,
    ].join('\n')
    throw new AssertionError({ message })
  }

  #picture({ settled }: Picture): Picture {
    const timers = this.#host.timers
    return {
      bulks: this.#bulks.map(({ tasks, cause, pending, inFlight, context }) => ({
        tasks,
        cause,
        pending,
        inFlight,
        // Asked for only where it can have aborted: a signal costs more than all the rest.
        aborted: tasks.some(task => this.#aborts[task] !== null) && context.signal.aborted,
      })),
      pending: this.#call.pending,
      inFlight: this.#call.inFlight,
      oneTimer: timers <= 1,
      settled: settled && {
        outcomes: this.#outcomes,
        flushes: settled.flushes.map((may, i) => (may === 'may be done' ? may : this.#flushes[i]!)),
        timers: settled.timers === null ? null : timers,
      },
    }
  }
}

const abortReason = new Error('the caller has gone')

function resultOf(task: number): string {
  return `the result of ${task}`
}

function failureOf(tasks: readonly number[]): string {
  return `the failure of ${tasks.join(' and ')}`
}
