import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { onBulk, type BulkEvent, type CommandContext } from '@bulkcall/core'
import { expect, test, vi } from 'vitest'
import DataLoader, { type LoadOptions, type Options } from '../src/index.ts'

const turn = (): Promise<void> => new Promise(done => setImmediate(done))
const gone = new Error('gone')

/** A loader whose batches are answered by hand. */
function desk(options: Options<number, string> = {}) {
  const batches: {
    keys: number[]
    signal: AbortSignal | undefined
    answer: () => void
    fail: (error: Error) => void
  }[] = []
  const loader = new DataLoader<number, string>(
    (keys, context?: CommandContext) =>
      new Promise((give, reject) => {
        const answer = (): void => give(keys.map(key => `value ${key}`))
        batches.push({ keys: [...keys], signal: context?.signal, answer, fail: reject })
      }),
    options,
  )
  /** What it rejects with is looked at later. What the loader itself leaves unheard is seen all the same. */
  const load = (key: number, given?: LoadOptions): Promise<string> => {
    const promise = given === undefined ? loader.load(key) : loader.load(key, given)
    promise.catch(() => {})
    return promise
  }
  return { loader, load, batches, keys: () => batches.map(each => each.keys) }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

/** What a promise has come to by now. */
async function now(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    promise.catch((error: unknown) => error),
    // More jobs than any answer takes, and no turn of the host, in which a batch could leave.
    (async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      return 'waits'
    })(),
  ])
}

const engines: [string, Options<number, string>][] = [
  ['without further options', {}],
  ['with a timeout', { timeout: 60_000 }],
  ['with a limit', { concurrent: 1 }],
]

test.each(engines)(
  'an aborted pending load rejects at once, and its key leaves its batch, %s',
  async (_, options) => {
    const { load, batches, keys } = desk(options)
    const controller = new AbortController()
    const one = load(1, { signal: controller.signal })
    const others = [load(2), load(3, { signal: new AbortController().signal })]
    controller.abort(gone)
    expect(await now(one)).toBe(gone)
    await turn()
    expect(keys()).toEqual([[2, 3]])
    batches[0]!.answer()
    expect(await Promise.all(others)).toEqual(['value 2', 'value 3'])
  },
)

test.each(engines)('the batch function is not called for nobody, %s', async (_, options) => {
  const { loader, load, keys } = desk(options)
  const controller = new AbortController()
  loader.prime(7, 'seven')
  const hit = load(7)
  const loads = [1, 2].map(key => load(key, { signal: controller.signal }))
  controller.abort(gone)
  expect(await Promise.all(loads.map(now))).toEqual([gone, gone])
  // A cached answer that waits for the batch of its turn is given all the same.
  expect(await hit).toBe('seven')
  await turn()
  expect(keys()).toEqual([])
})

test.each(engines)('a key that has left is asked anew, in the same tick or later, %s', async (_, options) => {
  const { load, batches, keys } = desk(options)
  const controller = new AbortController()
  const first = load(1, { signal: controller.signal })
  controller.abort(gone)
  const again = load(1)
  expect(await now(first)).toBe(gone)
  await turn()
  expect(keys()).toEqual([[1]])
  batches[0]!.answer()
  expect(await again).toBe('value 1')

  const other = new AbortController()
  const left = load(2, { signal: other.signal })
  other.abort(gone)
  expect(await now(left)).toBe(gone)
  await turn()
  const later = load(2)
  await turn()
  expect(keys()).toEqual([[1], [2]])
  batches[1]!.answer()
  expect(await later).toBe('value 2')
})

test.each(engines)(
  'an aborted load in flight rejects at once, and changes nothing for others, %s',
  async (_, options) => {
    const { load, batches, keys } = desk(options)
    const controller = new AbortController()
    const one = load(1, { signal: controller.signal })
    const same = load(1, { signal: new AbortController().signal })
    const other = load(2)
    await turn()
    controller.abort(gone)
    expect(await now(one)).toBe(gone)
    expect(await now(same)).toBe('waits')
    const hit = load(1)
    batches[0]!.answer()
    expect(await Promise.all([same, other, hit])).toEqual(['value 1', 'value 2', 'value 1'])
    expect(keys()).toEqual([[1, 2]])
  },
)

