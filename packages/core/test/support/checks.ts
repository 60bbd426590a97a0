/**
 * Checks of a copy of the package, each by the promises that it is about. They pass on the real one, and the faults that
 * are put into other copies on purpose must make them fail.
 *
 * No check waits for a promise that a fault may keep from settling: hosts are driven by hand, and what has settled by then
 * is looked at.
 * @module
 */

import { deepStrictEqual } from 'node:assert'
import type { Command, SharedLoaderOptions } from '../../src/index.ts'
import type * as Kit from '../../src/kit.ts'
import { ours } from './contenders.ts'
import { broken, contest, rules } from './contest.ts'
import { explore, type CoreModule, type ExploreSettings } from './explore.ts'
import { ManualHost } from './manual-host.ts'
import { shapes } from './shapes.ts'
import { pass } from './time.ts'

export type Check = (core: CoreModule) => Promise<void>

const small = {
  scope: false,
  pieces: 0,
  racing: false,
  failing: true,
  tasks: 3,
  signals: 1,
  flushes: 1,
}

/** Explores histories of a few calls, short ones of each kind: faults that are there at all are there soon. */
async function exploreEach(core: CoreModule, many: readonly Partial<ExploreSettings>[]): Promise<void> {
  for (const settings of many) {
    await explore(core, { ...small, size: 2, delay: 2, slots: 1, ...settings })
  }
}

/** What became of calls so far. */
function watch(calls: readonly Promise<unknown>[]): unknown[] {
  const seen: unknown[] = calls.map(() => 'waiting')
  calls.forEach((call, i) => {
    call.then(
      result => (seen[i] = result),
      (error: { code?: string }) => (seen[i] = error.code ?? error),
    )
  })
  return seen
}

/** A command that settles when it is told to, and remembers what it was called with. */
function byHand(): { command: Command<string, string>; bulks: string[]; finish: (bulk: string) => void } {
  const bulks: string[] = []
  const open = new Map<string, () => void>()
  return {
    command: tasks => {
      bulks.push(tasks.join(''))
      return new Promise(resolve => open.set(tasks.join(''), () => resolve(tasks)))
    },
    bulks,
    finish: bulk => open.get(bulk)!(),
  }
}

/** Calls that share a limiter, each a bulk of one, and the order in which their bulks started. */
function sharing(core: CoreModule, slots: number) {
  const { command, bulks, finish } = byHand()
  const host = new ManualHost()
  const limiter = core.semaphore(slots)
  const open = (): ((task: string, signal?: AbortSignal) => unknown[]) => {
    const call = new core.AsyncBulkCall(command, { size: 1, concurrent: limiter, host })
    return (task, signal) => watch([call.call(task, { signal })])
  }
  return { host, limiter, bulks, finish, first: open(), second: open(), third: open() }
}

