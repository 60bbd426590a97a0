/**
 * Spans of bulks, with the SDK of OpenTelemetry and an exporter that keeps them.
 */

import { AsyncBulkCall, BulkLoader, BulkScope, semaphore, type BulkCallOptions } from '@bulkcall/core'
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BulkcallInstrumentation, type BulkcallInstrumentationConfig } from '../src/index.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = tracerProvider.getTracer('the application')
let unregister = (): void => {}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

afterAll(() => context.disable())

afterEach(() => {
  unregister()
  exporter.reset()
})

function instrument(config?: BulkcallInstrumentationConfig): BulkcallInstrumentation {
  const instrumentation = new BulkcallInstrumentation(config)
  unregister = registerInstrumentations({ tracerProvider, instrumentations: [instrumentation] })
  return instrumentation
}

/** Runs work in a span of its own, which ends with it. */
function within<R>(name: string, work: (span: Span) => Promise<R>): Promise<R> {
  return tracer.startActiveSpan(name, span => work(span).finally(() => span.end()))
}

function spanOf(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter(span => span.name === name)
  expect(found.map(span => span.name)).toEqual([name])
  return found[0]!
}

function nameOf(spanId: string | undefined): string | undefined {
  return exporter.getFinishedSpans().find(span => span.spanContext().spanId === spanId)?.name
}

function parentOf(span: ReadableSpan): string | undefined {
  return nameOf(span.parentSpanContext?.spanId)
}

function linksOf(span: ReadableSpan): [string | undefined, unknown][] {
  return span.links.map(link => [
    nameOf(link.context.spanId),
    link.attributes?.['graphql.selection.field.coordinate'],
  ])
}

const echo = async (tasks: readonly unknown[]): Promise<readonly unknown[]> => tasks

function makeCall(options: BulkCallOptions = {}) {
  return new AsyncBulkCall(echo, { name: 'echo', ...options })
}

const batch = 'GraphQL DataLoader Batch echo'

function ms([seconds, nanos]: readonly [number, number]): number {
  return seconds * 1e3 + nanos / 1e6
}

/** The wall clock counts whole milliseconds where the instants of a span are made. */
function isWithin2ms(a: number, b: unknown): void {
  expect(Math.abs(a - (b as number))).toBeLessThan(2)
}

/** A driver, with a span of its own. */
const select = (keys: readonly number[]): readonly number[] =>
  tracer.startActiveSpan('SELECT', span => {
    span.end()
    return keys
  })