test('an answer that comes after its caller has gone is kept for the next', async () => {
  const { load, batches, keys } = desk()
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  await turn()
  controller.abort(gone)
  expect(await now(one)).toBe(gone)
  batches[0]!.answer()
  expect(await load(1)).toBe('value 1')
  expect(keys()).toEqual([[1]])
})

test.each(engines)(
  'a key stays while one of its callers does, whoever came first, %s',
  async (_, options) => {
    const orders = [
      ['aborts', 'stays'],
      ['stays', 'aborts'],
      ['aborts', 'stays', 'aborts'],
      ['aborts', 'has a signal'],
      ['has a signal', 'aborts'],
    ]
    for (const order of orders) {
      const { load, batches, keys } = desk(options)
      const controller = new AbortController()
      const calm = new AbortController()
      const signals: Record<string, LoadOptions | undefined> = {
        aborts: { signal: controller.signal },
        'has a signal': { signal: calm.signal },
      }
      const loads = order.map(each => load(1, signals[each]))
      controller.abort(gone)
      await turn()
      expect(keys()).toEqual([[1]])
      batches[0]!.answer()
      expect(await Promise.all(loads.map(now))).toEqual(
        order.map(each => (each === 'aborts' ? gone : 'value 1')),
      )
    }
  },
)

test('a loadMany keeps a key that another caller gives up', async () => {
  const { loader, load, batches, keys } = desk()
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  const many = loader.loadMany([2, 1])
  const late = load(2, { signal: controller.signal })
  controller.abort(gone)
  expect(await Promise.all([now(one), now(late)])).toEqual([gone, gone])
  await turn()
  expect(keys()).toEqual([[1, 2]])
  batches[0]!.answer()
  expect(await many).toEqual(['value 2', 'value 1'])
})

test.each(engines)(
  'a signal that has aborted before asks nothing and keeps nothing, %s',
  async (_, options) => {
    const { loader, load, keys } = desk(options)
    loader.prime(1, 'one')
    expect(await now(load(1, { signal: AbortSignal.abort(gone) }))).toBe(gone)
    expect(await now(load(2, { signal: AbortSignal.abort(gone) }))).toBe(gone)
    expect(await loader.loadMany([1, 2], { signal: AbortSignal.abort(gone) })).toEqual([gone, gone])
    await turn()
    expect(keys()).toEqual([])
    expect(Reflect.get(loader, '_batch')).toBeNull()
  },
)

test.each(engines)(
  'a signal has one listener while its loads wait, and none after, %s',
  async (_, options) => {
    const { loader, load, batches } = desk(options)
    const { signal } = new AbortController()
    const loads = [1, 2, 1].map(key => load(key, { signal }))
    const many = loader.loadMany([1, 3], { signal })
    expect(listeners(signal)).toBe(1)
    await turn()
    batches[0]!.answer()
    await Promise.all([...loads, many])
    expect(listeners(signal)).toBe(0)

    const failing = load(4, { signal })
    expect(listeners(signal)).toBe(1)
    await turn()
    batches[1]!.fail(new Error('down'))
    await expect(failing).rejects.toThrow('down')
    expect(listeners(signal)).toBe(0)

    const controller = new AbortController()
    const aborted = load(5, { signal: controller.signal })
    controller.abort(gone)
    expect(listeners(controller.signal)).toBe(0)
    expect(await now(aborted)).toBe(gone)
  },
)

