import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as core from '../src/index.ts'
import { AsyncBulkCall, BulkCourse, BulkScope, type BulkStep } from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'
import { at, shapes, stepsOf, walk, type Place } from './support/tree.ts'

/** Scopes one after the other, in which the same kinds of work go on, and when their bulks started in each. */
function scopes() {
  const host = new ManualHost()
  const io = (ms: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), ms)
    return done.promise
  }
  type Load = (name: string, task: unknown) => Promise<unknown>
  const inScope = async (work: (scope: BulkScope, load: Load) => void, ms = 100): Promise<unknown[]> => {
    const scope = new BulkScope({ host })
    const start = host.time
    const starts: unknown[] = []
    const calls = new Map<string, AsyncBulkCall<unknown, unknown>>()
    const made = (name: string): AsyncBulkCall<unknown, unknown> =>
      new AsyncBulkCall(
        (tasks: unknown[]) => {
          starts.push([host.time - start, name, ...tasks])
          return tasks
        },
        { name, delay: 20, scope, host },
      )
    work(scope, (name, task) => {
      const call = calls.get(name) ?? made(name)
      calls.set(name, call)
      return call.call(task)
    })
    await pass(host, ms)
    return starts
  }
  return { host, io, inScope }
}

describe('what earlier scopes have shown', () => {
  it('S82 work that has always done nothing but call, and then does more, loses no task and no time', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const step = course.step()
    const given: unknown[] = []
    const once = (work: (load: (name: string, task: unknown) => Promise<unknown>) => Promise<unknown>) =>
      inScope((scope, load) => {
        void scope.run(() => work(load), step).then(result => given.push(result))
      })
    for (let run = 0; run < 20; run++)
      expect(await once(load => load('users', run))).toEqual([[0, 'users', run]])

    const more = (load: (name: string, task: unknown) => Promise<unknown>): Promise<unknown> =>
      load('users', 'first').then(() => io(1).then(() => load('users', 'then')))
    for (let run = 0; run < 2; run++) {
      expect(await once(more)).toEqual([
        [0, 'users', 'first'],
        [1, 'users', 'then'],
      ])
    }
    expect(given).toHaveLength(22)
  })

  it('S80 a window does not wait for work that never led to it', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [quick, slow] = [course.step(), course.step()]
    const once = () =>
      inScope((scope, load) => {
        void scope.run(() => load('users', 1), quick)
        void scope.run(() => io(10), slow)
      })
    expect(await once()).toEqual([[10, 'users', 1]])
    expect(await once()).toEqual([[0, 'users', 1]])
  })

  it('S80 a window waits for work that has led to it, where that costs nothing', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [quick, slow] = [course.step(), course.step()]
    const once = () =>
      inScope((scope, load) => {
        void scope.run(() => load('users', 1), quick)
        void scope.run(async () => {
          await io(10)
          return load('users', 2)
        }, slow)
      })
    for (let run = 0; run < 4; run++) expect(await once()).toEqual([[10, 'users', 1, 2]])
  })

  it('S80 a window does not wait for a bulk in flight from which nothing follows for it', async () => {
    const { host, io, inScope } = scopes()
    const course = new BulkCourse()
    const [one, other, next] = [course.step(), course.step(), course.step()]
    one.leadsTo(next)
    const once = () =>
      inScope((scope, load) => {
        const slow = new AsyncBulkCall(async (tasks: number[]) => (await io(10), tasks), {
          name: 'slow',
          scope,
          host,
        })
        void Promise.resolve(scope.run(() => slow.call(1), one)).then(() =>
          scope.run(() => load('posts', 2), next),
        )
        void scope.run(async () => {
          await io(1)
          return load('users', 3)
        }, other)
      })
    const late = [10, 'posts', 2]
    expect(await once()).toEqual([[10, 'users', 3], late])
    expect(await once()).toEqual([[1, 'users', 3], late])
  })

  it('S80 a window waits for those who come in time, whoever else comes too late', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [hasty, idle, next] = [course.step(), course.step(), course.step()]
    hasty.leadsTo(next)
    const once = (...late: { ms: number; step: BulkStep }[]) =>
      inScope((scope, load) => {
        for (const { ms, step } of late) {
          const loaded = scope.run(() => io(ms).then(() => load('users', ms)), step)
          if (step === hasty) void loaded.then(() => scope.run(() => io(10), next))
        }
      })
    const both = [1, 2].map(ms => ({ ms, step: hasty }))
    const last = { ms: 8, step: idle }
    await once(...both)
    await once(last)
    expect(await once(...both, last)).toEqual([
      [2, 'users', 1, 2],
      [8, 'users', 8],
    ])
  })

  it('S80 a window does not wait where its callers have more work to do than they may put off', async () => {
    const { host, io, inScope } = scopes()
    const once = (callers: number, [early, late]: readonly BulkStep[]) =>
      inScope((scope, load) => {
        for (let caller = 0; caller < callers; caller++) {
          const loaded = scope.run(() => load('users', caller), early)
          void loaded.then(() => (host.time += 1 / 8))
        }
        void scope.run(() => io(4).then(() => load('users', 'late')), late)
      })
    const sizesOf = async (callers: number): Promise<unknown[]> => {
      const course = new BulkCourse()
      const steps = [course.step(), course.step()]
      await once(callers, steps)
      const starts = (await once(callers, steps)) as unknown[][]
      return starts.map(([, , ...tasks]) => tasks.length)
    }
    expect(await sizesOf(3)).toEqual([4])
    expect(await sizesOf(40)).toEqual([40, 1])
  })

  it('S80 what was seen of work once is not held against it for ever', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [quick, next, late] = [course.step(), course.step(), course.step()]
    quick.leadsTo(next)
    const once = (calls: boolean) =>
      inScope((scope, load) => {
        const loaded = scope.run(() => load('users', 'quick'), quick)
        void loaded.then(() => scope.run(() => io(10), next))
        for (let i = 0; i < 10; i++) {
          void scope.run(() => (calls ? io(4).then(() => load('users', i)) : io(50)), late)
        }
      })
    await once(true)
    await once(false)
    // As long as such work seems to last, the others have time.
    expect((await once(true)).length).toBe(1)
    for (let run = 0; run < 20; run++) await once(true)
    expect((await once(true)).length).toBe(2)
  })

  it('S80 with `delay: Infinity` no wait is too long: only what leads nowhere is not waited for', async () => {
    const { host, io } = scopes()
    const course = new BulkCourse()
    const [quick, slow, next] = [course.step(), course.step(), course.step()]
    quick.leadsTo(next)
    const once = async (): Promise<unknown[]> => {
      const start = host.time
      const starts: unknown[] = []
      const scope = new BulkScope({ host })
      const made = (name: string) =>
        new AsyncBulkCall(
          (tasks: unknown[]) => {
            starts.push([host.time - start, name, ...tasks])
            return tasks
          },
          { name, delay: Infinity, scope, host },
        )
      const [users, posts] = [made('users'), made('posts')]
      // What follows from the quick one takes longer than all the rest.
      void Promise.resolve(scope.run(() => users.call(1), quick)).then(() => scope.run(() => io(30), next))
      void scope.run(async () => {
        await io(10)
        return users.call(2)
      }, slow)
      void scope.run(() => posts.call(3), quick)
      await pass(host, 100)
      return starts
    }
    await once()
    expect(await once()).toEqual([
      [0, 'posts', 3],
      [10, 'users', 1, 2],
    ])
  })

  it('S81 in the first scope that shows a step nothing changes, whatever the course knows of others', async () => {
    for (const [shape, places] of Object.entries(shapes)) {
      const steps = stepsOf(core, places)
      const first = await walk(core, places, 5, () => 3, steps)
      expect([shape, first]).toEqual([shape, await walk(core, places, 5, () => 3)])
    }
  })

  it('S81 work of no known kind is waited for as ever', async () => {
    const { io, inScope } = scopes()
    const step = new BulkCourse().step()
    const once = (also: boolean) =>
      inScope((scope, load) => {
        void scope.run(() => load('users', 1), step)
        if (also) void scope.run(() => io(10))
      })
    await once(false)
    expect(await once(true)).toEqual([[10, 'users', 1]])
    expect(await once(false)).toEqual([[0, 'users', 1]])
  })

  it('S82 what comes against all experience is sent all the same', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [quick, slow] = [course.step(), course.step()]
    const once = (calls: boolean) =>
      inScope((scope, load) => {
        void scope.run(() => load('users', 1), quick)
        void scope.run(async () => {
          await io(10)
          return calls ? load('users', 2) : null
        }, slow)
      })
    await once(false)
    expect(await once(true)).toEqual([
      [0, 'users', 1],
      [10, 'users', 2],
    ])
    // It has been seen now.
    expect(await once(true)).toEqual([[10, 'users', 1, 2]])
  })

  it('S82 steps that go in circles are no harm', async () => {
    const { io, inScope } = scopes()
    const course = new BulkCourse()
    const [one, other] = [course.step(), course.step()]
    one.leadsTo(other)
    other.leadsTo(one)
    const once = () =>
      inScope((scope, load) => {
        void scope.run(async () => {
          await io(1)
          return load('users', 1)
        }, one)
        void scope.run(() => load('posts', 2), other)
        void scope.run(() => io(5), other)
      })
    await once()
    expect((await once()).length).toBe(2)
  })

  it('S48 what is no step is refused', () => {
    const scope = new BulkScope()
    expect(() => scope.run(() => 1, {} as BulkStep)).toThrow('step must be a step of a BulkCourse, got')
  })
})

