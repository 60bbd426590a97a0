/**
 * Shared loaders: bulks that take keys of many units of work.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import {
  BulkLoader,
  BulkScope,
  BulkTimeoutError,
  onBulk,
  SharedLoader,
  type OwnLoaderOptions,
  type SharedCommandContext,
  type SharedLoaderOptions,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

type Keys = readonly unknown[]

/** A server on a host that is driven by hand: a wide scope, and a shared loader that writes down its bulks. */
function server(
  options: SharedLoaderOptions<unknown> = {},
  answer: (keys: Keys, context: SharedCommandContext<any>) => unknown = keys => keys,
) {
  const host = new ManualHost()
  const wide = new BulkScope({ host })
  const bulks: { at: number; keys: unknown[]; partition: unknown }[] = []
  const shared = new SharedLoader<unknown, unknown, unknown>(
    (keys, context) => {
      bulks.push({ at: host.time, keys: [...keys], partition: context.partition })
      return answer(keys, context) as Keys
    },
    { delay: 100, scope: wide, host, name: 'rows', ...options },
  )
  /** A unit of work: an operation. */
  const unit = (own: OwnLoaderOptions<unknown, unknown, unknown> = {}) => {
    const scope = new BulkScope({ host, within: wide })
    return { scope, rows: shared.loader({ scope, ...own }) }
  }
  const io = (ms: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), ms)
    return done.promise
  }
  return { host, wide, shared, bulks, unit, io }
}

const echo = (keys: unknown[]): unknown[] => keys

/** What became of some loads. */
async function outcomes(loads: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(loads)
  return settled.map(each => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message))
}

describe('a shared loader', () => {
  it('S70 puts the keys of many units of work into one bulk, each key once', async () => {
    const { host, bulks, unit } = server()
    const [one, other] = [unit(), unit()]
    const got = [one.rows.load(1), one.rows.load(2), other.rows.load(2), other.rows.load(3)]
    await host.turn()
    expect(bulks.map(({ keys }) => keys)).toEqual([[1, 2, 3]])
    expect(await outcomes(got)).toEqual([1, 2, 2, 3])
  })

  it('S125 one that is alone has bulks of its own, of the same partition, and leaves nothing', async () => {
    const { host, shared, bulks, unit } = server()
    const [one, other, apart, too] = [
      unit({ partition: 'a' }),
      unit({ partition: 'a' }),
      unit({ partition: 'a', alone: true }),
      unit({ partition: 'a', alone: true }),
    ]
    const got = [one, other, apart, too].map(({ rows }, key) => rows.load(key))
    await host.turn()
    expect(bulks.map(({ keys, partition }) => [partition, keys])).toEqual([
      ['a', [0, 1]],
      ['a', [2]],
      ['a', [3]],
    ])
    expect(await outcomes(got)).toEqual([0, 1, 2, 3])
    await host.turn()
    expect(shared.partitions).toBe(0)
    expect(() => unit({ alone: 1 as never })).toThrow('Bulkcall: alone must be true or false, got 1')
  })

  it('S70 gives each the answers of its own keys, whatever shape they come in', async () => {
    const shapes: ((keys: Keys) => unknown)[] = [
      keys => keys.map(key => `row ${String(key)}`),
      keys => new Map(keys.map(key => [key, `row ${String(key)}`])),
      keys => Promise.resolve(new Set(keys.map(key => `row ${String(key)}`))),
      keys =>
        (async function* stream() {
          for (const key of keys) yield `row ${String(key)}`
        })(),
    ]
    for (const shape of shapes) {
      const { host, unit } = server({}, shape)
      const [one, other] = [unit(), unit()]
      const got = [one.rows.load(1), other.rows.load(2), other.rows.load(1)]
      await host.turn()
      expect(await outcomes(got)).toEqual(['row 1', 'row 2', 'row 1'])
    }
  })

  it('S70 gives null to all where the command gives none', async () => {
    const { host, unit } = server({}, () => null)
    const got = [unit().rows.load(1), unit().rows.load(1)]
    await host.turn()
    expect(await outcomes(got)).toEqual([null, null])
  })

  it('S70 keeps the answers of each unit of work apart: what one has cached, another asks anew', async () => {
    let asked = 0
    const { host, bulks, unit } = server({}, keys => keys.map(() => ++asked))
    const [one, other] = [unit(), unit()]
    const first = one.rows.load(1)
    await host.turn()
    const again = [one.rows.load(1), other.rows.load(1)]
    await host.turn()
    expect(await first).toBe(1)
    expect(await outcomes(again)).toEqual([1, 2])
    expect(bulks).toHaveLength(2)
  })

  it('S70 tells equal keys by `cacheKeyFn`', async () => {
    const { host, bulks, unit } = server({ cacheKeyFn: key => (key as { id: number }).id })
    const got = [unit().rows.load({ id: 1 }), unit().rows.load({ id: 1 })]
    await host.turn()
    expect(bulks.map(({ keys }) => keys)).toEqual([[{ id: 1 }]])
    expect(await Promise.all(got)).toEqual([{ id: 1 }, { id: 1 }])
  })

  it('S71 never mixes partitions, gives the command the partition, and one limit holds over all of them', async () => {
    let running = 0
    let most = 0
    const held = new Deferred<void>()
    const { host, bulks, unit } = server({ concurrent: 2 }, async keys => {
      most = Math.max(most, ++running)
      await held.promise
      running--
      return keys
    })
    const got = ['a', 'b', 'c', 'a'].map((partition, id) => unit({ partition }).rows.load(id))
    await host.turn()
    held.resolve()
    await host.turn()
    expect(await Promise.all(got)).toEqual([0, 1, 2, 3])
    expect(bulks.map(({ keys, partition }) => [partition, keys])).toEqual([
      ['a', [0, 3]],
      ['b', [1]],
      ['c', [2]],
    ])
    expect(most).toBe(2)
  })

  it('S71 a partition that is idle leaves nothing in memory, also when all who asked have gone', async () => {
    const { host, shared, bulks, unit } = server()
    const got = Promise.all(Array.from({ length: 50 }, (_, partition) => unit({ partition }).rows.load(1)))
    await host.turn()
    await got
    expect(bulks).toHaveLength(50)
    expect(shared.partitions).toBe(0)
    const gone = unit({ partition: 'left' })
    const busy = unit()
    void busy.scope.run(() => new Promise(() => {}))
    const load = gone.rows.load(1)
    await host.turn()
    expect(shared.partitions).toBe(1)
    gone.scope.abort(new Error('gone'))
    expect(await outcomes([load])).toEqual(['gone'])
    await host.turn()
    expect(shared.partitions).toBe(0)
    expect(bulks).toHaveLength(50)
  })
})

