import { describe, expect, it, vi } from 'vitest'
import { unhandledDuring } from '../../../test/support/unhandled.ts'
import { AsyncBulkCall, BulkLoader, BulkScope, type BulkCallOptions } from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

const settled = Promise.resolve()

/** A scope on a host that is driven by hand, and calls in it that write down when each of their bulks started. */
function scoped() {
  const host = new ManualHost()
  const scope = new BulkScope({ host })
  const starts: { at: number; tasks: unknown[] }[] = []
  const load = (options: BulkCallOptions = {}): AsyncBulkCall<unknown, unknown> =>
    new AsyncBulkCall(
      (tasks: unknown[]) => {
        starts.push({ at: host.time, tasks })
        return tasks
      },
      { delay: 100, scope, host, ...options },
    )
  /** I/O that takes so many ms of virtual time. */
  const io = (ms: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), ms)
    return done.promise
  }
  return { host, scope, starts, load, io }
}

describe('quiet', () => {
  it('S45 a window closes as soon as every piece of work waits for one of its calls', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    const got = [1, 2, 3].map(id => scope.run(async () => users.call(id)))
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: [1, 2, 3] }])
    expect(await Promise.all(got)).toEqual([1, 2, 3])
  })

  it('S45 it waits for siblings with I/O of their own, no longer than for the last of them', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    for (const ms of [1, 2, 3, 4]) void scope.run(() => io(ms)).then(() => scope.run(() => users.call(ms)))
    await pass(host, 3)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 4, tasks: [1, 2, 3, 4] }])
  })

  it('S83 a call after an `await` proves nothing: the same work may make more, so its window stays open', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load({ delay: 10 })
    const many = scope.run(() =>
      Promise.all(
        [1, 2, 3].map(async ms => {
          await io(ms)
          return users.call(ms)
        }),
      ),
    )
    await pass(host, 10)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 11, tasks: [1, 2, 3] }])
    expect(await many).toEqual([1, 2, 3])
  })

  it('S83 S45 what has called after an `await` is waited for until it ends, and no longer', async () => {
    const { host, scope, starts, load, io } = scoped()
    const [users, posts] = [load(), load({ delay: 0 })]
    void scope.run(async () => users.call('user'))
    void scope.run(async () => {
      await io(2)
      return posts.call('post')
    })
    await pass(host, 2)
    expect(starts).toEqual([
      { at: 2, tasks: ['post'] },
      { at: 2, tasks: ['user'] },
    ])
  })

  it('S45 `delay` is the upper bound: slow work keeps nobody for longer', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load({ delay: 10 })
    void scope.run(async () => users.call('quick'))
    void scope.run(async () => {
      await io(50)
      return users.call('slow')
    })
    await pass(host, 60)
    expect(starts).toEqual([
      { at: 10, tasks: ['quick'] },
      { at: 60, tasks: ['slow'] },
    ])
  })

  it('S45 work that ends without a call is waited for no longer', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    void scope.run(async () => users.call(1))
    void scope.run(() => io(5))
    await pass(host, 5)
    expect(starts).toEqual([{ at: 5, tasks: [1] }])
  })

  it('S45 work that fails is waited for no longer', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    void scope.run(async () => users.call(1))
    const failing = scope.run(async () => {
      await io(5)
      throw new Error('failed')
    })
    const failed = failing.catch(String)
    await pass(host, 5)
    expect(await failed).toBe('Error: failed')
    expect(starts).toEqual([{ at: 5, tasks: [1] }])
  })

  it('S45 a bulk in flight keeps windows open: what its callers do next may bring a call', async () => {
    const { host, scope, starts, load, io } = scoped()
    const authors = load()
    const posts = new AsyncBulkCall(
      async (ids: number[]) => {
        await io(7)
        return ids
      },
      { scope, host, delay: 0 },
    )
    void scope.run(async () => posts.call(1)).then(id => scope.run(() => authors.call(id)))
    void scope.run(() => io(2)).then(() => scope.run(() => authors.call(2)))
    await pass(host, 6)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 7, tasks: [2, 1] }])
  })

  it('S45 callers that have gone are not waited for, though their command still runs', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    const hanging = new AsyncBulkCall(() => new Promise<null>(() => {}), { scope, host })
    const controller = new AbortController()
    const gone = scope.run(async () => hanging.call(1, { signal: controller.signal }))
    const caught = gone.catch((reason: unknown) => reason)
    await host.turn()
    void scope.run(async () => users.call(2))
    await pass(host, 3)
    expect(starts).toEqual([])
    controller.abort('gone')
    await host.turn()
    expect(await caught).toBe('gone')
    expect(starts).toEqual([{ at: 3, tasks: [2] }])
  })

  it('S45 a pending call that was given up is not waited for: its work runs on', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    const controller = new AbortController()
    void scope.run(async () => {
      await users.call('given up', { signal: controller.signal }).catch(() => {})
      await io(6)
    })
    void scope
      .run(() => io(1))
      .then(() => {
        controller.abort('gone')
        return scope.run(() => users.call('other'))
      })
    await pass(host, 6)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 7, tasks: ['other'] }])
  })

  it('S45 when quiet, the windows of several calls close at once', async () => {
    const { host, scope, starts, load, io } = scoped()
    const [users, posts, tags] = [load(), load(), load({ size: 10 })]
    void scope.run(async () => users.call('user'))
    void scope.run(async () => posts.call('post'))
    void scope.run(() => io(3)).then(() => scope.run(() => tags.call('tag')))
    await pass(host, 3)
    expect(starts).toEqual([
      { at: 3, tasks: ['user'] },
      { at: 3, tasks: ['post'] },
      { at: 3, tasks: ['tag'] },
    ])
  })

  it('S45 work that waits for two calls at once waits', async () => {
    const { host, scope, starts, load } = scoped()
    const [users, posts] = [load(), load()]
    const both = scope.run(() => Promise.all([users.call(1), posts.call(2)]))
    await host.turn()
    expect(starts).toEqual([
      { at: 0, tasks: [1] },
      { at: 0, tasks: [2] },
    ])
    expect(await both).toEqual([1, 2])
  })

  it('S45 work that waits for `callMany` waits', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load({ size: 2 })
    const many = scope.run(() => users.callMany([1, 2, 3]))
    await host.turn()
    expect(starts).toEqual([
      { at: 0, tasks: [1, 2] },
      { at: 0, tasks: [3] },
    ])
    expect(await many).toEqual([1, 2, 3])
  })

  it('S45 level after level, each is one bulk and costs no time', async () => {
    const { host, scope, starts, load } = scoped()
    const [users, posts] = [load(), load()]
    const row = async (id: number): Promise<unknown> => {
      const user = await scope.run(() => users.call(id))
      return scope.run(() => posts.call(user))
    }
    const rows = Promise.all([1, 2, 3].map(row))
    await host.turn()
    expect(await rows).toEqual([1, 2, 3])
    expect(starts).toEqual([
      { at: 0, tasks: [1, 2, 3] },
      { at: 0, tasks: [1, 2, 3] },
    ])
  })

  it('S45 an outer piece that starts inner ones waits for them', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    const outer = scope.run(() =>
      Promise.all([
        scope.run(() => io(4)),
        scope.run(() => users.call('inner')),
        scope.run(async () => [await users.call('also inner')]),
      ]),
    )
    await pass(host, 3)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 4, tasks: ['inner', 'also inner'] }])
    expect(await outer).toEqual([undefined, 'inner', ['also inner']])
  })

  it('S45 the microtasks of the tick have drained first', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    void scope.run(async () => users.call(1))
    void (async () => {
      for (let i = 0; i < 50; i++) await settled
      await users.call('from outside')
    })()
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: [1, 'from outside'] }])
  })

  it('S8 S45 with `delay: Infinity` quiet is enough', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load({ delay: Infinity })
    void scope.run(async () => users.call(1))
    await host.turn()
    expect(starts).toHaveLength(1)
  })

  it('S45 it works on the real host: a window of a minute closes at once', async () => {
    const scope = new BulkScope()
    const users = new AsyncBulkCall((ids: number[]) => ids, { delay: 60_000, scope })
    const read = async (id: number): Promise<number> => {
      await scope.run(() => new Promise(done => void setTimeout(done, id)))
      return scope.run(() => users.call(id))
    }
    expect(await Promise.all([1, 2, 3].map(read))).toEqual([1, 2, 3])
  })

  it('S45 S55 who waits for many keys still waits when some of them are answered early', async () => {
    const { host, scope, io } = scoped()
    const bulks: number[][] = []
    const users = new BulkLoader(
      (ids: number[]) => {
        bulks.push(ids)
        return ids
      },
      { host, scope, delay: Infinity, size: 3 },
    )
    void scope.run(() => io(1))
    const got = [scope.run(async () => users.loadMany([1, 2])), scope.run(async () => users.loadMany([3, 4]))]
    users.prime(1, -1).prime(3, -3)
    await pass(host, 1)
    expect(bulks).toEqual([[2, 4]])
    expect(await Promise.all(got)).toEqual([
      [-1, 2],
      [-3, 4],
    ])
  })
})

