import { createSchema, createYoga } from 'graphql-yoga'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { semaphore, type Limiter, type Slot, type Waiter } from '@bulkcall/core'
import { rounds } from '../../../test/support/rounds.ts'
import { both } from '../../graphql/src/limits.ts'
import { bulkResolver, useBulk, type BulkDefinitions, type UseBulkOptions } from '../src/index.ts'
import { ask, askBatch, dataOf } from './support/ask.ts'
import { gate, settled, sleep, until } from './support/wait.ts'

/** Commands that say how many of them run at once, together and by name. */
function pool(ms = 2) {
  const running = new Map<string, number>()
  const most = new Map<string, number>()
  const bulks: (readonly unknown[])[] = []
  const count = (name: string, by: number): void => {
    running.set(name, (running.get(name) ?? 0) + by)
    most.set(name, Math.max(most.get(name) ?? 0, running.get(name)!))
  }
  const command =
    (name: string) =>
    async <K>(keys: readonly K[]): Promise<K[]> => {
      bulks.push([...keys])
      count(name, 1)
      count('all', 1)
      await sleep(ms)
      count(name, -1)
      count('all', -1)
      return [...keys]
    }
  return {
    command,
    most: (name: string) => most.get(name) ?? 0,
    running: () => running.get('all') ?? 0,
    bulks,
  }
}

/** A server whose fields load so many keys, each of another value, from the loader that they name. */
function server(definitions: BulkDefinitions, options?: UseBulkOptions) {
  let key = 0
  return createYoga({
    schema: createSchema<any>({
      typeDefs:
        'type Query { load(from: String!, count: Int = 1, ms: Int): Int  levels(from: String!, count: Int!): Int }',
      resolvers: {
        Query: {
          load: async (_, { from, count, ms }, ctx) => {
            if (ms) await sleep(ms)
            const keys = Array.from({ length: count }, () => key++)
            return (await Promise.all(keys.map(some => ctx.bulk[from].load(some)))).length
          },
          // One bulk after the other.
          levels: async (_, { from, count }, ctx) => {
            for (let i = 0; i < count; i++) await ctx.bulk[from].load(key++)
            return count
          },
        },
      },
    }),
    batching: true,
    plugins: [useBulk(definitions, options)],
    logging: false,
  })
}

