/**
 * Async contexts: what a command sees in an `AsyncLocalStorage`, and what its callers see when they go on.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import {
  AsyncBulkCall,
  BulkLoader,
  BulkScope,
  host,
  semaphore,
  SharedLoader,
  type AsyncContext,
  type BulkCallOptions,
  type Command,
  type Limiter,
} from '../src/index.ts'
import { isSameContext } from '../src/kit.ts'

const tenant = new AsyncLocalStorage<string>()
const entry = new URL('../src/index.ts', import.meta.url).href

/** A call that belongs to `owner`, and what its command saw of the tenant each time that it ran. */
function ownedCall(options: BulkCallOptions = {}, command: Command<string, unknown> = async tasks => tasks) {
  const seen: unknown[] = []
  const call = tenant.run('owner', () => {
    return new AsyncBulkCall<string, unknown>(
      (tasks, context) => {
        seen.push(tenant.getStore())
        return command(tasks, context)
      },
      { ...options, context: new AsyncResource('owner') },
    )
  })
  return { call, seen }
}

/** What the tenant is after a promise has settled, however it has. */
async function tenantAfter(promise: Promise<unknown>): Promise<unknown> {
  await promise.catch(() => {})
  return tenant.getStore()
}

/** Who saw what, in the bodies of lazy results. */
const saw: unknown[] = []
function look<V>(value: V): V {
  saw.push(tenant.getStore())
  return value
}

function* lazily(tasks: readonly string[]): Generator<string> {
  for (const task of tasks) yield look(task)
}

/** As query builders give it: nothing runs before someone asks for the result. */
function lazyQuery(run: () => string[]): PromiseLike<string[]> {
  // oxlint-disable-next-line unicorn/no-thenable -- it is what this is about
  return { then: (...reactions) => Promise.resolve(run()).then(...reactions) }
}

const captured = (): AsyncContext => host.captureContext()

describe('two async contexts', () => {
  const other = new AsyncLocalStorage<unknown>()

  it('S200 are the same where each store has the same value', () => {
    const rows = new Map()
    const [none, a, again, b] = [captured(), ...['a', 'a', 'b'].map(name => tenant.run(name, captured))]
    const [withOther, turned] = [
      tenant.run('a', () => other.run(rows, captured)),
      other.run(rows, () => tenant.run('a', captured)),
    ]
    // What is in a store is no matter, since it changes.
    const withEqual = tenant.run('a', () => other.run(new Map(), captured))
    const pairs = [
      [none, captured(), true],
      [a, a, true],
      [a, again, true],
      [a, b, false],
      [a, none, false],
      [none, a, false],
      [a, withOther, false],
      [withOther, a, false],
      [withOther, turned, true],
      [withOther, withEqual, false],
    ] as const
    expect(pairs.map(([one, two]) => isSameContext(one!, two!))).toEqual(pairs.map(([, , same]) => same))
  })

  it('S200 are the same with the same values where a host keeps all stores in one map', () => {
    const frame = Symbol('context_frame')
    const holding = (...entries: [object, unknown][]): AsyncContext =>
      Object.assign(new AsyncResource('test'), { [frame]: entries.length > 0 ? new Map(entries) : undefined })
    const [none, a, again, b, both] = [
      holding(),
      holding([tenant, 'a']),
      holding([tenant, 'a']),
      holding([tenant, 'b']),
      holding([other, 1], [tenant, 'a']),
    ]
    const pairs = [
      [none, holding(), true],
      [a, again, true],
      [a, b, false],
      [a, none, false],
      [a, both, false],
      [both, a, false],
    ] as const
    expect(pairs.map(([one, two]) => isSameContext(one, two))).toEqual(pairs.map(([, , same]) => same))
  })

  it('S200 are different where a host does not show what they hold', () => {
    const hidden: AsyncContext = { runInAsyncScope: (work, thisArg, a) => work.call(thisArg, a) }
    expect([isSameContext(hidden, hidden), isSameContext(hidden, { ...hidden })]).toEqual([true, false])
  })
})

