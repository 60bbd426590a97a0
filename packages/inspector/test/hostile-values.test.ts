/**
 * Whatever is thrown or given as a result, it is recorded in words, and nothing is thrown out of the inspector.
 */

import { runInNewContext } from 'node:vm'
import { AsyncBulkCall, BulkLoader, BulkScope, type Limiter } from '@bulkcall/core'
import { describe, expect, it } from 'vitest'

import { readRecording } from '../page/recorded-file.ts'
import { Recorder } from '../src/recorder.ts'
import { serve } from './support/server.ts'

function trap(): never {
  throw new Error('trap')
}

/** Values that throw, or lie, when they are looked at. Each call makes another one. */
const hostile: Readonly<Record<string, (i: number) => unknown>> = {
  'a BigInt': i => BigInt(i),
  'a symbol': i => Symbol(`${i}`),
  'an object without a prototype': i => Object.assign(Object.create(null) as object, { id: i }),
  'a function': i => () => i,
  'an error of another realm': () => runInNewContext(`new TypeError('far away')`) as unknown,
  'an object that throws when it is made a primitive': () => ({
    [Symbol.toPrimitive]: () => {
      throw new Error('toPrimitive')
    },
  }),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a proxy of an error that throws at every look': () =>
    new Proxy(new Error('hidden'), {
      get: trap,
      has: trap,
      getPrototypeOf: trap,
      getOwnPropertyDescriptor: trap,
      ownKeys: trap,
    }),
  'an error whose every property throws': () => {
    const error = new Error('hidden')
    for (const name of ['stack', 'message', 'code', 'cause', 'name', 'toString'])
      Object.defineProperty(error, name, {
        get: () => {
          throw new Error(name)
        },
      })
    return error
  },
  'an error that throws when it is looked at again': () => {
    const error = new Error('hidden')
    for (const name of ['stack', 'message', 'code', 'name']) {
      let looks = 0
      Object.defineProperty(error, name, {
        get: () => {
          if (looks++ > 0) throw new Error(name)
          return name
        },
      })
    }
    return error
  },
  'an error whose properties are symbols': () =>
    Object.assign(new Error('hidden'), {
      code: Symbol('code'),
      name: Symbol('name'),
      message: Symbol('message'),
    }),
  'an error whose code begins as ours and is no text': () =>
    Object.assign(new Error('hidden'), { code: { startsWith: () => true } }),
}

const counts = [1, 17, 70]

/** Bulks that have to do with a value in each way: thrown, rejected, given, given for each, and yielded. */
async function load(make: (i: number) => unknown, count: number, scope: BulkScope): Promise<void> {
  const commands: ((asked: readonly number[]) => any)[] = [
    () => {
      throw make(0)
    },
    () => Promise.reject(make(0)),
    () => make(0),
    asked => asked.map(make),
    asked => new Map(asked.map(key => [key, make(key)])),
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- beside its like
    async function* yielding(asked) {
      for (const key of asked) yield make(key)
      throw make(0)
    },
  ]
  const keys = Array.from({ length: count }, (_, i) => i)
  for (const command of commands) {
    const loader = new BulkLoader(command, { scope, name: 'hostile' })
    const call = new AsyncBulkCall(command, { scope, name: 'hostile' })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.allSettled([...keys.map(key => loader.load(key)), ...keys.map(key => call.call(key))])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.allSettled(
      keys.map(key => new BulkLoader(command, { scope, name: 'hostile' }).load(make(key) as number)),
    )
  }
}

/** What nobody caught while something was done: it would have ended the process. */
async function uncaughtIn(work: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const own = process.listeners('uncaughtException')
  const note = (error: unknown): void => void uncaught.push(error)
  process.removeAllListeners('uncaughtException').on('uncaughtException', note)
  try {
    await work()
    // What a listener threw is reported in a promise job.
    await new Promise(done => setTimeout(done, 5))
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of own) process.on('uncaughtException', listener)
  }
  return uncaught
}

