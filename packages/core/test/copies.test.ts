/**
 * Several copies of the core in one process: by `import` and by `require`, or because two were installed.
 */

import { afterEach, expect, it, vi } from 'vitest'
import { release } from '../src/release.ts'

type Core = typeof import('../src/index.ts') & typeof import('../src/kit.ts')

const unwatches: (() => void)[] = []
const key = Symbol.for('bulkcall')
const holder = globalThis as { [key]?: { version: number; release: string } }

afterEach(() => {
  for (const unwatch of unwatches.splice(0)) unwatch()
  vi.restoreAllMocks()
})

/** The core, loaded once more. */
async function copy(): Promise<Core> {
  vi.resetModules()
  return { ...(await import('../src/index.ts')), ...(await import('../src/kit.ts')) }
}

const echo = (tasks: readonly unknown[]): readonly unknown[] => tasks

it('S181 a listener of one copy gets the bulks, calls, pending tasks and hits of another', async () => {
  const [one, other] = [await copy(), await copy()]
  expect(one.AsyncBulkCall).not.toBe(other.AsyncBulkCall)
  const got: string[] = []
  unwatches.push(
    one.onBulk({
      called: ({ name }, tasks) => void got.push(`${tasks} called ${name}`),
      pending: (name, change) => void got.push(`${change} pending in ${name}`),
      hit: (name, keys) => void got.push(`${keys} known to ${name}`),
      started: ({ name }) => void got.push(`${name} started`),
      settled: ({ name }) => void got.push(`${name} settled`),
    }),
  )
  expect([other.watched(), other.registry.called]).toEqual([true, true])

  const loader = new other.BulkLoader(echo, { name: 'users' })
  await loader.load(1)
  await loader.load(1)

  expect(got).toEqual([
    '1 pending in users',
    '1 called users',
    '-1 pending in users',
    'users started',
    'users settled',
    '1 known to users',
  ])
})

it('S181 a listener that has ended gets nothing of any copy, and the others go on', async () => {
  const [one, other] = [await copy(), await copy()]
  const got: string[] = []
  const end = one.onBulk({ settled: () => void got.push('one') })
  unwatches.push(other.onBulk({ settled: () => void got.push('other') }))
  end()

  await new one.AsyncBulkCall(echo).call(1)

  expect(got).toEqual(['other'])
  expect([one.registry.called, other.watched()]).toEqual([false, true])
})

it('S181 bulks and scopes of all copies have different numbers', async () => {
  const [one, other] = [await copy(), await copy()]
  const numbers: number[] = []
  unwatches.push(one.onBulk({ settled: ({ id }) => void numbers.push(id) }))

  for (const core of [one, other, one, other]) {
    await new core.AsyncBulkCall(echo).call(1)
    numbers.push(new core.BulkScope().id)
  }

  expect(numbers).toHaveLength(8)
  expect(new Set(numbers).size).toBe(8)
})

it('S181 a scope of one copy closes the windows of calls of another, and lies within its scopes', async () => {
  const [one, other] = [await copy(), await copy()]
  const bulks: unknown[] = []
  const wide = new one.BulkScope()
  const scope = new other.BulkScope({ within: wide })
  const call = new one.AsyncBulkCall<unknown, unknown>(
    tasks => {
      bulks.push(tasks)
      return tasks
    },
    { delay: Infinity, scope },
  )

  // With `delay: Infinity` only a quiet scope starts it.
  const results = await Promise.all([1, 2, 3].map(task => scope.run(() => call.call(task))))

  expect(results).toEqual([1, 2, 3])
  expect(bulks).toEqual([[1, 2, 3]])
  scope.abort(new Error('over'))
  await expect(call.call(4)).rejects.toThrow('over')
})

it('S181 a limiter of one copy bounds the calls of all', async () => {
  const [one, other] = [await copy(), await copy()]
  const concurrent = one.semaphore(1)
  let running = 0
  let most = 0
  const command = async (tasks: readonly unknown[]): Promise<readonly unknown[]> => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setTimeout(resolve, 5))
    running--
    return tasks
  }
  const calls = [one, other].map(core => new core.AsyncBulkCall(command, { size: 1, concurrent }))

  await Promise.all(calls.flatMap(call => [call.call(1), call.call(2)]))

  expect([most, concurrent.inUse]).toEqual([1, 0])
})

it('S182 a copy whose version does not fit warns once, is alone, and refuses scopes of the other', async () => {
  const one = await copy()
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const other = await ofVersion(0, copy)
  expect(warn.mock.calls).toEqual([
    [
      `Bulkcall: two versions of @bulkcall/core share no listeners: 0.0.9 and ${release}`,
      { code: 'BULKCALL_VERSIONS' },
    ],
  ])
  const got: string[] = []
  unwatches.push(one.onBulk({ settled: ({ name }) => void got.push(name) }))

  await new other.AsyncBulkCall(echo, { name: 'unheard' }).call(1)
  await new one.AsyncBulkCall(echo, { name: 'heard' }).call(1)

  expect(got).toEqual(['heard'])
  // What another version keeps its tracker under is not known here.
  const scope = Object.create(null, { [Symbol.for('bulkcall:0')]: { value: {} } }) as never
  const refused = 'scope must be a BulkScope of this version, got'
  expect(() => new one.AsyncBulkCall(echo, { scope })).toThrow(refused)
  expect(() => new one.BulkScope({ within: scope })).toThrow(
    'within must be a BulkScope of this version, got',
  )
})

/** Does it in a process in which a core of this version was first. */
async function ofVersion<R>(version: number, work: () => Promise<R>): Promise<R> {
  const { [key]: own } = holder
  holder[key] = { version, release: '0.0.9' }
  try {
    return await work()
  } finally {
    holder[key] = own!
  }
}
