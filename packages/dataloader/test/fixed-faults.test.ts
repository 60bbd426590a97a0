/**
 * The faults of dataloader that are fixed, one by one: what it does, and what ours does. docs/coming-from/dataloader-drop-in.md lists them.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { runInNewContext } from 'node:vm'
import Original from 'dataloader'
import { expect, test } from 'vitest'
import { unhandledDuring } from '../../../test/support/unhandled.ts'
import DataLoader from '../src/index.ts'
import type { LoaderClass } from './support/program.ts'

/** What happens with each of the two classes. */
async function both<T>(watch: (Class: LoaderClass) => Promise<T>): Promise<{ theirs: T; ours: T }> {
  return { theirs: await watch(Original), ours: await watch(DataLoader) }
}

const turn = (): Promise<void> => new Promise(done => setImmediate(done))
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
/** What a promise has come to after a few turns. */
async function state(promise: Promise<unknown>): Promise<unknown> {
  const hung = turn().then(turn).then(turn)
  return Promise.race([promise.catch(message), hung.then(() => 'hangs')])
}

/** The messages of the unhandled rejections while something runs. */
async function unhandled(work: () => unknown): Promise<string[]> {
  return (await unhandledDuring(work)).map(message)
}

test('a batch function that empties its keys leaves no caller waiting', async () => {
  const seen = await both(Class => {
    const loader = new Class((keys: number[]) => {
      keys.length = 0
      return Promise.reject(new Error('no'))
    })
    return state(loader.load(1))
  })
  expect(seen).toEqual({ theirs: 'hangs', ours: 'no' })
})

test('a batch that fails takes away its own answers, and no newer one', async () => {
  const seen = await both(async Class => {
    const batches: number[][] = []
    let fail!: (error: Error) => void
    const loader = new Class((keys: number[]) =>
      batches.push(keys) === 1
        ? new Promise((_, reject) => {
            fail = reject
          })
        : Promise.resolve(keys),
    )
    const first = state(loader.load(1))
    await turn()
    loader.clear(1)
    await loader.load(1)
    fail(new Error('late'))
    await first
    await loader.load(1)
    return batches.length
  })
  expect(seen).toEqual({ theirs: 3, ours: 2 })
})

test('an Error of another realm rejects its key', async () => {
  const foreign: unknown = runInNewContext('new TypeError("foreign")')
  const seen = await both(Class =>
    new Class(() => Promise.resolve([foreign])).load(1).then(
      () => 'a value',
      () => 'an error',
    ),
  )
  expect(seen).toEqual({ theirs: 'a value', ours: 'an error' })
})

test('a thenable whose then gives nothing back is a promise like any other', async () => {
  // oxlint-disable-next-line unicorn/no-thenable
  const thenable = { then: (give: (values: unknown[]) => void) => void setImmediate(give, ['value']) }
  const crashes: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => crashes.push(error))
  try {
    const crashed = await both(async Class => {
      crashes.length = 0
      const outcome = await state(new Class(() => thenable).load(1))
      return { outcome, crashes: crashes.length }
    })
    expect(crashed.theirs.crashes).toBe(1)
    expect(crashed.ours).toEqual({ outcome: 'value', crashes: 0 })
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
})

test('a schedule function may call back at once', async () => {
  const seen = await both(Class => {
    const loader = new Class((keys: number[]) => Promise.resolve(keys), {
      batchScheduleFn: (send: () => void) => send(),
    })
    return state(loader.load(1))
  })
  expect(seen).toEqual({ theirs: 'hangs', ours: 1 })
})

test('then too each batch function runs in the async context of its own first caller', async () => {
  const store = new AsyncLocalStorage<string>()
  const loaders = [1, 2].map(
    () =>
      new DataLoader(() => Promise.resolve([store.getStore()]), { batchScheduleFn: callback => callback() }),
  )
  // Loaders that ask in one turn share its end, which comes in the context of whoever asked first.
  const seen = ['one', 'two'].map((tenant, i) => store.run(tenant, () => loaders[i]!.load(1)))
  expect(await Promise.all(seen)).toEqual(['one', 'two'])
})

test('a schedule function that calls back twice sends the batch once', async () => {
  const seen = await both(async Class => {
    let calls = 0
    const loader = new Class(
      (keys: number[]) => {
        calls++
        return Promise.resolve(keys)
      },
      {
        batchScheduleFn: (send: () => void) => {
          setImmediate(send)
          setImmediate(send)
        },
      },
    )
    await loader.load(1)
    await turn()
    return calls
  })
  expect(seen).toEqual({ theirs: 2, ours: 1 })
})

test('a schedule function that throws once does not leave later keys waiting', async () => {
  const seen = await both(Class => {
    let calls = 0
    const loader = new Class((keys: number[]) => Promise.resolve(keys), {
      batchScheduleFn: (send: () => void) => {
        if (++calls === 1) throw new Error('not yet')
        setImmediate(send)
      },
    })
    expect(() => loader.load(1)).toThrow('not yet')
    return state(loader.load(2))
  })
  expect(seen).toEqual({ theirs: 'hangs', ours: 2 })
})

