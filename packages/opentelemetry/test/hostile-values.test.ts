/**
 * Whatever is thrown or given as a result, each bulk has its span, and nothing is thrown out of the instrumentation.
 */

import { AsyncBulkCall, BulkScope } from '@bulkcall/core'
import { diag, SpanStatusCode } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, it } from 'vitest'
import { counts, hostile, load } from '../../../test/support/hostile-values.ts'
import { uncaughtDuring } from '../../../test/support/unhandled.ts'

import { BulkcallInstrumentation } from '../src/index.ts'

/** The spans of bulks that have to do with a value, and what nobody caught. */
async function traced(work: () => Promise<void>) {
  const exporter = new InMemorySpanExporter()
  const instrumentation = new BulkcallInstrumentation()
  instrumentation.setTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  )
  const uncaught = await uncaughtDuring(work)
  instrumentation.disable()
  return { uncaught, spans: exporter.getFinishedSpans() }
}

describe('S50 the instrumentation', () => {
  for (const [what, make] of Object.entries(hostile)) {
    it.each(counts)(`has spans of bulks with ${what}, %i at a time`, async count => {
      const { uncaught, spans } = await traced(() => load(make, count, new BulkScope()))
      const failed = spans.filter(({ status }) => status.code === SpanStatusCode.ERROR)

      expect(uncaught).toEqual([])
      expect(spans.length).toBeGreaterThanOrEqual(6 * (2 + count))
      expect(failed.length).toBeGreaterThan(0)
      for (const { status, attributes } of failed) {
        expect(status.message).toEqual(expect.any(String))
        expect(attributes['error.type']).toEqual(expect.any(String))
      }
    })
  }

  it('says of an error of another realm what it says of any', async () => {
    const call = new AsyncBulkCall(() => {
      throw hostile['an error of another realm']!(0)
    })
    const { spans } = await traced(() => call.call(0).catch(() => {}))

    expect(spans[0]!.attributes['error.type']).toBe('TypeError')
    expect(spans[0]!.status.message).toBe('far away')
    expect(spans[0]!.events.find(({ name }) => name === 'exception')!.attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'far away',
      'exception.stacktrace': expect.stringContaining('far away'),
    })
  })

  it('takes a limiter that throws when it is looked at', async () => {
    const limiter = {
      acquire: () => ({ release() {} }),
      leave() {},
      get slots(): number {
        throw new Error('slots')
      },
    }
    const call = new AsyncBulkCall((tasks: readonly number[]) => tasks, { concurrent: limiter })
    const { uncaught, spans } = await traced(() => call.call(0) as Promise<unknown> as Promise<void>)

    expect(uncaught).toEqual([])
    expect(spans).toHaveLength(1)
  })

  it.each([
    ['a sampler', { shouldSample: () => fails('sampler') }, {}],
    ['a processor, at the start', undefined, { onStart: () => fails('processor') }],
    ['a processor, at the end', undefined, { onEnd: () => fails('processor') }],
  ])('S277 is not hurt by %s that throws, nor is the process, and says so', async (_, sampler, more) => {
    const said: unknown[] = []
    diag.setLogger({ ...silent, error: (...words) => said.push(words) })
    const idle = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} }
    const instrumentation = new BulkcallInstrumentation()
    instrumentation.setTracerProvider(
      new BasicTracerProvider({
        spanProcessors: [{ ...idle, ...more }],
        ...(sampler && { sampler: { ...sampler, toString: () => 'sampler' } }),
      }),
    )
    try {
      const call = new AsyncBulkCall((tasks: readonly number[]) => tasks)
      let answer: number | undefined
      const uncaught = await uncaughtDuring(async () => {
        answer = await call.call(7)
      })
      expect(uncaught).toEqual([])
      expect(answer).toBe(7)
      expect(said).toEqual([['@bulkcall/opentelemetry', expect.any(Error)]])
    } finally {
      instrumentation.disable()
      diag.disable()
    }
  })

  it('S278 cuts texts without end', async () => {
    const endless = 'x'.repeat(1_000_000)
    const call = new AsyncBulkCall(
      () => {
        throw Object.assign(new Error(endless), { code: endless, name: endless })
      },
      { scope: new BulkScope({ name: endless }) },
    )
    const { spans } = await traced(() => call.call(0).catch(() => {}))
    const { attributes, events, status } = spans[0]!

    expect(JSON.stringify([attributes, events.map(event => event.attributes), status]).length).toBeLessThan(
      40_000,
    )
    expect(attributes['graphql.operation.name']).toBe(endless.slice(0, 5_000))
    expect(status.message).toBe(endless.slice(0, 5_000))
  })

  it('S278 cuts a text that was thrown', async () => {
    const call = new AsyncBulkCall(() => {
      throw 'x'.repeat(1_000_000)
    })
    const { spans } = await traced(() => call.call(0).catch(() => {}))
    expect(spans[0]!.status.message).toBe('x'.repeat(5_000))
  })
})

const silent = { error() {}, warn() {}, info() {}, debug() {}, verbose() {} }

function fails(what: string): never {
  throw new Error(what)
}