describe('the window of a shared bulk', () => {
  it('S72 does not keep a lone unit of work waiting', async () => {
    const { host, bulks, unit } = server()
    const one = unit()
    const got = [1, 2].map(key => one.scope.run(() => one.rows.load(key)))
    await host.turn()
    expect(await Promise.all(got)).toEqual([1, 2])
    expect(bulks).toEqual([{ at: 0, keys: [1, 2], partition: undefined }])
  })

  it('S72 stays open while another unit of work could still ask, and closes when all are quiet', async () => {
    const { host, bulks, unit, io } = server()
    const [one, other] = [unit(), unit()]
    void one.scope.run(() => one.rows.load(1))
    void other.scope.run(() => io(7)).then(() => other.scope.run(() => other.rows.load(2)))
    await pass(host, 6)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toMatchObject([{ at: 7, keys: [1, 2] }])
  })

  it('S72 is bounded by `delay`', async () => {
    const { host, bulks, unit, io } = server({ delay: 5 })
    const [one, other] = [unit(), unit()]
    void one.scope.run(() => one.rows.load(1))
    void other.scope.run(() => io(50))
    await pass(host, 10)
    expect(bulks).toMatchObject([{ at: 5, keys: [1] }])
  })

  it('S72 S88 stays open for other units of work even if that has often brought nothing: it lives as long as the program', async () => {
    const { host, bulks, unit, io } = server({ delay: 5 })
    for (let round = 0; round < 10; round++) {
      const [one, other] = [unit(), unit()]
      void one.scope.run(() => one.rows.load(round))
      void other.scope.run(() => io(50))
      await pass(host, 100)
    }
    expect(bulks.map(({ at }) => at % 100)).toEqual(new Array<number>(10).fill(5))
  })

  it('S72 S83 is bounded by `delay` where work has loaded after an `await`, which may load again', async () => {
    const { host, bulks, unit, io } = server({ delay: 5 })
    const [one, other] = [unit(), unit()]
    void one.scope.run(() => one.rows.load(1))
    void other.scope.run(async () => {
      await io(2)
      return other.rows.load(2)
    })
    await pass(host, 4)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toMatchObject([{ at: 5, keys: [1, 2] }])
  })

  it('S72 a unit of work that waits for its shared bulk holds no window of its own, and no shared one', async () => {
    const { host, bulks, unit, shared } = server()
    const one = unit()
    const second = shared.loader({ scope: one.scope, partition: 'second' })
    const got = [one.scope.run(() => one.rows.load(1)), one.scope.run(() => second.load(2))]
    await host.turn()
    expect(await Promise.all(got)).toEqual([1, 2])
    expect(bulks.map(({ at }) => at)).toEqual([0, 0])
  })

  it('S72 waits for what a bulk in flight may bring, level by level', async () => {
    const { host, bulks, unit, io } = server({}, async keys => {
      await io(3)
      return keys
    })
    const units = [unit(), unit(), unit()]
    const got = units.map(async ({ scope, rows }, place) => {
      await scope.run(() => rows.load(`first ${place}`))
      await scope.run(() => io(place))
      return scope.run(() => rows.load(`second ${place}`))
    })
    await pass(host, 20)
    expect(await Promise.all(got)).toEqual(['second 0', 'second 1', 'second 2'])
    expect(bulks.map(({ at, keys }) => [at, keys.length])).toEqual([
      [0, 3],
      [5, 3],
    ])
  })
})

