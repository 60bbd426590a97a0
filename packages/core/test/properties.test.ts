/**
 * What holds in every interleaving, on the real engine. fast-check makes the plans: which tasks come at which moments, who
 * aborts, how commands behave and when they end, when time passes. See support/play.ts for how one is played.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import { unhandledDuring } from '../../../test/support/unhandled.ts'
import { AsyncBulkCall, semaphore } from '../src/index.ts'
import {
  inWords,
  isPoisoned,
  play,
  type Bulk,
  type EnginePlan,
  type Manner,
  type Plan,
  type Play,
  type Step,
} from './support/play.ts'

const endless = Infinity

const allManners: readonly Manner[] = [
  'later',
  'at once',
  'generator',
  'throw',
  'none',
  'reject',
  'few',
  'many',
  'stream',
  'torn stream',
  'hang',
]

interface Wishes {
  readonly manners?: readonly Manner[]
  readonly delays?: readonly number[]
  readonly timeouts?: readonly number[]
  readonly mayOverflow?: boolean
  readonly watched?: boolean
  readonly aborts?: boolean
}

function enginePlans({ delays = [0, 3, 10, endless], timeouts = [endless, 7], mayOverflow = true }: Wishes) {
  return fc
    .record({
      size: fc.constantFrom(1, 2, 3, 5, endless),
      delay: fc.constantFrom(...delays),
      room: mayOverflow ? fc.constantFrom(endless, 0, 2) : fc.constant(endless),
      timeout: fc.constantFrom(...timeouts),
    })
    .map(({ size, delay, room, timeout }): EnginePlan => {
      const maxPending = room === endless ? endless : (size === endless ? 4 : size) + room
      return { size, delay, maxPending, timeout }
    })
}

function steps({ aborts = true }: Wishes): fc.Arbitrary<Step[]> {
  const engine = fc.nat(2)
  const which = fc.nat(20)
  const signal = aborts ? fc.constantFrom('no', 'own', 'shared', 'aborted') : fc.constant('no')
  return fc.array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ do: fc.constant('call'), engine, signal }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('callMany'), engine, count: fc.nat(6), signal }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('end a command'), which }) },
      { weight: aborts ? 3 : 0, arbitrary: fc.record({ do: fc.constant('abort'), which }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('promise jobs'), count: fc.nat(4) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('turn') }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('time'), ms: fc.constantFrom(1, 2, 3, 5, 11) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('flush'), engine }) },
    ),
    { minLength: 4, maxLength: 36, size: 'max' },
  )
}

/** Steps, among them a close of one engine in one plan of four. */
function stepsAndClose(wishes: Wishes): fc.Arbitrary<Step[]> {
  const close = fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(36), engine: fc.nat(2) }) },
  )
  return fc.tuple(steps(wishes), close).map(([some, end]) => {
    return end === null ? some : some.toSpliced(end.at, 0, { do: 'close', engine: end.engine })
  })
}

function plans(wishes: Wishes = {}): fc.Arbitrary<Plan> {
  return fc.record({
    slots: fc.constantFrom(1, 2, 3, null),
    watched: wishes.watched === undefined ? fc.boolean() : fc.constant(wishes.watched),
    engines: fc.array(enginePlans(wishes), { minLength: 1, maxLength: 3 }),
    manners: fc.array(fc.constantFrom(...(wishes.manners ?? allManners)), { minLength: 1, maxLength: 6 }),
    steps: stepsAndClose(wishes),
  })
}

/** Plays many plans and looks at each with `judge`. A plan that fails is printed, made as small as it can be. */
function always(
  judge: (played: Play) => void | Promise<void>,
  wishes: Wishes = {},
  runs = 250,
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(plans(wishes), async plan => judge(await play(plan))),
    { numRuns: rounds(runs), verbose: fc.VerbosityLevel.None },
  )
}

function bulksOf(played: Play, engine: number): Bulk[] {
  return played.bulks.filter(bulk => bulk.engine === engine)
}

/** The bulks of one engine, each with what was told of it when it started and when it ended. */
function toldOf(played: Play, engine: number) {
  const { name } = played.engines[engine]!
  const started = played.started.filter(event => event.name === name)
  return bulksOf(played, engine).map((bulk, place) => {
    const start = started[place]!
    return { bulk, start, settled: played.settled.filter(event => event.id === start.id) }
  })
}

