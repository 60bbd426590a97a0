/**
 * The cache: over a real Redis, and over a Keyv in memory where it is not about Redis.
 */

import { deserialize, serialize } from 'node:v8'

import { AsyncBulkCall, BulkLengthError, BulkLoader, keyed, type CommandContext } from '@bulkcall/core'
import { createKeyv } from '@keyv/redis'
import { Keyv } from 'keyv'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { BulkForgetError, withCache, type CacheOptions, type SharedStore } from '../src/index.ts'
import { redisProgram, startRedis, until, type RedisServer } from '../../redis/test/support/redis-server.ts'

interface User {
  readonly id: number
  readonly name: string
}

const userOf = (id: number): User => ({ id, name: `user ${id}` })
const context = (): CommandContext => ({ name: 'users', signal: new AbortController().signal })

const newClient = (path: string) =>
  createClient({ socket: { path, reconnectStrategy: 20 } }).on('error', () => {})

const spread = (some: number[]): number => Math.max(...some) - Math.min(...some)

/** A command that writes down what it is asked. */
function users() {
  const asked: number[][] = []
  const command = async (ids: number[]) => {
    asked.push(ids)
    return ids.map(id => (id < 0 ? null : userOf(id)))
  }
  return { asked, command }
}

/** A command whose answers come when the test says so. */
function gatedUsers() {
  const asked: {
    readonly ids: number[]
    readonly signal: AbortSignal
    answer(name?: string): void
    fail(error: unknown): void
  }[] = []
  const command = (ids: number[], { signal }: CommandContext): Promise<User[]> =>
    new Promise((resolve, reject) =>
      asked.push({
        ids,
        signal,
        answer: (name = 'user') => resolve(ids.map(id => ({ id, name }))),
        fail: reject,
      }),
    )
  return { asked, command }
}

const options = (store: SharedStore, more: Partial<CacheOptions<number>> = {}): CacheOptions<number> => ({
  store,
  key: id => `user:${id}`,
  ttl: 60_000,
  // A slow machine must not look like a slow store.
  budget: 20_000,
  ...more,
})

