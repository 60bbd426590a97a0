/**
 * What holds of shared loaders in every interleaving. fast-check makes the plans: who loads what at which moments, between
 * which waits, who aborts, and when commands end. Time is that of a host that is driven by hand.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import { BulkLoader, BulkScope, SharedLoader } from '../src/index.ts'
import { Evidence, Plan as DocumentPlan, Profile } from '../src/kit.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

/** A bulk with `bad` in it fails; `none` has no row. */
type Key = 'a' | 'b' | 'c' | 'none' | 'bad'

type Step =
  | { readonly do: 'load'; readonly unit: number; readonly key: Key; readonly how: How; readonly ms: number }
  | { readonly do: 'loadMany'; readonly unit: number; readonly keys: readonly Key[] }
  | { readonly do: 'other window' | 'prime' | 'clear'; readonly unit: number; readonly key: Key }
  | { readonly do: 'work'; readonly unit: number; readonly ms: number }
  | { readonly do: 'abort' | 'flush' | 'abort all'; readonly unit: number }
  | { readonly do: 'end a command'; readonly which: number }
  | { readonly do: 'promise jobs' | 'turn' }
  | { readonly do: 'time'; readonly ms: number }

/** In what work a load is made: none that is known, a piece of its own, one that waits before, one that loads again. */
type How = 'bare' | 'run' | 'after I/O' | 'twice' | 'within another'

interface Plan {
  readonly size: number
  readonly slots: number | undefined
  readonly delay: number
  readonly timeout: number
  readonly bounded: boolean
  readonly cache: boolean
  /** Whether it is recorded who does what, and what is said to follow from any result. */
  readonly evidence: 'none' | 'all may follow' | 'nothing follows'
  readonly units: readonly { readonly partition: 'p' | 'q'; readonly nested: boolean }[]
  readonly steps: readonly Step[]
}

const unit = fc.nat(3)
const key = fc.constantFrom<Key>('a', 'a', 'b', 'b', 'c', 'none', 'bad')
const how = fc.constantFrom<How>('bare', 'run', 'run', 'after I/O', 'twice', 'within another')
const ms = fc.constantFrom(1, 2, 5)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('load' as const), unit, key, how, ms }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('loadMany' as const),
      unit,
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('other window', 'prime', 'clear'), unit, key }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('work' as const), unit, ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('abort', 'flush'), unit }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end a command' as const), which: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('promise jobs', 'turn') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const), ms }) },
)

