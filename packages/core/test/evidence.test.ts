/**
 * Evidence: what work was seen to do, when it closes a window, and what it costs.
 */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { AsyncBulkCall, BulkLoader, BulkScope, semaphore, type Limiter } from '../src/index.ts'
import { Evidence, Plan, Profile } from '../src/kit.ts'
import { LinkedList } from '../src/linked-list.ts'
import { Deferred } from './support/deferred.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

const delay = 10

/** A server on a host that is driven by hand: its requests share what is learned, and each has a scope and its loaders. */
function server(leadsTo: (from: Evidence, loader: string) => boolean = () => false) {
  const host = new ManualHost()
  const profile = new Profile()
  const plan = new Plan(profile, leadsTo)
  const io = (ms: number): Promise<void> => {
    const done = new Deferred<void>()
    host.setTimer(() => done.resolve(), ms)
    return done.promise
  }
  const request = (known?: Plan) => {
    const scope = new BulkScope({ host, plan: known })
    const start = host.time
    const bulks: { name: string; at: number; keys: number }[] = []
    const loader = (name: string, ms = 0, concurrent: Limiter | null = null): BulkLoader<number, number> =>
      new BulkLoader(
        async (keys: number[]) => {
          bulks.push({ name, at: host.time - start, keys: keys.length })
          if (ms > 0) await io(ms)
          return keys
        },
        { name, delay, concurrent, scope, host },
      )
    return { scope, loader, bulks }
  }
  return { host, profile, plan, io, request }
}

type Server = ReturnType<typeof server>
type Request = ReturnType<Server['request']>

/** Lets each request do the same, one after the other, and gives the bulks of each. */
async function serve(of: Server, times: number, work: (request: Request, run: number) => void) {
  const all: Request['bulks'][] = []
  for (let run = 0; run < times; run++) {
    const request = of.request(of.plan)
    work(request, run)
    await pass(of.host, 50)
    all.push(request.bulks)
  }
  return all
}

/** The moment of the last of some bulks, one a request, for which the scope gets its plan after this. */
async function lastAfter(before: (of: Server, request: Request) => void): Promise<number> {
  const of = server()
  const author = new Evidence('Post.author')
  let at = -1
  for (let run = 0; run < 4; run++) {
    const request = of.request()
    before(of, request)
    request.scope.follow(of.plan)
    const users = request.loader('users')
    void request.scope.run(async () => {
      await of.io(1)
      return users.load(1)
    }, author)
    await pass(of.host, 50)
    ;({ at } = request.bulks.at(-1)!)
  }
  return at
}

describe('a scope that gets its plan after it was made', () => {
  it('S94 closes its windows with evidence', async () => {
    expect(await lastAfter(() => {})).toBe(1)
  })

  it('S94 keeps the first plan that it gets', () => {
    const [first, second] = [new Plan(new Profile(), () => true), new Plan(new Profile(), () => true)]
    const begins = [first, second].map(plan => vi.spyOn(plan, 'begins'))
    const scope = new BulkScope()
    scope.follow(first)
    scope.follow(second)
    expect(begins.map(({ mock }) => mock.calls.length)).toEqual([1, 0])
  })

  it.each<[string, (of: Server, request: Request) => void]>([
    ['a call is pending', (_, { loader }) => void loader('posts').load(1)],
    ['work runs', (of, { scope }) => void scope.run(() => of.io(20), new Evidence('Query.slow'))],
  ])('S94 closes them without any where %s by then', async (_name, before) => {
    expect(await lastAfter(before)).toBe(1 + delay)
  })

  it('S48 refuses what is no plan', () => {
    expect(() => new BulkScope().follow({} as never)).toThrow(/^Bulkcall: plan must be a Plan, got /)
  })
})

