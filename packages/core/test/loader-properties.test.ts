import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/rounds.ts'
import { BulkLoader, BulkScope, type BulkLoaderOptions } from '../src/index.ts'
import { Deferred } from './support/deferred.ts'

/** Ends with the turn: no promise job is left, and what was due at the end of the turn has happened. */
function turn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

type Key = 'a' | 'b' | 'c' | 'd'
const key = fc.constantFrom<Key>('a', 'b', 'c', 'd')

/** How a bulk ends: with a value or an Error for each key, in one of the shapes, or broken after so many of them. */
interface End {
  readonly shape: 'array' | 'promises' | 'map' | 'generator' | 'stream'
  readonly errors: readonly Key[]
  readonly breaksAfter: number
}

type Step =
  | { readonly do: 'load' | 'prime' | 'prime an error' | 'clear'; readonly key: Key }
  | { readonly do: 'loadMany'; readonly keys: readonly Key[] }
  | { readonly do: 'clearAll' | 'a promise job' | 'end of turn' | 'flush' }
  | { readonly do: 'end a bulk'; readonly which: number; readonly end: End }

const end: fc.Arbitrary<End> = fc.record({
  shape: fc.constantFrom('array', 'promises', 'map', 'generator', 'stream'),
  errors: fc.subarray<Key>(['a', 'b', 'c', 'd']),
  breaksAfter: fc.oneof({ weight: 2, arbitrary: fc.constant(Infinity) }, fc.nat(3)),
})

const quiet = fc.constantFrom('a promise job' as const, 'end of turn' as const, 'flush' as const)
const keyed = fc.constantFrom('prime' as const, 'prime an error' as const, 'clear' as const)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('load' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('loadMany' as const), keys: fc.array(key, { maxLength: 6 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: keyed, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clearAll' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: quiet }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end a bulk' as const), which: fc.nat(3), end }) },
)

interface Setting {
  readonly size: number
  readonly delay: number
  readonly concurrent: number | null
  readonly cache: 'own' | 'map' | 'forgetful' | 'none'
  readonly cacheErrors: boolean
  /** Whether it is in a scope, in which single keys are loaded by pieces of work. */
  readonly scoped: boolean
}

const setting: fc.Arbitrary<Setting> = fc.record({
  size: fc.constantFrom(1, 2, 3, Infinity),
  delay: fc.constantFrom(0, Infinity),
  concurrent: fc.constantFrom(null, 1, 2),
  cache: fc.constantFrom('own', 'map', 'forgetful', 'none'),
  cacheErrors: fc.boolean(),
  scoped: fc.boolean(),
})

/** A store that keeps one answer only. */
class Forgetful extends Map<Key, Promise<unknown>> {
  override set(cacheKey: Key, answer: Promise<unknown>): this {
    this.clear()
    return super.set(cacheKey, answer)
  }
}

/** What the model knows of one asking of a key. */
interface Asking {
  readonly key: Key
  /** What its loads get, once that is known. */
  outcome: unknown
  known: boolean
}

/**
 * The reference: what a loader promises, in the simplest words. It does not say when a bulk starts, it only hears of it,
 * and then says whether these keys could be asked, once each; and it says what each load must get.
 */
class Model {
  readonly pending = new Map<Key, Asking>()
  readonly cache = new Map<Key, Asking>()
  readonly #setting: Setting
  /** What the bulks in flight have asked. */
  readonly flights = new Map<number, Asking[]>()
  /** What the loader did and should not have. */
  readonly complaints: string[] = []

  constructor(options: Setting) {
    this.#setting = options
  }

  load(wanted: Key): Asking {
    let asking = this.cache.get(wanted) ?? this.pending.get(wanted)
    if (asking === undefined) {
      asking = { key: wanted, outcome: undefined, known: false }
      this.pending.set(wanted, asking)
    }
    this.#keep(asking)
    return asking
  }

  prime(wanted: Key, outcome: unknown): void {
    const waiting = this.pending.get(wanted)
    if (waiting !== undefined) {
      this.pending.delete(wanted)
      Object.assign(waiting, { outcome, known: true })
      this.#keep(waiting)
    } else if (!this.cache.has(wanted)) this.#keep({ key: wanted, outcome, known: true })
  }

  clear(wanted: Key): void {
    this.cache.delete(wanted)
  }