describe('a command with a cache', () => {
  it('is asked for what the store does not hold, and each key gets its own', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(new Keyv()))

    expect(await cached([1, 2], context())).toEqual([userOf(1), userOf(2)])
    expect(await cached([3, 2, 4, 1, 3], context())).toEqual([3, 2, 4, 1, 3].map(userOf))
    expect(asked).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it.each([
    ['an array', (ids: number[]) => ids.map(id => (id < 0 ? null : userOf(id)))],
    ['undefined where there is nothing', (ids: number[]) => ids.map(id => (id < 0 ? undefined : userOf(id)))],
    ['a Map', async (ids: number[]) => new Map(ids.filter(id => id >= 0).map(id => [id, userOf(id)]))],
    [
      'a generator',
      function* (ids: number[]) {
        for (const id of ids) yield id < 0 ? null : userOf(id)
      },
    ],
    [
      'an async generator',
      async function* (ids: number[]) {
        for (const id of ids) yield id < 0 ? null : userOf(id)
      },
    ],
    ['none', () => null],
    [
      'keyed rows',
      keyed(
        async (ids: number[]) => ids.filter(id => id >= 0).map(userOf),
        user => user.id,
      ),
    ],
  ])('may give %s: the second time the answer is the same, and it is not asked', async (_, given) => {
    let calls = 0
    const command = (ids: number[], more: CommandContext) => (calls++, given(ids, more))
    const call = new AsyncBulkCall(withCache(command, options(new Keyv())))
    const without = await new AsyncBulkCall(given).callMany([1, -1, 2])

    expect(await call.callMany([1, -1, 2])).toEqual(without)
    expect(await call.callMany([1, -1, 2])).toEqual(without)
    expect(calls).toBe(1)
  })

  it('S212 no function of the user gets an object of ours as its `this`', async () => {
    const seen: unknown[] = []
    function key(this: unknown, id: number): number {
      seen.push(this)
      return id
    }
    function command(this: unknown, ids: number[]): User[] {
      seen.push(this)
      return ids.map(userOf)
    }
    const cached = withCache(command, options(new Keyv(), { key }))
    await cached([1], context())
    await cached.forget([1])
    expect(seen).toEqual([undefined, undefined, undefined])
  })

  it('S273 a command may hand its signal to as many waits as it likes', async () => {
    const warned: unknown[] = []
    const listen = (warning: unknown): void => void warned.push(warning)
    process.on('warning', listen)
    try {
      await withCache((ids: number[], { signal }) => {
        for (let wait = 0; wait < 20; wait++) signal.addEventListener('abort', () => {})
        return ids
      }, options(new Keyv()))([1], context())
      await new Promise(resolve => setImmediate(resolve))
    } finally {
      process.off('warning', listen)
    }
    expect(warned).toEqual([])
  })

  it('S274 a time that no timer can wait is waited for all the same', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(new Keyv(), { budget: 3e9, cooldown: 3e9 }))
    await cached([1], context())
    await cached.forget([2])
    await cached([1], context())
    expect(asked).toEqual([[1]])
  })

  it('gives the name of the command to its calls', () => {
    const { command } = users()
    expect(new BulkLoader(withCache(command, options(new Keyv()))).name).toBe('command')
  })

  it('an Error rejects its task alone, and is not kept', async () => {
    const asked: number[][] = []
    const command = (ids: number[]) => {
      asked.push(ids)
      return ids.map(id => (id === 2 ? new Error('not this one') : userOf(id)))
    }
    const call = new AsyncBulkCall(withCache(command, options(new Keyv())))
    for (let time = 0; time < 2; time++) {
      const both = call.callMany([1, 2])
      expect(await both).toEqual([userOf(1), new Error('not this one')])
    }

    expect(asked).toEqual([[1, 2], [2]])
  })

  it('a failure rejects with the very error, and the next bulk asks again', async () => {
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(new Keyv()))
    const failure = new Error('away')
    const first = cached([1], context())
    await until(() => asked.length === 1)
    asked[0]!.fail(failure)
    await expect(first).rejects.toBe(failure)

    const second = cached([1], context())
    await until(() => asked.length === 2)
    asked[1]!.answer()
    await expect(second).resolves.toEqual([{ id: 1, name: 'user' }])
  })

  it('a failure rejects what the store does not hold, and nothing else', async () => {
    const { asked, command } = gatedUsers()
    const call = new AsyncBulkCall(withCache(command, options(new Keyv())))
    const first = call.call(1)
    await until(() => asked.length === 1)
    asked[0]!.answer()
    await first

    const failure = new Error('away')
    const second = call.callMany([1, 2])
    await until(() => asked.length === 2)
    asked[1]!.fail(failure)
    expect(await second).toEqual([{ id: 1, name: 'user' }, failure])
  })

  it('a wrong number of results is an error, and nothing is kept', async () => {
    let calls = 0
    const command = (ids: number[]) => (calls++, ids.slice(1).map(userOf))
    const call = new AsyncBulkCall(withCache(command, options(new Keyv())))
    for (let time = 0; time < 2; time++) {
      const [error] = await call.callMany([1, 2])
      expect(error).toBeInstanceOf(BulkLengthError)
      expect(error).toMatchObject({
        expected: 2,
        received: 1,
        message: expect.stringContaining('command must'),
      })
    }

    expect(calls).toBe(2)
  })

  it('twenty bulks that want the same at the same time fetch it once', async () => {
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(new Keyv()))
    const ids = Array.from({ length: 100 }, (_, id) => id)
    const bulks = Array.from({ length: 20 }, () => cached(ids, context()))
    const more = cached([5, 200], context())
    await until(() => asked.length === 2)
    for (const each of asked) each.answer()

    for (const answers of await Promise.all(bulks))
      expect(answers).toEqual(ids.map(id => ({ id, name: 'user' })))
    expect(await more).toEqual([5, 200].map(id => ({ id, name: 'user' })))
    expect(asked.map(({ ids: fetched }) => fetched)).toEqual([ids, [200]])
  })

  it('who gives up takes nothing from others; the signal of the command aborts when all have', async () => {
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(new Keyv()))
    const [first, second] = [new AbortController(), new AbortController()]
    const bulks = [first, second].map(({ signal }) => cached([1], { name: 'users', signal }))
    await until(() => asked.length === 1)
    first.abort(new Error('gone'))
    expect(asked[0]!.signal.aborted).toBe(false)
    second.abort(new Error('gone too'))
    expect(asked[0]!.signal.reason).toEqual(new Error('gone too'))

    // Who comes now does not wait for what was given up.
    const third = cached([1], context())
    await until(() => asked.length === 2)
    asked[1]!.answer('third')
    asked[0]!.fail(asked[0]!.signal.reason)
    expect((await Promise.allSettled(bulks)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await third).toEqual([{ id: 1, name: 'third' }])
  })

  it('what is forgotten is fetched again', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(new Keyv()))
    await cached([1, 2], context())
    await cached.forget([1])
    await cached([1, 2], context())

    expect(asked).toEqual([[1, 2], [1]])
  })

  it('what was on its way when it was forgotten is neither kept nor given to who asks afterwards', async () => {
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(new Keyv()))
    const before = cached([1, 2], context())
    await until(() => asked.length === 1)
    await cached.forget([1])
    const after = cached([1], context())
    await until(() => asked.length === 2)
    asked[1]!.answer('new')
    expect(await after).toEqual([{ id: 1, name: 'new' }])
    asked[0]!.answer('old')
    await before

    const later = cached([1, 2], context())
    expect(await later).toEqual([
      { id: 1, name: 'new' },
      { id: 2, name: 'old' },
    ])
  })

  it('what is being written when it is forgotten does not count, however late it arrives', async () => {
    const inner = new Keyv()
    const held: (() => void)[] = []
    let holds = true
    const store: SharedStore = {
      getMany: keys => inner.getMany(keys),
      async setMany(entries) {
        if (holds) await new Promise<void>(resolve => held.push(resolve))
        return inner.setMany(entries)
      },
      deleteMany: keys => inner.deleteMany(keys),
    }
    const { asked, command } = users()
    const cached = withCache(command, options(store, { cooldown: 20_000 }))
    await cached([1], context())
    await until(() => held.length === 1)
    holds = false
    await cached.forget([1])
    held[0]!()
    await until(async () => (await inner.get('user:1')) !== undefined)

    await cached([1], context())
    expect(asked).toEqual([[1], [1]])
  })

  it('who asks after a forget does not get what a bulk has read from the store while it went on', async () => {
    const inner = new Keyv()
    const held: (() => void)[] = []
    const store: SharedStore = {
      getMany: keys => inner.getMany(keys),
      async setMany(entries) {
        // The mark is on its way; so the store still gives what is out of date.
        if (held.length === 0 && typeof entries[0]!.value === 'string')
          await new Promise<void>(resolve => held.push(resolve))
        return inner.setMany(entries)
      },
      deleteMany: keys => inner.deleteMany(keys),
    }
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(store, { cooldown: 20_000 }))
    const first = cached([1], context())
    await until(() => asked.length === 1)
    asked[0]!.answer('old')
    await first
    await until(async () => (await inner.get('user:1')) !== undefined)
    const forgotten = cached.forget([1])
    await until(() => held.length === 1)
    // It finds 1 in the store, and goes on because of 2.
    const meanwhile = cached([1, 2], context())
    await until(() => asked.length === 2)
    held[0]!()
    await forgotten
    const after = cached([1], context())
    await until(() => asked.length === 3)
    asked[1]!.answer('old')
    asked[2]!.answer('new')

    expect(await after).toEqual([{ id: 1, name: 'new' }])
    await meanwhile
  })

  it('what takes longer to be fetched than a mark waits for it is not kept', async () => {
    const { asked, command } = gatedUsers()
    const cached = withCache(command, options(new Keyv()))
    const first = cached([1], context())
    await until(() => asked.length === 1)
    const now = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 61_000)
    try {
      asked[0]!.answer()
      await first
    } finally {
      clock.mockRestore()
    }
    const second = cached([1], context())
    await until(() => asked.length === 2)
    asked[1]!.answer()
    expect(await second).toEqual([{ id: 1, name: 'user' }])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    ['says nothing of it', () => Promise.resolve()],
  ])('a forget whose store fails once and %s succeeds', async (_, fail) => {
    const inner = new Keyv()
    let fails = 1
    const store: SharedStore = {
      getMany: keys => inner.getMany(keys),
      setMany: entries =>
        typeof entries[0]!.value === 'string' && fails-- > 0 ? fail() : inner.setMany(entries),
      deleteMany: () => Promise.reject(new Error('no')),
    }
    const { asked, command } = users()
    const cached = withCache(command, options(store))
    await cached([1], context())
    await until(async () => (await inner.get('user:1')) !== undefined)
    await cached.forget([1])
    await cached([1], context())

    expect(asked).toEqual([[1], [1]])
    expect(fails).toBe(-1)
  })

  it('a store that says nothing of failures cannot make a forget resolve', async () => {
    const inner = new Keyv()
    const store: SharedStore = {
      getMany: keys => inner.getMany(keys),
      setMany: async () => {},
      deleteMany: async () => {},
    }
    const cached = withCache(users().command, options(store))

    await expect(cached.forget([1, 2, 2])).rejects.toMatchObject({ code: 'BULK_FORGET', keys: 2 })
  })

  it('many who forget the same key at the same time all succeed', async () => {
    const store = new Keyv()
    const cached = Array.from({ length: 20 }, () => withCache(users().command, options(store)))
    await expect(Promise.all(cached.map(each => each.forget([1, 2])))).resolves.toHaveLength(20)
  })

  it('a result that cannot be written takes nothing from others, and is reported', async () => {
    let calls = 0
    const faults: unknown[] = []
    const inner = new Map<string, string>()
    const store: SharedStore = {
      getMany: async keys => keys.map(key => (inner.has(key) ? JSON.parse(inner.get(key)!) : undefined)),
      async setMany(entries) {
        const texts = entries.map(({ key, value }) => [key, JSON.stringify(value)] as const)
        for (const [key, text] of texts) inner.set(key, text)
      },
      deleteMany: async keys => keys.forEach(key => inner.delete(key)),
    }
    const cached = withCache(
      (ids: number[]) => (calls++, ids.map(id => (id === 3 ? { id, of: 3n } : { id }))),
      options(store, { onFault: error => faults.push(error) }),
    )
    const ids = Array.from({ length: 17 }, (_, id) => id)
    await cached(ids, context())
    await until(() => faults.length === 1)
    expect(faults).toMatchObject([
      {
        code: 'BULK_ENTRY',
        entries: ['user:3'],
        message: 'Bulkcall: the store of a command must write each entry, got 1 that it cannot',
      },
    ])
    await cached(
      ids.filter(id => id !== 3),
      context(),
    )
    expect(calls).toBe(1)
  })

  it('what others have put into the store is not taken for a result', async () => {
    const store = new Keyv()
    const { asked, command } = users()
    const cached = withCache(command, options(store))
    const others = ['text', 5, [], {}, { id: 1, name: 'other' }, { v: 1, expires: 2 }, { v: 1, m: 2 }]
    for (const other of others) {
      await store.set('user:1', other)
      expect(await cached([1], context())).toEqual([userOf(1)])
    }

    expect(asked).toHaveLength(others.length)
  })

  it('a name that is none rejects its bulk, and takes nothing with it', async () => {
    const { command } = users()
    const cached = withCache(command, options(new Keyv(), { key: id => (id === 2 ? '' : id) }))

    await expect(cached([1, 2], context())).rejects.toThrow(
      "Bulkcall: the name of a key in the store must be a number or a string that is not empty, got ''",
    )
    expect(await cached([1], context())).toEqual([userOf(1)])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no store')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no store'))],
    ['gives too few', () => Promise.resolve([])],
    ['gives none', () => Promise.resolve(null)],
  ])('a store that %s changes no answer, and is left alone for a while', async (_, fail) => {
    let questions = 0
    const broken = (): any => (questions++, fail())
    const store = { getMany: broken, setMany: broken, deleteMany: broken }
    const { asked, command } = users()
    const faults: unknown[] = []
    const onFault = (error: unknown): void => void faults.push(error)
    const cached = withCache(command, options(store, { cooldown: 60_000, onFault }))
    for (let time = 0; time < 3; time++) expect(await cached([1], context())).toEqual([userOf(1)])
    expect(asked).toEqual([[1], [1], [1]])
    // One, and one more that tells whether it is the store or an entry.
    expect(questions).toBe(2)
    expect(faults).toMatchObject([{ code: 'BULK_STORE_DOWN', budgetMs: 20_000, cause: expect.any(Error) }])

    // Nobody may believe that it is forgotten.
    const error = await cached.forget([1]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BulkForgetError)
    expect(error).toMatchObject({ code: 'BULK_FORGET', keys: 1, cause: expect.any(Error) })
    expect(faults).toHaveLength(1)
  })

  it('keeps no result for longer than zero where noneTtl is zero', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(new Keyv(), { noneTtl: 0 }))
    await cached([1, -1], context())
    await cached([1, -1], context())

    expect(asked).toEqual([[1, -1], [-1]])
  })

  it.each([
    [{ store: new Map() }, 'store must be an object with getMany, setMany, deleteMany, got a Map'],
    [{ key: 'user' }, "key must be a function, got 'user'"],
    [{ ttl: 0 }, 'ttl must be a number above 0, got 0'],
    [{ ttl: Infinity }, 'ttl must be a number above 0, got Infinity'],
    [{ noneTtl: -1 }, 'noneTtl must be a number from 0, got -1'],
    [{ jitter: 1.5 }, 'jitter must be a number from 0 to 1, got 1.5'],
    [{ budget: 0 }, 'budget must be a number above 0, got 0'],
    [{ cooldown: NaN }, 'cooldown must be a number from 0, got NaN'],
    [{ onFault: 1 }, 'onFault must be a function, got 1'],
    [
      { TTL: 1 },
      "an option must be one of store, key, ttl, noneTtl, jitter, budget, cooldown, onFault, got 'TTL' (did you mean 'ttl'?)",
    ],
  ])('%j: %s', (wrong, message) => {
    const { command } = users()
    expect(() => withCache(command, { ...options(new Keyv()), ...wrong } as never)).toThrow(
      `Bulkcall: ${message}`,
    )
    expect(() => withCache(null as never, options(new Keyv()))).toThrow(
      'Bulkcall: the command must be a function, got null',
    )
  })
})

