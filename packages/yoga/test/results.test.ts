/**
 * What a command gives means the same to the plugin as to the core, whose loader is asked the same here.
 */

import { BulkLoader, isBulkError } from '@bulkcall/core'
import { createSchema, createYoga } from 'graphql-yoga'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { useBulk } from '../src/index.ts'

const inAnotherRealm = (code: string): any => runInNewContext(code)

/** An array that yields something else than its elements. */
class Short extends Array<unknown> {
  override *[Symbol.iterator](): ArrayIterator<unknown> {
    yield 'only one'
    return undefined
  }
}

/** A map that works out what it gives. */
class Squares extends Map<number, number> {
  override get(key: number): number {
    return key ** 2
  }
}

const trapped = (): never => {
  throw new Error('trap')
}

/** For the keys 1, 2 and 3. */
const shapes: Readonly<Record<string, () => any>> = {
  none: () => undefined,
  'an array': () => ['a', 'b', 'c'],
  'an array of another realm': () => inAnotherRealm(`['a', 'b', 'c']`),
  'an array of another realm that is too short': () => inAnotherRealm(`['a', 'b']`),
  'an array with holes': () => Object.assign(new Array(3), { 1: 'b' }),
  'an array whose iterator is short': () => Short.from(['a', 'b', 'c']),
  'a proxy of an array': () => new Proxy(['a', 'b', 'c'], {}),
  'a Map': () => new Map([[2, 'b']]),
  'a Map of another realm': () => inAnotherRealm(`new Map([[2, 'b'], [3, new Error('c')]])`),
  'a promise of a Map of another realm': () =>
    inAnotherRealm(`Promise.resolve(new Map([[1, 'a'], [2, 'b'], [3, 'c']]))`),
  'a Map that works out its values': () => new Squares(),
  'a Set': () => new Set(['a', 'b', 'c']),
  'a Set of another realm': () => inAnotherRealm(`new Set(['a', 'b', 'c'])`),
  'a generator of another realm': () => inAnotherRealm(`(function* () { yield* ['a', 'b', 'c'] })()`),
  'an async generator of another realm': () =>
    inAnotherRealm(`(async function* () { yield* ['a', 'b', 'c'] })()`),
  'an iterable that is a function': () =>
    Object.assign(() => {}, { [Symbol.iterator]: () => [1, 2, 3].values() }),
  'a text': () => 'abc',
  'a text as an object': () => new String('abc'),
  'a text as an object of another realm': () => inAnotherRealm(`new String('abc')`),
  'an object whose iterator is none': () => ({ [Symbol.iterator]: 5 }),
  'an object whose async iterator is none': () => ({ [Symbol.asyncIterator]: 5 }),
  'a plain object': () => ({ 1: 'a', 2: 'b', 3: 'c' }),
  'a number': () => 3,
  'an endless generator': function* () {
    for (;;) yield 1
  },
  'errors of another realm': () => inAnotherRealm(`[new Error('a'), 'b', new TypeError('c')]`),
  'errors with a path': () => [1, 2, 3].map(key => Object.assign(new Error(`no ${key}`), { path: ['them'] })),
  'a thenable whose then throws': () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    get then(): never {
      return trapped()
    },
  }),
  'a proxy that throws at every look': () =>
    new Proxy({}, { get: trapped, has: trapped, getPrototypeOf: trapped }),
}

/** What became of each key, without what differs by nature: where an error was made. */
function told(outcomes: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return outcomes.map(outcome =>
    outcome.status === 'fulfilled'
      ? { value: outcome.value }
      : { code: isBulkError(outcome.reason) && outcome.reason.code, error: String(outcome.reason) },
  )
}

it.each(Object.keys(shapes))('S143 %s means the same to the plugin as to the core', async shape => {
  const command = shapes[shape]!
  const keys = [1, 2, 3]
  const loader = new BulkLoader<number, unknown>(() => command(), { name: 'things' })
  const byCore = told(await Promise.allSettled(keys.map(key => loader.load(key))))
  for (const extensions of [false, true]) {
    for (const shared of [false, true]) {
      let byPlugin: unknown[] = []
      const yoga = createYoga({
        logging: false,
        plugins: [useBulk({ things: { command: () => command(), shared } }, { extensions })],
        schema: createSchema<any>({
          typeDefs: 'type Query { all: Boolean }',
          resolvers: {
            Query: {
              all: async (_, __, { bulk }) => {
                byPlugin = told(await Promise.allSettled(keys.map(key => bulk.things.load(key))))
              },
            },
          },
        }),
      })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await yoga.fetch('http://yoga/graphql?query={all}')
      expect(byPlugin).toEqual(byCore)
    }
  }
})