  started(bulk: number, keys: readonly Key[]): void {
    const { size, concurrent } = this.#setting
    if (keys.length === 0 || keys.length > size) this.complaints.push(`a bulk of ${keys.length}`)
    if (this.flights.size >= (concurrent ?? Infinity)) this.complaints.push('a bulk too many')
    // First in, first out; and so each key once, and only if someone waits for it.
    const due = [...this.pending.keys()].slice(0, keys.length)
    if (keys.join() !== due.join()) this.complaints.push(`asked ${keys.join()} where ${due.join()} were due`)
    const askings = keys.flatMap(asked => this.pending.get(asked) ?? [])
    for (const asked of keys) this.pending.delete(asked)
    this.flights.set(bulk, askings)
  }

  /** The bulk has ended: some askings have their outcomes, the others share what broke it. */
  ended(bulk: number, outcomes: readonly unknown[], broken: unknown): void {
    for (const [place, asking] of this.flights.get(bulk)!.entries()) {
      const given = place < outcomes.length
      asking.outcome = given ? outcomes[place] : broken
      asking.known = true
      const kept = given && (!(asking.outcome instanceof Error) || this.#setting.cacheErrors)
      if (!kept && this.cache.get(asking.key) === asking) this.cache.delete(asking.key)
    }
    this.flights.delete(bulk)
  }

  agrees(what: string, good: boolean): void {
    if (!good) this.complaints.push(what)
  }

  #keep(asking: Asking): void {
    const { cache } = this.#setting
    if (cache === 'none') return
    // What is kept already is not set again, and so does not push another out.
    if (cache === 'forgetful' && this.cache.get(asking.key) !== asking) this.cache.clear()
    this.cache.set(asking.key, asking)
  }
}

/** A back end that is driven by the steps, and tells the model what it is asked. */
class BackEnd {
  readonly #model: Model
  readonly #running: {
    bulk: number
    keys: Key[]
    resolve: (v: any) => void
    reject: (e: unknown) => void
  }[] = []
  #bulks = 0

  constructor(model: Model) {
    this.#model = model
  }

  get running(): number {
    return this.#running.length
  }

  readonly command = (keys: Key[]): Promise<any> => {
    const bulk = this.#bulks++
    const { promise, resolve, reject } = new Deferred<any>()
    this.#model.started(bulk, keys)
    this.#running.push({ bulk, keys, resolve, reject })
    return promise
  }

  /** Ends one of the bulks that run, as the step says, and tells the model what that means for each key. */
  end(which: number, { shape, errors, breaksAfter }: End): void {
    if (this.#running.length === 0) return
    const [{ bulk, keys, resolve, reject }] = this.#running.splice(which % this.#running.length, 1) as [any]
    const outcomes: unknown[] = keys.map((asked: Key) => {
      return errors.includes(asked) ? new Error(`${asked} in bulk ${bulk}`) : `${asked} in bulk ${bulk}`
    })
    const broken = breaksAfter < keys.length ? new Error(`bulk ${bulk}`) : null
    // Only a stream gives anything before it breaks.
    const given = broken === null ? outcomes : shape === 'stream' ? outcomes.slice(0, breaksAfter) : []
    this.#model.ended(bulk, given, broken)
    if (broken !== null && shape !== 'stream' && shape !== 'generator') reject(broken)
    else resolve(shaped(shape, keys, broken === null ? outcomes : outcomes.slice(0, breaksAfter), broken))
  }
}

/** The outcomes of some keys in the shape in which a command may give them. */
function shaped(
  shape: End['shape'],
  keys: readonly Key[],
  outcomes: readonly unknown[],
  broken: unknown,
): unknown {
  if (shape === 'array') return outcomes
  if (shape === 'map') return new Map(outcomes.map((outcome, place) => [keys[place]!, outcome]))
  if (shape === 'promises')
    return outcomes.map(outcome =>
      outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome),
    )
  if (shape === 'generator') return drawn(outcomes, broken)
  return streamed(outcomes, broken)
}

function* drawn(outcomes: readonly unknown[], broken: unknown): Generator {
  yield* outcomes
  if (broken !== null) throw broken
}

async function* streamed(outcomes: readonly unknown[], broken: unknown): AsyncGenerator {
  yield* outcomes
  if (broken !== null) throw broken
}

/** A load or loadMany of the loader, beside what the model says of it. */
interface Wait {
  readonly seen: { settled: number; outcome: unknown }
  readonly askings: readonly Asking[]
  readonly many: boolean
}

function watch(promise: Promise<unknown>): Wait['seen'] {
  const seen: Wait['seen'] = { settled: 0, outcome: 'waits' }
  const settle = (outcome: unknown): void => {
    seen.settled++
    seen.outcome = outcome
  }
  promise.then(settle, settle)
  return seen
}

function optionsOf(options: Setting): BulkLoaderOptions<Key, unknown> {
  const { cache, scoped: _, ...rest } = options
  if (cache === 'map') return { ...rest, cacheMap: new Map() }
  if (cache === 'forgetful') return { ...rest, cacheMap: new Forgetful() }
  return { ...rest, cache: cache === 'own' }
}

