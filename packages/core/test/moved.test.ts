/**
 * Tasks that move up into an earlier bulk, in a scope: what waits for them.
 */

import { expect, it } from 'vitest'
import { AsyncBulkCall, BulkLoader, BulkScope, type BulkCallOptions } from '../src/index.ts'
import { Evidence, Plan, Profile } from '../src/kit.ts'
import { ManualHost } from './support/manual-host.ts'
import { pass } from './support/time.ts'

const ignored = (): void => {}

/** A limiter whose slots are handed out by hand, so that bulks stand in line and are filled when they start. */
function slots() {
  const waiting: (() => void)[] = []
  const limiter = {
    acquire(waiter: { granted(slot: { release(): void }): void }) {
      waiting.push(() => waiter.granted({ release: ignored }))
      return null
    },
    leave: ignored,
  }
  return { limiter, next: () => waiting.shift()!() }
}

function scoped(plan?: Plan) {
  const host = new ManualHost()
  const scope = new BulkScope({ host, plan })
  const bulks: string[] = []
  const call = (name: string, ms: number, options: BulkCallOptions = {}) =>
    new AsyncBulkCall(
      async (tasks: unknown[]) => {
        bulks.push(`${name} ${tasks.join()} at ${host.time}`)
        await sleep(ms)
        return tasks
      },
      { name, delay: 100, scope, host, ...options },
    )
  const sleep = (ms: number): Promise<void> => new Promise(done => host.setTimer(done, ms))
  return { host, scope, bulks, call, sleep }
}

it('S210 work whose task has moved is known to run when that one has settled', async () => {
  const { host, scope, bulks, call, sleep } = scoped()
  const { limiter, next } = slots()
  const [users, posts] = [call('users', 5, { size: 2, concurrent: limiter }), call('posts', 0)]
  const { signal } = abortedSoon(host)
  scope.run(async () => users.call('a', { signal })).catch(ignored)
  void scope.run(async () => users.call('b'))
  void scope.run(async () => {
    await users.call('c')
    await sleep(10)
    return posts.call('c')
  })
  void scope.run(async () => users.call('d'))
  await host.turn()
  next()
  await pass(host, 5)
  // Now `d` alone waits for a slot, and the work of `c` goes on.
  void scope.run(async () => posts.call('x'))
  // It calls after an `await`, so that the window stays open for its `delay`.
  await pass(host, 100)
  expect(bulks).toEqual(['users b,c at 0', 'posts x,c at 105'])
})

it('S210 work of which a task has not moved waits for that', async () => {
  const { host, scope, bulks, call } = scoped()
  const { limiter, next } = slots()
  const [users, posts] = [call('users', 5, { size: 2, concurrent: limiter }), call('posts', 0)]
  const { signal } = abortedSoon(host)
  scope.run(async () => users.call('a', { signal })).catch(ignored)
  void scope.run(async () => users.call('b'))
  void scope.run(async () => Promise.all([users.call('c'), users.call('d')]))
  await host.turn()
  next()
  await pass(host, 5)
  void scope.run(async () => posts.call('x'))
  await host.turn()
  expect(bulks).toEqual(['users b,c at 0', 'posts x at 5'])
})

/** A loader of which a bulk has lost its first key, and windows that close only where it is known that all work waits. */
function moving(...keys: readonly string[]) {
  const { host, scope, bulks, sleep } = scoped()
  const { limiter, next } = slots()
  const echo = async (asked: string[]): Promise<string[]> => {
    bulks.push(asked.join())
    return asked
  }
  const users = new BulkLoader(echo, {
    size: keys.length + 1,
    concurrent: limiter,
    delay: Infinity,
    scope,
    host,
  })
  const posts = new BulkLoader(echo, { delay: Infinity, scope, host })
  users.prime('known', 'known')
  const { signal } = abortedSoon(host)
  scope.run(async () => users.load('a', { signal })).catch(ignored)
  for (const key of keys) void scope.run(async () => users.load(key))
  const start = async (): Promise<void> => {
    await host.turn()
    next()
    await host.turn()
    void scope.run(async () => posts.load('x'))
    await host.turn()
  }
  return { host, scope, bulks, sleep, users, posts, start }
}

it('S210 work waits for a hit as long as that is given with what has not moved', async () => {
  const { scope, users, start, bulks } = moving('b')
  void scope.run(async () => users.load('e'))
  void scope.run(async () => users.load('known'))
  void scope.run(async () => users.load('f'))
  await start()
  expect(bulks).toEqual(['b,e', 'x'])
})

it('S210 work whose key has moved with an equal one is known to run, and work with another key there is not', async () => {
  const { host, scope, users, posts, start, bulks, sleep } = moving('b', 'c', 'd', 'g')
  void scope.run(async () => users.load('e'))
  const later = scope.run(async () => {
    await users.load('e')
    await sleep(10)
  })
  void scope.run(async () => Promise.all([users.load('f'), users.load('e')]))
  await start()
  expect(bulks).toEqual(['b,c,d,g,e'])
  void later.then(() => scope.run(async () => posts.load('y')))
  await pass(host, 10)
  expect(bulks).toEqual(['b,c,d,g,e', 'x,y'])
})

it('S210 a command that waits for a key which has moved is known to go on', async () => {
  const { host, scope, bulks, call, sleep } = scoped()
  const { limiter, next } = slots()
  const [users, posts] = [call('users', 5, { size: 2, concurrent: limiter }), call('posts', 0)]
  const teams = new AsyncBulkCall(
    async ([team]: string[]) => {
      const user = await users.call(team)
      await sleep(10)
      return [user]
    },
    { name: 'teams', size: 1, scope, host },
  )
  const { signal } = abortedSoon(host)
  scope.run(async () => users.call('a', { signal })).catch(ignored)
  void scope.run(async () => users.call('b'))
  void scope.run(async () => posts.call(await teams.call('c')))
  await host.drain()
  void scope.run(async () => users.call('d'))
  await host.turn()
  next()
  await pass(host, 5)
  void scope.run(async () => posts.call('x'))
  // It calls after an `await`, so that the window stays open for its `delay`.
  await pass(host, 100)
  expect(bulks).toEqual(['users b,c at 0', 'posts x,c at 105'])
})

it('S210 evidence knows who asked for what has moved', async () => {
  const profile = new Profile()
  const [author, editor] = [new Evidence('Post.author'), new Evidence('Post.editor')]
  const plan = new Plan(profile, (from, loader) => from === editor && loader === 'posts')
  const seen: string[][] = []
  for (let run = 0; run < 4; run++) {
    const { host, scope, bulks, call } = scoped(plan)
    const { limiter, next } = slots()
    const [users, posts] = [call('users', 5, { size: 2, concurrent: limiter }), call('posts', 0)]
    const { signal } = abortedSoon(host)
    scope.run(async () => users.call('a', { signal }), author).catch(ignored)
    void scope.run(async () => users.call('b'), author)
    const edited = scope.run(async () => users.call('c'), editor)
    void edited.then(() => scope.run(async () => posts.call('c'), author))
    void scope.run(async () => users.call('d'), author)
    await host.turn()
    next()
    void scope.run(async () => posts.call('x'), author)
    await pass(host, 5)
    seen.push(bulks)
  }
  expect(seen).toEqual(Array.from({ length: 4 }, () => ['users b,c at 0', 'posts x,c at 5']))
})

/** A signal that aborts when all calls of this tick are made. */
function abortedSoon(host: ManualHost): AbortController {
  const controller = new AbortController()
  host.endOfTick(() => controller.abort(new Error('gone')))
  return controller
}