test('a signal of another make is one, and what it says goes', async () => {
  const { load, keys } = desk()
  let heard: EventListenerObject | undefined
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: (_: string, listener: EventListenerObject) => (heard = listener),
    removeEventListener: () => (heard = undefined),
  }
  const one = load(1, { signal: signal as unknown as AbortSignal })
  Object.assign(signal, { aborted: true, reason: 'a word' })
  heard!.handleEvent(new Event('abort'))
  expect(await now(one)).toBe('a word')
  expect(heard).toBeUndefined()
  await turn()
  expect(keys()).toEqual([])
})

test('what is no object with a signal is no option', async () => {
  const { loader, load, batches } = desk()
  // oxlint-disable-next-line typescript/unbound-method, unicorn/no-array-method-this-argument
  const mapped = [1, 2].map(loader.load, loader)
  const odd: unknown[] = [undefined, null, 0, 'signal', () => {}, [], {}, { signal: undefined }]
  const loads = odd.map(given => load(3, given as LoadOptions))
  const many = odd.map(given => loader.loadMany([1, 3], given as LoadOptions))
  await turn()
  batches[0]!.answer()
  expect(await Promise.all(mapped)).toEqual(['value 1', 'value 2'])
  expect(new Set(await Promise.all(loads))).toEqual(new Set(['value 3']))
  for (const answers of many) expect(await answers).toEqual(['value 1', 'value 3'])
  expect(batches).toHaveLength(1)
})

test.each([
  [null, 'null'],
  [5, '5'],
  ['stop', "'stop'"],
  [{}, 'a plain object'],
  [new AbortController(), 'an AbortController'],
])('%o is no signal, which is told by a rejection, and nothing is asked', async (signal, got) => {
  const { loader, load, keys } = desk()
  const options = { signal } as unknown as LoadOptions
  const message = `Bulkcall: signal must be an AbortSignal, got ${got}`
  await expect(load(1, options)).rejects.toMatchObject({ code: 'BULK_OPTION', message })
  await expect(loader.loadMany([1], options)).rejects.toThrow(message)
  await turn()
  expect(keys()).toEqual([])
})

test('what is no key is refused as without a signal', () => {
  const { loader } = desk()
  const { signal } = new AbortController()
  const given = { signal }
  expect(() => loader.load(null as unknown as number, given)).toThrow('must be called with a value')
  expect(() => loader.loadMany([1, null as unknown as number], given)).toThrow('must be called with a value')
  expect(() => loader.loadMany(1 as unknown as number[], given)).toThrow('must be called with Array<key>')
  expect(listeners(signal)).toBe(0)
})

test('load and loadMany have the length that they have in dataloader', () => {
  const { loader } = desk()
  expect([loader.load.length, loader.loadMany.length]).toEqual([1, 1])
})

test.each(engines)(
  'loadMany gives the reason for each key whose answer has not come, %s',
  async (_, options) => {
    const { loader, load, batches, keys } = desk({ ...options, maxBatchSize: 2 })
    const controller = new AbortController()
    loader.prime(9, 'nine')
    const many = loader.loadMany([1, 9, 2, 3, 4], { signal: controller.signal })
    const other = load(3)
    await turn()
    batches[0]!.answer()
    await turn()
    controller.abort(gone)
    expect(await many).toEqual(['value 1', 'nine', 'value 2', gone, gone])
    await turn()
    batches[1]!.answer()
    expect(await other).toBe('value 3')
    expect(
      keys()
        .flat()
        .filter(key => key === 3),
    ).toHaveLength(1)
  },
)

test('a subclass with a load of its own is given what was said with loadMany', async () => {
  const seen: unknown[][] = []
  class Watched extends DataLoader<number, number> {
    override load(...given: [number, LoadOptions?]): Promise<number> {
      seen.push(given)
      return super.load(...given)
    }
  }
  const loader = new Watched(keys => Promise.resolve(keys))
  const { signal } = new AbortController()
  expect(await loader.loadMany([1, 2], { signal })).toEqual([1, 2])
  expect(await loader.loadMany([3])).toEqual([3])
  expect(await loader.loadMany([4], 5 as LoadOptions)).toEqual([4])
  expect(seen).toEqual([[1, { signal }], [2, { signal }], [3], [4]])
})