describe('the span of a bulk', () => {
  it('has the name, kind and attributes of the draft for GraphQL', async () => {
    instrument()
    const scope = new BulkScope({ name: 'Feed' })
    await makeCall({ scope, size: 10, delay: 60_000, concurrent: 2 }).callMany(['a', 'b', 'c'])

    const span = spanOf(batch)
    expect(span.kind).toBe(SpanKind.INTERNAL)
    expect(span.instrumentationScope.name).toBe('@bulkcall/opentelemetry')
    expect(span.status.code).toBe(SpanStatusCode.UNSET)
    expect(span.attributes).toEqual({
      'graphql.processing.type': 'dataloader_batch',
      'graphql.dataloader.name': 'echo',
      'graphql.dataloader.batch.size': 3,
      'graphql.operation.name': 'Feed',
      'bulkcall.cause': 'quiet',
      'bulkcall.size': 10,
      'bulkcall.delay_ms': 60_000,
      'bulkcall.slots': 2,
      'bulkcall.window_ms': expect.any(Number),
      'bulkcall.slot_wait_ms': expect.any(Number),
      'bulkcall.pending': 0,
      'bulkcall.in_flight': 1,
      'bulkcall.none': false,
      'bulkcall.failed': 0,
      'bulkcall.abandoned': false,
    })
  })

  it('counts what is asked: neither keys that are known already nor equal ones', async () => {
    instrument()
    const users = new BulkLoader(echo, { name: 'echo' })
    users.prime(1, 'known')
    await users.loadMany([1, 2, 2, 3])

    expect(spanOf(batch).attributes['graphql.dataloader.batch.size']).toBe(2)
  })

  it('lasts from the first task to the end of the command, with the window and the wait for a slot kept apart', async () => {
    instrument()
    const concurrent = semaphore(1)
    const slot = concurrent.acquire({ granted() {}, refused() {} })!
    const call = makeCall({ size: 2, delay: Infinity, concurrent })
    const first = call.call(1)
    await pass(20)
    const second = call.call(2)
    await pass(30)
    slot.release()
    await Promise.all([first, second])

    const { attributes, startTime, endTime, events } = spanOf(batch)
    const [ready, started] = events
    expect(events.map(({ name }) => name)).toEqual(['bulkcall.ready', 'bulkcall.started'])
    expect(attributes['bulkcall.window_ms']).toBeGreaterThanOrEqual(19)
    expect(attributes['bulkcall.slot_wait_ms']).toBeGreaterThanOrEqual(29)
    isWithin2ms(ms(ready!.time) - ms(startTime), attributes['bulkcall.window_ms'])
    isWithin2ms(ms(started!.time) - ms(ready!.time), attributes['bulkcall.slot_wait_ms'])
    expect(ms(endTime) - ms(started!.time)).toBeGreaterThanOrEqual(-2)
    expect(Math.abs(ms(endTime) - Date.now())).toBeLessThan(5_000)
  })

  it('records what the bulk failed with', async () => {
    instrument()
    const error = Object.assign(new TypeError('no such table'), { code: '42P01' })
    const call = new AsyncBulkCall(() => Promise.reject(error), { name: 'echo' })
    await Promise.allSettled([call.call(1), call.call(2)])

    const { status, attributes, events } = spanOf(batch)
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such table' })
    expect(attributes).toMatchObject({ 'error.type': '42P01', 'bulkcall.failed': 2 })
    expect(events.at(-1)).toMatchObject({
      name: 'exception',
      attributes: { 'exception.message': 'no such table' },
    })
  })

  it.each([
    ['a word', 'a word'],
    [Symbol('odd'), 'not an Error: symbol'],
    [Object.create(null) as object, 'not an Error: object'],
  ])('ends also when what was thrown is no Error: %o', async (thrown, message) => {
    instrument()
    const call = new AsyncBulkCall(() => Promise.reject(thrown), { name: 'echo' })
    await call.call(1).catch(() => {})

    expect(spanOf(batch).status).toEqual({ code: SpanStatusCode.ERROR, message })
  })

  it('counts tasks that failed one by one, and is no failure itself', async () => {
    instrument()
    const call = new AsyncBulkCall(async () => ['good', new Error('bad')], { name: 'echo' })
    await Promise.allSettled([call.call(1), call.call(2)])

    const { status, attributes } = spanOf(batch)
    expect(status.code).toBe(SpanStatusCode.UNSET)
    expect(attributes['bulkcall.failed']).toBe(1)
  })

  it('says that the command gave none', async () => {
    instrument()
    await new AsyncBulkCall(async () => null, { name: 'echo' }).call(1)

    expect(spanOf(batch).attributes['bulkcall.none']).toBe(true)
  })

  it('ends when its command is abandoned', async () => {
    instrument()
    const call = new AsyncBulkCall(() => new Promise<never>(() => {}), { name: 'echo', timeout: 5 })
    await call.call(1).catch(() => {})
    await call.flush()

    const { status, attributes } = spanOf(batch)
    expect(status.code).toBe(SpanStatusCode.ERROR)
    expect(attributes).toMatchObject({ 'error.type': 'BULK_TIMEOUT', 'bulkcall.abandoned': true })
  })

  it('holds no key', async () => {
    instrument()
    await makeCall().callMany(['s3cret 1', 's3cret 2'])

    const { attributes, events, links } = spanOf(batch)
    expect(JSON.stringify({ attributes, events, links })).not.toContain('s3cret')
  })

  it('is the active one in the command, which may tell more of it', async () => {
    instrument()
    const call = new AsyncBulkCall(
      async (keys: readonly string[]) => {
        trace.getActiveSpan()?.setAttribute('graphql.dataloader.batch.keys', [...keys])
        await pass(1)
        return within('SELECT', async () => keys)
      },
      { name: 'echo' },
    )
    await call.callMany(['a', 'b'])

    expect(spanOf(batch).attributes['graphql.dataloader.batch.keys']).toEqual(['a', 'b'])
    expect(parentOf(spanOf('SELECT'))).toBe(batch)
  })

  it('is the active one also in commands whose work is done later: generators, and promises that start when they are asked', async () => {
    instrument()
    const commands = [
      function* (keys: readonly number[]) {
        yield* select(keys)
      },
      async function* (keys: readonly number[]) {
        await pass(1)
        yield* select(keys)
      },
      (keys: readonly number[]) => ({
        // oxlint-disable-next-line unicorn/no-thenable -- as some query builders are
        then: (resolve: (results: readonly number[]) => void) => resolve(select(keys)),
      }),
    ]
    for (const command of commands) {
      const call = new AsyncBulkCall(command as (keys: readonly number[]) => Iterable<number>, {
        name: 'echo',
      })
      void call.call(1)
      await call.flush()
      expect(parentOf(spanOf('SELECT'))).toBe(batch)
      exporter.reset()
    }
  })
})

