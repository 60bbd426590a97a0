/**
 * Traces: a span for each request and for each bulk, printed as a tree when the request has been answered.
 * @module
 */

import type { RequestListener } from 'node:http'

import { BulkcallInstrumentation } from '@bulkcall/opentelemetry'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'

/** A handler whose requests have spans, once there is a tracer. */
export function traced(handler: RequestListener): RequestListener {
  return (request, response) => {
    const name = `${request.method} ${request.url!.split('?', 1)[0]}`
    trace.getTracer('airports').startActiveSpan(name, span => {
      response.once('close', () => span.end())
      handler(request, response)
    })
  }
}

/** Prints a trace of each request from now on. */
export function printTraces(print: (...lines: string[]) => void): { close(): Promise<void> } {
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new Printer(print))] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const instrumentation = new BulkcallInstrumentation()
  return {
    async close() {
      instrumentation.disable()
      await provider.shutdown()
    },
  }
}

/** Shorter than the console exporter of the SDK, which prints some thirty lines for a span. */
class Printer implements SpanExporter {
  readonly #print: (...lines: string[]) => void
  readonly #waiting = new Map<string, ReadableSpan[]>()

  constructor(print: (...lines: string[]) => void) {
    this.#print = print
  }

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    for (const span of spans) this.#add(span)
    done({ code: 0 })
  }

  shutdown(): Promise<void> {
    return Promise.resolve()
  }

  #add(span: ReadableSpan): void {
    const { traceId } = span.spanContext()
    const spans = [...(this.#waiting.get(traceId) ?? []), span]
    this.#waiting.set(traceId, spans)
    // The request ends last.
    if (span.parentSpanContext !== undefined) return
    this.#waiting.delete(traceId)
    const bulks = spans.filter(other => other !== span).toSorted((a, b) => at(a.startTime) - at(b.startTime))
    this.#print(`\n${line(span)}`, ...bulks.map(bulk => `  ${line(bulk)}${detailsOf(bulk)}`))
  }
}

function line({ name, duration }: ReadableSpan): string {
  return `${name}  ${at(duration).toFixed(1)} ms`
}

function detailsOf({ attributes }: ReadableSpan): string {
  const ms = (name: string): string => `${Number(attributes[name]).toFixed(1)} ms`
  return (
    `, ${String(attributes['graphql.dataloader.batch.size'])} keys, because of ${String(attributes['bulkcall.cause'])}` +
    ` (open ${ms('bulkcall.window_ms')}, waited ${ms('bulkcall.slot_wait_ms')})`
  )
}

function at([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1e3 + nanoseconds / 1e6
}