export const checks = {
  'S8 S9 S11 S12 S13 S15 S16 S17 S41 S42: histories with a window': core =>
    exploreEach(core, [
      { size: 1 },
      { size: 2, tasks: 2, delay: Infinity, slots: 2 },
      { size: 3, slots: null },
      { size: 2 },
    ]),

  'S2 S8 S10 S13 S37 S39: histories without a delay': core =>
    exploreEach(core, [
      { delay: 0, size: 1, failing: false },
      { delay: 0, signals: 2, flushes: 0 },
      { delay: 0, slots: null, tasks: 2, signals: 2 },
    ]),

  'S4 S13 S20 S22: histories with races': core =>
    exploreEach(core, [
      { racing: true, tasks: 2, flushes: 0, size: 1, delay: 0 },
      { racing: true, delay: Infinity, failing: false },
    ]),

  'S45: histories in a scope': core =>
    exploreEach(core, [{ scope: true, pieces: 2, flushes: 0, signals: 0, slots: null }]),

  'S45 S83: histories in a scope, whose callers may abort': core =>
    exploreEach(core, [{ scope: true, pieces: 2, flushes: 0, signals: 2, tasks: 2, slots: null }]),

  async 'S84 S85 S88 S89 on shapes that people write, windows are no worse than fixed ones, and what is learned pays'(
    core,
  ) {
    for (const [name, { tree, delay = 5, from = 1 }] of Object.entries(shapes)) {
      const result = await contest(tree, delay, ours(tree, delay, 1, core))
      const held = { ...result, ours: result.ours.slice(from - 1) }
      deepStrictEqual([name, ...broken(held, rules.noMoreBulks, rules.noLater, rules.worthWaiting)], [name])
      const [last, first] = [result.ours.at(-1)!, result.ours[0]!]
      deepStrictEqual([name, last.bulks.length <= first.bulks.length], [name, true])
      const learned = learnedMs[name]
      // Before waiting in vain could have ended all waiting.
      if (learned !== undefined) deepStrictEqual([name, result.ours[3]!.ms], [name, learned])
    }
  },

  async 'S86 what is believed is the most that was seen, and not what was exceeded'({ Evidence, Profile }) {
    const [profile, evidence] = [new Profile(), new Evidence('Post.author')]
    const piece = (calls: number): void => {
      for (let call = 1; call <= calls; call++) evidence.callsLate('users', call, profile)
      evidence.ended(profile, true)
    }
    const isAll = (): boolean[] => [1, 2, 3].map(calls => evidence.isAll('users', calls))
    piece(1)
    piece(2)
    piece(1)
    deepStrictEqual(isAll(), [false, true, false])
    for (let i = 0; i < 8; i++) piece(2)
    piece(3)
    deepStrictEqual(isAll(), [false, false, false])
  },

  async 'S86 it is gathered in 64 scopes, and put to the test when a call comes from unknown work'({
    Evidence,
    Profile,
  }) {
    const [profile, evidence] = [new Profile(), new Evidence('Post.author')]
    profile.outlived()
    const recorded = Array.from({ length: 70 }, () => profile.begins())
    deepStrictEqual(
      recorded,
      recorded.map((_, scope) => scope < 64),
    )
    for (let i = 0; i < 8; i++) evidence.ended(profile, true)
    deepStrictEqual(evidence.isOpen(profile), false)
    profile.doubt('users')
    deepStrictEqual(evidence.isOpen(profile), true)
  },

  async 'S88 waiting in vain has an end, is begun anew by a gain, and is tried again'(core) {
    const { host, vain, gain } = waiting(core)
    const starts: number[] = []
    for (let scope = 0; scope < 7; scope++) starts.push(await vain())
    deepStrictEqual(starts, [10, 10, 10, 10, 10, 10, 0])
    for (let scope = 0; scope < 63; scope++) starts.push(await vain())
    deepStrictEqual(
      starts.slice(7).filter(at => at > 0),
      [10, 10],
    )
    for (let scope = 0; scope < 58; scope++) await vain()
    await gain()
    deepStrictEqual([await vain(), await vain(), await vain(), await vain()], [10, 10, 10, 10])
    deepStrictEqual(host.timers, 0)
  },

  async 'S88 all windows of a scope are open in vain for three times `delay`, and no longer'(core) {
    const host = new ManualHost()
    const scope = new core.BulkScope({ host })
    const starts: number[] = []
    const load = () =>
      new core.BulkLoader(
        (keys: number[]) => {
          starts.push(host.time)
          return keys
        },
        { delay: 10, scope, host },
      )
    const [users, posts] = [load(), load()]
    void scope.run(() => new Promise(() => {}))
    for (let key = 0; key < 5; key++) {
      void scope.run(() => Promise.all([users.load(key), posts.load(key)]))
      await pass(host, 10)
    }
    // No instant counts twice, though two windows are open in it.
    deepStrictEqual(starts, [10, 10, 20, 20, 30, 30, 30, 30, 40, 40])
  },

  async 'S85 evidence closes a window as soon as nothing leads to it, and not before'(core) {
    const [author, posts] = [new core.Evidence('Post.author'), new core.Evidence('User.posts')]
    const idle = new core.Evidence('User.idle')
    for (const leads of [true, false]) {
      for (const isRunning of [true, false]) {
        const { host, request, io } = learning(core, from => leads && from === posts)
        const starts: number[] = []
        for (let run = 0; run < 4; run++) {
          const { scope, load } = request()
          const [users, rows, start] = [load('users'), load('posts', 7), host.time]
          void scope.run(() => (isRunning ? io(7) : rows.load(1)), posts)
          // The scope is never quiet.
          void scope.run(() => io(15), idle)
          void io(1)
            .then(() => scope.run(() => users.load(1), author))
            .then(() => starts.push(host.time - start))
          await pass(host, 20)
        }
        deepStrictEqual([leads, isRunning, starts[3]], [leads, isRunning, leads ? 7 : 1])
      }
    }
  },

  async 'S45 S84 who starts others waits with them, and goes on with them'(core) {
    const { host, request, io } = learning(core, () => true)
    const { scope, load } = request()
    const [users, posts] = [load('users'), load('posts', 5)]
    const then = async (rows: Promise<unknown[]>): Promise<unknown[]> => {
      const got = await rows
      await io(3)
      return got
    }
    const via = new core.AsyncBulkCall((keys: number[]) => then(posts.loadMany(keys)), { scope, host })
    // An outer piece is no work of its own while an inner one waits.
    const seen = watch([scope.run(() => [scope.run(async () => [await users.load(1)])][0]!)])
    await host.turn()
    deepStrictEqual(seen, [[1]])
    // A command that waits for a bulk which has started is in flight, and so are those who wait for it.
    watch([scope.run(() => via.call(2))])
    await host.turn()
    const later = watch([scope.run(() => users.load(3))])
    await pass(host, 7)
    deepStrictEqual(later, ['waiting'])
    await pass(host, 1)
    deepStrictEqual(later, [3])
  },

  async 'S79 a window that stays open for 5 s is warned of, and the timer is taken back'(core) {
    const warnings: unknown[] = []
    const emitWarning = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
    process.emitWarning = (warning: unknown) => void warnings.push(warning)
    try {
      const host = new ManualHost()
      const scope = new core.BulkScope({ host })
      const call = new core.AsyncBulkCall((tasks: number[]) => tasks, { delay: Infinity, scope, host })
      let end!: () => void
      void scope.run(() => new Promise<void>(done => (end = done)))
      watch([scope.run(() => call.call(1))])
      await pass(host, 4999)
      deepStrictEqual([warnings.length, host.timers], [0, 1])
      end()
      await host.turn()
      deepStrictEqual(host.timers, 0)
      void scope.run(() => new Promise(() => {}), new core.Evidence('Post.slow'))
      watch([scope.run(() => call.call(2))])
      await pass(host, 20_000)
      deepStrictEqual(
        warnings.map(warning => /waiting for Post.slow/.test(String(warning))),
        [true],
      )
    } finally {
      Object.defineProperty(process, 'emitWarning', emitWarning)
    }
  },

  async 'S12 a bulk that waits for its slot goes on filling'(core) {
    const { command, bulks, finish } = byHand()
    const host = new ManualHost()
    const call = new core.AsyncBulkCall(command, { size: 3, concurrent: 1, host })
    const calls = [call.call('a')]
    await host.turn()
    calls.push(call.call('b'))
    await host.turn()
    calls.push(call.call('c'))
    const seen = watch(calls)
    await host.turn()
    finish('a')
    await host.turn()
    deepStrictEqual(bulks, ['a', 'bc'])
    finish('bc')
    await host.turn()
    deepStrictEqual(seen, ['a', 'b', 'c'])
  },

  async 'S14 a delay that is longer than timers can be is waited for'(core) {
    const { command, bulks } = byHand()
    const host = new ManualHost()
    const call = new core.AsyncBulkCall(command, { delay: 2 ** 32, host })
    watch([call.call('a')])
    await host.advance(2 ** 32 - 1)
    deepStrictEqual(bulks, [])
    await host.advance(1)
    deepStrictEqual(bulks, ['a'])
    deepStrictEqual(host.timers, 0)
  },

  async 'S16 S18 S19 calls that share a limiter take turns, and none takes the slot of another'(core) {
    const { host, bulks, finish, first, second, third } = sharing(core, 1)
    first('a')
    first('b')
    await host.drain()
    second('c')
    await host.drain()
    third('d')
    await host.drain()
    deepStrictEqual(bulks, ['a'])
    for (const next of ['b', 'c', 'd']) {
      // Nobody steals a slot: not the call that gives it back, which has more to do, nor one that comes this moment.
      finish(bulks.at(-1)!)
      await host.drain()
      deepStrictEqual(bulks.at(-1), next)
      deepStrictEqual(bulks.length, ['b', 'c', 'd'].indexOf(next) + 2)
    }
  },

  async 'S16 S18 a newcomer cannot take a slot that is handed over'(core) {
    const { host, limiter, bulks, finish, first, second, third } = sharing(core, 1)
    first('a')
    await host.drain()
    second('b')
    await host.drain()
    // A slot comes back, and at that very moment one more asks.
    finish('a')
    third('c')
    await host.drain()
    deepStrictEqual(bulks, ['a', 'b'])
    deepStrictEqual(limiter.inUse, 1)
    finish('b')
    await host.drain()
    deepStrictEqual(bulks, ['a', 'b', 'c'])
  },

  async 'S22 a slot that comes back is used at once by whoever stands in line'(core) {
    const { host, bulks, finish, first, second } = sharing(core, 1)
    first('a')
    await host.drain()
    second('b')
    await host.turn()
    finish('a')
    await host.turn()
    deepStrictEqual(bulks, ['a', 'b'])
  },

  async 'S20 a call whose tasks have gone leaves the line'(core) {
    const { host, limiter, bulks, finish, first, second, third } = sharing(core, 1)
    const gone = new AbortController()
    first('a')
    await host.drain()
    second('b', gone.signal)
    await host.drain()
    third('c')
    await host.drain()
    deepStrictEqual(limiter.waiting, 2)
    gone.abort()
    await host.drain()
    deepStrictEqual(limiter.waiting, 1)
    finish('a')
    await host.drain()
    deepStrictEqual(bulks, ['a', 'c'])
  },

  async 'S20 a slot for which there is no task any more goes to the next'(core) {
    const { command, bulks, finish } = byHand()
    const host = new ManualHost()
    const limiter = core.semaphore(1)
    const pairs = new core.AsyncBulkCall(command, { size: 2, delay: Infinity, concurrent: limiter, host })
    const other = new core.AsyncBulkCall(command, { size: 1, concurrent: limiter, host })
    const { signal, abort } = abortable()
    watch([pairs.call('a'), pairs.call('b')])
    await host.drain()
    watch([pairs.call('c'), pairs.call('d', { signal })])
    await host.drain()
    // Its turn comes at the very moment at which it has too few tasks.
    finish('ab')
    abort()
    await host.drain()
    watch([other.call('e')])
    await host.drain()
    deepStrictEqual(bulks, ['ab', 'e'])
    deepStrictEqual(pairs.pending, 1)
  },

  async 'S25 the results are those that the command gave, whatever it does with its array then'(core) {
    const host = new ManualHost()
    const call = new core.AsyncBulkCall(
      (tasks: number[]) => {
        const results = tasks.map(task => task * 2)
        queueMicrotask(() => results.fill(0))
        return results
      },
      { host },
    )
    const seen = watch([call.call(1), call.call(2)])
    await host.turn()
    deepStrictEqual(seen, [2, 4])
  },

  async 'S31 results that are fewer or more than the tasks are handed to none'(core) {
    const host = new ManualHost()
    for (const results of [[1], [1, 2, 3]]) {
      const call = new core.AsyncBulkCall((): number[] => results, { host })
      const seen = watch([call.call(1), call.call(2)])
      await host.turn()
      deepStrictEqual(seen, ['BULK_LENGTH', 'BULK_LENGTH'])
    }
  },

  async 'S37 a task whose signal has aborted is not sent, though its call has not heard of it yet'(core) {
    const { command, bulks } = byHand()
    const host = new ManualHost()
    const call = new core.AsyncBulkCall(command, { host })
    const { signal, abort } = abortable()
    signal.addEventListener('abort', () => void call.flush())
    watch([call.call('a', { signal }), call.call('b')])
    abort()
    await host.turn()
    deepStrictEqual(bulks, ['b'])
  },

  async 'S43 a slot that was taken from a command is not given back again when it settles after all'(core) {
    const { command, bulks, finish } = byHand()
    const host = new ManualHost()
    const limiter = core.semaphore(1)
    const call = new core.AsyncBulkCall(command, { size: 1, concurrent: limiter, timeout: 10, host })
    watch(['a', 'b', 'c'].map(task => call.call(task)))
    await host.advance(20)
    deepStrictEqual(bulks, ['a', 'b'])
    finish('a')
    await host.drain()
    deepStrictEqual(bulks, ['a', 'b'])
    deepStrictEqual(limiter.inUse, 1)
  },

  async 'S72 a shared bulk waits for company, and no longer than there can be any'(core) {
    const { host, bulks, unit } = sharingBulks(core, { delay: Infinity })
    const [one, other] = [unit(), unit()]
    const own = new core.BulkLoader((keys: string[]) => keys, { host, scope: other.scope, delay: Infinity })
    const load = (): Promise<string> => one.scope.run(async () => one.rows.load('a'))
    const loadLater = async (key: string, ms: number): Promise<string> => {
      await other.scope.run(() => new Promise<void>(done => host.setTimer(done, ms)))
      const loaded = await other.scope.run(() => own.load(key))
      return other.scope.run(() => other.rows.load(loaded))
    }
    const seen = watch([load(), loadLater('b', 5), loadLater('c', 6)])
    await pass(host, 4)
    const again = watch([load()])
    await host.turn()
    deepStrictEqual(bulks, [])
    await pass(host, 2)
    deepStrictEqual(bulks, ['abc'])
    deepStrictEqual([...seen, ...again], ['a', 'b', 'c', 'a'])
  },

  async 'S72 S88 a shared bulk waits for other units of work however often that was in vain'(core) {
    const { host, unit } = sharingBulks(core, { delay: 5 })
    const waits: unknown[] = []
    for (let round = 0; round < 5; round++) {
      const [one, other] = [unit(), unit()]
      void other.scope.run(() => new Promise<void>(done => host.setTimer(done, 50)))
      const seen = watch([one.scope.run(() => one.rows.load('a'))])
      await pass(host, 4)
      waits.push(...seen)
      await pass(host, 60)
    }
    deepStrictEqual(waits, new Array(5).fill('waiting'))
  },

  async 'S72 a hit that is given with another bulk waits for its own as well'(core) {
    const { host, bulks, unit } = sharingBulks(core, { delay: Infinity })
    const { scope, rows } = unit()
    void scope.run(() => new Promise<void>(done => host.setTimer(done, 5)))
    watch([scope.run(() => rows.load('a'))])
    await host.turn()
    watch([scope.run(() => rows.load('b')), scope.run(() => rows.loadMany(['a']))])
    rows.prime('b', 'primed')
    await pass(host, 5)
    deepStrictEqual(bulks, ['a'])
  },

  async 'S71 S73 what has failed together is asked again, apart, and nobody leaves anything'(core) {
    const { host, bulks, shared, unit } = sharingBulks(core, {})
    const [one, other, gone] = [unit(), unit(), unit()]
    const seen = watch([one.rows.load('bad'), other.rows.load('a'), other.rows.load('none')])
    await host.turn()
    deepStrictEqual(bulks, ['badanone', 'bad', 'anone'])
    deepStrictEqual(seen.slice(1), ['a', 'BULK_NONE'])
    watch([one.rows.load('bad'), other.rows.load('none'), gone.rows.load('hang')])
    await host.turn()
    deepStrictEqual(bulks.slice(3), ['badhang', 'bad', 'hang'])
    deepStrictEqual(shared.partitions, 1)
    gone.scope.abort('gone')
    await host.turn()
    deepStrictEqual(shared.partitions, 0)
  },

  async 'S73 the error of a key that is asked alone is its answer'(core) {
    const { host, bulks, unit } = sharingBulks(core, {})
    const { rows } = unit()
    for (let i = 0; i < 2; i++) {
      watch([rows.load('none')])
      await host.turn()
    }
    deepStrictEqual(bulks, ['none'])
  },
} satisfies Record<string, Check>

