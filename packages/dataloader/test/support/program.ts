/**
 * Random programs over a loader, and all that can be seen of a run: which keys the batch function got, when, and how
 * each promise settled, in one list in the order in which it happened.
 *
 * One thing is not as in `dataloader`, and programs do not look at it: an answer comes one promise job later. So a
 * program may count promise jobs, but not where something else than a promise job could start a batch in between.
 */
import fc from 'fast-check'

/** The part of a class of loaders that a program uses: ours, or the original. */
export type LoaderClass = new (
  batchLoadFn: any,
  options?: any,
) => {
  load(key: any): Promise<any>
  loadMany(keys: any): Promise<any[]>
  prime(key: any, value: any): unknown
  clear(key: any): unknown
  clearAll(): unknown
}

type Step =
  | { do: 'load' | 'clear'; key: number }
  | { do: 'loadMany'; keys: number[] }
  | { do: 'prime'; key: number; as: 'value' | 'Error' | 'promise' }
  | { do: 'clearAll' | 'wait' | 'turn' }
  | { do: 'jobs'; count: number }

type Answer =
  | 'values'
  | 'later'
  | 'turn'
  | 'promises'
  | 'reject'
  | 'reject later'
  | 'reject string'
  | 'throw'
  | 'short'
  | 'no promise'
  | 'no array'

export interface Program {
  options: {
    maxBatchSize?: number
    batch?: boolean
    cache?: boolean
    cacheKey?: 'parity'
    store?: 'map' | 'forgetful' | 'none'
    schedule?: 'tick' | 'turn'
  }
  /** What the batch function does the first time, the second time, …; then from the start again. */
  answers: Answer[]
  /** Pieces of work that run beside each other. */
  threads: Step[][]
}