describe('a window closes with evidence', () => {
  it('S85 as soon as each running piece has made the calls that such work makes', async () => {
    const of = server()
    const author = new Evidence('Post.author')
    const all = await serve(of, 4, ({ scope, loader }) => {
      const users = loader('users')
      for (const ms of [1, 2, 3]) {
        const load = async (): Promise<number> => {
          await of.io(ms)
          return users.load(ms)
        }
        void scope.run(() => Promise.all([load(), load()]), author)
      }
    })
    expect(all.slice(0, 2)).toEqual([
      [{ name: 'users', at: 1 + delay, keys: 3 }],
      [{ name: 'users', at: 1 + delay, keys: 3 }],
    ])
    for (const bulks of all.slice(2)) expect(bulks).toEqual([{ name: 'users', at: 3, keys: 3 }])
  })

  it('S85 not while anything goes on of which nothing is known', async () => {
    const of = server()
    const [author, slow] = [new Evidence('Post.author'), new Evidence('Post.slow')]
    const all = await serve(of, 5, ({ scope, loader }, run) => {
      const users = loader('users')
      void scope.run(async () => {
        await of.io(1)
        return users.load(1)
      }, author)
      // One that was seen; one of a resolver that was not; and one of which nobody says whose it is.
      void scope.run(() => of.io(5), [slow, slow, slow, new Evidence('Post.new'), undefined][run])
    })
    expect(all.slice(2)).toEqual([1, 5, 5].map(at => [{ name: 'users', at, keys: 1 }]))
  })

  it('S85 not while another call may follow from the result of running work', async () => {
    for (const [leads, at] of [
      [true, 5],
      [false, 1],
    ] as const) {
      const [author, parent] = [new Evidence('Post.author'), new Evidence('Query.post')]
      const of = server(from => leads && from === parent)
      const all = await serve(of, 4, ({ scope, loader }) => {
        const users = loader('users')
        void scope.run(async () => {
          await of.io(1)
          return users.load(1)
        }, author)
        void scope.run(() => of.io(5), parent)
      })
      expect(all[3]).toEqual([{ name: 'users', at, keys: 1 }])
    }
  })

  it('S85 not while another call may follow from the result of a bulk in flight', async () => {
    for (const [leads, at] of [
      [true, 7],
      [false, 1],
    ] as const) {
      const [author, posts] = [new Evidence('Post.author'), new Evidence('User.posts')]
      const of = server((from, loader) => leads && from === posts && loader === 'users')
      const all = await serve(of, 4, ({ scope, loader }) => {
        const [users, rows] = [loader('users'), loader('posts', 7)]
        void scope.run(() => rows.load(1), posts)
        void of.io(1).then(() => scope.run(() => users.load(1), author))
      })
      expect(all[3]).toEqual([
        { name: 'posts', at: 0, keys: 1 },
        { name: 'users', at, keys: 1 },
      ])
    }
  })

  it('S85 S83 without a plan there is none, and what is late waits for `delay`', async () => {
    const { host, io } = server()
    const author = new Evidence('Post.author')
    for (let run = 0; run < 4; run++) {
      const scope = new BulkScope({ host })
      const starts: number[] = []
      const start = host.time
      const users = new BulkLoader(
        (keys: number[]) => {
          starts.push(host.time - start)
          return keys
        },
        { delay, scope, host },
      )
      void scope.run(async () => {
        await io(1)
        return users.load(1)
      }, author)
      await pass(host, 20)
      expect(starts).toEqual([1 + delay])
    }
  })
})

