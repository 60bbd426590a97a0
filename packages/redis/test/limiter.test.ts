/**
 * The limiter over a real Redis. A rejection that nobody handles, or an error out of a timer, fails the run of these tests,
 * so each of them also says that none of its troubles would end a process.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

import { AsyncBulkCall, type Limiter } from '@bulkcall/core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import {
  BulkLimiterDownError,
  redisLimiter,
  type BulkSlotLostError,
  type IoredisClient,
  type RedisLimiterOptions,
} from '../src/index.ts'
import { connect, type Connection } from './support/clients.ts'
import { startWorker } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import { redisProgram, startRedis, until, type RedisServer } from './support/redis-server.ts'

/** A short lease, where one has to end. Elsewhere it is long, so that no machine is too slow to renew it. */
const leaseMs = 300
const kinds = ['redis', 'ioredis', 'iovalkey'] as const

/** Calls under a limiter whose commands end when the test says so. */
function gated(concurrent: Limiter, size = 1) {
  const running: { readonly tasks: number[]; end(): void }[] = []
  const counts = { most: 0, done: 0 }
  const call = new AsyncBulkCall(
    async (tasks: number[]) => {
      await new Promise<void>(resolve => {
        const one = { tasks, end: () => (running.splice(running.indexOf(one), 1), resolve()) }
        running.push(one)
        counts.most = Math.max(counts.most, running.length)
      })
      counts.done += tasks.length
      return tasks
    },
    { size, concurrent },
  )
  return { call, running, counts }
}

/** A call whose commands take so many ms and tell how many of them have run at once, over all that share `seen`. */
function timed(concurrent: Limiter, ms: number, seen = { now: 0, most: 0 }) {
  return new AsyncBulkCall(
    async (tasks: number[]) => {
      seen.most = Math.max(seen.most, ++seen.now)
      await sleep(ms)
      seen.now--
      return tasks
    },
    { size: 1, concurrent },
  )
}

