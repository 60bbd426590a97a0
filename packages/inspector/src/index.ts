/**
 * Bulkcall turns many single calls into few bulk calls: a page that shows the bulks of GraphQL Yoga as they form.
 * @module
 */

export { useBulkInspector } from './use-bulk-inspector.ts'

export type { BulkInspectorOptions } from './use-bulk-inspector.ts'
export type {
  Arrival,
  RecordedBulk,
  RecordedDocument,
  RecordedLimiter,
  RecordedOperation,
  Recording,
} from './recording.ts'