describe('what is believed', () => {
  it('S86 is gathered in the 64 scopes after one in which a window has outlived its tick, and in no other', () => {
    const profile = new Profile()
    expect(profile.begins()).toBe(false)
    profile.outlived()
    expect(Array.from({ length: 64 }, () => profile.begins())).toEqual(new Array<boolean>(64).fill(true))
    expect(profile.begins()).toBe(false)
    profile.outlived()
    expect(profile.begins()).toBe(true)
  })

  it('S86 is the most that a piece has done, and nothing once more than that was done after eight had not', () => {
    const profile = new Profile()
    const evidence = new Evidence('Post.author')
    const piece = (calls: number): void => {
      for (let call = 1; call <= calls; call++) evidence.callsLate('users', call, profile)
      evidence.ended(profile, true)
    }
    piece(1)
    piece(3)
    piece(2)
    expect([1, 2, 3].map(calls => evidence.isAll('users', calls))).toEqual([false, false, true])
    for (let i = 0; i < 8; i++) piece(3)
    piece(4)
    piece(4)
    expect([3, 4, 5].map(calls => evidence.isAll('users', calls))).toEqual([false, false, false])
  })

  it('S86 of a loader that was never called is that it is not, once a piece has been seen', () => {
    const profile = new Profile()
    const evidence = new Evidence('Post.author')
    expect([evidence.isNew, evidence.mayCall('users')]).toEqual([true, true])
    evidence.ended(profile, false)
    // What such work does when it goes on is not known by that.
    expect([evidence.isNew, evidence.mayCall('users')]).toEqual([true, false])
    evidence.ended(profile, true)
    expect([evidence.isNew, evidence.mayCall('users')]).toEqual([false, false])
    evidence.calls('users', profile)
    expect(evidence.mayCall('users')).toBe(true)
  })

  it('S86 is worked out anew for a document when anything new is seen', () => {
    const profile = new Profile()
    const [from, below] = [new Evidence('Query.post'), new Evidence('Post.author')]
    const leadsTo = vi.fn((_: Evidence, loader: string) => below.mayCall(loader))
    const plan = new Plan(profile, leadsTo)
    below.ended(profile, true)
    expect([plan.leadsTo(from, 'users'), plan.leadsTo(from, 'users')]).toEqual([false, false])
    expect(leadsTo).toHaveBeenCalledOnce()
    below.calls('users', profile)
    expect(plan.leadsTo(from, 'users')).toBe(true)
  })

  it('S86 is put to the test again in 64 scopes when a call has come from unknown work', () => {
    const profile = new Profile()
    const evidence = new Evidence('Post.author')
    for (let i = 0; i < 8; i++) evidence.ended(profile, true)
    expect(evidence.isOpen(profile)).toBe(false)
    profile.doubt('users')
    // What has been seen is still believed meanwhile.
    expect([evidence.isNew, profile.doubts('users'), profile.doubts('posts')]).toEqual([false, true, false])
    const isOpen = Array.from({ length: 66 }, () => {
      profile.begins()
      expect(profile.doubts('users')).toBe(evidence.isOpen(profile))
      return evidence.isOpen(profile)
    })
    expect(isOpen).toEqual(isOpen.map((_, scope) => scope < 64))
  })

  it('S281 closes no window of a loader that unknown work has called, in the scopes that follow', async () => {
    const of = server()
    const [author, slow] = [new Evidence('Post.author'), new Evidence('Post.slow')]
    const all = await serve(of, 7, ({ scope, loader }, run) => {
      const users = loader('users')
      void scope.run(async () => {
        await of.io(1)
        return users.load(1)
      }, author)
      void scope.run(() => of.io(20), slow)
      // A callback, which runs in the context of nobody.
      if (run === 4) of.host.setTimer(() => void users.load(2), 1)
    })
    expect(all.slice(2).map(startsOf)).toEqual([[1], [1], [1 + delay], [1 + delay], [1 + delay]])
  })

  it('S283 S86 of work that goes on, by that which does not, is nothing', async () => {
    const of = server()
    const author = new Evidence('Post.author')
    const all = await serve(of, 4, ({ scope, loader }) => {
      const users = loader('users')
      const load = async (ms: number): Promise<unknown> => of.io(ms).then(() => users.load(ms))
      scope.run(() => null, author)
      for (const ms of [1, 3]) void scope.run(() => load(ms), author)
    })
    // The second is the first that is recorded.
    expect(all.map(startsOf)).toEqual([[1 + delay], [1 + delay], [3], [3]])
  })

  it('S86 S46 wrongly costs a bulk, and is not believed again', async () => {
    const of = server()
    const author = new Evidence('Post.author')
    const all = await serve(of, 12, ({ scope, loader }, run) => {
      const users = loader('users', 3)
      void scope.run(async () => {
        await of.io(1)
        const first = users.load(1)
        if (run < 10) return first
        await of.io(1)
        return Promise.all([first, users.load(2)])
      }, author)
    })
    expect(all[9]).toEqual([{ name: 'users', at: 1, keys: 1 }])
    expect(all[10]).toEqual([
      { name: 'users', at: 1, keys: 1 },
      { name: 'users', at: 2 + delay, keys: 1 },
    ])
    expect(all[11]).toEqual([{ name: 'users', at: 1 + delay, keys: 2 }])
  })

  it.each<[string, (users: BulkLoader<number, number>, piece: number) => Promise<unknown>, number[]]>([
    [
      'one call after the other',
      async users => {
        await users.load(1)
        return users.load(2)
      },
      [1, 4],
    ],
    [
      'all calls in one tick, however many',
      (users, piece) => Promise.all(piece % 2 === 0 ? [users.load(1)] : [users.load(1), users.load(2)]),
      [1],
    ],
  ])('S230 S46 %s: wrongly costs a bulk, and is not believed again', async (_, usual, starts) => {
    const of = server()
    const author = new Evidence('Post.author')
    let pieces = 0
    const all = await serve(of, 5, ({ scope, loader }, run) => {
      const users = loader('users', 3)
      const piece = async (): Promise<unknown> => {
        await of.io(1)
        if (run < 3) return usual(users, pieces++)
        const first = users.load(1)
        await of.io(1)
        return Promise.all([first, users.load(2)])
      }
      for (let i = run < 2 ? 8 : 1; i > 0; i--) void scope.run(piece, author)
    })
    expect(startsOf(all[2]!)).toEqual(starts)
    expect(startsOf(all[3]!)).toEqual([1, 2])
    expect(all[4]).toEqual([{ name: 'users', at: 2, keys: 2 }])
  })
})

