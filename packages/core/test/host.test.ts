import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { uncaughtDuring } from '../../../test/support/unhandled.ts'

/** A copy of the package that has seen nothing of this host yet. */
async function freshCopy(): Promise<typeof import('../src/index.ts')> {
  vi.resetModules()
  return import('../src/index.ts')
}

const settled = Promise.resolve()

/** The bulks of calls that are so many awaits deep, all begun in one turn. */
async function bulksOf(
  { AsyncBulkCall }: typeof import('../src/index.ts'),
  depths: readonly number[],
): Promise<number[][]> {
  const bulks: number[][] = []
  const call = new AsyncBulkCall((tasks: number[]) => void bulks.push(tasks))
  const deep = async (awaits: number): Promise<void> => {
    for (let i = 0; i < awaits; i++) await settled
    await call.call(awaits)
  }
  await Promise.all(depths.map(deep))
  return bulks
}

const depths = [0, 1, 2, 3, 8, 50, 5000]

/** One more macrotask, whichever globals a test has taken away. */
const { setTimeout: originalTimeout, setImmediate: originalImmediate } = globalThis
// oxlint-disable-next-line typescript/unbound-method -- to be put back as it was
const { nextTick: originalTick } = process

/** `process.nextTick` as some workers have it: one more promise job. */
function tickAsPromiseJob(job: (...args: unknown[]) => void, ...args: unknown[]): void {
  queueMicrotask(() => job(...args))
}

afterEach(() => {
  vi.unstubAllGlobals()
  process.nextTick = originalTick
})

describe('the end of a tick', () => {
  it('S10 trap 1 loads 0, 1, 2, 3, 8, 50 and 5000 awaits deep in one tick are one bulk', async () => {
    const copy = await freshCopy()
    expect(await bulksOf(copy, depths)).toEqual([depths])
    // The first end of a turn watches the host, the second one knows it.
    expect(await bulksOf(copy, depths)).toEqual([depths])
  })

  it('S10 trap 1 so they are when the tick begins with a timer, an immediate, a `nextTick` or a microtask', async () => {
    const copy = await freshCopy()
    const turns: ((job: () => void) => unknown)[] = [
      job => originalTimeout(job, 0),
      originalImmediate,
      job => process.nextTick(job),
      queueMicrotask,
    ]
    for (const begin of turns) {
      const bulks = await new Promise((resolve, reject) => {
        begin(() => {
          bulksOf(copy, depths).then(resolve, reject)
        })
      })
      expect(bulks).toEqual([depths])
    }
  })

  it('S10 it is one and the same for all calls: several of them start in one tick', async () => {
    const { AsyncBulkCall } = await freshCopy()
    const log: string[] = []
    const [one, other] = ['one', 'other'].map(
      name => new AsyncBulkCall((tasks: number[]) => void log.push(`${name} ${tasks.join()}`)),
    )
    const calls = [one!.call(1), other!.call(2), one!.call(3)]
    await Promise.all(calls)
    expect(log).toEqual(['one 1,3', 'other 2'])
  })

  it('S10 of several jobs in one tick, one that throws takes none of the others along', async () => {
    const { host } = await freshCopy()
    const done: number[] = []
    const broken = new Error('broken')
    const errors = await uncaughtDuring(() => {
      host.endOfTick(() => done.push(1))
      host.endOfTick(() => {
        throw broken
      })
      host.endOfTick(() => done.push(2))
      host.endOfTick(() => done.push(3))
    })
    expect(done).toEqual([1, 2, 3])
    expect(errors).toEqual([broken])
  })

  it('S10 trap 2 a `process.nextTick` that is a microtask is found out, and loads are still one bulk', async () => {
    const copy = await freshCopy()
    process.nextTick = tickAsPromiseJob
    expect(await bulksOf(copy, depths)).toEqual([depths])
    expect(await bulksOf(copy, depths)).toEqual([depths])
  })

  it('S10 trap 2 it goes by what `process.nextTick` does, not by its name or make', async () => {
    const copy = await freshCopy()
    const ticks = vi.fn(originalTick)
    process.nextTick = ticks
    expect(await bulksOf(copy, depths)).toEqual([depths])
    const asked = ticks.mock.calls.length
    expect(asked).toBeGreaterThan(0)
    expect(await bulksOf(copy, depths)).toEqual([depths])
    expect(ticks.mock.calls.length).toBeGreaterThan(asked)
  })
})