test('a subclass learns by its clear of a key that has left', async () => {
  const cleared: number[] = []
  class Second extends DataLoader<number, number> {
    override clear(key: number): this {
      cleared.push(key)
      return super.clear(key)
    }
  }
  const loader = new Second(keys => Promise.resolve(keys))
  const controller = new AbortController()
  const one = loader.load(1, { signal: controller.signal })
  controller.abort(gone)
  expect(await now(one)).toBe(gone)
  expect(cleared).toEqual([1])
})

test('a subclass learns of a failure without a cache by its clear, but not for a key that has left', async () => {
  const cleared: number[] = []
  class Second extends DataLoader<number, number> {
    override clear(key: number): this {
      cleared.push(key)
      return super.clear(key)
    }
  }
  const loader = new Second(() => Promise.reject(new Error('down')), { cache: false })
  const controller = new AbortController()
  const left = loader.load(1, { signal: controller.signal })
  const other = loader.load(2, { signal: new AbortController().signal })
  controller.abort(gone)
  expect(await now(left)).toBe(gone)
  await expect(other).rejects.toThrow('down')
  expect(cleared).toEqual([2])
})

test('with cache: false each of two equal loads goes alone', async () => {
  const { load, batches, keys } = desk({ cache: false })
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  const two = load(1)
  controller.abort(gone)
  expect(await now(one)).toBe(gone)
  await turn()
  expect(keys()).toEqual([[1]])
  batches[0]!.answer()
  expect(await two).toBe('value 1')
})

test('a clear takes away what others wait for from no one', async () => {
  const { loader, load, batches, keys } = desk()
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  const two = loader.clear(1).load(1)
  controller.abort(gone)
  expect(await now(one)).toBe(gone)
  const hit = load(1)
  await turn()
  expect(keys()).toEqual([[1]])
  batches[0]!.answer()
  expect(await Promise.all([two, hit])).toEqual(['value 1', 'value 1'])
})

test.each(engines)('a key that leaves the last batch makes room in it, %s', async (_, options) => {
  const { load, batches, keys } = desk({ ...options, maxBatchSize: 2 })
  const controller = new AbortController()
  const loads = [load(1, { signal: controller.signal }), load(2)]
  controller.abort(gone)
  loads.push(load(3), load(4))
  await turn()
  batches[0]!.answer()
  await turn()
  expect(keys()).toEqual([[2, 3], [4]])
  batches[1]!.answer()
  expect(await Promise.all(loads.map(now))).toEqual([gone, 'value 2', 'value 3', 'value 4'])
})

test('two loaders that share a cache count callers together', async () => {
  const cacheMap = new Map<number, Promise<string>>()
  const one = desk({ cacheMap })
  const two = desk({ cacheMap })
  const controller = new AbortController()
  const aborted = one.loader.load(1, { signal: controller.signal })
  const hit = two.loader.load(1)
  controller.abort(gone)
  expect(await now(aborted)).toBe(gone)
  await turn()
  expect(one.keys()).toEqual([[1]])
  one.batches[0]!.answer()
  expect(await hit).toBe('value 1')
})

test('the promise of a key that has left, which stood in a cache of the user, settles and alarms nobody', async () => {
  const cacheMap = new Map<number, Promise<string>>()
  const { load } = desk({ cacheMap })
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  const kept = cacheMap.get(1)!
  controller.abort(gone)
  expect(cacheMap.size).toBe(0)
  expect(await now(one)).toBe(gone)
  await turn()
  expect(await now(kept)).toBe(gone)
})