describe('concurrent', () => {
  it('holds over all operations of the server: 200 of them against 4 slots, and each is answered', async () => {
    const { command, most, running } = pool()
    const yoga = server({ rows: { command: command('rows'), concurrent: 4, size: 5 } })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        dataOf(yoga, `{ load(from: "rows", count: ${1 + (i % 12)}, ms: ${i % 4}) }`),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => ({ load: 1 + (i % 12) })))
    expect(most('rows')).toBe(4)
    expect(running()).toBe(0)
  })

  it('does not let a small operation wait for all of a large one', async () => {
    const held = gate()
    const bulks: (readonly number[])[] = []
    const limiter = semaphore(1)
    const yoga = server({
      rows: {
        command: async (keys: readonly number[]) => {
          bulks.push([...keys])
          await held.opened
          return keys
        },
        concurrent: limiter,
        size: 1,
      },
    })
    const large = dataOf(yoga, '{ load(from: "rows", count: 200) }')
    await until(() => bulks.length === 1 && limiter.waiting === 1, 'the large operation in line')
    const small = Array.from({ length: 5 }, () => dataOf(yoga, '{ load(from: "rows") }'))
    await until(() => limiter.waiting === 6, 'the small operations in line')
    held.open()
    await Promise.all([large, ...small])
    expect(bulks).toHaveLength(205)
    // Served in turn: the small ones, whose keys are the last, stand behind one bulk of the large one that was in line.
    expect(bulks.slice(0, 7).map(([key]) => key! >= 200)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
      true,
    ])
  })

  it('lets a bulk that waits for its slot go on filling', async () => {
    const held = gate()
    const late = [gate(), gate()]
    const bulks: (readonly number[])[] = []
    const limiter = semaphore(1)
    let loads = 0
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { now: Int  late(place: Int!): Int }',
        resolvers: {
          Query: {
            now: (_, __, ctx) => ctx.bulk.rows.load(loads++),
            late: async (_, { place }, ctx) => {
              await late[place]!.opened
              return ctx.bulk.rows.load(loads++)
            },
          },
        },
      }),
      plugins: [
        useBulk({
          rows: {
            command: async (keys: readonly number[]) => {
              bulks.push([...keys])
              await held.opened
              return keys
            },
            concurrent: limiter,
          },
        }),
      ],
    })
    const first = dataOf(yoga, '{ now }')
    await until(() => bulks.length === 1)
    const second = dataOf(yoga, '{ now a: late(place: 0) b: late(place: 1) }')
    // Its window is over, so it stands in line.
    await until(() => limiter.waiting === 1, 'the second bulk in line')
    for (const [place, door] of late.entries()) {
      door.open()
      await until(() => loads === 3 + place, 'the next load')
    }
    expect(limiter.waiting).toBe(1)
    held.open()
    await Promise.all([first, second])
    expect(bulks).toEqual([[0], [1, 2, 3]])
  })

  it('of each loader is its own', async () => {
    const { command, most } = pool()
    const yoga = server({
      one: { command: command('one'), concurrent: 1, size: 1 },
      two: { command: command('two'), concurrent: 2, size: 1 },
      free: { command: command('free'), size: 1 },
    })
    await dataOf(
      yoga,
      '{ a: load(from: "one", count: 9) b: load(from: "two", count: 9) c: load(from: "free", count: 9) }',
    )
    expect([most('one'), most('two'), most('free')]).toEqual([1, 2, 9])
  })

  it('may be one limiter for several loaders', async () => {
    const { command, most } = pool()
    const shared = semaphore(2)
    const yoga = server({
      one: { command: command('one'), concurrent: shared, size: 1 },
      two: { command: command('two'), concurrent: shared, size: 1 },
    })
    await dataOf(yoga, '{ a: load(from: "one", count: 9) b: load(from: "two", count: 9) }')
    expect(most('all')).toBe(2)
    expect(shared).toMatchObject({ inUse: 0, waiting: 0 })
  })

  it('over all loaders and of one loader hold together', async () => {
    const { command, most } = pool()
    const yoga = server(
      {
        one: { command: command('one'), concurrent: 1, size: 1 },
        two: { command: command('two'), concurrent: 2, size: 1 },
        three: { command: command('three'), size: 1 },
        four: { command: command('four'), concurrent: null, size: 1 },
      },
      { concurrent: 3 },
    )
    const query = `{ ${['one', 'two', 'three', 'four'].map(name => `${name}: load(from: "${name}", count: 10)`).join(' ')} }`
    const answers = await Promise.all(Array.from({ length: 10 }, () => dataOf(yoga, query)))
    for (const answer of answers) expect(answer).toEqual({ one: 10, two: 10, three: 10, four: 10 })
    expect(most('one')).toBe(1)
    expect(most('two')).toBe(2)
    expect(most('all')).toBe(3)
  })

  it('may be the same limiter over all loaders and of one of them', async () => {
    const { command, most } = pool()
    const shared = semaphore(1)
    const yoga = server(
      { rows: { command: command('rows'), concurrent: shared, size: 1 } },
      { concurrent: shared },
    )
    expect(await dataOf(yoga, '{ load(from: "rows", count: 5) }')).toEqual({ load: 5 })
    expect(most('all')).toBe(1)
    expect(shared).toMatchObject({ inUse: 0, waiting: 0 })
  })

  it('over all loaders holds for batched fields as well', async () => {
    const { command, most } = pool()
    const run = command('fields')
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs: 'type Query { field(key: Int): Int  load(key: Int): Int }',
        resolvers: {
          Query: {
            field: bulkResolver(
              (calls: { args: { key: number } }[]) => run(calls.map(({ args }) => args.key)),
              {
                size: 1,
              },
            ),
            load: (_, { key }, ctx) => ctx.bulk.rows.load(key),
          },
        },
      }),
      plugins: [useBulk({ rows: { command: command('rows')<number>, size: 1 } }, { concurrent: 2 })],
    })
    const query = `{ ${Array.from({ length: 10 }, (_, i) => `f${i}: field(key: ${i}) l${i}: load(key: ${i})`).join(' ')} }`
    await dataOf(yoga, query)
    expect(most('all')).toBe(2)
  })

  it('gives slots back when commands fail, in every way', async () => {
    let calls = 0
    const yoga = server({
      rows: {
        command: (keys: readonly number[]): any => {
          switch (calls++ % 5) {
            case 0:
              throw new Error('thrown')
            case 1:
              return Promise.reject(new Error('rejected'))
            case 2:
              return 'no results'
            case 3:
              return []
            default:
              return keys
          }
        },
        concurrent: 1,
      },
    })
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(yoga, '{ load(from: "rows") }')))
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(10)
    expect(calls).toBe(50)
  })

  it('gives slots back when clients disconnect', async () => {
    const { command, bulks, running } = pool(5)
    const limiter = semaphore(2)
    const yoga = server(
      { rows: { command: command('rows'), concurrent: limiter, size: 1 } },
      { concurrent: 3 },
    )
    const answered: unknown[] = []
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const controller = new AbortController()
        const answer = ask(yoga, '{ load(from: "rows", count: 4) }', { signal: controller.signal })
        answer.catch(() => {})
        await sleep(i % 10)
        if (i % 2 === 0) controller.abort()
        else answered.push(await answer)
      }),
    )
    expect(answered).toEqual(Array.from({ length: 20 }, () => ({ data: { load: 4 } })))
    await until(() => running() === 0 && limiter.inUse === 0, 'the end of all commands')
    expect(limiter.waiting).toBe(0)
    expect(bulks.length).toBeGreaterThanOrEqual(80)
    expect(await dataOf(yoga, '{ load(from: "rows", count: 9) }')).toEqual({ load: 9 })
  })

  it('of a server is not that of another', async () => {
    const { command, most } = pool()
    const definitions = { rows: { command: command('rows'), concurrent: 1, size: 1 } }
    await Promise.all([1, 2].map(() => dataOf(server(definitions), '{ load(from: "rows", count: 9) }')))
    expect(most('rows')).toBe(2)
  })

  it('holds for an HTTP batch too', async () => {
    const { command, most } = pool()
    const yoga = server({ rows: { command: command('rows'), size: 1, concurrent: 2 } })
    await askBatch(
      yoga,
      Array.from({ length: 8 }, () => '{ load(from: "rows", count: 3) }'),
    )
    expect(most('rows')).toBe(2)
  })

  it('of 1 serves loads that follow from loads', async () => {
    const { command, most } = pool(0)
    const yoga = server({ rows: { command: command('rows'), concurrent: 1 } })
    await Promise.all(Array.from({ length: 20 }, () => dataOf(yoga, '{ levels(from: "rows", count: 5) }')))
    expect(most('rows')).toBe(1)
  })
})