describe('one unit of work', () => {
  it('S73 that fails changes nothing for others: what failed together is asked again, apart', async () => {
    const { host, bulks, unit } = server({}, keys => {
      if (keys.includes('bad')) throw new Error('bad key')
      return keys
    })
    const [one, other] = [unit(), unit()]
    const got = [one.rows.load('good'), one.rows.load('bad'), other.rows.load('fine')]
    await host.turn()
    expect(await outcomes(got)).toEqual(['bad key', 'bad key', 'fine'])
    expect(bulks.map(({ keys }) => keys)).toEqual([['good', 'bad', 'fine'], ['good', 'bad'], ['fine']])
  })

  it('S73 that fails alone is not asked again, and what it was thrown is what it gets, and is not kept', async () => {
    let calls = 0
    const { host, unit } = server({}, () => {
      calls++
      // oxlint-disable-next-line no-throw-literal
      throw 'a string'
    })
    const { rows } = unit()
    for (const expected of [1, 2]) {
      const load = rows.load(1).catch((reason: unknown) => reason)
      await host.turn()
      expect(await load).toBe('a string')
      expect(calls).toBe(expected)
    }
  })

  it('S73 gets the error of its key alone, as the answer that is kept', async () => {
    let calls = 0
    const { host, unit } = server({}, keys => {
      calls++
      return keys.map(key => (key === 'bad' ? new Error('no such row') : key))
    })
    const [one, other] = [unit(), unit()]
    const got = [one.rows.load('bad'), one.rows.load('good'), other.rows.load('bad')]
    await host.turn()
    expect(await outcomes(got)).toEqual(['no such row', 'good', 'no such row'])
    expect(await outcomes([one.rows.load('bad')])).toEqual(['no such row'])
    expect(calls).toBe(1)
  })

  it('S73 that is aborted takes only its own keys along', async () => {
    const { host, bulks, unit, io } = server()
    const [one, other] = [unit(), unit()]
    const got = [one, one, other].map(({ scope, rows }, place) =>
      scope.run(() => rows.load(place === 0 ? 'mine' : 'ours')),
    )
    void other.scope.run(() => io(10))
    await host.turn()
    one.scope.abort(new Error('gone'))
    await pass(host, 10)
    expect(await outcomes(got)).toEqual(['gone', 'gone', 'ours'])
    expect(bulks.map(({ keys }) => keys)).toEqual([['ours']])
  })

  it('S73 the signal of a shared bulk aborts when all who asked have gone, and not before', async () => {
    const held = new Deferred<Keys>()
    let signal!: AbortSignal
    const { host, unit } = server({}, (_, context) => {
      ;({ signal } = context)
      return held.promise
    })
    const [one, other] = [unit(), unit()]
    const got = [one.rows.load(1), other.rows.load(2)]
    await host.turn()
    one.scope.abort(new Error('gone'))
    expect(signal.aborted).toBe(false)
    other.scope.abort(new Error('gone too'))
    expect(signal.aborted).toBe(true)
    held.resolve([1, 2])
    expect(await outcomes(got)).toEqual(['gone', 'gone too'])
  })

  it('S73 that floods does not make others wait for all of it: they are served in turn', async () => {
    const { host, bulks, unit, io } = server({ size: 10, concurrent: 1 }, async keys => {
      await io(1)
      return keys
    })
    const [flood, small] = [unit(), unit()]
    const all = Promise.all(Array.from({ length: 1000 }, (_, key) => flood.rows.load(key)))
    await host.turn()
    const one = small.rows.load('small')
    await pass(host, 200)
    expect(await one).toBe('small')
    expect(await all).toHaveLength(1000)
    const place = bulks.findIndex(({ keys }) => keys.includes('small'))
    expect(place).toBeLessThan(4)
    expect(bulks.every(({ keys }) => keys.length <= 10)).toBe(true)
  })

  it("S73 its load runs in no other's async context: the command has that of the wide scope", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const wide = new BulkScope()
    const shared = new SharedLoader(
      async (keys: string[]) => {
        await Promise.resolve()
        seen.push(tenant.getStore())
        return keys
      },
      { scope: wide, delay: 5 },
    )
    const load = (name: string): Promise<unknown> =>
      tenant.run(name, () => shared.loader({ scope: new BulkScope({ within: wide }) }).load(name))
    expect(await Promise.all([load('a'), load('b')])).toEqual(['a', 'b'])
    expect(seen).toEqual([undefined])
  })
})