test('a batch that leaves while the listeners of a signal are notified does not ask for who has gone', async () => {
  let send!: () => void
  const { load, batches, keys } = desk({ batchScheduleFn: each => (send = each) })
  const controller = new AbortController()
  controller.signal.addEventListener('abort', () => send())
  const one = load(1, { signal: controller.signal })
  const two = load(2)
  controller.abort(gone)
  expect(keys()).toEqual([[2]])
  batches[0]!.answer()
  expect(await now(one)).toBe(gone)
  expect(await two).toBe('value 2')
  const alone = new AbortController()
  alone.signal.addEventListener('abort', () => send())
  const three = load(3, { signal: alone.signal })
  alone.abort(gone)
  expect(await now(three)).toBe(gone)
  expect(keys()).toEqual([[2]])
})

test('the signal of the batch function aborts when all its callers have gone, and not before', async () => {
  const { load, batches, keys } = desk({ timeout: 60_000 })
  const [one, two] = [new AbortController(), new AbortController()]
  const loads = [
    load(1, { signal: one.signal }),
    load(1, { signal: two.signal }),
    load(2, { signal: one.signal }),
  ]
  await turn()
  const { signal } = batches[0]!
  one.abort(gone)
  expect(signal!.aborted).toBe(false)
  const back = new AbortController()
  const again = load(2, { signal: back.signal })
  two.abort(gone)
  expect(signal!.aborted).toBe(false)
  back.abort(gone)
  expect(signal!.aborted).toBe(true)
  expect(signal!.reason).toBe(gone)
  expect(await Promise.all([...loads, again].map(now))).toEqual([gone, gone, gone, gone])
  // What comes of a batch that was told to give up is for nobody.
  const anew = load(1)
  batches[0]!.fail(new Error('gave up'))
  await turn()
  expect(keys()).toEqual([[1, 2], [1]])
  batches[1]!.answer()
  expect(await anew).toBe('value 1')
})

test('the signal of the batch function does not abort while a caller without one waits', async () => {
  const { load, batches } = desk({ timeout: 60_000 })
  const controller = new AbortController()
  const one = load(1, { signal: controller.signal })
  const two = load(2)
  await turn()
  controller.abort(gone)
  expect(await now(one)).toBe(gone)
  expect(batches[0]!.signal!.aborted).toBe(false)
  batches[0]!.answer()
  expect(await two).toBe('value 2')
})

test('a batch in line for its slot that nobody waits for leaves the line', async () => {
  const { load, batches, keys } = desk({ concurrent: 1, size: 2 })
  const controller = new AbortController()
  const first = load(1)
  await turn()
  const loads = [2, 3, 4].map(key => load(key, { signal: controller.signal }))
  const last = load(5)
  await turn()
  controller.abort(gone)
  expect(await Promise.all(loads.map(now))).toEqual([gone, gone, gone])
  batches[0]!.answer()
  expect(await first).toBe('value 1')
  await turn()
  expect(keys()).toEqual([[1], [5]])
  batches[1]!.answer()
  expect(await last).toBe('value 5')
})

test('a full batch that others stand behind is sent without the key that has left, and nothing moves', async () => {
  const { load, batches, keys } = desk({ concurrent: 1, size: 2 })
  const [one, two] = [new AbortController(), new AbortController()]
  const first = load(1)
  await turn()
  const left = load(2, { signal: one.signal })
  const others = [3, 4].map(key => load(key, { signal: two.signal }))
  await turn()
  one.abort(gone)
  expect(await now(left)).toBe(gone)
  batches[0]!.answer()
  await turn()
  expect(keys()).toEqual([[1], [3]])
  batches[1]!.answer()
  await turn()
  expect(keys()).toEqual([[1], [3], [4]])
  batches[2]!.answer()
  expect(await Promise.all([first, ...others])).toEqual(['value 1', 'value 3', 'value 4'])
})