describe('timeout', () => {
  it('answers when a command hangs, tells it by its signal, and gives its slot back in the end', async () => {
    const signals: AbortSignal[] = []
    const yoga = server({
      rows: {
        command: (keys: readonly number[], { signal }: { signal: AbortSignal }): any => {
          signals.push(signal)
          return signals.length === 1 ? new Promise(() => {}) : keys
        },
        timeout: 20,
        concurrent: 1,
      },
    })
    const { data, errors } = await ask(yoga, '{ load(from: "rows") }')
    expect(data).toEqual({ load: null })
    expect(errors).toMatchObject([{ path: ['load'], extensions: { code: 'BULK_TIMEOUT' } }])
    expect(signals[0]!.aborted).toBe(true)
    expect(await dataOf(yoga, '{ load(from: "rows") }')).toEqual({ load: 1 })
  })

  it('may be a default of all loaders', async () => {
    const yoga = server({ rows: () => new Promise<never>(() => {}) }, { timeout: 10 })
    const { errors } = await ask(yoga, '{ load(from: "rows") }')
    expect(errors).toMatchObject([{ extensions: { code: 'BULK_TIMEOUT' } }])
  })
})

describe('both', () => {
  /** A limiter that checks the contract of its users, and grants at once, later or, when it is told so, not at all. */
  class Checked implements Limiter {
    inUse = 0
    most = 0
    readonly line: Waiter[] = []
    readonly granting: { waiter: Waiter; left: boolean }[] = []
    readonly faults: string[] = []
    readonly slots: number
    readonly remote: boolean
    constructor(slots: number, remote: boolean) {
      this.slots = slots
      this.remote = remote
    }

    #slot(): Slot {
      this.inUse++
      this.most = Math.max(this.most, this.inUse)
      let released = false
      return {
        release: () => {
          if (released) this.faults.push('a slot was released twice')
          released = true
          this.inUse--
          this.serve()
        },
      }
    }

    acquire(waiter: Waiter): Slot | null {
      if (this.line.includes(waiter)) this.faults.push('a waiter stood in line twice')
      if (!this.remote && this.line.length === 0 && this.inUse < this.slots) return this.#slot()
      this.line.push(waiter)
      return null
    }

    leave(waiter: Waiter): void {
      const place = this.line.indexOf(waiter)
      if (place !== -1) this.line.splice(place, 1)
    }

    /** Hands free slots to whoever is next in line. */
    serve(): void {
      while (this.inUse < this.slots && this.line.length > 0) {
        const next = this.line.shift()!
        next.granted(this.#slot())
      }
    }

    refuse(): void {
      this.line.shift()?.refused(new Error('refused'))
    }
  }

  /** Someone who wants a slot, as the engine does. */
  class Client implements Waiter {
    state: 'idle' | 'waiting' | 'running' = 'idle'
    slot: Slot | null = null
    refusals = 0
    readonly faults: string[] = []
    readonly limiter: Limiter
    constructor(limiter: Limiter) {
      this.limiter = limiter
    }
    ask(): void {
      if (this.state !== 'idle') return
      this.state = 'waiting'
      const slot = this.limiter.acquire(this)
      if (slot !== null) this.granted(slot)
    }
    granted(slot: Slot): void {
      if (this.state !== 'waiting') {
        this.faults.push(`granted while ${this.state}`)
        slot.release()
        return
      }
      this.state = 'running'
      this.slot = slot
    }
    refused(): void {
      if (this.state !== 'waiting') this.faults.push(`refused while ${this.state}`)
      this.state = 'idle'
      this.refusals++
    }
    leave(): void {
      if (this.state !== 'waiting') return
      this.state = 'idle'
      this.limiter.leave(this)
    }
    release(): void {
      if (this.state !== 'running') return
      this.state = 'idle'
      const slot = this.slot!
      this.slot = null
      slot.release()
    }
  }

  const clientsPerLimit = 4
  type Step =
    readonly ['ask' | 'leave' | 'release', number] | readonly ['serve' | 'refuse', 'own' | 'overall']
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constantFrom('ask' as const, 'leave' as const, 'release' as const), fc.nat(7)),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom('serve' as const, 'refuse' as const),
        fc.constantFrom('own' as const, 'overall' as const),
      ),
    },
  )
  const steps = fc.array(step, { maxLength: 60 })

  it.each([
    ['local limits', false, false],
    ['a remote own limit', true, false],
    ['a remote overall limit', false, true],
    ['two remote limits', true, true],
  ])('never exceeds a limit, loses no slot and serves everyone, with %s', (_, ownRemote, overallRemote) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        steps,
        (ownSlots, allSlots, plan) => {
          // Two loaders with a limit of their own, and one over both.
          const own = [new Checked(ownSlots, ownRemote), new Checked(1, ownRemote)] as const
          const overall = new Checked(allSlots, overallRemote)
          const limits = own.map(limit => both(limit, overall)!)
          const clients = Array.from(
            { length: 2 * clientsPerLimit },
            (_unused, i) => new Client(limits[i % 2]!),
          )
          const everything = [...own, overall]
          const check = (): void => {
            for (const limit of everything) expect(limit.inUse).toBeLessThanOrEqual(limit.slots)
            const running = clients.filter(({ state }) => state === 'running').length
            expect(running).toBeLessThanOrEqual(allSlots)
            expect([...everything, ...clients].flatMap(({ faults }) => faults)).toEqual([])
          }
          for (const [what, whom] of plan) {
            if (what === 'serve' || what === 'refuse') {
              const limit = whom === 'own' ? own[0] : overall
              limit[what]()
            } else clients[whom as number]![what]()
            check()
          }
          // Let everything end: whoever waits is served, and then every slot is free.
          for (let round = 0; round < 40; round++) {
            for (const limit of everything) limit.serve()
            for (const client of clients) client.release()
            check()
          }
          expect(clients.map(({ state }) => state)).toEqual(clients.map(() => 'idle'))
          expect(everything.map(({ inUse, line }) => [inUse, line.length])).toEqual(
            everything.map(() => [0, 0]),
          )
        },
      ),
      { numRuns: rounds(150) },
    )
  })

  it('works with the semaphores of the core, which grant as they are released', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        steps,
        (ownSlots, allSlots, plan) => {
          const own = semaphore(ownSlots)
          const overall = semaphore(allSlots)
          const limit = both(own, overall)!
          const clients = Array.from({ length: 8 }, () => new Client(limit))
          const least = Math.min(ownSlots, allSlots)
          for (const [what, whom] of plan) {
            if (what === 'serve' || what === 'refuse') continue
            clients[whom as number]![what]()
            const running = clients.filter(({ state }) => state === 'running').length
            const waiting = clients.filter(({ state }) => state === 'waiting').length
            expect(running).toBeLessThanOrEqual(least)
            // Nobody waits while both have a slot to give.
            expect(waiting > 0 && running < least).toBe(false)
            expect(clients.flatMap(({ faults }) => faults)).toEqual([])
          }
          for (const client of clients) client.leave()
          for (const client of clients) client.release()
          expect([own.inUse, own.waiting, overall.inUse, overall.waiting]).toEqual([0, 0, 0, 0])
        },
      ),
      { numRuns: rounds(150) },
    )
  })

  it('serves in turn', () => {
    const limit = both(semaphore(2), semaphore(1))!
    const clients = Array.from({ length: 6 }, () => new Client(limit))
    const order: number[] = []
    for (const client of clients) client.ask()
    for (let i = 0; i < clients.length; i++) {
      const running = clients.findIndex(({ state }) => state === 'running')
      order.push(running)
      clients[running]!.release()
    }
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('does not let a loader whose limit is reached keep the slots of others', () => {
    const overall = semaphore(2)
    const narrow = both(semaphore(1), overall)!
    const wide = both(semaphore(2), overall)!
    const held = new Client(narrow)
    const waiting = Array.from({ length: 5 }, () => new Client(narrow))
    const other = new Client(wide)
    held.ask()
    for (const client of waiting) client.ask()
    other.ask()
    expect(other.state).toBe('running')
  })

  it('S261 gives the slot of one back where the other throws, and refuses who waits', () => {
    const failure = new Error('out of order')
    const broken: Limiter = {
      acquire() {
        throw failure
      },
      leave() {
        throw failure
      },
    }
    const own = semaphore(1)
    const limit = both(own, broken)!
    for (const later of [false, true]) {
      const holder = later ? own.acquire({ granted() {}, refused() {} }) : null
      const refusals: unknown[] = []
      limit.acquire({ granted() {}, refused: error => refusals.push(error) })
      holder?.release()
      expect(refusals).toEqual([failure])
      expect([own.inUse, own.waiting]).toEqual([0, 0])
    }
    // Granted by the one and waiting for the other, which throws when its place in line is given up.
    broken.acquire = () => null
    const waiter: Waiter = { granted() {}, refused() {} }
    expect(limit.acquire(waiter)).toBeNull()
    expect(() => limit.leave(waiter)).toThrow(failure)
    expect(own.inUse).toBe(0)
  })

  it('of one limit alone is that limit', () => {
    const limit = semaphore(1)
    expect(both(limit, null)).toBe(limit)
    expect(both(null, limit)).toBe(limit)
    expect(both(null, null)).toBeNull()
  })
})

it('an idle server has nothing in line and nothing that runs', async () => {
  const { command, running } = pool()
  const limiter = semaphore(2)
  const yoga = server({ rows: { command: command('rows'), concurrent: limiter } })
  await Promise.all(Array.from({ length: 20 }, () => dataOf(yoga, '{ load(from: "rows", count: 3) }')))
  await settled()
  expect(limiter).toMatchObject({ inUse: 0, waiting: 0 })
  expect(running()).toBe(0)
})