const never = (): Promise<unknown> => new Promise(() => {})

describe('a unit of work that hangs', () => {
  it.each([
    ['is aborted', (scope: BulkScope) => scope.abort(new Error('gone'))],
    ['has its result', (scope: BulkScope) => scope.end()],
  ])('S163 is not waited for by the shared bulks of others once it %s', async (_, leave) => {
    const { host, bulks, unit, io } = server()
    const [hanging, other] = [unit(), unit()]
    void hanging.scope.run(never)
    void hanging.scope.run(() => io(2).then(() => hanging.scope.run(never)))
    void other.scope.run(() => other.rows.load(1))
    await host.turn()
    expect(bulks).toEqual([])
    leave(hanging.scope)
    await host.turn()
    expect(bulks).toMatchObject([{ at: 0, keys: [1] }])
    // What goes on in it changes nothing.
    await pass(host, 3)
    void other.scope.run(() => other.rows.load(2))
    await host.turn()
    expect(bulks).toMatchObject([{ keys: [1] }, { at: 3, keys: [2] }])
  })

  it('S163 is still served when it has its result', async () => {
    const { host, unit, io } = server({ delay: 5 })
    const [ended, other] = [unit(), unit()]
    ended.scope.end()
    void other.scope.run(() => io(50))
    const load = ended.scope.run(() => ended.rows.load(1))
    await pass(host, 5)
    expect(await load).toBe(1)
  })
})

/** Two units of work load these keys; what they get. */
async function answersOf(
  options: SharedLoaderOptions<unknown>,
  answer: (key: unknown) => unknown,
  keys = [1, 1],
): Promise<any[]> {
  const { host, unit } = server(options, asked => asked.map(key => answer(key)))
  const loads = keys.map(key => unit().rows.load(key))
  await host.turn()
  return Promise.all(loads)
}

const rowOf = (key: unknown): { key: unknown } => ({ key })

async function* rowByRow(keys: Keys): AsyncGenerator<unknown, void> {
  for (const key of keys) yield rowOf(key)
}