const startsOf = (bulks: Request['bulks']): number[] => bulks.map(({ at }) => at)

/** A request whose one window stays open for work that never loads. */
const inVain =
  (of: Server, windows = 1) =>
  ({ scope, loader }: Request): void => {
    const users = loader('users')
    void scope.run(() => of.io(45))
    const next = async (key: number): Promise<unknown> => {
      await scope.run(() => users.load(key))
      return key < windows ? next(key + 1) : null
    }
    void next(1)
  }

describe('the budget of waiting', () => {
  it('S88 is three `delay`s for all windows of a scope together: then they close with the tick', async () => {
    const { host, io } = server()
    const scope = new BulkScope({ host })
    const starts: number[] = []
    const users = new BulkLoader(
      (keys: number[]) => {
        starts.push(host.time)
        return keys
      },
      { delay, scope, host },
    )
    void scope.run(() => io(1000))
    for (let key = 0; key < 6; key++) {
      const load = scope.run(() => users.load(key))
      await pass(host, delay)
      await load
    }
    expect(starts).toEqual([10, 20, 30, 30, 40, 50])
  })

  it('S88 no instant counts twice where several windows are open', async () => {
    const { host, io } = server()
    const scope = new BulkScope({ host })
    const starts: number[] = []
    const loaders = [1, 2, 3].map(
      () =>
        new BulkLoader(
          (keys: number[]) => {
            starts.push(host.time)
            return keys
          },
          { delay, scope, host },
        ),
    )
    void scope.run(() => io(1000))
    for (let key = 0; key < 2; key++) {
      for (const users of loaders) void scope.run(() => users.load(key))
      await pass(host, delay)
    }
    expect(starts).toEqual([10, 10, 10, 20, 20, 20])
  })

  it('S290 a window that gets a call by staying open uses up nothing of it', async () => {
    const of = server()
    const { scope, loader, bulks } = of.request()
    const users = loader('users')
    void scope.run(() => of.io(1000))
    for (let key = 0; key < 12; key += 2) {
      void scope.run(() => users.load(key))
      await pass(of.host, 1)
      void scope.run(() => users.load(key + 1))
      await pass(of.host, delay)
    }
    expect(bulks.map(({ keys }) => keys)).toEqual([2, 2, 2, 2, 2, 2])
  })

  it('S88 with a plan, waiting that brings no call shortens it for the scopes that follow, until none waits', async () => {
    const of = server(() => true)
    const all = await serve(of, 7, inVain(of))
    expect(all.map(startsOf)).toEqual([[10], [10], [10], [10], [10], [10], [0]])
    expect((await serve(of, 1, inVain(of, 3))).map(startsOf)).toEqual([[0, 0, 0]])
  })

  it('S88 with a plan, no instant counts twice in scopes that run at once', async () => {
    const of = server(() => true)
    for (let client = 0; client < 10; client++) inVain(of)(of.request(of.plan))
    await pass(of.host, delay)
    expect(of.plan.patienceFor('users').left).toBe(3 - 1 / 2)
  })

  it('S88 a window that closes late, as the event loop is busy, has waited for one `delay`', async () => {
    const of = server(() => true)
    inVain(of)(of.request(of.plan))
    await of.host.turn()
    of.host.time += 5 * delay
    await pass(of.host, 0)
    expect(of.plan.patienceFor('users').left).toBe(3 - 1 / 2)
  })

  it('S88 never grows by waiting, whatever the clocks of the hosts of a plan show', () => {
    const patience = new Plan(new Profile(), () => true).patienceFor('users')
    patience.waitedInVain(1, 100, delay)
    patience.waitedInVain(1, 10, delay)
    expect(patience.left).toBe(3 - 1 / 2)
  })

  it('S88 a call that comes by waiting restores it', async () => {
    const of = server(() => true)
    await serve(of, 5, inVain(of))
    const [gained] = await serve(of, 1, ({ scope, loader }) => {
      const users = loader('users')
      void scope.run(() => users.load(1))
      void scope.run(() => of.io(3)).then(() => scope.run(() => users.load(2)))
    })
    expect(gained).toEqual([{ name: 'users', at: 3, keys: 2 }])
    expect((await serve(of, 1, inVain(of, 3))).map(startsOf)).toEqual([[10, 20, 20]])
  })

  it('S232 a loader whose windows get nothing is not waited for, whatever those of another get', async () => {
    const of = server(() => true)
    const all = await serve(of, 8, ({ scope, loader }) => {
      const [users, posts] = [loader('users'), loader('posts')]
      void scope.run(() => users.load(1))
      void scope.run(() => posts.load(1))
      void scope.run(() => of.io(3)).then(() => scope.run(() => users.load(2)))
      void scope.run(() => of.io(30))
    })
    const starts = (run: number) => all[run]!.map(({ name, at, keys }) => `${name} ${keys}@${at}`)
    expect(starts(0)).toEqual(['users 2@10', 'posts 1@10'])
    expect(starts(7)).toEqual(['posts 1@0', 'users 2@10'])
  })

  it('S88 a window that was full within its tick has not waited, and gains nothing by the next', async () => {
    const of = server(() => true)
    const { scope } = of.request(of.plan)
    const [users, posts] = ['users', 'posts'].map(
      name => new BulkLoader((keys: number[]) => keys, { name, size: 2, delay, scope, host: of.host }),
    )
    void scope.run(() => of.io(9))
    void users!.loadMany([1, 2])
    void posts!.load(1)
    await pass(of.host, 1)
    void posts!.load(2)
    await pass(of.host, 7)
    of.plan.patienceFor('users').left = 1
    void users!.load(3)
    await pass(of.host, 1)
    // It is quiet after 9 ms, so that the second window of users was open for 1 of them.
    expect(of.plan.patienceFor('users').left).toBe(1 - 1 / delay / 2)
  })

  it('S88 a batch that waits for a slot does not wait for other calls without need', async () => {
    const of = server(() => true)
    const slot = semaphore(1)
    await serve(of, 3, ({ scope, loader }) => {
      void new AsyncBulkCall(() => of.io(40), { concurrent: slot, host: of.host }).call(1)
      void scope.run(() => of.io(20))
      void scope.run(() => loader('users', 0, slot).load(1))
    })
    expect((await serve(of, 1, inVain(of))).map(startsOf)).toEqual([[10]])
  })

  it('S88 where windows close with the tick, calls that waiting would have brought restore it', async () => {
    const of = server(() => true)
    await serve(of, 7, inVain(of))
    const runs = await serve(of, 2, ({ scope, loader }) => {
      const users = loader('users', 5)
      for (const ms of [0, 3]) void scope.run(() => of.io(ms)).then(() => scope.run(() => users.load(ms)))
    })
    expect(runs.map(bulks => bulks.map(bulk => bulk.keys))).toEqual([[1, 1], [2]])
  })

  it.each([
    ['that came when the batch before had settled', 2, 3],
    ['that came later than by waiting', 30, delay + 1],
  ])('S88 where windows close with the tick, a call %s restores nothing', async (_which, takes, later) => {
    const of = server(() => true)
    await serve(of, 7, inVain(of))
    const runs = await serve(of, 2, ({ scope, loader }) => {
      const users = loader('users', takes)
      for (const ms of [0, later]) void scope.run(() => of.io(ms)).then(() => scope.run(() => users.load(ms)))
    })
    expect(runs.map(startsOf)).toEqual([
      [0, later],
      [0, later],
    ])
  })

  it('S88 one scope in 64 tries again', async () => {
    const of = server(() => true)
    const all = await serve(of, 6 + 2 * 64, inVain(of))
    const waited = all.flatMap(([bulk], run) => (bulk!.at > 0 ? [run + 1] : []))
    expect(waited).toHaveLength(6 + 2 * 2)
    expect(waited.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6])
    // It may wait for one `delay`, and after that has been for nothing, the next for half of one.
    expect(waited.slice(6).map(run => run % 64)).toEqual([0, 1, 0, 1])
  })
})

