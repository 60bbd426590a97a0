import { AsyncLocalStorage } from 'node:async_hooks'
import { onBulk, semaphore, type BulkEvent, type CommandContext, type Limiter } from '@bulkcall/core'
import { expect, test, vi } from 'vitest'
import DataLoader from '../src/index.ts'

const turn = (): Promise<void> => new Promise(done => setImmediate(done))
const echo = (keys: readonly number[]): Promise<readonly number[]> => Promise.resolve(keys)

/** A batch function whose batches are answered by hand. */
function desk() {
  const batches: {
    keys: readonly number[]
    context: CommandContext | undefined
    answer: () => void
    fail: (error: Error) => void
  }[] = []
  const batchLoadFn = (keys: readonly number[], context?: CommandContext): Promise<readonly number[]> =>
    new Promise((give, reject) => {
      batches.push({ keys, context, answer: () => give(keys), fail: reject })
    })
  return { batches, batchLoadFn, keys: () => batches.map(each => each.keys) }
}

test('size is another name for maxBatchSize, and a contradiction is refused', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const loader = new DataLoader(batchLoadFn, { size: 2, maxBatchSize: 2 })
  const loaded = loader.loadMany([1, 2, 3])
  await turn()
  expect(keys()).toEqual([[1, 2], [3]])
  for (const each of batches) each.answer()
  expect(await loaded).toEqual([1, 2, 3])
  expect(() => new DataLoader(batchLoadFn, { size: 2, maxBatchSize: 3 })).toThrow(
    'Bulkcall: size must be the same as maxBatchSize (3), got 2',
  )
  expect(() => new DataLoader(batchLoadFn, { size: 0 })).toThrow('maxBatchSize must be a positive number: 0')
})

test.each([
  [{ delay: -1 }, 'delay must be a number from 0 or Infinity, got -1'],
  [{ concurrent: 0 }, 'concurrent must be a whole number from 1, null or a Limiter, got 0'],
  [{ size: 10, maxPending: 5 }, 'maxPending must be a whole number from size (10) or Infinity, got 5'],
  [{ timeout: Number.NaN }, 'timeout must be a number above 0 or Infinity, got NaN'],
  [
    { delay: 5, batchScheduleFn: setImmediate },
    'delay must be 0 beside batchScheduleFn, which decides alone, got 5',
  ],
])('%o is refused where it is given', (options, message) => {
  expect(() => new DataLoader(echo, options as object)).toThrow(`Bulkcall: ${message}`)
})

test('concurrent: a batch that waits for its turn goes on filling, and no more run at once', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const loader = new DataLoader(batchLoadFn, { size: 3, concurrent: 1 })
  const loaded = [loader.load(1)]
  await turn()
  for (const key of [2, 3, 4, 5]) {
    loaded.push(loader.load(key))
    await turn()
  }
  expect(keys()).toEqual([[1]])
  batches[0]!.answer()
  await turn()
  expect(keys()).toEqual([[1], [2, 3, 4]])
  batches[1]!.answer()
  await turn()
  expect(keys()).toEqual([[1], [2, 3, 4], [5]])
  batches[2]!.answer()
  expect(await Promise.all(loaded)).toEqual([1, 2, 3, 4, 5])
})

test('concurrent: a batch that is sent after a later one waits for it, and neither is mixed with another', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const send: (() => void)[] = []
  const batchScheduleFn = (callback: () => void): void => void send.push(callback)
  const loader = new DataLoader(batchLoadFn, { size: 3, concurrent: 1, batchScheduleFn })
  const loaded = [loader.load(0)]
  send[0]!()
  await turn()
  loaded.push(...[1, 2, 3, 4].map(key => loader.load(key)))
  send[2]!()
  send[1]!()
  batches[0]!.answer()
  await turn()
  loaded.push(loader.load(5))
  send[3]!()
  for (const place of [1, 2, 3]) {
    batches[place]!.answer()
    await turn()
  }
  expect(keys()).toEqual([[0], [4], [1, 2, 3], [5]])
  expect(await Promise.all(loaded)).toEqual([0, 1, 2, 3, 4, 5])
})

test('concurrent: loaders that share a limiter are bounded together, and a batch that fails gives its slot back', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const concurrent = semaphore(1)
  const one = new DataLoader(batchLoadFn, { concurrent })
  const two = new DataLoader(batchLoadFn, { concurrent })
  const loaded = [one.load(1), two.load(2)]
  await turn()
  expect(keys()).toEqual([[1]])
  batches[0]!.fail(new Error('down'))
  await expect(loaded[0]).rejects.toThrow('down')
  await turn()
  expect(keys()).toEqual([[1], [2]])
  batches[1]!.answer()
  expect(await loaded[1]).toBe(2)
})

test('concurrent: each batch runs in the async context of its first caller, whoever made room for it', async () => {
  const store = new AsyncLocalStorage<string>()
  const loader = new DataLoader(
    (keys: readonly number[]) => turn().then(() => keys.map(() => store.getStore())),
    {
      concurrent: 1,
      size: 1,
    },
  )
  const loaded = ['a', 'b', 'c'].map((name, key) => store.run(name, () => loader.load(key)))
  expect(await Promise.all(loaded)).toEqual(['a', 'b', 'c'])
})

test('concurrent: a batch that a limiter refuses rejects its keys, and the next key opens another', async () => {
  let asked = 0
  const concurrent: Limiter = {
    acquire: () => {
      if (asked++ === 0) throw new Error('no slot')
      return { release: () => {} }
    },
    leave: () => {},
  }
  const loader = new DataLoader(echo, { concurrent })
  await expect(loader.load(1)).rejects.toThrow('no slot')
  expect(await loader.load(2)).toBe(2)
  expect(await loader.load(1)).toBe(1)
})