describe('a command that calls another loader', () => {
  it('S84 waits as work does: a chain of three takes no time, however long `delay` is', async () => {
    const { host, scope, starts, load } = scoped()
    const first = load({ delay: Infinity })
    const options = { delay: Infinity, scope, host }
    const second = new AsyncBulkCall((ids: unknown[]) => first.callMany(ids), options)
    const third = new AsyncBulkCall((ids: unknown[]) => Promise.all(ids.map(id => second.call(id))), options)
    const got = [1, 2].map(id => scope.run(async () => third.call(id)))
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: [1, 2] }])
    expect(await Promise.all(got)).toEqual([1, 2])
    expect(host.time).toBe(0)
  })

  it('S84 waits beside others: what they still call goes out with it', async () => {
    const { host, scope, starts, load, io } = scoped()
    const first = load()
    const second = new AsyncBulkCall((ids: unknown[]) => first.callMany(ids), { scope, host })
    void scope.run(() => second.call(1))
    void scope.run(() => io(3)).then(() => scope.run(() => first.call(2)))
    await pass(host, 2)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 3, tasks: [1, 2] }])
  })

  it('S84 is in flight again as soon as what it called has started', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    const first = new AsyncBulkCall(
      async (ids: unknown[]) => {
        await io(5)
        return ids
      },
      { scope, host },
    )
    const second = new AsyncBulkCall((ids: unknown[]) => first.callMany(ids), { scope, host })
    void scope.run(() => second.call(1)).then(id => scope.run(() => users.call(id)))
    await host.turn()
    void scope.run(() => users.call(2))
    await pass(host, 4)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 5, tasks: [2, 1] }])
  })

  it('S84 waits no longer when what it called is given up', async () => {
    const { host, scope, starts, load, io } = scoped()
    const [users, first] = [load({ delay: 20 }), load({ delay: Infinity })]
    const controller = new AbortController()
    const second = new AsyncBulkCall(
      async (ids: unknown[]) => {
        await first.call(ids[0], { signal: controller.signal }).catch(() => {})
        await io(5)
        return ids
      },
      { scope, host },
    )
    void scope.run(() => io(1)).then(() => controller.abort('gone'))
    const got = scope.run(() => second.call(1))
    await pass(host, 1)
    void scope.run(() => users.call(2))
    await pass(host, 4)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(await got).toBe(1)
    expect(starts).toEqual([{ at: 6, tasks: [2] }])
  })

  it('S84 S83 after an `await` it proves nothing: what it called waits for `delay`', async () => {
    const { host, scope, starts, load, io } = scoped()
    const first = load({ delay: 10 })
    const second = new AsyncBulkCall(
      async (ids: unknown[]) => {
        await io(2)
        return first.callMany(ids)
      },
      { scope, host },
    )
    void scope.run(() => second.call(1))
    await pass(host, 11)
    expect(starts).toEqual([])
    await pass(host, 1)
    expect(starts).toEqual([{ at: 12, tasks: [1] }])
  })
})