test('the same where all of them have come in one tick', async () => {
  const { load, batches, keys } = desk({ concurrent: 1, size: 2, maxPending: 5 })
  const one = new AbortController()
  const loads = [1, 2, 3, 4, 5].map(key => load(key, key === 3 ? { signal: one.signal } : undefined))
  one.abort(gone)
  // The gap counts until its batch has started.
  await expect(load(6)).rejects.toMatchObject({ code: 'BULK_OVERFLOW' })
  for (let i = 0; i < 3; i++) {
    await turn()
    batches[i]!.answer()
  }
  expect(keys()).toEqual([[1, 2], [4], [5]])
  expect(await Promise.all(loads.map(now))).toEqual(['value 1', 'value 2', gone, 'value 4', 'value 5'])
})

test('a batch of which nothing is left at the end of the tick counts no more', async () => {
  const { load, batches, keys } = desk({ concurrent: 1, size: 1, maxPending: 2 })
  const one = new AbortController()
  const loads = [load(1, { signal: one.signal }), load(2)]
  one.abort(gone)
  await turn()
  batches[0]!.answer()
  await turn()
  loads.push(load(3), load(4))
  await turn()
  batches[1]!.answer()
  await turn()
  batches[2]!.answer()
  expect(await Promise.all(loads.map(now))).toEqual([gone, 'value 2', 'value 3', 'value 4'])
  expect(keys()).toEqual([[2], [3], [4]])
})

test('the signal of a batch from which a key has left aborts when the others have gone', async () => {
  const { load, batches } = desk({ concurrent: 1, size: 2 })
  const [one, two] = [new AbortController(), new AbortController()]
  void load(1)
  await turn()
  const loads = [load(2, { signal: one.signal }), load(3, { signal: two.signal })]
  void load(4)
  await turn()
  one.abort(gone)
  batches[0]!.answer()
  await turn()
  const { signal } = batches[1]!
  expect(signal!.aborted).toBe(false)
  two.abort(gone)
  expect(signal!.aborted).toBe(true)
  expect(await Promise.all(loads.map(now))).toEqual([gone, gone])
})

test('of a full batch that all have left while others stood behind nothing is reported', async () => {
  const events: BulkEvent[] = []
  const stop = onBulk({ settled: event => events.push(event) })
  try {
    const { load, batches } = desk({ concurrent: 1, size: 2 })
    const controller = new AbortController()
    const loads = [load(1)]
    await turn()
    loads.push(...[2, 3].map(key => load(key, { signal: controller.signal })), load(4))
    await turn()
    controller.abort(gone)
    batches[0]!.answer()
    await turn()
    batches[1]!.answer()
    expect(await Promise.all(loads.map(now))).toEqual(['value 1', gone, gone, 'value 4'])
    await turn()
  } finally {
    stop()
  }
  expect(events.map(event => event.tasks)).toEqual([1, 1])
})

test('maxPending: a key that has left makes room, before its batch is sent and after', async () => {
  const { load, batches, keys } = desk({ concurrent: 1, maxPending: 1 })
  const controller = new AbortController()
  const running = load(1)
  await turn()
  const [before, after] = [new AbortController(), new AbortController()]
  const loads = [load(2, { signal: before.signal })]
  await expect(load(3)).rejects.toMatchObject({ code: 'BULK_OVERFLOW' })
  await expect(load(3, { signal: controller.signal })).rejects.toMatchObject({ code: 'BULK_OVERFLOW' })
  expect(listeners(controller.signal)).toBe(0)
  before.abort(gone)
  loads.push(load(4, { signal: after.signal }))
  await turn()
  await expect(load(5)).rejects.toMatchObject({ code: 'BULK_OVERFLOW' })
  after.abort(gone)
  loads.push(load(6))
  batches[0]!.answer()
  await turn()
  expect(keys()).toEqual([[1], [6]])
  batches[1]!.answer()
  expect(await Promise.all([running, ...loads].map(now))).toEqual(['value 1', gone, gone, 'value 6'])
})