const key = fc.integer({ min: 1, max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('load' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('loadMany' as const),
      keys: fc.array(key, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('prime' as const),
      key,
      as: fc.constantFrom('value' as const, 'Error' as const, 'promise' as const),
    }),
  },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'wait' }, { do: 'turn' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'clearAll' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('jobs' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
)

const successes: Answer[] = ['values', 'values', 'later', 'later', 'turn', 'turn', 'promises']
const failures: Answer[] = [
  'reject',
  'reject later',
  'reject string',
  'throw',
  'short',
  'no promise',
  'no array',
]

export const program: fc.Arbitrary<Program> = fc
  .record({
    options: fc.record(
      {
        maxBatchSize: fc.constantFrom(1, 2, 3),
        batch: fc.boolean(),
        cache: fc.boolean(),
        cacheKey: fc.constant('parity' as const),
        store: fc.constantFrom('map' as const, 'forgetful' as const, 'none' as const),
        schedule: fc.constantFrom('tick' as const, 'turn' as const),
      },
      { requiredKeys: [] },
    ),
    answers: fc.array(fc.constantFrom(...successes, ...failures), { minLength: 1, maxLength: 5 }),
    threads: fc.array(fc.array(step, { maxLength: 8 }), { minLength: 1, maxLength: 3 }),
  })
  .filter(each => !(forgets(each) && each.answers.some(answer => failures.includes(answer))))

/**
 * Keys that came by `loadMany` have no promise of their own before someone loads them, so among answers that are given
 * in the same instant theirs may be later. In a cache of the user's they have one.
 */
export function isExact({ options, threads }: Program): boolean {
  const { cache = true, store } = options
  const seen = cache && (store === 'map' || store === 'forgetful')
  return seen || !threads.flat().some(each => each.do === 'loadMany')
}

/** What was seen, with what came between two batches in alphabetical order. */
export function unordered(seen: readonly string[]): string[] {
  const runs: string[][] = [[]]
  for (const each of seen) {
    if (each.startsWith('batch')) runs.push([each], [])
    else runs.at(-1)!.push(each)
  }
  return runs.flatMap(each => each.toSorted())
}

/** Where a key is asked again before a batch fails, `dataloader` takes the newer answer away: see fixed-faults.test.ts. */
function forgets({ options, threads }: Program): boolean {
  return options.store === 'forgetful' || threads.flat().some(each => each.do.startsWith('clear'))
}

const turn = (): Promise<void> => new Promise(done => setImmediate(done))

/** Runs a program on loaders of a class, and gives what could be seen. */
export async function run(Class: LoaderClass, { options, answers, threads }: Program): Promise<string[]> {
  const seen: string[] = []
  const store = new Map<unknown, unknown>()
  const mayFail = answers.some(each => failures.includes(each))
  let batches = 0
  const loader: InstanceType<LoaderClass> = new Class(
    function (this: unknown, keys: readonly number[], ...more: unknown[]) {
      const number = ++batches
      const mine = this === loader && more.length === 0
      seen.push(`batch ${number}: ${keys.join(' ')}${mine ? '' : ', not called as a method'}`)
      return give(answers[(number - 1) % answers.length]!, [...keys], number)
    },
    {
      ...options,
      ...(options.cacheKey && { cacheKeyFn: (each: number) => (each % 2 ? 'odd' : `even ${each}`) }),
      ...(options.store === 'none' && { cacheMap: null }),
      ...(options.store === 'map' && { cacheMap: store }),
      ...(options.store === 'forgetful' && { cacheMap: new Forgetful() }),
      ...(options.schedule && { batchScheduleFn: schedules[options.schedule] }),
    },
  )
  const settled: Promise<unknown>[] = []
  const watch = (name: string, start: () => Promise<unknown>): Promise<unknown> => {
    let promise: Promise<unknown>
    try {
      promise = start()
    } catch (error) {
      seen.push(`${name} throws ${show(error)}`)
      return Promise.resolve()
    }
    const done = promise.then(
      value => seen.push(`${name} gives ${show(value)}`),
      (error: unknown) => seen.push(`${name} rejects with ${show(error)}`),
    )
    settled.push(done)
    return done
  }
  await Promise.all(
    threads.map(async (steps, thread) => {
      let last: Promise<unknown> | undefined
      for (const [i, each] of steps.entries()) {
        const name = `${thread}.${i} ${JSON.stringify(each)}`
        if (each.do === 'load') last = watch(name, () => loader.load(each.key))
        else if (each.do === 'loadMany') last = watch(name, () => loader.loadMany(each.keys))
        else if (each.do === 'clear') loader.clear(each.key)
        else if (each.do === 'clearAll') loader.clearAll()
        else if (each.do === 'prime') loader.prime(each.key, primed(each.as))
        else if (each.do === 'wait') {
          if (last === undefined) continue
          await last
          last = undefined
          // Who has heard of one batch might ask again before the failure of another is known, and after it with ours.
          if (mayFail) await turn()
        } else if (each.do === 'turn') await turn()
        else if (each.do === 'jobs' && options.schedule !== 'tick')
          for (let n = 0; n < each.count; n++) await Promise.resolve()
      }
    }),
  )
  for (const each of settled) await each
  if (options.store === 'map') seen.push(`kept: ${[...store.keys()].join(' ')}`)
  return seen
}

/** A cache of the user's that holds two entries. */
class Forgetful extends Map<unknown, unknown> {
  override set(each: unknown, value: unknown): this {
    if (this.size === 2) this.clear()
    return super.set(each, value)
  }
}

const schedules = {
  tick: (send: () => void) => process.nextTick(send),
  turn: (send: () => void) => setImmediate(send),
}

function primed(as: 'value' | 'Error' | 'promise'): unknown {
  if (as === 'Error') return new Error('primed')
  return as === 'promise' ? Promise.resolve('primed later') : 'primed'
}

function give(what: Answer, keys: number[], number: number): unknown {
  const values = keys.map(each => (each === 5 ? new Error(`no ${each}`) : `${each} of ${number}`))
  if (what === 'throw') throw new Error('thrown')
  if (what === 'no promise') return undefined
  if (what === 'no array') return Promise.resolve(42)
  if (what === 'short') return Promise.resolve(values.slice(1))
  if (what === 'reject') return Promise.reject(new Error('rejected'))
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  if (what === 'reject string') return Promise.reject('a string')
  if (what === 'reject later') return turn().then(() => Promise.reject(new Error('rejected later')))
  if (what === 'later') return Promise.resolve().then(() => Promise.resolve(values))
  if (what === 'turn') return turn().then(() => values)
  if (what === 'promises')
    return Promise.resolve(
      values.map(each => (each instanceof Error ? Promise.reject(each) : Promise.resolve(each))),
    )
  return Promise.resolve(values)
}

/** A value as it is seen. What a wrong length says of its numbers is not the same: see fixed-faults.test.ts. */
function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message.replace(/\n\nKeys[^]*/, '')}`
  return Array.isArray(value) ? `[${value.map(show).join(', ')}]` : String(value)
}
