/**
 * Callers: the spans that were active where the tasks of one bulk were called.
 * @module
 */

import { trace, TraceFlags, type Link, type Span, type SpanContext } from '@opentelemetry/api'

/** Who called the tasks of one bulk: for its links, and for the choice of its parent. */
export class Callers {
  readonly links: Link[] = []
  readonly #maxLinks: number
  /** What is linked already: a thousand tasks of one field are one link. */
  readonly #linked = new Map<string, Set<string | undefined>>()
  /** The latest, as the next is usually the same. */
  #latest: Span | undefined
  #latestField: string | undefined
  /** The first whose trace is recorded, else the first. */
  #first: Span | undefined
  /** What all spans up to now have in common, the nearest first. */
  #common: readonly Span[] = []
  #oneTrace = true

  constructor(maxLinks: number) {
    this.#maxLinks = maxLinks
  }

  /** @param field that calls, where it is known, such as `Post.author` */
  add(span: Span, field: string | undefined): void {
    if (span === this.#latest && field === this.#latestField) return
    if (span !== this.#latest) this.#narrow(span)
    this.#latest = span
    this.#latestField = field
    if (this.links.length < this.#maxLinks) this.#link(span.spanContext(), field)
  }

  /**
   * The span below which the bulk belongs: the one that all callers have in common, as far as their spans can tell. Where
   * they cannot, it is the one in which the call was made, if all are of its trace; else the first caller.
   * @param home the span in which the call, or its scope, was made
   */
  parent(home: Span | undefined): Span | undefined {
    if (this.#first === undefined) return home
    const [nearest] = this.#common
    if (home === undefined) return nearest ?? this.#first
    if (nearest !== undefined) return isSame(nearest, home) ? home : nearest
    return this.#oneTrace && isOfOneTrace(this.#first, home) ? home : this.#first
  }

  #narrow(span: Span): void {
    const line = [span, ...parentOf(span)]
    if (this.#first === undefined) {
      this.#first = span
      this.#common = line
      return
    }
    this.#common = this.#common.filter(other => line.some(each => isSame(each, other)))
    if (!isOfOneTrace(this.#first, span)) this.#oneTrace = false
    if (!isRecorded(this.#first) && isRecorded(span)) this.#first = span
  }

  #link(context: SpanContext, field: string | undefined): void {
    const fields = this.#linked.get(context.spanId) ?? new Set()
    if (fields.has(field)) return
    this.#linked.set(context.spanId, fields.add(field))
    this.links.push(
      field === undefined
        ? { context }
        : { context, attributes: { 'graphql.selection.field.coordinate': field } },
    )
  }
}

/** The parent of a span, as the spans of the SDK tell it; the API has no way to ask. */
function parentOf(span: Span): Span[] {
  const { parentSpanContext } = span as { readonly parentSpanContext?: SpanContext }
  return parentSpanContext === undefined ? [] : [trace.wrapSpanContext(parentSpanContext)]
}

function isSame(a: Span, b: Span): boolean {
  return a === b || (a.spanContext().spanId === b.spanContext().spanId && isOfOneTrace(a, b))
}

function isOfOneTrace(a: Span, b: Span): boolean {
  return a.spanContext().traceId === b.spanContext().traceId
}

function isRecorded(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0
}