/** How often a request, the third of its kind, looks anything up that has to do with windows. */
async function lookUps(of: Server, work: (request: Request) => void): Promise<number> {
  await serve(of, 2, work)
  let count = 0
  for (const [type, names] of [
    [Evidence.prototype, ['isAll', 'mayCall', 'calls', 'callsLate', 'ended', 'isOpen']],
    [Plan.prototype, ['leadsTo', 'patienceFor']],
    [LinkedList.prototype, ['add', 'delete']],
    [Map.prototype, ['get', 'set', 'delete', 'keys']],
    [Set.prototype, ['add']],
  ] as const)
    for (const name of names) {
      const original = Reflect.get(type, name) as (...values: unknown[]) => unknown
      const counted = function counted(this: unknown, ...values: unknown[]): unknown {
        count++
        return original.apply(this, values)
      }
      vi.spyOn(type as any, name).mockImplementation(counted)
    }
  await serve(of, 1, work)
  vi.restoreAllMocks()
  return count
}

/** Pieces that make so many calls each, late, of two loaders. */
function lateCalls(pieces: number, calls: number): Promise<number> {
  const of = server(() => true)
  const author = new Evidence('Post.author')
  return lookUps(of, ({ scope, loader }) => {
    const loaders = [loader('users'), loader('posts')]
    for (let piece = 0; piece < pieces; piece++)
      void scope.run(async () => {
        await of.io(piece / pieces)
        const keys = Array.from({ length: calls }, (_, call) => piece * calls + call)
        return Promise.all(keys.map(key => loaders[key % 2]!.load(key)))
      }, author)
  })
}

