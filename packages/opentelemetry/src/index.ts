/**
 * Bulkcall turns many single calls into few bulk calls: spans for OpenTelemetry.
 * @module
 */

export { BulkcallInstrumentation } from './instrumentation.ts'

export type { BulkcallInstrumentationConfig } from './instrumentation.ts'