/** Units of work that share their bulks. One with `bad` in it fails, `none` has no row, and `hang` is never answered. */
function sharingBulks(core: CoreModule, options: SharedLoaderOptions<string>) {
  const host = new ManualHost()
  const wide = new core.BulkScope({ host })
  const bulks: string[] = []
  const shared = new core.SharedLoader<string, string>(
    keys => {
      bulks.push(keys.join(''))
      if (keys.includes('bad')) throw new Error('bad key')
      if (keys.includes('hang')) return new Promise<string[]>(() => {})
      return keys.map(key => (key === 'none' ? Object.assign(new Error('none'), { code: 'BULK_NONE' }) : key))
    },
    { delay: 100, scope: wide, host, ...options },
  )
  const unit = () => {
    const scope = new core.BulkScope({ host, within: wide })
    return { scope, rows: shared.loader({ scope }) }
  }
  return { host, bulks, shared, unit }
}

/** When the last result is in, of some shapes, once all is learned: what the tick takes, or what the last load allows. */
const learnedMs: Readonly<Record<string, number>> = {
  'plain nested fields': 15,
  'a chain of three loaders, delay 100': 3,
  'siblings with I/O and one load each': 7,
  'inner loads of one resolver after I/O each': 7,
  'guards in front of every field': 28,
  'lists of very different length': 10,
  'loads beside work that never loads': 6,
  'a chain of three loaders with I/O in a command': 5,
  'promises of I/O and a load that one resolver gives again': 5,
  'loads one after the other': 9,
  'recursion with guards and several loads': 25,
  'one await, then loads whose number differs': 7,
  'a command that loads late, beside loads of the same loader': 5,
}