/** Whether a bulk fails even when all its tasks had theirs before: by time, or by its end. */
function failsWhole(played: Play, bulk: Bulk): boolean {
  return played.timedOut(bulk) || ['throw', 'reject', 'few', 'many', 'torn stream'].includes(bulk.manner)
}

describe('in every interleaving', () => {
  it('S23 S30 S31 S43 every call settles exactly once, with what its bulk was given', () =>
    always(
      played => {
        for (const call of played.calls) {
          expect(call.outcomes, `call ${call.id}`).toHaveLength(1)
          expect(played.expected(call), `call ${call.id}`).toContain(inWords(call.outcomes[0]))
        }
      },
      {},
      600,
    ))

  it('S16 at most `concurrent` commands run at once, over all engines of a limiter', () =>
    always(played => {
      for (const bulk of played.bulks) {
        expect(bulk.running).toBeLessThanOrEqual(played.plan.slots ?? endless)
      }
    }))

  it('S1 a bulk has from one to `size` tasks', () =>
    always(played => {
      for (const { engine, tasks } of played.bulks) {
        expect(tasks.length).toBeGreaterThanOrEqual(1)
        expect(tasks.length).toBeLessThanOrEqual(played.plan.engines[engine]!.size)
      }
    }))

  it('S2 tasks start first in, first out, and none starts twice', () =>
    always(played => {
      played.engines.forEach((_, engine) => {
        const tasks = bulksOf(played, engine).flatMap(bulk => bulk.tasks)
        for (let place = 1; place < tasks.length; place++) {
          expect(tasks[place]).toBeGreaterThan(tasks[place - 1]!)
        }
      })
    }))

  it('S22 at the end of a tick a free slot and a ready queue never stand side by side', () =>
    always(played => {
      for (const sample of played.samples) {
        const ready = sample.engines.filter(engine => engine.ready)
        expect(sample.freeSlot ? ready : [], `at ${sample.time} ms`).toEqual([])
      }
    }))

  it('S9 while a slot is free, no task waits past `delay`', () =>
    always(
      played => {
        for (const { freeSlot, time, engines } of played.samples) {
          engines.forEach(({ waits }, engine) => {
            const { delay } = played.plan.engines[engine]!
            expect(freeSlot ? waits.filter(ms => ms >= delay) : [], `at ${time} ms`).toEqual([])
          })
        }
        if (played.plan.slots !== null) return
        for (const { engine, startedAt, tasks } of played.bulks) {
          const waited = startedAt - played.calls[tasks[0]!]!.calledAt
          expect(waited).toBeLessThanOrEqual(played.plan.engines[engine]!.delay)
        }
      },
      { delays: [1, 3, 10] },
    ))

  it('S38 an abort changes no other outcome: the same plan without the aborts gives the others the same', () =>
    fc.assert(
      fc.asyncProperty(
        // What a task gets here depends on the task alone, never on the bulk that it happens to be in.
        plans({
          manners: ['at once', 'generator', 'later', 'stream'],
          timeouts: [endless],
          mayOverflow: false,
        }),
        async plan => {
          const kept = plan.steps.map((step): Step => (step.do === 'abort' ? { do: 'nothing' } : step))
          const [withAborts, without] = [await play(plan), await play({ ...plan, steps: kept })]
          for (const call of withAborts.calls) {
            if (call.aborted !== null) continue
            const other = without.calls[call.id]!
            expect(call.outcomes.map(inWords), `call ${call.id}`).toEqual(other.outcomes.map(inWords))
          }
        },
      ),
      { numRuns: rounds(200) },
    ))

  it('S15 an engine has at most one timer, and none when it is idle', () =>
    always(played => {
      for (const host of played.hosts) expect(host.mostTimers).toBeLessThanOrEqual(1)
      for (const { engines, time } of played.samples) {
        const left = engines.filter(({ idle, timers }) => idle && timers > 0)
        expect(left, `at ${time} ms`).toEqual([])
      }
      for (const host of played.hosts) expect(host.timers).toBe(0)
    }))

  it('S17 at the end of a tick as many slots are taken as commands run, whoever of their callers has gone', () =>
    always(played => {
      if (played.plan.slots === null) return
      for (const { slotsInUse, running, time } of played.samples)
        expect(slotsInUse, `at ${time} ms`).toBe(running)
    }))

  it('S20 an engine stands in line while it has a bulk for the slot, and no longer', () =>
    always(
      played => {
        if (played.plan.slots === null) return
        // With a delay of 0 all that is pending at the end of a turn is ready.
        for (const { inLine, engines, time } of played.samples) {
          const wanting = engines.filter(({ waits }) => waits.length > 0)
          expect(inLine, `at ${time} ms`).toBe(wanting.length)
        }
      },
      { delays: [0] },
    ))

  it('S17 S20 in the end all slots are free, nobody stands in line, and nothing is pending or in flight', () =>
    always(played => {
      expect(played.limiter?.inUse ?? 0).toBe(0)
      expect(played.limiter?.waiting ?? 0).toBe(0)
      for (const { pending, inFlight } of played.engines)
        expect({ pending, inFlight }).toEqual({ pending: 0, inFlight: 0 })
    }))

  it('S37 S40 a command never sees a task whose caller had aborted, and no listener stays on a signal', () =>
    always(played => {
      expect(played.bulks.filter(bulk => bulk.hadAborted)).toEqual([])
      expect(played.calls.filter(call => call.aborted === 'pending' && call.bulk !== null)).toEqual([])
      expect(played.listeners).toBe(0)
    }))

  it('S5 `pending` counts the tasks that are accepted and not started', () =>
    always(played => {
      for (const { engines, time } of played.samples) {
        expect(
          engines.every(engine => engine.countsRight),
          `at ${time} ms`,
        ).toBe(true)
      }
    }))

  it('S41 S42 flush and close resolve, and leave nothing unsettled of what was called before', () =>
    always(played => {
      expect(played.leftByDrains).toHaveLength(played.drains)
      expect(played.leftByDrains.flat()).toEqual([])
    }))
})

