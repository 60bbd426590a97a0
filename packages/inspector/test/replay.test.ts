/**
 * The replay: with the recorded settings it comes to what was recorded, and with others to what the engine really does.
 * The recordings are made by the recorder, of the real engine, on a clock that is driven by hand.
 */

import { AsyncBulkCall, BulkScope, semaphore, type BulkCallOptions } from '@bulkcall/core'
import { describe, expect, it } from 'vitest'

import { Causality } from '../page/causality.ts'
import { replay } from '../page/replay.ts'
import { Timeline } from '../page/timeline.ts'
import { VirtualHost } from '../page/virtual-host.ts'
import { Recorder } from '../src/recorder.ts'
import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'

interface Settings {
  readonly size?: number
  readonly delay?: number
  readonly concurrent?: number
  /** From when to when, in ms, the event loop has no time for timers. */
  readonly stall?: readonly [number, number]
}

/** A list of posts, then for each its author and, after I/O of its own, its comments; then the author of each comment. */
async function record(posts: number, { size = Infinity, delay = 5, concurrent, stall }: Settings) {
  const host = new VirtualHost()
  if (stall !== undefined) host.stall(...stall)
  const recorder = new Recorder({
    keeps: 10,
    clock: { now: () => host.now(), origin: 0, idle: () => host.idle },
  })
  const scope = new BulkScope({ host, name: 'Feed' })
  const options: BulkCallOptions = { size, delay, scope, host }
  const pool = concurrent === undefined ? null : semaphore(concurrent)
  const loader = (name: string, ms: number) =>
    new AsyncBulkCall(
      async (tasks: readonly number[]) => {
        await host.sleep(ms)
        return tasks
      },
      { ...options, name, concurrent: pool },
    )
  const [list, authors, comments] = [loader('posts', 3), loader('authors', 8), loader('comments', 6)]

  async function post(id: number): Promise<void> {
    const author = scope.run(() => authors.call(id))
    const permission = scope.run(async () => host.sleep(1 + (id % 4)))
    const comment = permission.then(() => scope.run(() => comments.call(id)))
    const texts = scope.run(async () => host.sleep(2))
    await Promise.all([author, texts, comment.then(by => scope.run(() => authors.call(by)))])
  }

  const end = recorder.begin(scope, 'query')
  const ends = scope
    .run(() => list.call(0))
    .then(() => Promise.all(Array.from({ length: posts }, (_, id) => post(id))))
  void ends.then(() => end(0))
  await host.play()
  recorder.stop()
  return recorder.shelf.recording.operations[0]! as RecordedOperation & { ms: number }
}

describe('S112 a replay with the recorded settings', () => {
  it.each<[string, number, Settings]>([
    ['windows that close themselves', 20, {}],
    ['bulks of a few', 50, { size: 8 }],
    ['a limit', 50, { size: 8, concurrent: 2 }],
    ['one slot', 30, { concurrent: 1 }],
    ['windows that end before their time', 30, { delay: 1.5 }],
    ['the end of the tick', 20, { delay: 0 }],
    ['an event loop that is busy for a while', 30, { delay: 2, size: 12, stall: [4, 11] }],
    ['single loads', 5, { size: 1, concurrent: 3 }],
  ])('comes to the same bulks, in about the same time: %s', async (_, posts, settings) => {
    const operation = await record(posts, settings)
    const { ms, bulks } = await replay(operation, { loader: null })

    expect(operation.bulks.length).toBeGreaterThan(3)
    expect(inWords(bulks)).toEqual(inWords(operation.bulks))
    expect(Math.abs(ms - operation.ms)).toBeLessThanOrEqual(operation.ms * 0.02)
  })
})

describe('the timeline of a recording', () => {
  it('S112 has a tick begin when its first bulk opened: a call is recorded a moment after it was made', async () => {
    const recorded = await record(3, {})
    const [first] = recorded.bulks
    const bulk = { ...first!, tasks: 2, openedAt: 4.79, readyAt: 9, startedAt: 9, settledAt: 12 }
    const [tick] = new Timeline(
      [{ ...bulk, arrivals: [[null, 4.861, 2, 0.5]] }],
      new Causality(recorded, new Map()),
    ).ticks()

    expect(tick!.moment.ms).toBeCloseTo(4.79, 6)
    expect(tick!.at + tick!.took).toBeCloseTo(5.361, 6)
    expect(tick!.parts.map(({ ms, tasks }) => [ms, tasks.length])).toEqual([[0, 2]])
  })

  it('S112 gives the tasks to the bulks in which they went out, where one took some of those behind it', async () => {
    const recorded = await record(3, {})
    const [like] = recorded.bulks
    const bulk = { ...like!, loader: 'users', size: 3, cause: 'size' }
    const times = { readyAt: 1, startedAt: 5, settledAt: 8 }
    const bulks: RecordedBulk[] = [
      { ...bulk, id: 1, tasks: 3, openedAt: 0, ...times, arrivals: [[null, 0, 1]] },
      { ...bulk, id: 2, tasks: 1, openedAt: 2, ...times, startedAt: 6, arrivals: [[null, 2, 3]] },
    ]
    const timeline = new Timeline(bulks, new Causality(recorded, new Map()))
    const went = timeline
      .ticks()
      .map(({ at, parts }) => [at, parts.flatMap(({ tasks }) => tasks.map(({ bulk: { id } }) => id))])

    expect(went).toEqual([
      [0, [1]],
      [2, [1, 1, 2]],
    ])
  })
})

function busy(bulks: readonly RecordedBulk[]): number {
  return bulks.reduce((sum, { busyOpen = 0 }) => sum + busyOpen, 0)
}

it('S110 a predicted bulk tells a window from an event loop that is busy', async () => {
  const operation = await record(30, { delay: 2, size: 12, stall: [4, 11] })
  const { bulks } = await replay(operation, { loader: null })

  // When the loop was busy before a timer came due is not known, only for how long.
  expect(busy(bulks)).toBeGreaterThan(7)
  expect(busy(bulks)).toBeLessThanOrEqual(busy(operation.bulks))
})

describe('S112 a replay with other settings', () => {
  it.each<[Settings, Settings]>([
    [{ size: 8, concurrent: 1 }, { concurrent: 4 }],
    [{ size: 8, concurrent: 2 }, { size: 50 }],
    [{ size: 50, concurrent: 2 }, { size: 8 }],
    [{ delay: 0 }, { delay: 10 }],
    [{ delay: 10 }, { delay: 0 }],
  ])('of %j as %j comes near to what the engine does with them', async (recorded, change) => {
    const operation = await record(40, recorded)
    const real = await record(40, { ...recorded, ...change })
    const { ms, bulks } = await replay(operation, { loader: null, ...change })

    expect(real.ms).not.toBeCloseTo(operation.ms, 1)
    expect(Math.abs(bulks.length - real.bulks.length)).toBeLessThanOrEqual(real.bulks.length * 0.15)
    expect(Math.abs(ms - real.ms)).toBeLessThanOrEqual(real.ms * 0.15)
  })
})

/** The bulks of each loader, in their order. */
function inWords(bulks: readonly RecordedBulk[]): string[] {
  return bulks
    .toSorted((a, b) => a.loader.localeCompare(b.loader) || a.startedAt! - b.startedAt! || a.id - b.id)
    .map(({ loader, tasks, cause }) => `${loader}: ${tasks}, ${cause}`)
}