describe('the command runs in the context of the call', () => {
  it('S44 by the end of the tick, whoever came first', async () => {
    const { call, seen } = ownedCall()
    await Promise.all([tenant.run('a', () => call.call('1')), tenant.run('b', () => call.call('2'))])
    expect(seen).toEqual(['owner'])
  })

  it('S44 by a timer, that of the first window and that of a later one', async () => {
    const { call, seen } = ownedCall({ delay: 2 })
    await tenant.run('a', () => call.call('1'))
    await tenant.run('b', () => call.call('2'))
    expect(seen).toEqual(['owner', 'owner'])
  })

  it('S44 by a full bulk', async () => {
    const { call, seen } = ownedCall({ size: 2, delay: Infinity })
    await Promise.all([tenant.run('a', () => call.call('1')), tenant.run('b', () => call.call('2'))])
    expect(seen).toEqual(['owner'])
  })

  it('S44 by a flush and a close, which may start it at once', async () => {
    const { call, seen } = ownedCall({ delay: Infinity })
    const first = tenant.run('a', () => call.call('1'))
    tenant.run('b', () => void call.flush())
    const second = tenant.run('a', () => call.call('2'))
    tenant.run('b', () => void call.close())
    await Promise.all([first, second])
    expect(seen).toEqual(['owner', 'owner'])
  })

  it('S44 by a slot that the end of another tenant’s bulk hands over', async () => {
    const limiter = semaphore(1)
    const { call, seen } = ownedCall({ concurrent: limiter, size: 1 })
    const other = tenant.run(
      'other',
      () => new AsyncBulkCall(async () => null, { concurrent: limiter, size: 1 }),
    )
    await Promise.all([
      tenant.run('a', () => other.call('0')),
      tenant.run('b', () => call.call('1')),
      tenant.run('c', () => call.call('2')),
    ])
    expect(seen).toEqual(['owner', 'owner'])
  })

  it('S44 by the abort of a task that stood before it', async () => {
    const limiter = semaphore(1)
    const { call, seen } = ownedCall({ concurrent: limiter, size: 1 })
    const controller = new AbortController()
    const ends: (() => void)[] = []
    const blocking = new AsyncBulkCall(
      () =>
        new Promise<null>(resolve => {
          ends.push(() => resolve(null))
        }),
      { concurrent: limiter },
    )
    const blocked = blocking.call('0')
    await new Promise(setImmediate)
    const gone = tenant.run('a', () => call.call('1', { signal: controller.signal }))
    const stays = tenant.run('b', () => call.call('2'))
    await new Promise(setImmediate)
    tenant.run('c', () => controller.abort())
    tenant.run('d', () => ends[0]!())
    await Promise.allSettled([blocked, gone, stays])
    expect(seen).toEqual(['owner'])
  })

  it('S44 for callMany and for a loader', async () => {
    const { call, seen } = ownedCall()
    await tenant.run('a', () => call.callMany(['1', '2']))
    const loader = tenant.run('owner', () => {
      return new BulkLoader(async (keys: readonly string[]) => {
        seen.push(tenant.getStore())
        return keys
      })
    })
    await tenant.run('a', () => loader.load('1'))
    await tenant.run('b', () => loader.loadMany(['2', '3']))
    expect(seen).toEqual(['owner', 'owner', 'owner'])
  })

  it('S44 which is that of its scope', async () => {
    const seen: unknown[] = []
    const scope = tenant.run('owner', () => new BulkScope())
    const other = new BulkScope({ context: tenant.run('other', () => new AsyncResource('other')) })
    const calls = [scope, other].map(
      each => new AsyncBulkCall(async () => void seen.push(tenant.getStore()), { scope: each }),
    )
    await Promise.all(calls.map(call => tenant.run('a', () => call.call('1'))))
    expect(seen).toEqual(['owner', 'other'])
  })

  it('S44 through all that it awaits and starts', async () => {
    const later: unknown[] = []
    const { call } = ownedCall({}, async tasks => {
      await new Promise(setImmediate)
      later.push(tenant.getStore())
      await new Promise<void>(resolve => {
        setTimeout(() => {
          later.push(tenant.getStore())
          resolve()
        })
      })
      return tasks
    })
    await tenant.run('a', () => call.call('1'))
    expect(later).toEqual(['owner', 'owner'])
  })

  const lazy: readonly [string, Command<string, unknown>][] = [
    ['a generator, whose body runs when its results are drawn', lazily],
    [
      'a generator that comes later',
      async tasks => {
        await new Promise(setImmediate)
        return lazily(tasks)
      },
    ],
    [
      'an async generator',
      async function* (tasks) {
        for (const task of tasks) {
          await new Promise(setImmediate)
          yield look(task)
        }
      },
    ],
    [
      'a thenable that starts when it is asked, as query builders are',
      tasks => lazyQuery(() => tasks.map(look)),
    ],
  ]

  it.each(lazy)('S44 where it gives %s', async (_, command) => {
    saw.length = 0
    const { call } = ownedCall({}, command)
    const calls = [tenant.run('a', () => call.call('1')), tenant.run('b', () => call.call('2'))]
    expect(await Promise.all(calls)).toEqual(['1', '2'])
    expect(saw).toEqual(['owner', 'owner'])
  })

  it('S27 S44 where an async generator is closed because nobody waits any more', async () => {
    const closedIn: unknown[] = []
    const { call } = ownedCall({}, async function* () {
      try {
        for (;;) {
          await new Promise(setImmediate)
          yield 'result'
        }
      } finally {
        closedIn.push(tenant.getStore())
      }
    })
    const controller = new AbortController()
    const calls = tenant.run('a', () => {
      return ['1', '2', '3'].map(task => call.call(task, { signal: controller.signal }))
    })
    await calls[0]
    tenant.run('b', () => controller.abort())
    await Promise.allSettled(calls)
    await call.close()
    expect(closedIn).toEqual(['owner'])
  })
})