describe.skipIf(redisProgram === null)('a cache in Redis (needs redis-server)', () => {
  let server: RedisServer
  let client: ReturnType<typeof newClient>

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())
  beforeEach(async () => {
    client = newClient(server.path)
    await client.connect()
    await server.ask('FLUSHALL')
    await server.forgetCalls()
  })
  afterEach(() => client.destroy())

  /** As in production: Keyv, its adapter, and the one client of the program. */
  const keyv = (): Keyv => {
    const store = createKeyv(client as never)
    store.on('error', () => {})
    return store
  }
  const isKept = async (key: string): Promise<boolean> => (await server.ask('EXISTS', key)) === 1

  it('a bulk costs one read, and one write where anything was missing', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(keyv()))
    const ids = Array.from({ length: 100 }, (_, id) => id - 10)
    const first = await cached(ids, context())
    await until(() => isKept('user:0'))
    const { mget, get, exec, set } = await server.calls()
    expect({ mget, get, exec, set }).toEqual({ mget: 1, get: undefined, exec: 1, set: 100 })

    await server.forgetCalls()
    expect(await cached(ids, context())).toEqual(first)
    const { client: _client, ping: _ping, ...calls } = await server.calls()
    expect(calls).toMatchObject({ mget: 1 })
    expect(Object.keys(calls)).not.toContain('exec')
    expect(asked).toHaveLength(1)
  })

  it('processes share what one has fetched', async () => {
    const [one, other] = [users(), users()]
    await withCache(one.command, options(keyv()))([1, -1], context())
    await until(() => isKept('user:1'))

    expect(await withCache(other.command, options(keyv()))([1, -1], context())).toEqual([userOf(1), null])
    expect(other.asked).toEqual([])
  })

  it('what was fetched together expires together, and that there is no result expires sooner', async () => {
    const { command } = users()
    const cached = withCache(command, options(keyv(), { ttl: 600_000, noneTtl: 60_000, jitter: 0.5 }))
    const expiries = async (from: number, to: number): Promise<number[]> => {
      const ids = Array.from({ length: 20 }, (_, place) => (place < 10 ? from + place : to - place))
      const now = Date.now()
      await cached(ids, context())
      await until(() => isKept(`user:${ids.at(-1)}`))
      return Promise.all(ids.map(async id => Number(await server.ask('PEXPIRETIME', `user:${id}`)) - now))
    }
    const times = await expiries(1, -1)
    // With a jitter for each key, ten keys would be minutes apart.
    expect(spread(times.slice(0, 10))).toBeLessThan(1_000)
    expect(spread(times.slice(10))).toBeLessThan(1_000)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(30_000)
    for (const none of times.slice(10)) expect(none).toBeLessThan(80_000)
    for (const some of times.slice(0, 10)) expect(some).toBeGreaterThanOrEqual(300_000)
    expect(times[0]! / times[10]!).toBeCloseTo(10, 0)
  })

  it('what is forgotten in one process is fetched again in another', async () => {
    const [one, other] = [users(), users()]
    const [cachedHere, cachedThere] = [one, other].map(({ command }) => withCache(command, options(keyv())))
    await cachedHere!([1], context())
    await until(() => isKept('user:1'))
    await cachedHere!.forget([1])

    expect(await isKept('user:1')).toBe(false)
    await cachedThere!([1], context())
    expect(other.asked).toEqual([[1]])
  })

  it('what one process has read before another forgets it does not count, however late it is written', async () => {
    const [slow, other] = [gatedUsers(), users()]
    const here = withCache(slow.command, options(keyv()))
    const there = withCache(other.command, options(keyv()))
    const early = here([1, 2], context())
    await until(() => slow.asked.length === 1)
    await there.forget([1])
    slow.asked[0]!.answer('old')
    await early
    await until(() => isKept('user:1'))

    expect(await there([1, 2], context())).toEqual([userOf(1), { id: 2, name: 'old' }])
    expect(other.asked).toEqual([[1]])
    await until(async () => String(await server.ask('GET', 'user:1')).includes('user 1'))
    expect(await here([1], context())).toEqual([userOf(1)])
    expect(slow.asked).toHaveLength(1)
  })

  it('a forget that Redis has refused is tried again, though the adapter says nothing of it', async () => {
    const { asked, command } = users()
    const cached = withCache(command, options(keyv()))
    await cached([1], context())
    await until(() => isKept('user:1'))
    // So Redis refuses all writes, as it does when its memory or its disk is full, and Keyv swallows that.
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
    const forgotten = cached.forget([1])
    await new Promise(resolve => setTimeout(resolve, 30))
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await forgotten
    await cached([1], context())

    expect(asked).toEqual([[1], [1]])
  })

  it('a forget that Redis refuses for good rejects', async () => {
    const cached = withCache(users().command, options(keyv()))
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
    try {
      await expect(cached.forget([1])).rejects.toBeInstanceOf(BulkForgetError)
    } finally {
      await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
    }
  })

  it('a mark outlives whatever was fetched before it', async () => {
    const cached = withCache(users().command, options(keyv(), { ttl: 600_000 }))
    await cached.forget([1])
    expect(await server.ask('PTTL', 'user:1~mark')).toBeGreaterThan(1_700_000)
  })

  // Some are just missing to whoever asks: Redis gives nothing for another type, and Keyv nothing for another object.
  describe.each([
    ['no JSON', 'reported', ['SET', 'user:5', 'no JSON']],
    ['cut off', 'reported', ['SET', 'user:5', '{"value":{"v":{"id":5,"na']],
    ['empty', 'reported', ['SET', 'user:5', '']],
    ['bytes', 'reported', ['SET', 'user:5', '\u0000\u0001\ufffd']],
    ['of a list', 'missing', ['RPUSH', 'user:5', 'a']],
    ['of a hash', 'missing', ['HSET', 'user:5', 'a', 'b']],
    ['of a format that is not known', 'reported', ['SET', 'user:5', '{"value":{"v":1,"version":9}}']],
    ['of another program', 'missing', ['SET', 'user:5', '{"id":5}']],
    ['beside a mark that is no JSON', 'reported', ['SET', 'user:5~mark', '{"val']],
    ['beside a mark that is a set', 'missing', ['SADD', 'user:5~mark', 'a']],
    ['beside a mark of another format', 'reported', ['SET', 'user:5~mark', '{"value":{"id":5}}']],
  ])('an entry that is %s (%s)', (_kind, seen, spoil) => {
    const ids = Array.from({ length: 50 }, (_, id) => id)

    it('is a miss for its key alone, without a pause, and is repaired', async () => {
      const { asked, command } = users()
      const faults: unknown[] = []
      const onFault = (error: unknown): void => void faults.push(error)
      const cached = withCache(command, options(keyv(), { onFault, cooldown: 60_000 }))
      await cached(ids, context())
      await until(() => isKept('user:49'))
      await server.ask('DEL', spoil[1]!)
      await server.ask(...spoil)

      expect(await cached(ids, context())).toEqual(ids.map(userOf))
      if (seen === 'reported') await until(async () => (await server.ask('GET', spoil[1]!)) !== spoil[2])
      // A mark is repaired by a new one, under which the value is fetched once more.
      await until(async () => {
        expect(await cached(ids, context())).toEqual(ids.map(userOf))
        const before = asked.length
        await cached(ids, context())
        return asked.length === before
      })
      expect(asked[0]).toEqual(ids)
      expect(asked.slice(1).every(some => some.length === 1 && some[0] === 5)).toBe(true)
      expect(faults).toHaveLength(seen === 'reported' ? 1 : 0)
      for (const fault of faults) expect(fault).toMatchObject({ code: 'BULK_ENTRY', entries: [spoil[1]] })
    })

    it('costs one report also where nothing is written in its place, and can be forgotten', async () => {
      const faults: unknown[] = []
      const cached = withCache(
        (some: number[]) => some.map(() => new Error('never kept')),
        options(keyv(), { cooldown: 60_000, onFault: error => faults.push(error) }),
      )
      await server.ask(...spoil)
      await cached(ids, context())
      if (seen === 'reported') await until(async () => (await server.ask('GET', spoil[1]!)) !== spoil[2])
      await cached(ids, context())

      expect(faults).toHaveLength(seen === 'reported' ? 1 : 0)
      await expect(cached.forget([5])).resolves.toBeUndefined()
    })
  })

  it('S271 when all entries are broken, all are repaired, for few questions', async () => {
    const { asked, command } = users()
    const ids = Array.from({ length: 1_000 }, (_, id) => id)
    await server.ask('MSET', ...ids.flatMap(id => [`user:${id}`, '{']))
    await server.forgetCalls()
    const cached = withCache(command, options(keyv()))
    await cached(ids, context())
    expect((await server.calls())['mget']).toBeLessThan(120)
    await until(async () => {
      const before = asked.length
      await cached(ids, context())
      return asked.length === before
    })
    expect(await cached(ids, context())).toEqual(ids.map(userOf))
  })

  it('S272 a Redis that is full, or a replica, still gives what it holds', async () => {
    const { asked, command } = users()
    const faults: unknown[] = []
    const store = createKeyv(client as never, { throwOnErrors: true })
    store.on('error', () => {})
    const cached = withCache(
      command,
      options(store, { cooldown: 60_000, onFault: error => faults.push(error) }),
    )
    await cached([1], context())
    await until(() => isKept('user:1'))
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
    try {
      await cached([1, 2], context())
      await until(() => faults.length > 0)
      await cached([1, 3], context())
      await expect(cached.forget([9])).rejects.toBeInstanceOf(BulkForgetError)
      await cached([1, 4], context())
    } finally {
      await server.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
    }
    expect(asked).toEqual([[1], [2], [3], [4]])
    expect(faults).toMatchObject([{ code: 'BULK_STORE_DOWN', budgetMs: 60_000 }])
  })

  it.each([
    ['the mark of another key', 'a', 'a~mark'],
    ['what stands for such a name', 'a~mark', '"a~mark"~mark~'],
    ['the same bytes', 'a\ud800', 'a\ud801'],
    ['the bytes that stand for what is none', 'a\ufffd', 'a\ud800'],
  ])('S270 a key whose name would be %s in Redis has an entry of its own', async (_, one, other) => {
    const faults: unknown[] = []
    const asked: string[] = []
    const cached = withCache((some: string[]) => (asked.push(...some), some.map(id => ({ id }))), {
      store: keyv(),
      key: (id: string) => id,
      ttl: 60_000,
      budget: 20_000,
      onFault: error => faults.push(error),
    })
    await cached([other], context())
    await cached([one], context())
    await until(async () => (await server.ask('DBSIZE')) === 2)
    expect(await cached([one, other], context())).toEqual([{ id: one }, { id: other }])
    await cached.forget([one])
    expect(await cached([other], context())).toEqual([{ id: other }])
    expect(asked).toEqual([other, one])
    expect(faults).toEqual([])
  })

  it('dates, maps and big integers stay what they are with the serializer of V8', async () => {
    const store = keyv()
    store.serialize = data => serialize(data).toString('base64')
    store.deserialize = text => deserialize(Buffer.from(text, 'base64'))
    const row = { at: new Date(0), tags: new Map([['a', 1n]]) }
    let calls = 0
    const cached = withCache((ids: number[]) => (calls++, ids.map(() => row)), options(store))
    await cached([1], context())
    await until(() => isKept('user:1'))

    expect(await cached([1], context())).toEqual([row])
    expect(calls).toBe(1)
  })

  it.each([
    ['silent', async () => server.pause(), async () => server.resume()],
    ['dead', () => server.kill(), () => server.start()],
  ])(
    'a Redis that is %s changes no answer, is asked no more than once meanwhile, and is used again by itself',
    async (_, away, back) => {
      const { asked, command } = users()
      const inner = keyv()
      const questions = { now: 0, most: 0 }
      const store: SharedStore = {
        async getMany(keys) {
          questions.most = Math.max(questions.most, ++questions.now)
          try {
            return await inner.getMany(keys)
          } finally {
            questions.now--
          }
        },
        setMany: entries => inner.setMany(entries),
        deleteMany: keys => inner.deleteMany(keys),
      }
      const cached = withCache(command, options(store, { budget: 100, cooldown: 50 }))
      await until(async () => {
        await cached([1], context())
        return isKept('user:1')
      })
      const calls = asked.length
      await away()
      try {
        for (let time = 0; time < 20; time++) {
          expect(await cached([1], context())).toEqual([userOf(1)])
          // Longer than the cooldown, in sum.
          await new Promise(resolve => setTimeout(resolve, 10))
        }
        // Many bulks after the first went on without a question.
        expect(asked.length).toBe(calls + 20)
        expect(questions.most).toBe(1)
        await expect(cached.forget([1])).rejects.toMatchObject({ code: 'BULK_FORGET' })
      } finally {
        await back()
      }
      await until(async () => {
        const before = asked.length
        await cached([1], context())
        return asked.length === before
      })
    },
  )
})