describe('events, in every interleaving', () => {
  const watched = { watched: true }

  it('S50 S51 each bulk is reported when it starts and when it ends, once, with its tasks', () =>
    always(played => {
      expect(played.started).toHaveLength(played.bulks.length)
      played.engines.forEach((_, engine) => {
        for (const { bulk, start, settled } of toldOf(played, engine)) {
          expect(start.tasks).toBe(bulk.tasks.length)
          expect(start.settledAt).toBeNull()
          expect(settled).toHaveLength(1)
        }
      })
    }, watched))

  it('S51 the instants are what the clock said, in their order', () =>
    always(played => {
      played.engines.forEach((_, engine) => {
        for (const { bulk, settled } of toldOf(played, engine)) {
          const { openedAt, readyAt, startedAt, settledAt } = settled[0]!
          const firstCall = played.calls[bulk.tasks[0]!]!.calledAt
          expect(startedAt).toBe(bulk.startedAt)
          expect(settledAt).toBe(played.overAt(bulk))
          // The window stays where it was opened when the task that opened it leaves.
          expect(openedAt).toBeLessThanOrEqual(firstCall)
          expect(readyAt).toBeGreaterThanOrEqual(openedAt!)
          expect(readyAt).toBeLessThanOrEqual(startedAt)
          expect(settledAt).toBeGreaterThanOrEqual(startedAt)
        }
      })
    }, watched))

  it('S8 S51 the cause is one that there was', () =>
    always(
      played => {
        played.engines.forEach((_, engine) => {
          for (const { bulk, start } of toldOf(played, engine)) expect(bulk.reasons).toContain(start.cause)
        })
      },
      // An aborted task may leave its cause to those who stand behind it, which a plain reading of the queue does not see.
      { ...watched, aborts: false },
    ))

  it('S51 pending and in flight are as many as there were', () =>
    always(played => {
      played.engines.forEach((_, engine) => {
        for (const { bulk, start } of toldOf(played, engine)) {
          expect(start.pending).toBe(bulk.pendingBehind)
          // A command that ended in this very turn may not have been heard yet.
          expect(start.inFlight).toBeGreaterThanOrEqual(bulk.runningOfEngine)
          expect(start.inFlight).toBeLessThanOrEqual(played.plan.slots ?? endless)
        }
      })
    }, watched))

  it('S51 none, failed, error and abandoned say how it ended', () =>
    always(
      played => {
        played.engines.forEach((_, engine) => {
          for (const { bulk, settled } of toldOf(played, engine)) {
            const { none, failed, error, abandoned } = settled[0]!
            const calls = bulk.tasks.map(task => played.calls[task]!)
            const rejected = calls.filter(call => call.outcomes[0]?.status === 'rejected')
            const alone = rejected.filter(
              call => isPoisoned(call.id) && inWords(call.outcomes[0]).includes('poisoned'),
            )
            expect(failed, `of ${bulk.manner}`).toBe(rejected.length)
            expect(error !== undefined).toBe(rejected.length > alone.length || failsWhole(played, bulk))
            expect(none).toBe(bulk.manner === 'none' && !played.timedOut(bulk))
            expect(abandoned).toBe(played.abandoned(bulk))
          }
        })
      },
      { ...watched, aborts: false },
    ))

  it('S16 S51 who counts the bulks that were reported to start and not yet to have ended never finds more than slots', () =>
    always(played => {
      const open = new Set<number>()
      for (const { what, id } of played.told) {
        if (what === 'started') open.add(id)
        else open.delete(id)
        expect(open.size).toBeLessThanOrEqual(played.plan.slots ?? endless)
      }
    }, watched))
})