/** Bulks of one key that end one after the other, while a window stays open for what follows from the last. */
function flights(bulks: number): Promise<number> {
  const [each, last, author] = ['Post.each', 'Post.last', 'Post.author'].map(name => new Evidence(name))
  const of = server(from => from === last)
  return lookUps(of, ({ scope, loader }) => {
    const lone = new BulkLoader(([ms]: number[]) => of.io(ms!).then(() => [ms!]), {
      name: 'lone',
      size: 1,
      scope,
      host: of.host,
    })
    for (let place = 1; place <= bulks; place++)
      void scope.run(() => lone.load((5 * place) / bulks), place === bulks ? last : each)
    const users = loader('users')
    void of.io(0.001).then(() => scope.run(() => users.load(1), author))
  })
}

describe('the price', () => {
  afterEach(() => vi.restoreAllMocks())

  it('S86 of watching is linear in the pieces of work and in their calls', async () => {
    const one = await lateCalls(20, 4)
    expect(await lateCalls(80, 4)).toBeLessThan(one * 4.4)
    expect(await lateCalls(20, 16)).toBeLessThan(one * 4.4)
  })

  it('S86 of bulks in flight is linear in them', async () => {
    expect(await flights(160)).toBeLessThan((await flights(40)) * 4.4)
  })
})