/** A server whose requests are recorded, each with a scope and loaders whose commands take so many ms. */
function learning({ BulkLoader, BulkScope, Plan, Profile }: CoreModule, leadsTo: Kit.Plan['leadsTo']) {
  const host = new ManualHost()
  const plan = new Plan(new Profile(), leadsTo)
  const io = (ms: number): Promise<void> => new Promise(done => host.setTimer(done, ms))
  const request = () => {
    const scope = new BulkScope({ host, plan })
    const load = (name: string, ms = 0) =>
      new BulkLoader((keys: number[]) => (ms === 0 ? keys : io(ms).then(() => keys)), {
        name,
        delay: 10,
        scope,
        host,
      })
    return { scope, load }
  }
  return { host, request, io }
}

/** A server whose scopes wait for work that never loads (`vain`, and when their bulk started), or for a load (`gain`). */
function waiting({ BulkLoader, BulkScope, Plan, Profile }: CoreModule) {
  const host = new ManualHost()
  const plan = new Plan(new Profile(), () => true)
  const request = () => {
    const scope = new BulkScope({ host, plan })
    const [start, starts] = [host.time, [] as number[]]
    const users = new BulkLoader(
      (keys: number[]) => {
        starts.push(host.time - start)
        return keys
      },
      { delay: 10, scope, host },
    )
    const io = (ms: number): Promise<void> => new Promise(done => host.setTimer(done, ms))
    return { scope, users, starts, io }
  }
  const vain = async (): Promise<number> => {
    const { scope, users, starts, io } = request()
    void scope.run(() => io(15))
    void scope.run(() => users.load(1))
    await pass(host, 20)
    return starts[0]!
  }
  const gain = async (): Promise<void> => {
    const { scope, users, io } = request()
    void scope.run(() => users.load(1))
    void scope.run(() => io(3)).then(() => scope.run(() => users.load(2)))
    await pass(host, 20)
  }
  return { host, vain, gain }
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}