describe('an answer that several units of work get', () => {
  it('S164 is frozen, so that none can change it for the others', async () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    const row = {
      id: 1,
      roles: ['reader'],
      of: { team: Object.assign(Object.create(null), { name: 'a' }) },
      circle,
    }
    for (const value of await answersOf({}, () => row)) {
      expect(value).toBe(row)
      expect(() => (value.id = 2)).toThrow(TypeError)
      expect(() => value.roles.push('admin')).toThrow(TypeError)
      expect(() => (value.of.team.name = 'b')).toThrow(TypeError)
      expect(() => (value.circle.self = null)).toThrow(TypeError)
    }
  })

  it('S164 is frozen whatever shape the answers come in, and where they are asked again alone', async () => {
    const shapes: ((keys: Keys) => unknown)[] = [
      keys => new Map(keys.map(key => [key, rowOf(key)])),
      keys => keys.map(async key => rowOf(key)),
      rowByRow,
      keys => {
        if (keys.length > 1) throw new Error('together')
        return keys.map(rowOf)
      },
    ]
    for (const shape of shapes) {
      const { host, unit } = server({}, shape)
      const loads = [unit().rows.load(1), unit().rows.load(2)]
      await host.turn()
      for (const value of await Promise.all(loads)) expect(Object.isFrozen(value)).toBe(true)
    }
  })

  it('S164 is left as it is where it has a class of its own, with all that is in it', async () => {
    class User {
      readonly team = { name: 'a' }
    }
    const [user] = await answersOf({}, () => new User())
    expect([Object.isFrozen(user), Object.isFrozen(user.team)]).toEqual([false, false])
    const [date] = await answersOf({}, () => new Date(0))
    expect(Object.isFrozen(date)).toBe(false)
  })

  it('S164 is a copy for each of them with `clone`, and is not frozen', async () => {
    const row = { roles: ['reader'] }
    const [one, other] = await answersOf({ clone: structuredClone }, () => row)
    one.roles.push('admin')
    expect([row, other]).toEqual([{ roles: ['reader'] }, { roles: ['reader'] }])
    // Also where one object is the answer of two keys.
    const [mine, theirs] = await answersOf({ clone: structuredClone }, () => row, [1, 2])
    expect(mine).not.toBe(theirs)
    const [same, again] = await answersOf({ clone: value => value }, () => row)
    expect([same, again, Object.isFrozen(row)]).toEqual([row, row, false])
  })

  it('S164 that cannot be copied is an error for its key alone', async () => {
    const { host, unit } = server({ clone: structuredClone }, keys =>
      keys.map(key => (key === 2 ? () => 2 : key)),
    )
    const loads = [unit().rows.load(1), unit().rows.load(2)]
    await host.turn()
    expect(await outcomes(loads)).toEqual([1, expect.stringContaining('could not be cloned')])
  })

  it('S48 refuses a `clone` that is no function', () => {
    expect(() => server({ clone: true as never })).toThrow('Bulkcall: clone must be a function, got true')
  })
})