test('delay: a window that nobody waits for closes, and the next key opens another', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { load, batches, keys } = desk({ delay: 50 })
    const controller = new AbortController()
    const one = load(1, { signal: controller.signal })
    vi.advanceTimersByTime(40)
    controller.abort(gone)
    expect(await now(one)).toBe(gone)
    expect(vi.getTimerCount()).toBe(0)
    const again = load(1, { signal: new AbortController().signal })
    vi.advanceTimersByTime(40)
    expect(keys()).toEqual([])
    vi.advanceTimersByTime(10)
    expect(keys()).toEqual([[1]])
    batches[0]!.answer()
    expect(await again).toBe('value 1')
  } finally {
    vi.useRealTimers()
  }
})

test('delay: a key that has left is not asked, and a cached answer does not wait for a window', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { loader, load, batches, keys } = desk({ delay: 50 })
    const controller = new AbortController()
    loader.prime(9, 'nine')
    const loads = [1, 2].map(key => load(key, { signal: controller.signal }))
    const other = load(3)
    expect(await now(load(9, { signal: controller.signal }))).toBe('nine')
    controller.abort(gone)
    vi.advanceTimersByTime(50)
    expect(keys()).toEqual([[3]])
    batches[0]!.answer()
    expect(await Promise.all([...loads, other].map(now))).toEqual([gone, gone, 'value 3'])
  } finally {
    vi.useRealTimers()
  }
})

test.each(['has a signal', 'has none'])(
  'timeout: a caller who %s hears that the time is up, also when the first key has left',
  async which => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const { load, batches } = desk({ timeout: 100, concurrent: 1 })
      const controller = new AbortController()
      const { signal } = new AbortController()
      void load(0)
      await turn()
      const first = load(1, { signal: controller.signal })
      const second = load(2, which === 'has none' ? undefined : { signal })
      await turn()
      controller.abort(gone)
      batches[0]!.answer()
      await turn()
      vi.advanceTimersByTime(100)
      expect(await now(first)).toBe(gone)
      expect(await now(second)).toMatchObject({ code: 'BULK_TIMEOUT' })
      expect(batches[1]!.signal!.aborted).toBe(true)
      expect(listeners(signal)).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  },
)

test('what is kept of an answer does not hold its batch', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const loader = new DataLoader(
    (keys: readonly { id: number }[]) => Promise.resolve(keys.map(({ id }) => id)),
    {
      cacheKeyFn: ({ id }) => id,
    },
  )
  const { signal } = new AbortController()
  const load = (): WeakRef<{ id: number }> => {
    const key = { id: 1 }
    void loader.load(key, { signal })
    return new WeakRef(key)
  }
  const key = load()
  for (let i = 0; i < 3; i++) await turn()
  // The batch that is open keeps the last one's place.
  await loader.load({ id: 2 })
  await turn()
  collect()
  expect(key.deref()).toBeUndefined()
  expect(await loader.load({ id: 1 })).toBe(1)
})

test.each([...engines, ['with a window', { delay: 1 }] as const])(
  'who listens hears of the keys that were asked for, and of no batch that was not sent, %s',
  async (_, options) => {
    const events: BulkEvent[] = []
    const stop = onBulk({ settled: event => events.push(event) })
    try {
      const loader = new DataLoader(
        (keys: readonly number[]) => Promise.resolve(keys.map(key => (key === 3 ? new Error('no 3') : key))),
        options as object,
      )
      const controller = new AbortController()
      const { signal } = controller
      const alone = [1, 2].map(key => now(loader.load(key, { signal })))
      controller.abort(gone)
      expect(await Promise.all(alone)).toEqual([gone, gone])
      await turn()
      const other = new AbortController()
      const left = now(loader.load(1, { signal: other.signal }))
      const many = loader.loadMany([2, 3, 4])
      other.abort(gone)
      expect(await left).toBe(gone)
      expect(await many).toMatchObject([2, { message: 'no 3' }, 4])
      await turn()
    } finally {
      stop()
    }
    expect(events).toMatchObject([{ tasks: 3, failed: 1, error: undefined }])
  },
)