describe('on the real host', () => {
  it('S1 S2 S16 S23 hold when the scheduler of fast-check decides who calls and what ends next', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom(1, 2, 3, endless),
        fc.constantFrom(1, 2),
        fc.integer({ min: 1, max: 12 }),
        async (scheduler, size, slots, callers) => {
          const limiter = semaphore(slots)
          const started: number[][] = [[], []]
          const called: number[][] = [[], []]
          let running = 0
          const engine = (at: number) =>
            new AsyncBulkCall(
              async (tasks: readonly number[]) => {
                expect(++running).toBeLessThanOrEqual(slots)
                expect(tasks.length).toBeLessThanOrEqual(size)
                started[at]!.push(...tasks)
                await scheduler.schedule(Promise.resolve(), `a command of engine ${at}`)
                running--
                return tasks.map(task => -task)
              },
              { size, concurrent: limiter },
            )
          const both = [engine(0), engine(1)]
          const results = await scheduler.waitFor(
            Promise.all(
              Array.from({ length: callers }, async (_, caller) => {
                await scheduler.schedule(Promise.resolve(), `caller ${caller}`)
                called[caller % 2]!.push(caller)
                return both[caller % 2]!.call(caller)
              }),
            ),
          )
          expect(results).toEqual(Array.from({ length: callers }, (_, caller) => -caller))
          expect(started).toEqual(called)
          expect(limiter.inUse).toBe(0)
        },
      ),
      { numRuns: rounds(200) },
    ))
})

const failing = (tasks: readonly number[]): Promise<never>[] =>
  tasks.map(task => Promise.reject(new Error(`task ${task} failed`)))

describe('a result that nobody waits for any more', () => {
  it('S29 S38 a promise that rejects at the place of an aborted task is no unhandled rejection', async () => {
    const controller = new AbortController()
    const unhandled = await unhandledDuring(async () => {
      const call = new AsyncBulkCall(async (tasks: readonly number[]) => {
        controller.abort()
        return failing(tasks)
      })
      const calls = [call.call(1, { signal: controller.signal }), call.call(2)]
      const outcomes = await Promise.allSettled(calls)
      expect(outcomes[1]).toMatchObject({ reason: new Error('task 2 failed') })
    })
    expect(unhandled).toEqual([])
  })

  it('S29 S43 nor is one that comes after the time of its bulk', async () => {
    const unhandled = await unhandledDuring(async () => {
      const call = new AsyncBulkCall(
        async (tasks: readonly number[], { signal }) => {
          await new Promise(resolve => {
            signal.addEventListener('abort', resolve)
          })
          return failing(tasks)
        },
        { timeout: 5 },
      )
      await expect(call.call(1)).rejects.toMatchObject({ code: 'BULK_TIMEOUT' })
      await call.flush()
    })
    expect(unhandled).toEqual([])
  })

  it('S29 S31 nor are those of which there are too many, or too few', async () => {
    const unhandled = await unhandledDuring(async () => {
      const few = new AsyncBulkCall(async (tasks: readonly number[]) => failing(tasks.slice(1)))
      const many = new AsyncBulkCall(async (tasks: readonly number[]) => failing([...tasks, 0]))
      const lazy = new AsyncBulkCall(async (tasks: readonly number[]) => new Set(failing([...tasks, 0])))
      const calls = [few, many, lazy].flatMap(call => [call.call(1), call.call(2)])
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ reason: { code: 'BULK_LENGTH' } })
      }
    })
    expect(unhandled).toEqual([])
  })
})
