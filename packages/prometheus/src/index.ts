/**
 * Bulkcall turns many single calls into few bulk calls: metrics for Prometheus.
 * @module
 */

export { measureBulks } from './measure-bulks.ts'

export type { MeasureBulksOptions } from './measure-bulks.ts'
export type { MetricName, MetricOption } from './metrics.ts'