describe('what a scope cannot know', () => {
  it('S46 a call that nobody waits for is sent', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load({ delay: 10 })
    expect(scope.run(() => void users.call('from a synchronous piece'))).toBe(undefined)
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: ['from a synchronous piece'] }])

    // A piece that goes on although its call is pending is taken for one that waits: its bulk starts early.
    const done = scope.run(async () => {
      void users.call('forgotten')
      await io(5)
      return users.call('next')
    })
    await pass(host, 15)
    expect(await done).toBe('next')
    expect(starts.slice(1)).toEqual([
      { at: 0, tasks: ['forgotten'] },
      { at: 15, tasks: ['next'] },
    ])
  })

  it('S46 work that never ends loses nothing: what waits beside it waits for `delay`', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load({ delay: 20 })
    void scope.run(() => new Promise(() => {}))
    const calls = [1, 2].map(id => scope.run(async () => users.call(id)))
    await pass(host, 20)
    expect(await Promise.all(calls)).toEqual([1, 2])
    const later = scope.run(async () => users.call(3))
    await pass(host, 20)
    expect(await later).toBe(3)
    expect(starts).toEqual([
      { at: 20, tasks: [1, 2] },
      { at: 40, tasks: [3] },
    ])
  })

  it('S46 a call from outside of any piece is sent, in its order', async () => {
    const { host, starts, load } = scoped()
    const users = load()
    void users.call(1)
    void users.call(2)
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: [1, 2] }])
  })

  it('S280 S83 a call of work that is not known proves nothing: its window stays open', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    // The property of an object: who gives the object has ended with it.
    scope.run(() => ({ friends: [1, 2, 3].map(async ms => io(ms).then(() => users.call(ms))) }))
    await pass(host, 101)
    expect(starts).toEqual([{ at: 101, tasks: [1, 2, 3] }])
  })

  it('S280 S45 the windows of others close when it is quiet', async () => {
    const { host, scope, starts, load, io } = scoped()
    const [users, posts] = [load(), load()]
    scope.run(() => ({ friend: io(1).then(() => users.call('friend')) }))
    void io(1).then(() => scope.run(() => posts.call('post')))
    await pass(host, 200)
    expect(starts).toEqual([
      { at: 1, tasks: ['post'] },
      { at: 101, tasks: ['friend'] },
    ])
  })

  it('S280 S45 what the program calls before any work has begun goes with the tick', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    await Promise.all([users.call(1), host.turn()])
    void users.call(2)
    await host.turn()
    scope.run(() => null)
    void users.call(3)
    await pass(host, 100)
    expect(starts).toEqual([
      { at: 0, tasks: [1] },
      { at: 0, tasks: [2] },
      { at: 100, tasks: [3] },
    ])
  })

  it('S280 S8 with an endless `delay` such a window closes when it is quiet', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load({ delay: Infinity })
    scope.run(() => ({ friend: io(1).then(() => users.call(1)) }))
    await pass(host, 1)
    expect(starts).toEqual([{ at: 1, tasks: [1] }])
  })

  it.each<[string, (later: (ms: number) => Promise<unknown>) => unknown]>([
    ['a list of promises', later => [later(1), 4, null, later(2), later(3)]],
    ['a promise of a list of promises', async later => [later(1), 4, null, later(2), later(3)]],
  ])('S282 who gives %s goes on until the last of them has settled', async (_, work) => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    const given = scope.begin().gave(work(async ms => io(ms).then(() => users.call(ms))))
    await pass(host, 1)
    await pass(host, 2)
    // It is quiet only when none of them is left that has not called.
    expect(starts).toEqual([])
    await pass(host, 98)
    expect(starts).toEqual([{ at: 101, tasks: [1, 2, 3] }])
    expect(await Promise.all((await given) as unknown[])).toHaveLength(5)
  })

  it('S282 a list that throws when it is read ends the work that gave it', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    const broken: unknown = new Proxy([], {
      get: (list, name) => {
        if (name === 'length') throw new Error('broken')
        return Reflect.get(list, name) as unknown
      },
    })
    void scope.begin().gave(Promise.resolve(broken))
    const calling = scope.begin()
    void calling.gave(users.call(1))
    await pass(host, 0)
    expect(starts).toEqual([{ at: 0, tasks: [1] }])
  })

  it('S46 tasks keep their order, whichever way their bulks are started', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load({ size: 3, delay: 5, concurrent: 1 })
    for (let id = 0; id < 12; id++) {
      void scope.run(async () => {
        await io(Math.floor(id / 2))
        return users.call(id)
      })
    }
    void scope.run(() => io(30))
    await pass(host, 40)
    expect(starts.flatMap(({ tasks }) => tasks)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  it('S46 a call on a slot that never comes does not keep the others', async () => {
    const { host, scope, starts, load } = scoped()
    const stuck = load({ concurrent: { acquire: () => null, leave: () => {} } })
    const users = load()
    void scope.run(async () => stuck.call('stuck'))
    void scope.run(async () => users.call('free'))
    await host.turn()
    expect(starts).toEqual([{ at: 0, tasks: ['free'] }])
    expect(stuck.pending).toBe(1)
  })
})

