/**
 * The instrumentation: a span for each bulk, in the middle between its callers and what its command does.
 * @module
 */

import { onBulk, type BulkEvent, type OpenBulk } from '@bulkcall/core'
import { check, checkNames } from '@bulkcall/core/kit'
import { context, diag, trace, type Span, type Tracer, type TracerProvider } from '@opentelemetry/api'
import { Callers } from './callers.ts'
import { finish, start } from './span.ts'

/** The options of a `BulkcallInstrumentation`. */
export interface BulkcallInstrumentationConfig {
  /**
   * Whether it listens from the start, and not only when `enable` is called.
   * @default true
   */
  enabled?: boolean
  /**
   * How many links to its callers a span has at most. A whole number from 0.
   * @default 128
   */
  maxLinks?: number
}

const name = '@bulkcall/opentelemetry'

/**
 * Makes a span for each bulk, `GraphQL DataLoader Batch {name}`. It is an `Instrumentation` as OpenTelemetry's SDK takes
 * them, `new NodeSDK({ instrumentations: [new BulkcallInstrumentation()] })`, and patches no module: it may be loaded
 * before or after everything else.
 */
export class BulkcallInstrumentation {
  readonly instrumentationName: string = name
  /** The interface asks for it. */
  readonly instrumentationVersion: string = ''
  #config: Required<BulkcallInstrumentationConfig>
  #tracer: Tracer = trace.getTracer(name)
  #stop: (() => void) | null = null
  // Weak: a bulk whose callers have all gone is never reported again.
  readonly #callers = new WeakMap<OpenBulk, Callers>()
  /** The latest, as the next task usually joins the same bulk. */
  #latest: { readonly bulk: OpenBulk; readonly callers: Callers } | null = null
  readonly #spans = new WeakMap<BulkEvent, Span>()

  constructor(config: BulkcallInstrumentationConfig = {}) {
    this.#config = checked(config)
    if (this.#config.enabled) this.enable()
  }

  /** Starts to listen. */
  enable(): void {
    this.#stop ??= onBulk({
      called: (bulk, _, field) => guarded(() => this.#called(bulk, field)),
      started: event => guarded(() => this.#started(event)),
      run: (event, command) => context.with(this.#around(event), command),
      settled: event => guarded(() => this.#settled(event)),
    })
  }

  /** Ends the listening. Spans of bulks that are in flight are not ended any more. */
  disable(): void {
    this.#stop?.()
    this.#stop = null
  }

  /** Where spans go from now on; until then, to the global provider. */
  setTracerProvider(provider: TracerProvider): void {
    this.#tracer = provider.getTracer(name)
  }

  /** There are no metrics here: `@bulkcall/prometheus` has them. */
  setMeterProvider(): void {}

  setConfig(config: BulkcallInstrumentationConfig): void {
    this.#config = checked(config)
  }

  getConfig(): BulkcallInstrumentationConfig {
    return this.#config
  }

  #called(bulk: OpenBulk, field: string | undefined): void {
    const span = trace.getActiveSpan()
    if (span === undefined) return
    if (this.#latest?.bulk !== bulk) this.#latest = { bulk, callers: this.#callersOf(bulk) }
    this.#latest.callers.add(span, field)
  }

  #callersOf(bulk: OpenBulk): Callers {
    let callers = this.#callers.get(bulk)
    if (callers === undefined) this.#callers.set(bulk, (callers = new Callers(this.#config.maxLinks)))
    return callers
  }

  /** Called in the neutral context in which the command runs too. */
  #started(event: BulkEvent): void {
    const here = context.active()
    const home = trace.getSpan(here)
    const callers = event.opening === null ? undefined : this.#callers.get(event.opening)
    const parent = callers === undefined ? home : callers.parent(home)
    const below = parent === undefined ? here : trace.setSpan(here, parent)
    this.#spans.set(event, start(this.#tracer, event, callers?.links ?? [], below))
  }

  /** The context of the command: its own, with the span of the bulk. That of a caller may be another tenant's. */
  #around(event: BulkEvent) {
    const here = context.active()
    const span = this.#spans.get(event)
    return span === undefined ? here : trace.setSpan(here, span)
  }

  #settled(event: BulkEvent): void {
    const span = this.#spans.get(event)
    if (span !== undefined) finish(span, event)
  }
}

/** What a sampler, a processor or an exporter throws is said where OpenTelemetry says such things, and ends no process. */
function guarded(work: () => void): void {
  try {
    work()
  } catch (error) {
    diag.error(name, error)
  }
}

function checked(config: BulkcallInstrumentationConfig): Required<BulkcallInstrumentationConfig> {
  checkNames(config, ['enabled', 'maxLinks'])
  const { enabled = true, maxLinks = 128 } = config
  check('enabled', typeof enabled === 'boolean', 'true or false', enabled)
  check('maxLinks', Number.isSafeInteger(maxLinks) && maxLinks >= 0, 'a whole number from 0', maxLinks)
  return { enabled, maxLinks }
}
