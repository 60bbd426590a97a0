/**
 * Whatever is thrown or given as a result, it is recorded in words, and nothing is thrown out of the inspector.
 */

import { AsyncBulkCall, BulkScope, type Limiter } from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import { createSchema, createYoga } from 'graphql-yoga'
import { describe, expect, it, vi } from 'vitest'
import { counts, hostile, load } from '../../../test/support/hostile-values.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

import { readRecording } from '../page/recorded-file.ts'
import { Recorder } from '../src/recorder.ts'
import { useBulkInspector } from '../src/index.ts'
import { serve } from './support/server.ts'

/** A server with one loader. */
function small() {
  return createYoga({
    logging: false,
    batching: { limit: 20 },
    plugins: [useBulk({ ones: (keys: number[]) => keys }), useBulkInspector({ enabled: () => true })],
    schema: createSchema<any>({
      typeDefs: 'type Query { one: Int }',
      resolvers: { Query: { one: (_, __, { bulk }) => bulk.ones.load(1) } },
    }),
  })
}

describe('the signal of a request', () => {
  it('S40 has one listener for all operations of an HTTP batch, and none when they have ended', async () => {
    const added = vi.spyOn(AbortSignal.prototype, 'addEventListener')
    const removed = vi.spyOn(AbortSignal.prototype, 'removeEventListener')
    const yoga = small()
    const { signal } = new AbortController()
    const body = JSON.stringify(Array.from({ length: 12 }, () => ({ query: '{ one }' })))
    const headers = { 'content-type': 'application/json' }
    const request = new Request('http://localhost/graphql', { method: 'POST', headers, body, signal })
    const response = await yoga.fetch(request)
    expect(await response.json()).toHaveLength(12)
    const ours = (spy: { mock: { calls: unknown[][]; contexts: unknown[] } }): number =>
      spy.mock.calls.filter(
        ([, listener], i) => spy.mock.contexts[i] === request.signal && typeof listener === 'object',
      ).length
    const listeners = [ours(added), ours(removed)]
    vi.restoreAllMocks()
    expect(listeners[0]).toBeGreaterThan(0)
    expect(listeners[0]).toBeLessThan(12)
    expect(listeners[1]).toBe(listeners[0])
  })

  it('S50 may be missing, since the request may be that of another server', async () => {
    const { parse, contextFactory, execute, schema } = small().getEnveloped({
      request: { url: '/' },
    } as never)
    const contextValue = await contextFactory()
    expect(await execute({ schema, document: parse('{ one }'), contextValue })).toEqual({ data: { one: 1 } })
  })
})

describe('S50 the recorder', () => {
  for (const [what, make] of Object.entries(hostile)) {
    it.each(counts)(`has bulks with ${what}, %i at a time`, async count => {
      const recorder = new Recorder({ keeps: 10 })
      const scope = new BulkScope()
      const end = recorder.begin(scope, 'query')
      const uncaught = await uncaughtDuring(() => load(make, count, scope))
      end(0)
      recorder.stop()
      const { bulks } = recorder.shelf.recording.operations[0]!

      expect(uncaught).toEqual([])
      expect(bulks.length).toBeGreaterThanOrEqual(6 * (2 + count))
      expect(bulks.every(({ settledAt }) => settledAt !== null)).toBe(true)
      const errors = bulks.flatMap(({ error }) => (error === null ? [] : [error]))
      expect(errors.length).toBeGreaterThan(0)
      expect(errors.every(error => typeof error === 'string' && error.length <= 500)).toBe(true)
      const text = JSON.stringify(recorder.shelf.recording)
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
    const recorder = new Recorder({ keeps: 10 })
    const scope = new BulkScope()
    const end = recorder.begin(scope, 'query')
    const limiter = Object.assign(make(), { acquire: () => slot, leave() {} })
    const uncaught = await uncaughtDuring(async () => {
      await new AsyncBulkCall((tasks: readonly number[]) => tasks, { scope, concurrent: limiter }).call(1)
    })
    end(0)
    recorder.stop()

    expect(uncaught).toEqual([])
    const text = JSON.stringify(recorder.shelf.recording)
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
    // Without useBulk, which would say that its loaders have been replaced.
    const yoga = createYoga({
      logging: false,
      plugins: [
        {
          onExecute: ({ args }: any) =>
            void Object.defineProperty(args.contextValue, 'bulk', { value: make() }),
        },
        useBulkInspector({ enabled: () => true }),
      ],
      schema: createSchema({
        typeDefs: 'type Query { number: Int }',
        resolvers: { Query: { number: () => 1 } },
      }),
    })
    const response = await yoga.fetch('http://localhost/graphql?query={number}')

    expect(await response.json()).toEqual({ data: { number: 1 } })
  })

  it.each([
    ['undefined', undefined],
    ['errors that are no list', { data: { number: 1 }, errors: 5 }],
    ['parts that are no list', { data: { number: 1 }, incremental: 7, completed: {} }],
  ])('takes a result that is %s', async (_, result) => {
    const uncaught = await uncaughtDuring(async () => {
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