/** A query as some builders make them: it runs each time that it is asked, by `then`. */
function lazyQuery<R>(answer: (resolve: (value: R) => void, reject: (reason: unknown) => void) => unknown) {
  // oxlint-disable-next-line unicorn/no-thenable -- what is tested
  const name = 'then'
  const runs = vi.fn(answer)
  return { runs, query: { [name]: runs } as unknown as PromiseLike<R> }
}

describe('run', () => {
  it('S87 gives a value at once', () => {
    const { scope } = scoped()
    const value = { any: 'value' }
    expect(scope.run(() => value)).toBe(value)
    expect(scope.run(() => null)).toBe(null)
  })

  it('S87 gives a throw as a throw, and the scope goes on', async () => {
    const { host, scope, starts, load } = scoped()
    const error = new Error('thrown')
    const throwing = (): void => {
      throw error
    }
    expect(() => scope.run(throwing)).toThrow(error)
    const users = load()
    void scope.run(async () => users.call(1))
    await host.turn()
    expect(starts).toHaveLength(1)
  })

  it('S87 in two halves, it is what `run` makes of it', async () => {
    const { host, scope, starts, load, io } = scoped()
    const users = load()
    /** Without a function for the piece: it calls, and another that it begins waits first. */
    const outer = scope.begin()
    const first = users.call(1)
    const inner = scope.begin()
    const second = inner.gave(io(5))
    const both = outer.gave(Promise.all([first, second]))
    const failing = scope.begin()
    failing.threw()
    await host.turn()
    expect(starts).toEqual([])
    await host.advance(5)
    await host.turn()
    expect(starts).toEqual([{ at: 5, tasks: [1] }])
    expect(await both).toEqual([1, undefined])
    expect(scope.begin().gave(7)).toBe(7)
    // One that its caller handles is not followed by another.
    const promise = Promise.resolve(1)
    expect(scope.begin().gave(promise)).toBe(promise)
    expect(scope.begin().gave(promise, false)).not.toBe(promise)
  })

  it('S87 gives a rejection to whoever waits for it', async () => {
    const { scope } = scoped()
    const error = new Error('rejected')
    await expect(scope.run(() => Promise.reject(error))).rejects.toBe(error)
  })

  it('S87 a rejection that nobody handles is reported, once', async () => {
    const { scope } = scoped()
    const reported = await unhandledDuring(() => {
      void scope.run(async () => {
        throw new Error('unhandled')
      })
    })
    expect(reported).toEqual([new Error('unhandled')])
  })

  it('S87 a thenable is asked once, by whoever waits for what `run` gives or not', async () => {
    const { scope } = scoped()
    const { runs, query } = lazyQuery<string>(resolve => Promise.resolve('rows').then(resolve))
    expect(await scope.run(() => query)).toBe('rows')
    expect(runs).toHaveBeenCalledOnce()
  })

  it('S87 trap 17 a thenable whose `then` gives nothing back gives its value all the same', async () => {
    const { scope } = scoped()
    const { runs, query } = lazyQuery<string>(resolve => {
      resolve('rows')
    })
    expect(await scope.run(() => query)).toBe('rows')
    expect(runs).toHaveBeenCalledOnce()
    const failing = lazyQuery<string>((_, reject) => {
      reject(new Error('no rows'))
    })
    await expect(Promise.resolve(scope.run(() => failing.query))).rejects.toThrow('no rows')
  })

  it('S87 trap 17 a thenable whose `then` throws is a rejection, and the scope is not kept waiting', async () => {
    const { host, scope, starts, load } = scoped()
    const { query } = lazyQuery<string>(() => {
      throw new Error('then')
    })
    const asked = (async () => scope.run(() => query))()
    await expect(asked).rejects.toThrow('then')
    const users = load()
    void scope.run(async () => users.call(1))
    await host.turn()
    expect(starts).toHaveLength(1)
  })

  it('S87 the promise of its own call is given as it is', async () => {
    const { host, scope, load } = scoped()
    const users = load()
    let own: unknown
    const given = scope.run(() => (own = users.call(1)))
    expect(given).toBe(own)
    await host.turn()
    expect(await given).toBe(1)
  })
})