describe.skipIf(redisProgram === null)('the limit (needs redis-server)', () => {
  let server: RedisServer
  const connections: Connection[] = []

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())
  beforeEach(async () => {
    await server.ask('FLUSHALL')
    await server.forgetCalls()
  })
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close()
  })

  const open = async (kind: (typeof kinds)[number] = 'redis') => {
    const connection = await connect[kind](server.path)
    connections.push(connection)
    return connection.client
  }
  const limiter = async (
    options: Partial<RedisLimiterOptions> = {},
    kind?: (typeof kinds)[number],
  ): Promise<Limiter> =>
    redisLimiter({ client: await open(kind), key: 'shared', limit: 1, leaseMs: 60_000, ...options })
  const inUse = async (): Promise<number> => Number(await server.ask('ZCARD', 'semaphore:shared'))

  describe('in normal running', () => {
    it('four processes never run more than four commands at once, and do run four', async () => {
      const workers = Array.from({ length: 4 }, () => startWorker(server.path, 4, 10_000, 50))
      const ends = await Promise.all(workers.map(({ ended }) => ended))
      const told = ends.map(({ stdout }) => JSON.parse(stdout))

      expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
        workers.map(() => ({ code: 0, stderr: '' })),
      )
      expect(told.map(({ results }) => results)).toEqual([50, 50, 50, 50])
      expect(Math.max(...told.map(({ most }) => most))).toBe(4)
    })

    it.each(kinds)('a client of %s will do: all calls are answered, within the limit', async kind => {
      const seen = { now: 0, most: 0 }
      const calls = [
        timed(await limiter({ limit: 2, retryMs: 2 }, kind), 2, seen),
        timed(await limiter({ limit: 2, retryMs: 2 }, kind), 2, seen),
      ]
      const tasks = Array.from({ length: 20 }, (_, task) => task)
      const results = await Promise.all(calls.map(call => call.callMany(tasks)))

      expect(results).toEqual([tasks, tasks])
      expect(seen.most).toBe(2)
      await until(async () => (await inUse()) === 0)
    })

    it('a bulk that finds a slot free costs two calls', async () => {
      const call = timed(await limiter(), 0)
      await call.call(0)
      await until(async () => (await inUse()) === 0)
      await server.forgetCalls()
      for (let task = 0; task < 20; task++) {
        await call.call(task)
        await until(async () => (await inUse()) === 0)
      }

      const { evalsha, zrem, eval: scripts } = await server.calls()
      expect({ evalsha, zrem, scripts }).toEqual({ evalsha: 20, zrem: 20, scripts: undefined })
    })

    it('a slot serves the line of its process, without a call for each', async () => {
      // A turn of five seconds: however slow this machine is, it lasts.
      const call = timed(await limiter({ retryMs: 1_000 }), 0)
      await call.callMany(Array.from({ length: 20 }, (_, task) => task))
      await until(async () => (await inUse()) === 0)

      const { evalsha, zrem } = await server.calls()
      expect(zrem).toBe(1)
      expect(evalsha).toBeLessThan(10)
    })

    it('a process with an endless line leaves others their turn', async () => {
      const busy = timed(await limiter({ retryMs: 2 }), 1)
      const other = timed(await limiter({ retryMs: 2 }), 1)
      const load = { stopped: false }
      const keepBusy = async (): Promise<void> => {
        while (!load.stopped) await busy.call(0)
      }
      const lines = Array.from({ length: 8 }, keepBusy)
      try {
        for (let turn = 0; turn < 3; turn++) await expect(other.call(turn)).resolves.toBe(turn)
      } finally {
        load.stopped = true
        await Promise.all(lines)
      }
    })

    it('those who wait in one process are served in turn, one bulk each', async () => {
      const concurrent = await limiter()
      const order: string[] = []
      const caller = (name: string) =>
        new AsyncBulkCall(
          (tasks: number[]) => {
            order.push(...tasks.map(task => `${name}${task}`))
            return tasks
          },
          { size: 1, concurrent },
        )
      await Promise.all([caller('a').callMany([1, 2, 3]), caller('b').callMany([1])])

      expect(order).toEqual(['a1', 'b1', 'a2', 'a3'])
    })

    it('a process never has more than one question under way, however many wait', async () => {
      const real = (await open('ioredis')) as IoredisClient
      const under = { way: 0, most: 0 }
      const client: IoredisClient = {
        eval: real.eval.bind(real),
        zrem: real.zrem.bind(real),
        async evalsha(...args) {
          under.most = Math.max(under.most, ++under.way)
          try {
            return await real.evalsha(...args)
          } finally {
            under.way--
          }
        },
      }
      const concurrent = await limiter({ client, limit: 3, retryMs: 1 })
      const calls = Array.from({ length: 20 }, () => timed(concurrent, 2))
      await Promise.all(calls.map(call => call.callMany([1, 2, 3])))

      expect(under.most).toBe(1)
    })

    it('a bulk that waits for its slot goes on filling', async () => {
      const { call, running } = gated(await limiter(), 3)
      const first = call.callMany([1, 2, 3])
      await until(() => running.length === 1)
      const second = call.call(4)
      await sleep(1)
      const third = call.call(5)
      running[0]!.end()
      await until(() => running.length === 1)

      expect(running[0]!.tasks).toEqual([4, 5])
      running[0]!.end()
      await Promise.all([first, second, third])
    })

    it('a slot that was on its way to someone who has left goes back', async () => {
      const concurrent = await limiter()
      const heard: string[] = []
      const waiter = { granted: () => heard.push('granted'), refused: () => heard.push('refused') }
      expect(concurrent.acquire(waiter)).toBeNull()
      concurrent.leave(waiter)

      await until(async () => ((await server.calls())['zrem'] ?? 0) === 1)
      expect(await inUse()).toBe(0)
      expect(heard).toEqual([])
    })

    it('a command that runs for longer than a lease keeps its slot', async () => {
      const lost: unknown[] = []
      const onLost = (error: unknown): void => void lost.push(error)
      const { call, running } = gated(await limiter({ onLost, leaseMs: 1_000 }))
      const other = gated(await limiter({ leaseMs: 1_000 }))
      const long = call.call(1)
      await until(() => running.length === 1)
      const waits = other.call.call(2)
      await sleep(1_500)

      expect(other.running).toEqual([])
      expect(await inUse()).toBe(1)
      running[0]!.end()
      await until(() => other.running.length === 1)
      other.running[0]!.end()
      expect(await Promise.all([long, waits])).toEqual([1, 2])
      expect(lost).toEqual([])
    })

    it.runIf(process.env.BULKCALL_ALL)(
      'processes whose clocks are hours apart never run more than four commands at once',
      async () => {
        const hours = [-3, 0, 5, 24]
        const workers = hours.map(off => startWorker(server.path, 4, 3_000, 30, off * 3_600_000))
        const ends = await Promise.all(workers.map(({ ended }) => ended))
        const printed = ends.map(({ stdout }) => JSON.parse(stdout))

        expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
          workers.map(() => ({ code: 0, stderr: '' })),
        )
        expect(printed.map(({ lost }) => lost)).toEqual([0, 0, 0, 0])
        expect(Math.max(...printed.map(({ most }) => most))).toBe(4)
      },
    )

    it('a slot from the future of the clock of Redis, as after the clock was set back, is free after one lease', async () => {
      const inAnHour = Date.now() + 3_600_000
      await server.ask('ZADD', 'semaphore:shared', String(inAnHour), 'of a process that was killed')
      const { call, running } = gated(await limiter({ leaseMs }))
      const asked = call.call(1)
      await until(() => running.length === 1)
      expect(await inUse()).toBe(1)
      running[0]!.end()
      await asked
    })
  })

  describe('in trouble', () => {
    it('the slot of a process that was killed is free after one lease', async () => {
      const lease = 900
      const holder = startWorker(server.path, 1, lease, 'hold')
      await holder.printed('holding')
      const { call, running } = gated(await limiter({ leaseMs: lease }))
      const waits = call.call(1)
      // Kept for longer than a lease while its holder lives.
      await sleep(1.2 * lease)
      expect(running).toEqual([])
      holder.kill()
      await holder.ended
      const killedAt = performance.now()
      await until(() => running.length === 1)

      // Renewed three times a lease, so it had at least so long to live; a slow machine may see it later, never earlier.
      expect(performance.now() - killedAt).toBeGreaterThan(lease / 3)
      running[0]!.end()
      await waits
    })

    it.each(kinds)(
      'with %s: when Redis loses its data, a slot is lost, is told, and the limit holds again',
      async kind => {
        const lost: BulkSlotLostError[] = []
        const { call, running, counts } = gated(
          await limiter({ onLost: error => lost.push(error), leaseMs: 900, retryMs: 200 }, kind),
        )
        const first = call.call(1)
        await until(() => running.length === 1)
        const second = call.call(2)
        await server.ask('FLUSHALL')
        // The limit is soft: one more runs until the first has settled.
        await until(() => running.length === 2 && lost.length === 1)
        expect(lost[0]).toMatchObject({ code: 'BULK_SLOT_LOST', heldMs: expect.any(Number) })
        expect(lost[0]!.message).toMatch(
          /^Bulkcall: shared must keep its slot until it is given back, got it taken away after \d+ ms$/,
        )

        // A slot that is lost is neither handed on nor given back in the place of the other's.
        const third = call.call(3)
        running[0]!.end()
        await first
        await sleep(50)
        expect(await inUse()).toBe(1)
        expect(running.map(({ tasks }) => tasks)).toEqual([[2]])
        running[0]!.end()
        await until(() => running.length === 1)
        running[0]!.end()
        expect(await Promise.all([second, third])).toEqual([2, 3])
        expect(counts.most).toBe(2)
      },
    )

    it.each(kinds)(
      'S275 with %s: a slot whose answer was lost with its connection is not away for a lease',
      async kind => {
        const proxy = await startProxy(server.path)
        try {
          const connection = await connect[kind](proxy.path)
          connections.push(connection)
          const { call, running } = gated(
            redisLimiter({ client: connection.client, key: 'shared', limit: 1, leaseMs: 60_000 }),
          )
          for (const answer of ['as it should be', 'lost']) {
            if (answer === 'lost') proxy.loseAnswers()
            const asked = call.call(1)
            await until(async () => (await inUse()) === 1)
            if (answer === 'lost') proxy.cut()
            await until(() => running.length === 1)
            running[0]!.end()
            expect(await asked).toBe(1)
            await until(async () => (await inUse()) === 0)
          }
        } finally {
          proxy.close()
        }
      },
    )

    it('S274 times that no timer can wait make no flood of questions', async () => {
      const { call, running } = gated(await limiter({ leaseMs: 1e10, retryMs: 1e10 }))
      const both = call.callMany([1, 2])
      await until(() => running.length === 1)
      await sleep(200)
      expect((await server.calls())['evalsha']).toBeLessThan(5)
      running[0]!.end()
      await until(() => running.length === 1)
      running[0]!.end()
      expect(await both).toEqual([1, 2])
    })

    it.each(kinds)(
      'with %s: a slot that is lost under a command much shorter than a lease is reported, once',
      async kind => {
        const lost: BulkSlotLostError[] = []
        const { call, running } = gated(await limiter({ onLost: error => lost.push(error) }, kind))
        const asked = call.call(1)
        await until(() => running.length === 1)
        await server.ask('FLUSHALL')
        running[0]!.end()
        await asked
        await until(() => lost.length === 1)
        expect(lost[0]).toMatchObject({ code: 'BULK_SLOT_LOST' })

        // All is well again.
        const next = call.call(2)
        await until(() => running.length === 1)
        running[0]!.end()
        await next
        await until(async () => (await inUse()) === 0)
        expect(lost).toHaveLength(1)
      },
    )

    it('a slot that is lost before a command has it is nobody’s loss', async () => {
      const lost: unknown[] = []
      const concurrent = await limiter({ deadlineMs: 50, onLost: error => lost.push(error), leaseMs })
      const call = timed(concurrent, 0)
      server.pause()
      try {
        await call.call(1)
        await sleep(leaseMs)
      } finally {
        server.resume()
      }
      await until(async () => ((await server.calls())['zrem'] ?? 0) >= 1)
      await sleep(20)
      expect(lost).toEqual([])
    })

    it('a command whose slot cannot be renewed for a whole lease learns so without Redis', async () => {
      const lost: BulkSlotLostError[] = []
      const { call, running } = gated(
        await limiter({ onLost: error => lost.push(error), leaseMs, deadlineMs: 50 }, 'ioredis'),
      )
      const asked = call.call(1)
      await until(() => running.length === 1)
      await server.kill()
      try {
        await until(() => lost.length === 1)
        running[0]!.end()
        await asked
      } finally {
        await server.start()
      }
      await sleep(50)
      expect(lost).toHaveLength(1)
      expect(lost[0]!.heldMs).toBeGreaterThan(leaseMs)
    })

    it('a slot that is lost hurts nobody where nobody listens', async () => {
      const { call, running } = gated(await limiter({ leaseMs }))
      const first = call.call(1)
      await until(() => running.length === 1)
      await server.ask('FLUSHALL')
      await sleep(leaseMs)
      running[0]!.end()

      await expect(first).resolves.toBe(1)
      await until(async () => (await inUse()) === 0)
    })

    it('a lost slot is not reported in the async context of a request', async () => {
      const store = new AsyncLocalStorage<string>()
      const told: unknown[] = []
      // The limiter itself may be made when the first request comes.
      const lazily = store.run('the first', () => {
        return limiter({ leaseMs, onLost: () => told.push(store.getStore()) })
      })
      const { call, running } = gated(await lazily)
      const first = store.run('a request', () => call.call(1))
      await until(() => running.length === 1)
      await server.ask('FLUSHALL')
      await until(() => told.length === 1)
      running[0]!.end()
      await first

      expect(told).toEqual([undefined])
    })

    it.each(kinds)(
      'with %s: when Redis is killed, what runs goes on, what waits goes on here, and Redis is found again',
      async kind => {
        const { call, running, counts } = gated(
          await limiter({ leaseMs, deadlineMs: 50, localLimit: 2 }, kind),
        )
        const all = [call.call(0)]
        await until(() => running.length === 1)
        await server.kill()
        try {
          all.push(...[1, 2, 3, 4].map(task => call.call(task)))
          // The one that had a slot, and two of this process. Long enough for several renewals to fail.
          await until(() => running.length === 3)
          await sleep(leaseMs)
          expect(running).toHaveLength(3)
          while (counts.done < 5) {
            running[0]?.end()
            await sleep(1)
          }
          expect(counts.most).toBe(3)
        } finally {
          await server.start()
        }
        expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4])

        await until(async () => {
          const asked = call.call(5)
          await until(() => running.length === 1)
          const remote = await inUse()
          running[0]!.end()
          await asked
          return remote === 1
        })
      },
    )

    it.each(kinds)(
      'with %s: a Redis that is silent holds up nobody, and a slot that comes too late goes back',
      async kind => {
        const { call, running } = gated(await limiter({ deadlineMs: 50 }, kind))
        server.pause()
        try {
          const asked = call.call(1)
          await until(() => running.length === 1)
          running[0]!.end()
          await expect(asked).resolves.toBe(1)
        } finally {
          server.resume()
        }
        // It was taken while nobody listened, and would stay for a minute.
        await until(async () => ((await server.calls())['zrem'] ?? 0) === 1)
        expect(await inUse()).toBe(0)

        const asked = call.call(2)
        await until(() => running.length === 1)
        expect(await inUse()).toBe(1)
        running[0]!.end()
        await asked
      },
    )

    it('a Redis that is silent for longer than a lease costs the slot, and never more than that', async () => {
      const lost: unknown[] = []
      const { call, running } = gated(
        await limiter({ onLost: error => lost.push(error), leaseMs, deadlineMs: 100 }),
      )
      const other = gated(await limiter({ leaseMs, deadlineMs: 100 }))
      const first = call.call(1)
      await until(() => running.length === 1)
      server.pause()
      await sleep(1.5 * leaseMs)
      server.resume()
      const second = other.call.call(2)
      await until(() => other.running.length === 1)
      running[0]!.end()
      other.running[0]!.end()

      expect(await Promise.all([first, second])).toEqual([1, 2])
      expect(lost.length).toBeLessThanOrEqual(1)
      await until(async () => (await inUse()) === 0)
    })

    it('with whenDown reject, tasks reject while Redis is away, at once after the first, and Redis is found again', async () => {
      const call = timed(await limiter({ deadlineMs: 100, whenDown: 'reject' }), 0)
      await call.call(0)
      server.pause()
      try {
        const error = await call.call(1).catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(BulkLimiterDownError)
        expect(error).toMatchObject({
          code: 'BULK_LIMITER_DOWN',
          deadlineMs: 100,
          message: 'Bulkcall: shared must get an answer from Redis within 100 ms, got no answer',
        })
        await expect(call.call(2)).rejects.toBe(error)
      } finally {
        server.resume()
      }
      await until(() =>
        call.call(3).then(
          () => true,
          () => false,
        ),
      )
    })

    it('an error of Redis is the cause of the refusal', async () => {
      await server.ask('SET', 'semaphore:shared', 'not a sorted set')
      const call = timed(await limiter({ whenDown: 'reject' }), 0)

      await expect(call.call(1)).rejects.toMatchObject({
        message: 'Bulkcall: shared must get an answer from Redis within 1000 ms, got an error',
        cause: { message: expect.stringContaining('WRONGTYPE') },
      })
    })

    it('thousands who wait are refused without a call within a call', async () => {
      await server.ask('SET', 'semaphore:shared', 'not a sorted set')
      const concurrent = await limiter({ whenDown: 'reject', deadlineMs: 150 })
      const calls = Array.from({ length: 5_000 }, () => timed(concurrent, 0))
      const results = await Promise.all(calls.map(call => call.callMany([1, 2, 3])))

      expect(results.flat()).toHaveLength(15_000)
      expect(results.flat().every(result => result instanceof BulkLimiterDownError)).toBe(true)
    })

    it('no call is lost while Redis is killed, restarted, flushed and paused, and the limit holds afterwards', async () => {
      const seen = { now: 0, most: 0 }
      const options = { limit: 2, deadlineMs: 50, retryMs: 2 }
      const calls = [
        timed(await limiter(options), 2, seen),
        timed(await limiter(options, 'ioredis'), 2, seen),
        timed(await limiter(options), 2, seen),
      ]
      const load = { over: false, done: 0 }
      const ask = async (call: AsyncBulkCall<number, number>): Promise<void> => {
        for (let task = 0; !load.over; task++) {
          expect(await call.call(task)).toBe(task)
          load.done++
        }
      }
      const loads = calls.flatMap(call => Array.from({ length: 4 }, () => ask(call)))
      const more = async (): Promise<void> => {
        const before = load.done
        await until(() => load.done > before + 20)
      }
      await more()
      await server.kill()
      await more()
      await server.start()
      await more()
      await server.ask('FLUSHALL')
      await more()
      server.pause()
      await more()
      server.resume()
      await more()
      load.over = true
      await Promise.all(loads)
      await until(async () => (await inUse()) === 0)

      // Both sides are back: the first questions find out, and then it is as before.
      await until(async () => {
        seen.most = 0
        await Promise.all(calls.map(call => call.callMany([1, 2, 3, 4])))
        return seen.most === 2
      })
    })
  })
})