test('delay: keys of several turns are one batch, a full one leaves at once, and a hit does not wait', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { batches, batchLoadFn, keys } = desk()
    const loader = new DataLoader(batchLoadFn, { delay: 50, size: 3 })
    const loaded = [loader.load(1)]
    await turn()
    loaded.push(loader.load(2))
    await turn()
    expect(keys()).toEqual([])
    vi.advanceTimersByTime(50)
    expect(keys()).toEqual([[1, 2]])
    batches[0]!.answer()
    expect(await Promise.all(loaded)).toEqual([1, 2])
    const full = [3, 4, 5].map(key => loader.load(key))
    await turn()
    expect(keys()).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
    batches[1]!.answer()
    await Promise.all(full)
    const miss = loader.load(6)
    expect(await loader.load(1)).toBe(1)
    expect(keys()).toHaveLength(2)
    vi.advanceTimersByTime(50)
    batches[2]!.answer()
    expect(await miss).toBe(6)
  } finally {
    vi.useRealTimers()
  }
})

test('maxPending: a key past it is refused at once, is not kept, and changes nothing for others', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const loader = new DataLoader(batchLoadFn, { maxPending: 2, name: 'users' })
  const loaded = [loader.load(1), loader.load(2)]
  await expect(loader.load(3)).rejects.toMatchObject({ code: 'BULK_OVERFLOW', maxPending: 2 })
  expect(await Promise.race([loader.load(1), turn().then(() => 'waits')])).toBe('waits')
  expect(keys()).toEqual([[1, 2]])
  const again = loader.load(3)
  batches[0]!.answer()
  expect(await Promise.all(loaded)).toEqual([1, 2])
  await turn()
  expect(keys()).toEqual([[1, 2], [3]])
  batches[1]!.answer()
  expect(await again).toBe(3)
})

test('maxPending: loadMany gives an Error for each key past it', async () => {
  const loader = new DataLoader(echo, { maxPending: 2 })
  const answers = await loader.loadMany([1, 2, 3])
  expect(answers.slice(0, 2)).toEqual([1, 2])
  expect(answers[2]).toMatchObject({ code: 'BULK_OVERFLOW' })
})

test('timeout: keys reject and are forgotten, the signal aborts, and what comes later is ignored', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { batches, batchLoadFn, keys } = desk()
    const loader = new DataLoader(batchLoadFn, { timeout: 100, name: 'users' })
    const loaded = loader.load(1)
    await turn()
    const { signal } = batches[0]!.context!
    expect(signal.aborted).toBe(false)
    vi.advanceTimersByTime(100)
    await expect(loaded).rejects.toMatchObject({ code: 'BULK_TIMEOUT', timeout: 100 })
    expect(signal.aborted).toBe(true)
    batches[0]!.answer()
    const again = loader.load(1)
    await turn()
    expect(keys()).toEqual([[1], [1]])
    batches[1]!.answer()
    expect(await again).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})

test('a signal, and the name, come as second argument where one of these options is given, and only there', async () => {
  const given: unknown[][] = []
  const batchLoadFn = (...args: [readonly number[], CommandContext?]): Promise<readonly number[]> => {
    given.push(args)
    return echo(args[0])
  }
  await new DataLoader(batchLoadFn, { name: 'users', concurrent: 1 }).load(1)
  await new DataLoader(batchLoadFn, { name: 'users', size: 5 }).load(1)
  expect(given[0]).toMatchObject([[1], { name: 'users' }])
  expect(given[1]).toEqual([[1]])
})

test('a prime, a clear and equal keys are as without the options', async () => {
  const { batches, batchLoadFn, keys } = desk()
  const loader = new DataLoader(batchLoadFn, { concurrent: 1, cache: false })
  const twice = [loader.load(1), loader.load(1)]
  await turn()
  batches[0]!.answer()
  expect(await Promise.all(twice)).toEqual([1, 1])
  expect(keys()).toEqual([[1, 1]])
  const cached = new DataLoader(batchLoadFn, { concurrent: 1 }).prime(7, 70)
  expect(await cached.load(7)).toBe(70)
  const asked = cached.clear(7).load(7)
  await turn()
  batches[1]!.answer()
  expect(await asked).toBe(7)
})

function broken(): Promise<never[]> {
  return Promise.reject(new Error('down'))
}

test('a listener is notified of each batch: how many keys, why, and which failed', async () => {
  const events: BulkEvent[] = []
  const stop = onBulk({ settled: event => events.push(event) })
  try {
    const users = new DataLoader(
      (keys: readonly number[]) => Promise.resolve(keys.map(key => (key === 2 ? new Error('no 2') : key))),
      { name: 'users', maxBatchSize: 3 },
    )
    const answers = await users.loadMany([1, 2, 3, 4])
    expect(answers.map(answer => answer instanceof Error)).toEqual([false, true, false, false])
    await expect(new DataLoader(broken).load(1)).rejects.toThrow('down')
    await turn()
  } finally {
    stop()
  }
  expect(events).toMatchObject([
    { name: 'users', tasks: 3, cause: 'size', size: 3, failed: 1, error: undefined },
    { name: 'users', tasks: 1, cause: 'tick', size: 3, failed: 0, error: undefined },
    { name: 'broken', tasks: 1, cause: 'tick', size: Infinity, failed: 1, error: { message: 'down' } },
  ])
})

test('a batch function that answers before it is asked to wait settles as the others do', async () => {
  const stop = onBulk({})
  try {
    const failing = new DataLoader((() => undefined) as unknown as () => Promise<never[]>)
    await expect(failing.load(1)).rejects.toThrow('did not return a Promise: undefined')
  } finally {
    stop()
  }
})
