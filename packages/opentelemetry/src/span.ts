/**
 * The span of a bulk: its name, its instants and its attributes.
 * @module
 */

import type { BulkEvent } from '@bulkcall/core'
import {
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type Context,
  type Exception,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api'

/** As long as a text of a span may be: errors of databases quote whole statements, with all that a client has asked for. */
const longest = 5_000

/** The span of a bulk that starts. Names that begin with `graphql` are those of the GraphQL OpenTelemetry working group. */
export function start(tracer: Tracer, event: BulkEvent, links: Link[], below: Context): Span {
  const { name, openedAt, readyAt, startedAt } = event
  const span = tracer.startSpan(
    `GraphQL DataLoader Batch ${name}`,
    {
      kind: SpanKind.INTERNAL,
      startTime: epoch(openedAt ?? readyAt),
      links,
      attributes: attributesOf(event),
    },
    below,
  )
  span.addEvent('bulkcall.ready', epoch(readyAt))
  span.addEvent('bulkcall.started', epoch(startedAt))
  return span
}

/** Ends the span of a bulk that has ended. */
export function finish(span: Span, event: BulkEvent): void {
  const { none, failed, error, abandoned, settledAt } = event
  span.setAttributes({ 'bulkcall.none': none, 'bulkcall.failed': failed, 'bulkcall.abandoned': abandoned })
  if (error !== undefined) {
    const thrown = exceptionOf(error)
    span.setAttribute('error.type', thrown.type)
    span.recordException(thrown.exception, epoch(settledAt!))
    span.setStatus({ code: SpanStatusCode.ERROR, message: thrown.message })
  }
  span.end(epoch(settledAt!))
}

function attributesOf(event: BulkEvent): Attributes {
  const { openedAt, readyAt, startedAt, scope, limiter, size, delay } = event
  // It is somebody else's, and may throw when it is asked.
  const slots = limiter === null ? undefined : numberIn(limiter, 'slots')
  // A client chooses it.
  const operation = textIn(scope, 'name')
  return {
    'graphql.processing.type': 'dataloader_batch',
    'graphql.dataloader.name': event.name,
    'graphql.dataloader.batch.size': event.tasks,
    'bulkcall.cause': event.cause,
    'bulkcall.window_ms': readyAt - (openedAt ?? readyAt),
    'bulkcall.slot_wait_ms': startedAt - readyAt,
    'bulkcall.pending': event.pending,
    'bulkcall.in_flight': event.inFlight,
    ...(operation === undefined ? {} : { 'graphql.operation.name': operation }),
    // No exporter writes an infinite number.
    ...(size === Infinity ? {} : { 'bulkcall.size': size }),
    ...(delay === Infinity ? {} : { 'bulkcall.delay_ms': delay }),
    ...(slots === undefined ? {} : { 'bulkcall.slots': slots }),
  }
}

/** Of a monotonic instant, that of the wall clock. Asked each time: the two drift apart, as when a machine has slept. */
function epoch(instant: number): number {
  return Date.now() - performance.now() + instant
}

interface Thrown {
  readonly type: string
  readonly exception: Exception
  readonly message: string
}

/**
 * What was thrown, in words. Anything can be, also what throws when it is looked at, or gives another answer the second time:
 * each property is read once, and what goes to the SDK is a plain object of ours. An Error of another realm is one too.
 */
function exceptionOf(error: unknown): Thrown {
  const code = textIn(error, 'code')
  const name = textIn(error, 'name')
  const message = textIn(error, 'message')
  const type = code ?? name ?? typeof error
  if (message === undefined) {
    const words = typeof error === 'string' ? error.slice(0, longest) : `not an Error: ${typeof error}`
    return { type, exception: words, message: words }
  }
  const known = {
    code: code ?? numberIn(error, 'code'),
    name,
    stack: textIn(error, 'stack'),
  }
  const properties = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))
  return { type, exception: { ...properties, message }, message }
}

function textIn(value: unknown, name: string): string | undefined {
  const found = read(value, name)
  return typeof found === 'string' ? found.slice(0, longest) : undefined
}

function numberIn(value: unknown, name: string): number | undefined {
  const found = read(value, name)
  return typeof found === 'number' ? found : undefined
}

/** A property of any value, if it can be read. */
function read(value: unknown, name: string): unknown {
  try {
    return Object(value)[name]
  } catch {
    return undefined
  }
}
