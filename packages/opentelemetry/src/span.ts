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
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api'

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
    span.setAttribute('error.type', typeOf(error))
    span.recordException(isException(error) ? error : nameOf(error), epoch(settledAt!))
    span.setStatus({
      code: SpanStatusCode.ERROR,
      message: isException(error) ? error.message : nameOf(error),
    })
  }
  span.end(epoch(settledAt!))
}

function attributesOf(event: BulkEvent): Attributes {
  const { openedAt, readyAt, startedAt, scope, limiter, size, delay } = event
  return {
    'graphql.processing.type': 'dataloader_batch',
    'graphql.dataloader.name': event.name,
    'graphql.dataloader.batch.size': event.tasks,
    'bulkcall.cause': event.cause,
    'bulkcall.window_ms': readyAt - (openedAt ?? readyAt),
    'bulkcall.slot_wait_ms': startedAt - readyAt,
    'bulkcall.pending': event.pending,
    'bulkcall.in_flight': event.inFlight,
    ...(scope?.name === undefined ? {} : { 'graphql.operation.name': scope.name }),
    // No exporter writes an infinite number.
    ...(size === Infinity ? {} : { 'bulkcall.size': size }),
    ...(delay === Infinity ? {} : { 'bulkcall.delay_ms': delay }),
    ...(limiter?.slots === undefined ? {} : { 'bulkcall.slots': limiter.slots }),
  }
}

/** Of a monotonic instant, that of the wall clock. Asked each time: the two drift apart, as when a machine has slept. */
function epoch(instant: number): number {
  return Date.now() - performance.now() + instant
}

function typeOf(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : typeof error
}

/** Anything can be thrown; an Error of another realm is one too. */
function isException(error: unknown): error is Error {
  return typeof (Object(error) as { message?: unknown }).message === 'string'
}

/** What was thrown and is no error, in words. */
function nameOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : `not an Error: ${typeof thrown}`
}