const takes = (name: string): number => ({ a: 0.5, b: 3, c: 8 })[name]!
const ios = [[0], [0], [1, 2, 3, 4], [0, 1, 2, 3, 4], [3], [0, 9], [50]]
const anyPlace: fc.Arbitrary<Place> = fc.letrec<{ place: Place }>(tie => ({
  place: fc
    .tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom('a', 'b', 'c', null),
      fc.constantFrom(...ios),
      fc.oneof({ maxDepth: 2 }, fc.constant([]), fc.array(tie('place'), { maxLength: 2 })),
    )
    .map(([count, calls, io, next]) => at(count, calls, io, ...next)),
})).place

describe('whatever the work', () => {
  it('S82 S9 S2 no task is lost, waits longer than `delay` or overtakes another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyPlace, { minLength: 1, maxLength: 3 }), async places => {
        const tick = await walk(core, places, 0, takes)
        const steps = stepsOf(core, places)
        for (let run = 0; run < 4; run++) {
          const { bulks, results, longestWait } = await walk(core, places, 5, takes, steps)
          expect(results).toBe(tick.results)
          expect(longestWait).toBeLessThanOrEqual(5)
          for (const name of ['a', 'b', 'c']) {
            const tasks = bulks.filter(bulk => bulk.name === name).flatMap(bulk => bulk.tasks)
            expect(tasks).toEqual(tasks.toSorted((one, other) => one - other))
          }
          const sum = (of: typeof bulks): number => of.reduce((count, { tasks }) => count + tasks.length, 0)
          expect(sum(bulks)).toBe(sum(tick.bulks))
        }
      }),
      { numRuns: 60 },
    )
  })
})
