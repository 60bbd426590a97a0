/**
 * The forecast of a scope: from what earlier scopes have shown, whether it pays to keep a window open.
 *
 * It pays while something that goes on now leads to another task of this window, and that comes in time: no later than the
 * window's bulk may start without being the last to be done, with all that follows from it.
 * @module
 */

import type { Host } from './host.ts'
import type { Step } from './step.ts'

/** What a window may come too late by and yet be waited for, in ms: no timer is more exact. */
const tolerance = 0.5

let lastRun = 0

/** Pieces of one step that wait for no pending call: how many, and when the last of them began. */
interface Running {
  count: number
  begunAt: number
}

/** The pending calls of one name. */
interface Window {
  readonly name: string
  /** How many they are. */
  calls: number
  /** The steps of those who wait. */
  readonly steps: Set<Step>
  latest: Step | null
  /** Whether calls are among them that no known step is known to make. */
  strange: boolean
  /** How many calls were made later than at once, so that it is not known by whom, and when the last of them was. */
  later: number
  laterAt: number
  /** It need not be looked at anew before so many more of them have come, or this instant. */
  missing: number
  until: number
  /** How many go on of the kind of work that is due next. */
  due: number
}

/** A bulk in flight. */
export interface Flight {
  readonly name: string
  readonly calls: number
  readonly steps: ReadonlySet<Step>
  readonly strange: boolean
  readonly startedAt: number
  later: number
  readonly laterAt: number
}

/** Whose window it is. */
interface Payer {
  readonly name: string
  readonly settings: { readonly delay: number }
}

export class Forecast {
  readonly #host: Host
  readonly #run = ++lastRun
  readonly #running = new Map<Step, Running>()
  /** Running pieces of which no earlier run has shown anything. */
  #unknown = 0
  readonly #windows = new Map<string, Window>()
  #latest: Window | null = null
  readonly #flights = new Set<Flight>()
  /** Those that have settled in this turn, with calls of which it is not known whose they were. */
  #settled: Flight[] = []

  constructor(host: Host) {
    this.#host = host
  }

  /** Work of this step begins. */
  began(step: Step): void {
    if (step.firstRun === 0) step.firstRun = this.#run
  }