test('what a batch function throws is the cause of the error that says so', async () => {
  const thrown = new RangeError('out of range')
  const seen = await both(async Class => {
    const loader = new Class(() => {
      throw thrown
    })
    const error: unknown = await loader.load(1).catch((reason: unknown) => reason)
    return { message: message(error), cause: (error as Error).cause }
  })
  expect(seen.ours.message).toBe(seen.theirs.message)
  expect(seen.theirs.cause).toBeUndefined()
  expect(seen.ours.cause).toBe(thrown)
})

test('a wrong number of values is reported in numbers, without the data', async () => {
  const seen = await both(Class =>
    state(new Class(() => Promise.resolve(['secret', 'b'])).load('key of Ada')),
  )
  const sentence = /return a Promise of an Array of the same length as the Array of keys\.\n\n/
  expect(seen.theirs).toMatch(sentence)
  expect(seen.theirs).toMatch(/Ada[^]*secret/)
  expect(seen.ours).toMatch(sentence)
  expect(seen.ours).toMatch(/Keys: 1\nValues: 2$/)
})

test('an array with a hole at its end is an array', async () => {
  // oxlint-disable-next-line no-sparse-arrays
  const values = [1, ,]
  const seen = await both(Class => {
    const loader = new Class(() => Promise.resolve(values))
    return state(Promise.all([loader.load('a'), loader.load('b')]))
  })
  expect(seen.theirs).toMatch(/did not return a Promise of an Array: 1,/)
  expect(seen.ours).toEqual([1, undefined])
})

test('loadMany with a key that is null asks for none of them', async () => {
  const seen = await both(async Class => {
    const batches: number[][] = []
    const loader = new Class((keys: number[]) => {
      batches.push(keys)
      return Promise.resolve(keys)
    })
    expect(() => loader.loadMany([1, null, 2])).toThrow('must be called with a value, but got: null.')
    await turn()
    return batches
  })
  expect(seen).toEqual({ theirs: [[1]], ours: [] })
})

test('a promise that is primed and rejects is reported to who loads it, and not before', async () => {
  const seen = await both(async Class => {
    const loader = new Class(() => Promise.resolve([]))
    const reported = await unhandled(() => loader.prime(1, Promise.reject(new Error('primed'))))
    return { reported, loaded: await state(loader.load(1)) }
  })
  expect(seen.theirs).toEqual({ reported: ['primed'], loaded: 'primed' })
  expect(seen.ours).toEqual({ reported: [], loaded: 'primed' })
})

test('an answer that rejects is reported to each caller who does not handle it, also with a window', async () => {
  const seen = await both(async Class => {
    const loader = new Class(() => Promise.resolve([new Error('refused')]), {
      delay: 1,
      timeout: 1000,
    })
    await loader.load(1).catch(() => {})
    return unhandled(() => void loader.load(1))
  })
  expect(seen).toEqual({ theirs: ['refused'], ours: ['refused'] })
})

/** What a class says of a size. */
function make(Class: LoaderClass, maxBatchSize: number): string {
  try {
    return typeof new Class(() => Promise.resolve([]), { maxBatchSize })
  } catch (error) {
    return message(error)
  }
}

test('a size that is no whole number is refused', async () => {
  for (const size of [Number.NaN, 1.5])
    expect(await both(async Class => make(Class, size))).toEqual({
      theirs: 'object',
      ours: `maxBatchSize must be a positive number: ${size}`,
    })
})

test('S285 a batch function that throws or gives what cannot be printed leaves no caller waiting', async () => {
  const unprintable = Object.create(null)
  const gives: Record<string, () => unknown> = {
    'errored synchronously': () => {
      throw unprintable
    },
    'did not return a Promise': () => unprintable,
    'did not return a Promise of an Array': () => Promise.resolve(unprintable),
  }
  for (const [how, batchFunction] of Object.entries(gives)) {
    // Not beside dataloader, whose process it ends.
    const loader = new DataLoader<number, never>(batchFunction as never)
    expect(await state(loader.load(1))).toMatch(new RegExp(`but the function ${how}: object\\.$`))
  }
})

test('a cacheKeyFn that throws when a batch has failed leaves no caller waiting', async () => {
  let broken = false
  const seen = await both(async Class => {
    broken = false
    const loader = new Class(() => Promise.reject(new Error('no')), {
      cacheKeyFn: (key: number) => {
        if (broken) throw new Error('broken')
        return key
      },
    })
    let outcome: unknown
    await unhandled(async () => {
      const loaded = loader.load(1)
      broken = true
      outcome = await state(loaded)
    })
    return outcome
  })
  expect(seen).toEqual({ theirs: 'hangs', ours: 'no' })
})