const plans: fc.Arbitrary<Plan> = fc.record({
  size: fc.constantFrom(1, 2, 3, Infinity),
  slots: fc.constantFrom(undefined, 1, 2),
  delay: fc.constantFrom(Infinity, Infinity, 4),
  timeout: fc.constantFrom(Infinity, Infinity, 7),
  bounded: fc.boolean(),
  cache: fc.boolean(),
  evidence: fc.constantFrom('none', 'all may follow', 'nothing follows'),
  units: fc.array(fc.record({ partition: fc.constantFrom('p', 'p', 'q'), nested: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  steps: fc.array(step, { minLength: 4, maxLength: 30, size: 'max' }),
})

/** A load, and what it may get. */
interface Load {
  readonly unit: number
  readonly key: Key
  readonly settled: string[]
}

interface Bulk {
  readonly partition: unknown
  readonly keys: readonly string[]
  readonly running: number
}

/** Nobody asks what became of it: each load is watched. */
function unheard(work: unknown): void {
  Promise.resolve(work).catch(() => {})
}

/** Runs work in no piece that is known. */
const plainly = <R>(work: () => Promise<R>): Promise<R> => work()

async function play(plan: Plan) {
  const { size, slots, delay, timeout, bounded, cache } = plan
  const host = new ManualHost()
  const profile = new Profile()
  profile.outlived()
  const document =
    plan.evidence === 'none' ? undefined : new DocumentPlan(profile, () => plan.evidence === 'all may follow')
  const evidence = new Map<How, Evidence>()
  const wide = new BulkScope({ host })
  const middle = new BulkScope({ host, within: wide })
  const bulks: Bulk[] = []
  const running = new Map<number, () => void>()
  const shared = new SharedLoader<string, string, string>(
    async (keys, { partition }) => {
      const id = bulks.length
      const ended = new Deferred<void>()
      running.set(id, () => running.delete(id) && ended.resolve())
      bulks.push({ partition, keys, running: running.size })
      await ended.promise
      if (keys.includes('bad')) throw new Error('bad key')
      return keys.map(each => (each === 'none' ? new Error('no such row') : `row ${each}`))
    },
    {
      host,
      scope: wide,
      size,
      delay,
      timeout,
      concurrent: slots,
      maxPending: bounded ? (size === Infinity ? 3 : size + 1) : undefined,
    },
  )
  const opened = (partition: string, within: BulkScope) => {
    const scope = new BulkScope({ host, within, plan: document })
    return {
      scope,
      rows: shared.loader({ scope, partition, cache }),
      // Its window closes by the quiet of the unit of work alone.
      others: new BulkLoader(async (keys: string[]) => keys.map(each => `row ${each}`), {
        host,
        scope,
        delay: Infinity,
      }),
    }
  }
  const units = plan.units.map(({ partition, nested }) => opened(partition, nested ? middle : wide))
  const aborted = new Set<number>()
  const loads: Load[] = []
  let drains = 0

  const io = (wait: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), wait)
    return done.promise
  }
  const watch = (at: number, wanted: Key, promise: Promise<string>): Promise<string> => {
    const load: Load = { unit: at, key: wanted, settled: [] }
    loads.push(load)
    promise.then(
      row => load.settled.push(row),
      (error: Error & { code?: string }) => load.settled.push(error.code ?? error.message),
    )
    return promise
  }

  const take = async (now: Step): Promise<void> => {
    if (now.do === 'turn') return host.turn()
    if (now.do === 'promise jobs') return host.drain()
    if (now.do === 'time') return pass(host, now.ms)
    if (now.do === 'end a command') return [...running.values()][now.which]?.()
    if (!('unit' in now)) return
    const at = now.unit % units.length
    const { scope, rows, others } = units[at]!
    if (now.do === 'work') return unheard(scope.run(() => io(now.ms)))
    if (now.do === 'flush') {
      drains++
      return unheard(rows.flush().then(() => drains--))
    }
    if (now.do === 'abort') {
      aborted.add(at)
      return scope.abort(new Error('gone'))
    }
    if (now.do === 'prime') return void rows.prime(now.key, `primed ${now.key}`)
    if (now.do === 'clear') return void rows.clear(now.key)
    if (now.do === 'other window') return unheard(scope.run(() => watch(at, 'a', others.load('a'))))
    if (now.do === 'loadMany') {
      const many = scope.run(() => rows.loadMany(now.keys))
      now.keys.forEach((each, place) => {
        const one = many.then(answers => {
          const answer = answers[place]!
          if (answer instanceof Error) throw answer
          return answer
        })
        unheard(watch(at, each, one))
      })
      return
    }
    if (now.do !== 'load') return
    const load = () => watch(at, now.key, rows.load(now.key))
    if (now.how === 'bare') unheard(load())
    // Work that has loaded after an `await` may do so again, and a window without an end would wait for that (S83): so
    // there each load is in a piece of its own.
    if (!evidence.has(now.how)) evidence.set(now.how, new Evidence(now.how))
    const inPiece = <R>(work: () => Promise<R>): Promise<R> => scope.run(work, evidence.get(now.how))
    const [whole, part] = delay === Infinity ? [plainly, inPiece] : [inPiece, plainly]
    if (now.how === 'run') unheard(inPiece(load))
    if (now.how === 'within another') unheard(inPiece(async () => [await inPiece(load)]))
    if (now.how === 'after I/O')
      unheard(
        whole(async () => {
          await part(() => io(now.ms))
          return part(load)
        }),
      )
    if (now.how === 'twice')
      unheard(
        whole(async () => {
          await part(load)
          await part(() => io(now.ms))
          return part(load)
        }),
      )
  }

  for (const each of plan.steps) await take(each)
  // What can end ends: commands, I/O and time-outs. Windows without an end do not.
  for (let round = 0; round < 200 && (host.timers > 0 || running.size > 0 || round < 2); round++) {
    await pass(host, 1)
    for (const end of running.values()) end()
    await host.turn()
  }
  return { host, shared, units, aborted, loads, bulks, running, drains: () => drains, opened, wide, middle }
}

type Played = Awaited<ReturnType<typeof play>>

function always(judge: (played: Played, plan: Plan) => void | Promise<void>, runs = 300): Promise<void> {
  return fc.assert(
    fc.asyncProperty(plans, async plan => judge(await play(plan), plan)),
    { numRuns: rounds(runs), verbose: fc.VerbosityLevel.None },
  )
}

/** What a load may get. Nothing of it is for what another unit of work does. */
function allowed({ unit: at, key: wanted }: Load, { aborted, loads }: Played, plan: Plan): string[] {
  const may = [wanted === 'none' ? 'no such row' : wanted === 'bad' ? 'bad key' : `row ${wanted}`]
  if (aborted.has(at)) may.push('gone')
  if (plan.timeout < Infinity) may.push('BULK_TIMEOUT')
  if (plan.bounded) may.push('BULK_OVERFLOW')
  if (plan.steps.some(each => each.do === 'prime' && each.unit % plan.units.length === at))
    may.push(`primed ${wanted}`)
  // Its own keys fail together.
  if (loads.some(load => load.unit === at && load.key === 'bad')) may.push('bad key')
  return may
}

describe('shared loaders, in every interleaving', () => {
  it('S23 S70 S72 S73 every load settles exactly once, as if no other unit of work were there', () =>
    always((played, plan) => {
      for (const load of played.loads) {
        expect(load.settled, `${load.key} of ${load.unit}`).toHaveLength(1)
        expect(allowed(load, played, plan)).toContain(load.settled[0])
      }
      expect(played.drains()).toBe(0)
    }, 600))

  it('S1 S70 S71 bulks have at most `size` keys, all of one partition, and each once', () =>
    always(({ bulks, units }, plan) => {
      expect(units).toHaveLength(plan.units.length)
      for (const { keys, partition } of bulks) {
        expect(keys.length).toBeLessThanOrEqual(plan.size)
        expect(new Set(keys).size).toBe(keys.length)
        expect(plan.units.map(each => each.partition)).toContain(partition)
      }
    }))

  it('S16 S71 at most `concurrent` commands run at once, over all partitions', () =>
    always(({ bulks }, { slots = Infinity, timeout }) => {
      // A slot that is taken from a command that hangs is another's.
      const bound = timeout === Infinity ? slots : Infinity
      for (const bulk of bulks) expect(bulk.running).toBeLessThanOrEqual(bound)
    }))

  it('S71 S72 in the end nothing is left: no partition, no timer, and nobody who holds a window open', () =>
    always(async ({ host, shared, units, aborted, bulks, running, opened, wide, middle }, plan) => {
      expect(shared.partitions).toBe(0)
      expect(host.timers).toBe(0)
      const fresh = [wide, middle].map(within => opened('fresh', within))
      for (const { scope, rows, others } of [...fresh, ...units.filter((_, at) => !aborted.has(at))]) {
        const before = bulks.length
        const loads = [
          scope.run(() => rows.clearAll().load('a')),
          scope.run(() => others.clearAll().load('a')),
        ]
        await host.turn()
        expect(bulks.length, `of ${plan.delay} ms`).toBe(before + 1)
        for (const end of running.values()) end()
        await host.turn()
        expect(await Promise.all(loads)).toEqual(['row a', 'row a'])
      }
      expect(shared.partitions).toBe(0)
    }))
})