/** What the command of something lazily made sees, which three users use one after the other and then at once. */
async function seenByAll(make: (command: () => Promise<null>) => (key: string) => Promise<unknown>) {
  const seen: unknown[] = []
  let use: ((key: string) => Promise<unknown>) | undefined
  const come = (user: string): Promise<unknown> =>
    tenant.run(user, async () => {
      use ??= make(async () => {
        seen.push(tenant.getStore())
        return null
      })
      return use(user)
    })
  for (const user of ['ada', 'bob']) await come(user)
  await Promise.all(['cid', 'dan'].map(come))
  return seen
}

describe('what is made when its first user comes, and serves all', () => {
  const limiter = (): Limiter => (lazyLimiter ??= semaphore(1))
  let lazyLimiter: Limiter | undefined

  it.each<[string, Parameters<typeof seenByAll>[0]]>([
    [
      'a call',
      command => {
        const call = new AsyncBulkCall<string, null>(command)
        return key => call.call(key)
      },
    ],
    [
      'a call with a window, and the slots of a limiter that is made then',
      command => {
        const call = new AsyncBulkCall<string, null>(command, { delay: 1, size: 1, concurrent: limiter() })
        return key => call.call(key)
      },
    ],
    [
      'a shared loader',
      command => {
        const shared = new SharedLoader<string, null>(command)
        return key => shared.loader().load(key)
      },
    ],
    [
      'a shared loader in a scope that is made then',
      command => {
        const scope = new BulkScope()
        const shared = new SharedLoader<string, null>(command, { scope })
        return key => shared.loader({ scope: new BulkScope({ within: scope }) }).load(key)
      },
    ],
    [
      'a loader that keeps no answers',
      command => {
        const loader = new BulkLoader<string, null>(command, { cache: false })
        return key => loader.load(key)
      },
    ],
  ])('S120 runs its command in the async context of nobody: %s', async (_, make) => {
    const seen = await seenByAll(make)
    expect(seen.length).toBeGreaterThan(2)
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  it('S120 has a context where it is given one', async () => {
    const seen = await seenByAll(command => {
      const shared = new SharedLoader<string, null>(command, {
        context: tenant.run('server', () => new AsyncResource('server')),
      })
      return key => shared.loader().load(key)
    })
    expect(new Set(seen)).toEqual(new Set(['server']))
  })

  it('S120 a loader that keeps its answers is its maker’s', async () => {
    const seen: unknown[] = []
    const loader = tenant.run(
      'owner',
      () =>
        new BulkLoader(() => {
          seen.push(tenant.getStore())
          return null
        }),
    )
    await tenant.run('a', () => loader.load('1'))
    expect(seen).toEqual(['owner'])
  })

  it('S120 the context is nobody’s also where the package is loaded within a request', () => {
    const program = `
      import { AsyncLocalStorage } from 'node:async_hooks'
      const tenant = new AsyncLocalStorage()
      const number = new AsyncLocalStorage()
      const { AsyncBulkCall } = await tenant.run('ada', () => number.run(1, () => import(${JSON.stringify(entry)})))
      const call = new AsyncBulkCall(async () => void console.log([tenant.getStore(), number.getStore()]))
      await tenant.run('bob', () => call.call('1'))
    `
    const args = ['--conditions=@bulkcall/source', '--import', 'tsx', '--input-type=module', '-e', program]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stdout + stderr).toBe('[ undefined, undefined ]\n')
  })

  it('S48 refuses a `context` that is none', () => {
    const wrong = { context: 'request' as never }
    const message = "Bulkcall: context must be an AsyncResource, got 'request'"
    expect(() => new AsyncBulkCall(async () => null, wrong)).toThrow(message)
    expect(() => new BulkLoader(async () => null, wrong)).toThrow(message)
    expect(() => new SharedLoader(async () => null, wrong)).toThrow(message)
    expect(() => new BulkScope(wrong)).toThrow(message)
  })
})

describe('each caller goes on in the context of its own', () => {
  const commands: readonly [string, Command<string, unknown>][] = [
    ['results', async tasks => tasks],
    ['none', () => null],
    ['a rejection', () => Promise.reject(new Error('all failed'))],
    ['an Error at each place', tasks => tasks.map(() => new Error('failed'))],
    [
      'a stream',
      async function* (tasks) {
        yield* tasks
      },
    ],
  ]

  it.each(commands)('S44 after %s, whether it called with a signal or without', async (_, command) => {
    const { call } = ownedCall({ size: 4 }, command)
    const { signal } = new AbortController()
    const after = [
      tenant.run('a', () => tenantAfter(call.call('1'))),
      tenant.run('b', () => tenantAfter(call.call('2', { signal }))),
      tenant.run('c', () => tenantAfter(call.call('3'))),
      tenant.run('d', () => tenantAfter(call.callMany(['4', '5']))),
      tenantAfter(call.call('6')),
    ]
    expect(await Promise.all(after)).toEqual(['a', 'b', 'c', 'd', undefined])
  })

  it('S44 after its abort, a flush and a close', async () => {
    const { call } = ownedCall({ delay: Infinity })
    const controller = new AbortController()
    const after = [
      tenant.run('a', () => tenantAfter(call.call('1', { signal: controller.signal }))),
      tenant.run('b', () => tenantAfter(call.call('2'))),
    ]
    tenant.run('c', () => controller.abort())
    after.push(tenant.run('d', () => tenantAfter(call.flush())))
    after.push(tenant.run('e', () => tenantAfter(call.close())))
    expect(await Promise.all(after)).toEqual(['a', 'b', 'd', 'e'])
  })

  it('S44 after loads of one key, which share one answer', async () => {
    const loader = new BulkLoader(async (keys: readonly string[]) => keys)
    const after = ['a', 'b', 'c'].map(name => tenant.run(name, () => tenantAfter(loader.load('key'))))
    expect(await Promise.all(after)).toEqual(['a', 'b', 'c'])
    expect(await tenant.run('later', () => tenantAfter(loader.load('key')))).toBe('later')
  })
})