describe('the parent', () => {
  it('is the span in which all tasks were called', async () => {
    instrument()
    const call = makeCall()
    await within('request', () => Promise.all([call.call(1), call.call(2)]))

    expect(parentOf(spanOf(batch))).toBe('request')
    expect(linksOf(spanOf(batch))).toEqual([['request', undefined]])
  })

  it('is the span of which all callers are children, below the one in which the call was made', async () => {
    instrument()
    await within('request', async () => {
      const call = makeCall()
      await within('execute', () =>
        Promise.all([within('Post.author', () => call.call(1)), within('Post.editor', () => call.call(2))]),
      )
    })

    expect(parentOf(spanOf(batch))).toBe('execute')
    expect(linksOf(spanOf(batch))).toEqual([
      ['Post.author', undefined],
      ['Post.editor', undefined],
    ])
  })

  it('is a caller that the others are children of', async () => {
    instrument()
    const call = makeCall()
    await within('execute', () => Promise.all([within('Post.author', () => call.call(1)), call.call(2)]))

    expect(parentOf(spanOf(batch))).toBe('execute')
  })

  it('is the span in which the scope of the call was made, where the callers of its trace have no other in common', async () => {
    instrument()
    await within('request', async () => {
      const call = makeCall({ scope: new BulkScope() })
      await Promise.all([
        within('a', () => within('b', () => call.call(1))),
        within('c', () => within('d', () => call.call(2))),
      ])
    })

    expect(parentOf(spanOf(batch))).toBe('request')
  })

  it('is the first caller where callers are of several traces, whoever made the call', async () => {
    instrument()
    const call = await within('start-up', async () => makeCall({ scope: new BulkScope() }))
    await Promise.all([within('request 1', () => call.call(1)), within('request 2', () => call.call(2))])

    expect(parentOf(spanOf(batch))).toBe('request 1')
    expect(linksOf(spanOf(batch)).map(([name]) => name)).toEqual(['request 1', 'request 2'])
  })

  it('is the first caller whose trace is recorded', async () => {
    instrument()
    const call = makeCall()
    const unrecorded = trace.wrapSpanContext({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 0,
    })
    await Promise.all([
      context.with(trace.setSpan(context.active(), unrecorded), () => call.call(1)),
      within('request', () => call.call(2)),
    ])

    expect(parentOf(spanOf(batch))).toBe('request')
  })

  it('is not there where nobody asks in a span', async () => {
    instrument()
    await makeCall().call(1)

    expect(spanOf(batch).parentSpanContext).toBeUndefined()
    expect(spanOf(batch).links).toEqual([])
  })

  it('lends its span alone: what else the callers carry stays with them', async () => {
    instrument()
    let seen: unknown
    const call = new AsyncBulkCall(
      async tasks => {
        seen = propagation.getBaggage(context.active())
        return tasks
      },
      { name: 'echo' },
    )
    const tenant = propagation.createBaggage({ tenant: { value: 'one' } })
    await context.with(propagation.setBaggage(context.active(), tenant), () =>
      within('request', () => call.call(1)),
    )

    expect(parentOf(spanOf(batch))).toBe('request')
    expect(seen).toBeUndefined()
  })
})

describe('the links', () => {
  it('are at most 128, or what is said, and the tasks that are not linked are counted all the same', async () => {
    for (const [config, links] of [
      [undefined, 128],
      [{ maxLinks: 3 }, 3],
      [{ maxLinks: 0 }, 0],
    ] as const) {
      instrument(config)
      const call = makeCall()
      await Promise.all(Array.from({ length: 200 }, (_, task) => within('caller', () => call.call(task))))

      const span = spanOf(batch)
      expect(span.links.length).toBe(links)
      expect(span.attributes['graphql.dataloader.batch.size']).toBe(200)
      unregister()
      exporter.reset()
    }
  })

  it('tell the field that asks, and are one for each span and field', async () => {
    instrument()
    const fields = ['Post.author', 'Post.author', 'Post.editor', 'Post.author']
    let field: string | undefined
    const call = makeCall({ scope: new BulkScope({ caller: () => field }) })
    await within('execute', () =>
      Promise.all(
        fields.map(each => {
          field = each
          return call.call(each)
        }),
      ),
    )

    expect(linksOf(spanOf(batch))).toEqual([
      ['execute', 'Post.author'],
      ['execute', 'Post.editor'],
    ])
  })
})

describe('the instrumentation', () => {
  it('makes no span before it is enabled or after it is disabled', async () => {
    const instrumentation = new BulkcallInstrumentation({ enabled: false })
    instrumentation.setTracerProvider(tracerProvider)
    const call = makeCall()
    await call.call(1)
    instrumentation.enable()
    instrumentation.enable()
    await call.call(2)
    instrumentation.disable()
    await call.call(3)

    expect(exporter.getFinishedSpans().length).toBe(1)
  })

  it('sees bulks to their end that had opened before', async () => {
    const call = makeCall({ delay: 1_000_000 })
    const answer = call.call(1)
    instrument()
    await call.flush()

    expect(await answer).toBe(1)
    expect(spanOf(batch).parentSpanContext).toBeUndefined()
  })

  it('says where an option is wrong', () => {
    expect(() => new BulkcallInstrumentation({ maxLinks: -1 })).toThrow(
      'Bulkcall: maxLinks must be a whole number from 0, got -1',
    )
    expect(() => new BulkcallInstrumentation({ maxlinks: 3 } as object)).toThrow("did you mean 'maxLinks'?")
  })
})

function pass(time: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, time)
  })
}
