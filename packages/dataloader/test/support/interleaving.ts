/**
 * Random interleavings of loads, aborts and answers. What is expected of each load follows from what happened to it alone.
 */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert'
import { getEventListeners } from 'node:events'
import type { CommandContext } from '@bulkcall/core'
import fc from 'fast-check'
import DataLoader, { type LoadOptions, type Options } from '../../src/index.ts'

const turn = (): Promise<void> => new Promise(done => setImmediate(done))
const jobs = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

type Step =
  | { do: 'load'; key: number; signal: number | null }
  | { do: 'loadMany'; keys: number[]; signal: number | null }
  | { do: 'abort'; signal: number }
  | { do: 'answer' | 'fail' | 'send'; batch: number }
  | { do: 'clear' | 'prime'; key: number }
  | { do: 'turn' | 'jobs' }

const key = fc.integer({ min: 1, max: 8 })
const signal = fc.option(fc.integer({ min: 0, max: 3 }), { freq: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('load' as const), key, signal }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('loadMany' as const),
      keys: fc.array(key, { minLength: 1, maxLength: 4 }),
      signal,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('abort' as const), signal: fc.integer({ min: 0, max: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('answer' as const, 'answer' as const, 'fail' as const),
      batch: fc.nat({ max: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), batch: fc.nat({ max: 2 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('clear' as const, 'prime' as const), key }),
  },
  { weight: 5, arbitrary: fc.constantFrom<Step>({ do: 'turn' }, { do: 'turn' }, { do: 'jobs' }) },
)

export const options: fc.Arbitrary<Options<number, string>> = fc.record(
  { maxBatchSize: fc.constantFrom(1, 2, 3), cache: fc.boolean() },
  { requiredKeys: [] },
)
/** What the engine has to see to. */
export const bounds: fc.Arbitrary<Options<number, string>> = fc.oneof(
  fc.record({ concurrent: fc.constantFrom(1, 2), timeout: fc.constantFrom(60_000, Infinity) }),
  fc.record({ delay: fc.constantFrom(0.5, Infinity), concurrent: fc.constantFrom(null, 1) }),
  fc.record({ timeout: fc.constant(60_000) }),
)
/** The same beside a `batchScheduleFn`, which decides alone when a batch leaves. */
export const boundsByHand: fc.Arbitrary<Options<number, string>> = fc.record({
  concurrent: fc.constantFrom(1, 2),
  timeout: fc.constantFrom(60_000, Infinity),
})

/** Why a signal aborts: no Error, which it need not be. */
class Reason {
  readonly why = 'gone'
}

/** A load as it was made, and what has come of it. */
interface Load {
  readonly key: number
  readonly signal: AbortSignal | undefined
  /** How often it has settled, and with what. */
  settled: number
  value?: string
  error?: unknown
  /** Whether it had settled when its signal aborted. */
  late?: boolean
}

interface Sent {
  readonly keys: readonly number[]
  readonly context: CommandContext | undefined
  open: boolean
  settle: (failing: boolean) => void
}

/** Whether none of the steps can make two entries of one key: then a key that is in flight has all its loads there. */
function isSimple(steps: readonly Step[], given: Options<number, string>): boolean {
  return given.cache !== false && steps.every(each => each.do !== 'clear' && each.do !== 'prime')
}

async function play(asked: Options<number, string>, steps: readonly Step[], byHand: boolean): Promise<void> {
  /** The batches that have opened and were not sent, where a step says which of them is. */
  const opened: (() => void)[] = []
  const send = (place: number): void => opened.splice(place % Math.max(opened.length, 1), 1)[0]?.()
  const given = byHand
    ? { ...asked, batchScheduleFn: (callback: () => void) => void opened.push(callback) }
    : asked
  const loads: Load[] = []
  const sent: Sent[] = []
  const size = given.maxBatchSize ?? Infinity
  const limit =
    given.concurrent === undefined || given.concurrent === null ? Infinity : Number(given.concurrent)
  const simple = isSimple(steps, given)
  // Who has asked in vain may wait on beside his answer: for the other keys of a loadMany, or for the batch of his turn.
  const asksOnce = simple && steps.every(each => each.do !== 'fail')
  const waiting = (each: number): Load[] => loads.filter(load => load.key === each && !isOver(load))

  const loader = new DataLoader<number, string>((keys, context?: CommandContext) => {
    ok(keys.length > 0, 'a batch is never empty')
    ok(keys.length <= size, 'a batch is no larger than it may be')
    ok(sent.filter(each => each.open).length < limit, 'no more batches run than may')
    for (const each of keys) ok(waiting(each).length > 0, 'somebody waits for each key')
    if (simple) strictEqual(new Set(keys).size, keys.length, 'equal keys are asked once')
    return new Promise((give, reject) => {
      const number = sent.length
      const batch: Sent = {
        keys,
        context,
        open: true,
        settle: failing => {
          batch.open = false
          if (failing) reject(new Error(`batch ${number} failed`))
          else give(keys.map(each => (each === 5 ? new Error('no 5') : `value ${each}`)))
        },
      }
      sent.push(batch)
    })
  }, given)

  const controllers = Array.from({ length: 4 }, () => new AbortController())
  const all = new Set<AbortSignal>()
  const optionsOf = (place: number | null): LoadOptions | undefined => {
    if (place === null) return undefined
    const own = controllers[place]!.signal
    all.add(own)
    return { signal: own }
  }
  const watch = (each: number, own: AbortSignal | undefined, promise: Promise<string>): void => {
    const load: Load = { key: each, signal: own, settled: 0 }
    loads.push(load)
    promise.then(
      value => {
        load.settled++
        load.value = value
      },
      (error: unknown) => {
        load.settled++
        load.error = error
      },
    )
  }
  const watchMany = (
    each: readonly number[],
    own: AbortSignal | undefined,
    many: Promise<(string | Error)[]>,
  ): void =>
    each.forEach((one, i) =>
      watch(
        one,
        own,
        many.then(answers => {
          const answer = answers[i]
          if (typeof answer === 'string') return answer
          throw answer as Error
        }),
      ),
    )

  const look = (): void => {
    for (const each of all)
      ok(getEventListeners(each, 'abort').length <= 1, 'a signal has one listener at most')
    if (!simple) return
    for (const { keys, context, open } of sent) {
      if (context === undefined || !open) continue
      // A batch whose callers have all gone is told, once; and who comes back asks anew.
      const left = keys.every(each => waiting(each).length === 0)
      if (left) ok(context.signal.aborted, 'who runs for nobody is told')
    }
  }

  for (const each of steps) {
    if (each.do === 'load') {
      const said = optionsOf(each.signal)
      watch(each.key, said?.signal, said === undefined ? loader.load(each.key) : loader.load(each.key, said))
    } else if (each.do === 'loadMany') {
      const said = optionsOf(each.signal)
      watchMany(
        each.keys,
        said?.signal,
        said === undefined ? loader.loadMany(each.keys) : loader.loadMany(each.keys, said),
      )
    } else if (each.do === 'abort') {
      // A load of one key that has not settled must be over at once; loadMany waits for its other keys.
      const controller = controllers[each.signal]!
      for (const load of loads) if (load.signal === controller.signal) load.late = load.settled > 0
      const running = sent.filter(batch => batch.open && batch.context?.signal.aborted === false)
      const kept = running.filter(batch =>
        batch.keys.some(one => waiting(one).some(load => load.signal !== controller.signal)),
      )
      controller.abort(new Reason())
      controllers[each.signal] = new AbortController()
      deepStrictEqual(getEventListeners(controller.signal, 'abort'), [])
      if (asksOnce)
        for (const batch of kept) ok(!batch.context!.signal.aborted, 'who runs for somebody goes on')
      look()
      await jobs()
      for (const load of loads)
        if (load.signal === controller.signal) strictEqual(load.settled, 1, 'who aborts is told at once')
    } else if (each.do === 'answer' || each.do === 'fail') {
      const open = sent.filter(batch => batch.open)
      open[each.batch % Math.max(open.length, 1)]?.settle(each.do === 'fail')
    } else if (each.do === 'send') send(each.batch)
    else if (each.do === 'clear') loader.clear(each.key)
    else if (each.do === 'prime') loader.prime(each.key, `value ${each.key}`)
    else if (each.do === 'turn') await turn()
    else await jobs()
  }

  // With an endless window only a full batch leaves: who still waits goes.
  for (let i = 0; i < 1000 && loads.some(load => load.settled === 0); i++) {
    send(i)
    for (const batch of sent) if (batch.open) batch.settle(false)
    if (i === 50) strictEqual(given.delay, Infinity, 'all have settled')
    if (i === 50) break
    await (given.delay === 0.5 ? new Promise(done => setTimeout(done, 1)) : turn())
  }
  for (const controller of controllers) controller.abort(new Reason())
  await turn()

  for (const load of loads) {
    ok(load.settled <= 1, 'each load settles once')
    if (load.settled === 0) deepStrictEqual([given.delay, load.signal], [Infinity, undefined])
    else if (load.error instanceof Reason) {
      strictEqual(load.signal!.reason, load.error, 'nobody hears the reason of another')
      ok(!load.late)
    } else if (load.error === undefined) strictEqual(load.value, `value ${load.key}`)
    else
      match(
        (load.error as Error).message,
        load.key === 5 ? /^(batch \d+ failed|no 5)$/ : /^batch \d+ failed$/,
      )
  }
  for (const each of all) deepStrictEqual(getEventListeners(each, 'abort'), [])
}

/** Settled, or about to: its signal has aborted. */
function isOver(load: Load): boolean {
  return load.settled > 0 || load.signal?.aborted === true
}

const steps = fc.array(step, { maxLength: 40, size: 'max' })

/** Plays so many programs, on loaders with such options; by hand: their batches are sent in whatever order. */
export function check(
  given: fc.Arbitrary<Options<number, string>>,
  numRuns: number,
  byHand = false,
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(given, steps, (each, some) => play(each, some, byHand)),
    { numRuns },
  )
}