describe('a shared loader in rough weather', () => {
  it('S71 a partition is forgotten though its command goes on for nobody', async () => {
    const held = new Deferred<Keys>()
    const { host, shared, unit } = server({}, () => held.promise)
    const { scope, rows } = unit()
    const load = rows.load(1)
    await host.turn()
    scope.abort(new Error('gone'))
    expect(await outcomes([load])).toEqual(['gone'])
    await host.turn()
    expect(shared.partitions).toBe(0)
    held.resolve([1])
    const late = unit({ partition: 'late' }).rows.load(2)
    await host.turn()
    expect(await late).toBe(1)
    expect(shared.partitions).toBe(0)
  })

  it('S162 a bulk that has run out of its time is asked again for each alone, and who is slow fails alone', async () => {
    const { host, shared, bulks, unit } = server({ timeout: 5 }, keys =>
      keys.includes('slow') ? new Promise(() => {}) : keys,
    )
    const [one, other] = [unit(), unit()]
    const loads = [one.rows.load('slow'), one.rows.load(2), other.rows.load(3)]
    await pass(host, 5)
    expect(await outcomes(loads.slice(2))).toEqual([3])
    await pass(host, 5)
    const codes = (await Promise.allSettled(loads)).map(load => (load as { reason?: any }).reason?.code)
    expect(codes).toEqual(['BULK_TIMEOUT', 'BULK_TIMEOUT', undefined])
    expect(bulks.map(({ at, keys }) => [at, keys])).toEqual([
      [0, ['slow', 2, 3]],
      [5, ['slow', 2]],
      [5, [3]],
    ])
    expect(shared.partitions).toBe(0)
    // What has run out of its time is no answer, and is not kept.
    const again = one.rows.load(2)
    await pass(host, 5)
    expect(await again).toBe(2)
    expect(host.timers).toBe(0)
  })

  it('S43 S71 S162 a bulk of one unit of work that has run out of its time fails, is not kept, and leaves nothing', async () => {
    let calls = 0
    const { host, shared, unit } = server({ timeout: 5 }, keys =>
      calls++ === 0 ? new Promise(() => {}) : keys,
    )
    const { rows } = unit()
    const loads = [rows.load(1), rows.load(2)]
    await pass(host, 5)
    const codes = (await Promise.allSettled(loads)).map(load => (load as { reason?: any }).reason?.code)
    expect(codes).toEqual(['BULK_TIMEOUT', 'BULK_TIMEOUT'])
    expect([calls, shared.partitions]).toEqual([1, 0])
    const again = rows.load(1)
    await pass(host, 5)
    expect(await again).toBe(1)
    expect(host.timers).toBe(0)
  })

  it('S162 is distinguished from a timeout that the command gave as the answer of a key', async () => {
    const late = new BulkTimeoutError('inner', 5, 9)
    const { host, bulks, unit } = server({ timeout: 5 }, keys => keys.map(() => late))
    const loads = [unit().rows.load(1), unit().rows.load(2)]
    await host.turn()
    expect(await outcomes(loads)).toEqual([late.message, late.message])
    expect(bulks).toHaveLength(1)
  })

  it('S73 what has failed together is reported bulk by bulk, where the keys of one are in two', async () => {
    const { host, bulks, unit, io } = server({ size: 3 }, keys => {
      if (keys.includes('x')) throw new Error('bad key')
      if (keys.length === 2) throw new Error('two keys')
      return keys
    })
    const [one, other] = [unit(), unit()]
    void unit().scope.run(() => io(1))
    const theirs = [other.rows.load('x'), other.rows.load('y')]
    await host.turn()
    const mine = ['a', 'b', 'c'].map(key => one.rows.load(key))
    await pass(host, 1)
    expect(await outcomes(theirs)).toEqual(['bad key', 'bad key'])
    expect(await outcomes(mine)).toEqual(['a', 'two keys', 'two keys'])
    expect(bulks.map(({ keys }) => keys)).toEqual([['x', 'y', 'a'], ['x', 'y'], ['b', 'c'], ['a']])
    // What a bulk has failed with is nobody's answer.
    const again = one.rows.load('b')
    await host.turn()
    expect(await again).toBe('b')
  })

  it('S73 keeps the error of a key that was asked alone, too', async () => {
    let calls = 0
    const shapes = [
      (keys: Keys) => keys.map(() => new Error('no such row')),
      (keys: Keys) => keys.map(() => Promise.reject(new Error('no such row'))),
    ]
    for (const shape of shapes) {
      const { host, bulks, unit } = server({}, shape)
      const { rows } = unit()
      for (calls = 0; calls < 2; calls++) {
        const load = rows.load(1)
        await host.turn()
        expect(await outcomes([load])).toEqual(['no such row'])
      }
      expect(bulks).toHaveLength(1)
    }
  })

  it('S31 S73 asks again, apart, where the number of results was wrong', async () => {
    for (const [theirs, expected] of [
      ['fine', ['fine', 'bad']],
      ['bad', ['bad', 'bad']],
    ] as const) {
      const { host, unit } = server({}, keys => (keys.includes('bad') ? [] : keys))
      const loads = [unit().rows.load(theirs), unit().rows.load('bad')]
      await host.turn()
      const settled = await Promise.allSettled(loads)
      expect(settled.map(load => (load.status === 'fulfilled' ? load.value : 'bad'))).toEqual(expected)
    }
  })

  it('S72 a unit of work whose own bulk is about to go is waited for', async () => {
    const { host, bulks, unit, io } = server({ delay: Infinity })
    const [one, other] = [unit(), unit()]
    const own = new BulkLoader((keys: number[]) => keys, { host, scope: other.scope, delay: Infinity })
    const load = async (): Promise<unknown> => {
      await other.scope.run(() => io(5))
      const key = await other.scope.run(() => own.load(2))
      return other.scope.run(() => other.rows.load(key))
    }
    const got = [one.scope.run(() => one.rows.load(1)), load()]
    await pass(host, 5)
    expect(bulks).toMatchObject([{ at: 5, keys: [1, 2] }])
    expect(await Promise.all(got)).toEqual([1, 2])
  })

  it('S71 who has many keys goes on as soon as a shared bulk has started, not when it has ended', async () => {
    const held = new Deferred<void>()
    const { host, bulks, unit } = server({ size: 2, concurrent: 2 }, keys => held.promise.then(() => keys))
    const got = unit().rows.loadMany([1, 2, 3, 4, 5])
    await host.turn()
    expect(bulks.map(({ keys }) => keys)).toEqual([
      [1, 2],
      [3, 4],
    ])
    held.resolve()
    await host.turn()
    expect(await got).toEqual([1, 2, 3, 4, 5])
  })

  it('S72 a key that waits for its shared bulk is waited for by all who load it', async () => {
    const { host, bulks, unit, io } = server({ delay: Infinity })
    const [one, other] = [unit(), unit()]
    const got = [one.scope.run(() => one.rows.load(1))]
    void other.scope.run(() => io(5))
    await host.turn()
    got.push(one.scope.run(() => one.rows.load(1)))
    got.push(io(2).then(() => one.scope.run(() => one.rows.load(1))))
    got.push(one.scope.run(async () => (await one.rows.loadMany([1]))[0]))
    await pass(host, 4)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toMatchObject([{ at: 5, keys: [1] }])
    expect(await Promise.all(got)).toEqual([1, 1, 1, 1])
    // The books are right again: nobody waits, and nobody holds a window open.
    const last = unit().rows.load(2)
    await host.turn()
    expect(await last).toBe(2)
  })

  it('S72 a hit that is given with another bulk waits for its own, too, when that other one is given up', async () => {
    const { host, bulks, unit, io } = server({ delay: Infinity })
    const { scope, rows } = unit()
    void scope.run(() => io(5))
    const first = scope.run(() => rows.load(1))
    await host.turn()
    // A bulk opens, the hit is given with it, and then nothing is left of it: its only key is known.
    const second = scope.run(() => rows.load(2))
    const hit = scope.run(() => rows.loadMany([1]))
    rows.prime(2, 'primed')
    await pass(host, 4)
    expect(bulks).toEqual([])
    await pass(host, 1)
    expect(bulks).toMatchObject([{ at: 5, keys: [1] }])
    expect([await first, await second, await hit]).toEqual([1, 'primed', [1]])
  })

  it('S72 the scope of a unit of work may be the wide one itself', async () => {
    const { host, wide, unit } = server({ delay: Infinity })
    const { rows } = unit({ scope: wide })
    const first = wide.run(() => rows.load(1))
    const got = first.then(() => wide.run(async () => [await rows.load(2)]))
    await pass(host, 1)
    expect([await first, await got]).toEqual([1, [2]])
  })

  it("S73 its load runs in no other's async context without a wide scope either, nor when it is asked again", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const shared = new SharedLoader(
      async (keys: string[]) => {
        await Promise.resolve()
        seen.push(tenant.getStore())
        if (keys.includes('bad')) throw new Error('bad key')
        return keys
      },
      { delay: 1 },
    )
    const load = (name: string): Promise<unknown> => tenant.run(name, () => shared.loader().load(name))
    expect(await outcomes([load('bad'), load('b')])).toEqual(['bad key', 'b'])
    expect(seen).toEqual([undefined, undefined, undefined])
  })
})