describe('S50 the recorder', () => {
  for (const [what, make] of Object.entries(hostile)) {
    it.each(counts)(`has bulks with ${what}, %i at a time`, async count => {
      const recorder = new Recorder(10)
      const scope = new BulkScope()
      const end = recorder.begin(scope, 'query')
      const uncaught = await uncaughtIn(() => load(make, count, scope))
      end(0)
      recorder.stop()
      const { bulks } = recorder.recording.operations[0]!

      expect(uncaught).toEqual([])
      expect(bulks.length).toBeGreaterThanOrEqual(6 * (2 + count))
      expect(bulks.every(({ settledAt }) => settledAt !== null)).toBe(true)
      const errors = bulks.flatMap(({ error }) => (error === null ? [] : [error]))
      expect(errors.length).toBeGreaterThan(0)
      expect(errors.every(error => typeof error === 'string' && error.length <= 500)).toBe(true)
      const text = JSON.stringify(recorder.recording)
      expect(readRecording(text)).toEqual(JSON.parse(text))
    })
  }

  const slot = { release() {} }
  const limiters: Readonly<Record<string, () => Partial<Limiter>>> = {
    'throws when it is looked at': () =>
      Object.defineProperties(
        {},
        Object.fromEntries(
          ['slots', 'parts'].map(name => [
            name,
            {
              get: () => {
                throw new Error(name)
              },
            },
          ]),
        ),
      ),
    'is a part of itself': () => {
      const limiter: { parts?: readonly Limiter[] } = {}
      return Object.assign(limiter, { parts: [limiter as Limiter] })
    },
    'has slots that are no number': () => ({ slots: 'many' as never }),
    'has slots without bound': () => ({ slots: Infinity }),
    'has parts that are none': () => ({ parts: [null, 7] as never }),
  }
  it.each(Object.entries(limiters))('takes a limiter that %s', async (_, make) => {
    const recorder = new Recorder(10)
    const scope = new BulkScope()
    const end = recorder.begin(scope, 'query')
    const limiter = Object.assign(make(), { acquire: () => slot, leave() {} })
    const uncaught = await uncaughtIn(async () => {
      await new AsyncBulkCall((tasks: readonly number[]) => tasks, { scope, concurrent: limiter }).call(1)
    })
    end(0)
    recorder.stop()

    expect(uncaught).toEqual([])
    const text = JSON.stringify(recorder.recording)
    expect(readRecording(text).operations[0]!.bulks).toHaveLength(1)
  })
})

describe('S50 the plugin', () => {
  it.each([
    [
      'a context whose property bulk throws at every look',
      () =>
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('get')
            },
          },
        ),
    ],
    [
      'a context whose property bulk answers everything',
      () => new Proxy(() => {}, { get: () => () => 'mail' }),
    ],
  ])('takes %s', async (_, make) => {
    const server = await serve({
      plugins: [
        { onExecute: ({ args }) => void Object.defineProperty(args.contextValue, 'bulk', { value: make() }) },
      ],
      first: false,
    })
    const answer = await server.ask('{ number }')
    await server.close()

    expect(answer).toEqual({ data: { number: 1 } })
  })

  it.each([
    ['undefined', undefined],
    ['errors that are no list', { data: { number: 1 }, errors: 5 }],
    ['parts that are no list', { data: { number: 1 }, incremental: 7, completed: {} }],
  ])('takes a result that is %s', async (_, result) => {
    const uncaught = await uncaughtIn(async () => {
      const server = await serve({
        plugins: [{ onExecute: ({ setExecuteFn }) => setExecuteFn((() => result) as never) }],
      })
      await server.ask('{ number }').catch(() => {})
      expect((await fetch(server.page)).status).toBe(200)
      await server.close()
    })
    expect(uncaught).toEqual([])
  })
})