describe('options', () => {
  it('S48 what a scope and a piece of work are given is checked', () => {
    const { scope } = scoped()
    expect(() => new BulkScope({ plan: {} as never })).toThrow('Bulkcall: plan must be a Plan, got')
    expect(() => scope.begin({} as never)).toThrow('Bulkcall: evidence must be an Evidence, got')
    expect(() => scope.run(() => 1, 1 as never)).toThrow('Bulkcall: evidence must be an Evidence, got 1')
    expect(() => new BulkScope({ caller: 1 as never })).toThrow('Bulkcall: caller must be a function, got 1')
  })
})

describe('abort', () => {
  it('S60 pending calls reject with the reason and are never sent', async () => {
    const { host, scope, starts, load } = scoped()
    const [users, posts] = [load({ size: 2 }), load({ delay: 0 })]
    const calls = Promise.allSettled([...[1, 2, 3].map(id => users.call(id)), posts.call(4)])
    const many = users.callMany([5, 6])
    scope.abort('left')
    await pass(host, 1000)
    expect(await calls).toEqual(Array.from({ length: 4 }, () => ({ status: 'rejected', reason: 'left' })))
    expect((await many).map(each => each instanceof Error && each.cause)).toEqual(['left', 'left'])
    expect(starts).toEqual([])
    expect([users.pending, posts.pending]).toEqual([0, 0])
  })

  it('S60 S17 calls in flight reject at once, their signal aborts, and the slot comes back with the command', async () => {
    const { host, scope } = scoped()
    const running: Deferred<null>[] = []
    const signals: AbortSignal[] = []
    const call = new AsyncBulkCall(
      (_tasks: number[], { signal }) => {
        signals.push(signal)
        running.push(new Deferred())
        return running.at(-1)!.promise
      },
      { scope, host, concurrent: 1 },
    )
    const calls = Promise.allSettled([call.call(1), call.call(2)])
    await host.turn()
    scope.abort('left')
    expect(await calls).toEqual(Array.from({ length: 2 }, () => ({ status: 'rejected', reason: 'left' })))
    expect(signals.map(({ aborted, reason }) => [aborted, reason as unknown])).toEqual([[true, 'left']])
    expect(call.inFlight).toBe(1)
    running[0]!.resolve(null)
    await host.turn()
    expect(call.inFlight).toBe(0)
  })

  it('S60 later calls reject, and another scope does not notice', async () => {
    const { host, scope, starts, load } = scoped()
    const users = load()
    const other = new AsyncBulkCall((ids: number[]) => ids)
    scope.abort('left')
    scope.abort('again')
    await expect(users.call(1)).rejects.toBe('left')
    expect(await users.callMany([2])).toEqual([expect.objectContaining({ cause: 'left' })])
    expect(await other.call(3)).toBe(3)
    await pass(host, 1000)
    expect(starts).toEqual([])
  })
})
