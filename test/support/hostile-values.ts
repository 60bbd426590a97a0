/**
 * Hostile values, and bulks that have to do with them, for the packages that watch bulks.
 * @module
 */

import { runInNewContext } from 'node:vm'
import { AsyncBulkCall, BulkLoader, type BulkScope } from '@bulkcall/core'

function trap(): never {
  throw new Error('trap')
}

/** Values that cannot be treated like plain data, whoever gets them. Each call makes another one. */
export const oddValues: Readonly<Record<string, (i: number) => unknown>> = {
  'a BigInt': i => BigInt(i),
  'a symbol': i => Symbol(`${i}`),
  'an object without a prototype': i => Object.assign(Object.create(null) as object, { id: i }),
  'a function': i => () => i,
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
}

/** Values that throw, or lie, when they are looked at. Each call makes another one. */
export const hostile: Readonly<Record<string, (i: number) => unknown>> = {
  ...oddValues,
  'an error of another realm': () => runInNewContext(`new TypeError('far away')`) as unknown,
  'an object that throws when it is made a primitive': () => ({
    [Symbol.toPrimitive]: () => {
      throw new Error('toPrimitive')
    },
  }),
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

/** How many at a time. */
export const counts = process.env.BULKCALL_ALL ? [1, 17, 70] : [1, 5]

/** Bulks that have to do with a value in each way: thrown, rejected, given, given for each, and yielded. */
export async function load(make: (i: number) => unknown, count: number, scope: BulkScope): Promise<void> {
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