async function play(options: Setting, steps: readonly Step[]): Promise<string[]> {
  const model = new Model(options)
  const backEnd = new BackEnd(model)
  const scope = options.scoped ? new BulkScope() : undefined
  const loader = new BulkLoader<Key, unknown>(backEnd.command, { ...optionsOf(options), scope })
  const load = (one: Key): Promise<unknown> => scope?.run(() => loader.load(one)) ?? loader.load(one)
  const waits: Wait[] = []
  let primed = 0

  const act = async (one: Step): Promise<void> => {
    switch (one.do) {
      case 'load':
        waits.push({ askings: [model.load(one.key)], seen: watch(load(one.key)), many: false })
        return
      case 'loadMany': {
        const askings = one.keys.map(wanted => model.load(wanted))
        waits.push({ askings, seen: watch(loader.loadMany(one.keys)), many: true })
        return
      }
      case 'prime':
      case 'prime an error': {
        const name = `primed ${++primed}`
        const value = one.do === 'prime' ? name : new Error(name)
        model.prime(one.key, value)
        loader.prime(one.key, value)
        return
      }
      case 'clear':
        model.clear(one.key)
        loader.clear(one.key)
        return
      case 'clearAll':
        model.cache.clear()
        loader.clearAll()
        return
      case 'a promise job':
        return Promise.resolve()
      case 'flush':
        void loader.flush()
        return turn()
      case 'end a bulk':
        backEnd.end(one.which, one.end)
        // The engine hears of it by promise jobs; in between, it and the model would tell different stories.
        return turn()
      case 'end of turn':
        return turn()
    }
  }

  for (const one of steps) {
    await act(one)
    model.agrees(`pending after ${one.do}`, loader.pending === model.pending.size)
  }
  const asArray: End = { shape: 'array', errors: [], breaksAfter: Infinity }
  for (let i = 0; i <= 4 * steps.length && (loader.pending > 0 || backEnd.running > 0); i++) {
    await act({ do: 'flush' })
    await act({ do: 'end a bulk', which: 0, end: asArray })
  }
  await turn()

  model.agrees(
    'nothing is left',
    loader.pending + loader.inFlight + model.pending.size + model.flights.size === 0,
  )
  for (const { seen, askings, many } of waits) {
    model.agrees('each promise settles once', seen.settled === 1)
    model.agrees(
      'each asking has an outcome',
      askings.every(asking => asking.known),
    )
    // The very values and errors, not equal ones.
    const got = many ? (seen.outcome as unknown[]) : [seen.outcome]
    const due = askings.map(asking => asking.outcome)
    model.agrees(
      `got ${String(got)} for ${String(due)}`,
      got.length === due.length && due.every((one, i) => got[i] === one),
    )
  }
  return model.complaints
}

describe('a loader against its model', () => {
  it('S52 S53 S54 S55 S56 asks each key when, and as often as, the model says, and gives each load its answer', async () => {
    const steps = fc.array(step, { maxLength: 30 })
    const property = fc.asyncProperty(setting, steps, async (options, some) => {
      expect(await play(options, some)).toEqual([])
    })
    await fc.assert(property, { numRuns: rounds(10_000) })
  })

  it('S52 it finds that out of loadMany as well as of single loads', async () => {
    const asked: number[][] = []
    const command = async (keys: number[]): Promise<number[]> => {
      asked.push(keys)
      return keys
    }
    const pairs = Array.from({ length: 100 }, (_, i) => Math.floor(i / 2))
    for (let i = 0; i < 3; i++) {
      expect(await new BulkLoader<number, number>(command).loadMany(pairs)).toEqual(pairs)
    }
    const unique = [...new Set(pairs)]
    expect(asked).toEqual([unique, unique, unique])
  })

  it.each([
    ['none', (i: number) => i],
    ['all, from the first on', (i: number) => Math.floor(i / 2)],
    ['those after the first hundred', (i: number) => (i < 100 ? i : i - 100)],
  ])(
    'S52 asks each key once, in a bulk of some hundred, whichever of them repeat: %s',
    async (_which, keyOf) => {
      const bulks: number[][] = []
      const loader = new BulkLoader<number, number>(async keys => {
        bulks.push(keys)
        return keys.map(asked => asked * 2)
      })
      const keys = Array.from({ length: 300 }, (_, i) => keyOf(i))
      expect(await Promise.all(keys.map(asked => loader.load(asked)))).toEqual(keys.map(asked => asked * 2))
      expect(bulks).toEqual([[...new Set(keys)]])
    },
  )
})