describe('what is reported of a shared loader', () => {
  it('S74 is the bulk of each unit of work by its name, and the shared one as shared', async () => {
    const told: unknown[] = []
    const stop = onBulk({ started: ({ name, tasks, scope }) => void told.push([name, tasks, scope?.name]) })
    try {
      const { host, unit, wide } = server()
      wide.name = 'server'
      const got = ['One', 'Two'].map(name => {
        const { scope, rows } = unit()
        scope.name = name
        return rows.loadMany([1, 2])
      })
      await host.turn()
      await Promise.all(got)
    } finally {
      stop()
    }
    expect(told).toEqual([
      ['rows', 2, 'One'],
      ['rows', 2, 'Two'],
      ['rows, shared', 4, 'server'],
    ])
  })

  it('S48 S74 a wrong option is refused at once', () => {
    expect(() => new SharedLoader(echo, { size: 0 })).toThrow('Bulkcall: size must be a whole number')
    expect(() => new SharedLoader(echo, { cacheKeyFn: 1 as never })).toThrow('cacheKeyFn must be a function')
    expect(() => new SharedLoader(echo, { partitions: 1 } as never)).toThrow('partitions')
    expect(() => new SharedLoader(echo).loader({ delay: 1 } as never)).toThrow('delay')
    expect(() => new BulkScope({ within: {} as never })).toThrow('within must be a BulkScope')
  })
})