  #knows(step: Step): boolean {
    return step.firstRun !== this.#run
  }

  /** A piece runs on, and waits for no pending call. */
  gotBusy(step: Step | null, begunAt: number): void {
    if (step === null || !this.#knows(step)) this.#unknown++
    if (step === null) return
    const running = this.#running.get(step)
    if (running === undefined) {
      this.#running.set(step, { count: 1, begunAt })
      return
    }
    running.count++
    running.begunAt = Math.max(running.begunAt, begunAt)
  }

  /** It has ended, or waits. */
  gotIdle(step: Step | null): void {
    if (step === null || !this.#knows(step)) this.#unknown--
    if (step === null) return
    const running = this.#running.get(step)!
    running.count--
    if (running.count === 0) this.#running.delete(step)
  }

  /** A call was made, and tells whether its window is to be looked at. `null` is the step of a call after an `await`. */
  called(name: string, step: Step | null): boolean {
    const window = this.#latest?.name === name ? this.#latest : this.#window(name)
    window.calls++
    if (step === null) {
      window.later++
      window.laterAt = this.#host.now()
      let strange = true
      for (const running of this.#running.keys()) {
        if (running.later(name) === undefined) continue
        window.steps.add(running)
        strange = false
      }
      window.strange ||= strange
      return --window.missing <= 0 || window.laterAt >= window.until
    }
    if (step === window.latest) return false
    window.latest = step
    step.calls(name)
    if (window.steps.has(step)) return false
    window.steps.add(step)
    return true
  }

  #window(name: string): Window {
    let window = this.#windows.get(name)
    if (window === undefined) {
      window = {
        name,
        calls: 0,
        steps: new Set(),
        latest: null,
        strange: false,
        later: 0,
        laterAt: 0,
        missing: 0,
        until: 0,
        due: 0,
      }
      this.#windows.set(name, window)
    }
    return (this.#latest = window)
  }

  /** A bulk has started. */
  started(name: string): Flight {
    const { calls, steps, strange, later, laterAt } = this.#window(name)
    this.#windows.delete(name)
    this.#latest = null
    const flight = { name, calls, steps, strange, later, laterAt, startedAt: this.#host.now() }
    this.#flights.add(flight)
    return flight
  }

  get inFlight(): number {
    return this.#flights.size
  }

  /** All its callers have their results. */
  settled(flight: Flight): void {
    this.#flights.delete(flight)
    if (flight.later > 0) this.#settled.push(flight)
    const settledAt = this.#host.now()
    this.#host.endOfTurn(() => {
      const work = this.#host.now() - settledAt
      anyOf(flight.steps)?.took(flight.name, flight.calls, settledAt - flight.startedAt, work)
      // Whoever has not ended with the bulk that he waited for has more to do: it may have been any who still runs.
      for (const { name, later, laterAt } of this.#settled) {
        if (later <= 0) continue
        for (const [step, { begunAt }] of this.#running) step.callsLater(name, laterAt - begunAt)
      }
      this.#settled = []
    })
  }

  /** A piece has ended. If a bulk has settled in this turn, it was that which it waited for. */
  ended(step: Step, { begunAt, calls }: { readonly begunAt: number; readonly calls: string | null }): void {
    if (this.#settled.length === 0 && calls === null) step.worked(this.#host.now() - begunAt)
    for (const flight of this.#settled) {
      if (calls === flight.name || flight.laterAt < begunAt) continue
      flight.later--
      step.callsLater(flight.name, flight.laterAt - begunAt)
    }
  }

  /**
   * Whether it pays to keep the window of these calls open. Where earlier runs have not shown it, it may. With a `delay` of
   * `Infinity` no wait is too long.
   */
  pays({ name, settings: { delay } }: Payer): boolean {
    const window = this.#windows.get(name)
    if (window === undefined || this.#unknown > 0 || !this.#knowsAll(window)) return true
    for (const flight of this.#flights) if (!this.#knowsAll(flight)) return true
    const now = this.#host.now()
    const comes = this.#comes(window, now)
    if (comes === Infinity || delay === Infinity) return comes < Infinity
    const until = this.#mayStart(window, now) + tolerance
    // When those that are due have come, others may be too late to be waited for.
    window.until = comes > now ? Math.min(comes, until) : until
    return comes <= until
  }

  /** Whether earlier runs have shown all whose calls they are. */
  #knowsAll({ steps, strange }: Window | Flight): boolean {
    if (strange || steps.size === 0) return false
    for (const step of steps) if (!this.#knows(step)) return false
    return true
  }

  /** When more tasks of the window come: the last of the kind of work that is due next, where calls are missing. */
  #comes(window: Window, now: number): number {
    const { name } = window
    let comes = Infinity
    let missing = -window.later
    let dueAt = Infinity
    window.due = 0
    for (const flight of this.#flights) {
      if (flight.name === name) missing -= flight.later
      const settles = this.#settles(flight, now)
      for (const step of flight.steps) comes = Math.min(comes, settles + step.reach(name))
    }
    for (const [step, { count, begunAt }] of this.#running) {
      comes = Math.min(comes, Math.max(now, begunAt + step.lasts(count)) + step.reach(name))
      const later = step.later(name)
      if (later === undefined) continue
      missing += count
      const at = begunAt + later
      if (at <= now || at >= dueAt) continue
      dueAt = at
      window.due = count
    }
    window.missing = missing
    if (missing <= 0) return comes
    // Where all are overdue, the next comes at any moment.
    return Math.min(comes, dueAt === Infinity ? now : dueAt)
  }

  /** When the bulk of the window must start, so that all that follows from it is done with the rest of the scope. */
  #mayStart(window: Window, now: number): number {
    let end = now
    for (const flight of this.#flights) end = Math.max(end, this.#settles(flight, now) + this.#after(flight))
    for (const each of this.#windows.values()) end = Math.max(end, now + this.#rest(each))
    for (const [step, { count, begunAt }] of this.#running) {
      end = Math.max(end, Math.max(now, begunAt + step.lasts(count)) + step.after)
    }
    // Those that it waits for make its bulk larger, and its callers have the more to do.
    return Math.max(now, end - this.#rest(window, window.calls + window.due))
  }

  #settles({ name, calls, steps, startedAt }: Flight, now: number): number {
    return Math.max(now, startedAt + takes(name, steps, calls))
  }

  /** From the start of its bulk to the end of all that follows. */
  #rest(window: Window, calls = window.calls): number {
    return takes(window.name, window.steps, calls) + this.#after(window)
  }

  #after({ steps }: { readonly steps: ReadonlySet<Step> }): number {
    let after = 0
    for (const step of steps) after = Math.max(after, step.after)
    return after
  }
}

function takes(name: string, steps: ReadonlySet<Step>, calls: number): number {
  return anyOf(steps)?.takes(name, calls) ?? 0
}

/** What all steps of a course know, any of them does. */
function anyOf(steps: ReadonlySet<Step>): Step | undefined {
  return steps.values().next().value
}