describe('the options of the limiter', () => {
  const client: IoredisClient = {
    eval: () => Promise.resolve(0),
    evalsha: () => Promise.resolve(0),
    zrem: () => Promise.resolve(0),
  }
  const good: RedisLimiterOptions = { client, key: 'users', limit: 4 }

  it.each([
    [{ client: {} }, 'client must be a client of redis, ioredis or iovalkey, got a plain object'],
    [{ client: null }, 'client must be a client of redis, ioredis or iovalkey, got null'],
    [{ key: '' }, "key must be a string that is not empty, got ''"],
    [{ limit: 0 }, 'limit must be a whole number from 1, got 0'],
    [{ leaseMs: 50 }, 'leaseMs must be a whole number from 100, got 50'],
    [{ deadlineMs: 2_501 }, 'deadlineMs must be a whole number from 1 to half of leaseMs (2500), got 2501'],
    [{ whenDown: 'wait' }, "whenDown must be 'local' or 'reject', got 'wait'"],
    [{ localLimit: NaN }, 'localLimit must be a whole number from 1, got NaN'],
    [{ retryMs: 0 }, 'retryMs must be a number above 0, got 0'],
    [{ onLost: 1 }, 'onLost must be a function, got 1'],
    [
      { leaseMS: 1 },
      "an option must be one of client, key, limit, leaseMs, deadlineMs, whenDown, localLimit, retryMs, onLost, got 'leaseMS' (did you mean 'leaseMs'?)",
    ],
  ])('%j: %s', (options, message) => {
    expect(() => redisLimiter({ ...good, ...options } as never)).toThrow(`Bulkcall: ${message}`)
    expect(() => redisLimiter(good)).not.toThrow()
  })
})