describe('fake timers', () => {
  it.each([['nextTick'], ['nextTick', 'setImmediate']])(
    'S213 the end of a turn does not wait for them: %s %s',
    async (...names) => {
      const { AsyncBulkCall } = await freshCopy()
      // No time passes until the test is over; then it does for the test runner, which uses them as well.
      const waiting: (() => void)[] = []
      const fake = Object.assign(
        (job: (...given: unknown[]) => void, ...given: unknown[]): unknown =>
          waiting.push(() => job(...given)),
        { clock: {} },
      )
      for (const name of names) {
        if (name === 'nextTick') process.nextTick = fake
        else vi.stubGlobal(name, fake)
      }
      try {
        expect(await new AsyncBulkCall((tasks: number[]) => tasks).call(1)).toBe(1)
      } finally {
        for (const pass of waiting) pass()
      }
    },
  )
})

describe('a host without', () => {
  const names = ['process', 'setImmediate', 'MessageChannel']
  const missing = Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.filter((_name, i) => ((bits >> i) & 1) === 1),
  )

  it.each(missing.map(taken => [taken.join(', ') || 'nothing', taken] as const))(
    'S10 trap 2 %s still makes one bulk of a turn',
    async (_, taken) => {
      vi.resetModules()
      // An empty `process`, since the test runner writes to it now and then. That it can be missing altogether is shown by
      // test/no-node.test.ts, in a process of its own.
      for (const name of taken) vi.stubGlobal(name, name === 'process' ? {} : undefined)
      let found: unknown[]
      try {
        const copy = await import('../src/index.ts')
        found = [await bulksOf(copy, depths), await bulksOf(copy, depths)]
      } finally {
        vi.unstubAllGlobals()
      }
      expect(found).toEqual([[depths], [depths]])
    },
  )

  it.each(
    missing.filter(taken => !taken.includes('process')).map(taken => [taken.join(', ') || 'nothing', taken]),
  )(
    'S10 trap 2 %s, where `process.nextTick` is a promise job, still makes one bulk of a turn',
    async (_, taken) => {
      const copy = await freshCopy()
      for (const name of taken) vi.stubGlobal(name, undefined)
      process.nextTick = tickAsPromiseJob
      expect(await bulksOf(copy, depths)).toEqual([depths])
      expect(await bulksOf(copy, depths)).toEqual([depths])
    },
  )

  it('S14 `performance` still has a clock', async () => {
    const { AsyncBulkCall } = await freshCopy()
    vi.stubGlobal('performance', undefined)
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { delay: 1, timeout: 1000 })
    expect(await call.callMany([1, 2])).toEqual([1, 2])
  })

  it('S14 timers that are bound to their object are never called unbound', async () => {
    const { AsyncBulkCall } = await freshCopy()
    // As in browsers, where `setTimeout` called on anything but the global object is an illegal invocation.
    for (const name of ['setTimeout', 'clearTimeout', 'setImmediate'] as const) {
      const original = globalThis[name] as (...args: unknown[]) => unknown
      vi.stubGlobal(name, function (this: unknown, ...args: unknown[]) {
        if (this !== undefined && this !== globalThis) throw new TypeError('Illegal invocation')
        return original(...args)
      })
    }
    const call = new AsyncBulkCall((tasks: number[]) => tasks, { delay: 5, size: 2 })
    expect(await Promise.all([call.call(1), call.call(2), call.call(3)])).toEqual([1, 2, 3])
  })
})

describe('the process', () => {
  const run = promisify(execFile)
  const core = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)

  /** What a program prints that ends by itself: nothing tells it to exit. */
  async function program(code: string): Promise<string> {
    const script = `import { AsyncBulkCall, BulkScope } from ${core}\n${code}`
    const node = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const { stdout } = await run(process.execPath, node, { timeout: 100_000 })
    return stdout.trim()
  }

  let outputs: Promise<string[]>
  beforeEach(() => {
    // Two programs beside each other, once for all tests: most of their time is the start of Node.
    outputs ??= Promise.all([
      program(`
        const call = new AsyncBulkCall(tasks => tasks, { delay: 30, size: 2, concurrent: 1, timeout: 3_600_000 })
        const scope = new BulkScope()
        console.log(await call.callMany([1, 2, 3]), await scope.run(() => call.call(4)))
        call.call(5).then(console.log)
      `),
      program(`
        delete globalThis.setImmediate
        process.nextTick = (job, ...args) => queueMicrotask(() => job(...args))
        const call = new AsyncBulkCall(tasks => tasks)
        console.log(await call.callMany([1, 2, 3]))
        call.call(4).then(console.log)
      `),
    ])
  })

  it('S15 trap 41 is kept alive by an open window, and not by an idle call', async () => {
    expect((await outputs)[0]).toBe('[ 1, 2, 3 ] 4\n5')
  })

  it('S15 trap 41 nor by an idle call whose turns end by messages', async () => {
    expect((await outputs)[1]).toBe('[ 1, 2, 3 ]\n4')
  })
})
