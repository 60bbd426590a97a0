/**
 * Bulkcall turns many single calls into few bulk calls.
 * @module
 */

export { AsyncBulkCall } from './bulk-call.ts'
export { BulkLoader, bulkLoaderFactory } from './bulk-loader.ts'
export { SharedLoader } from './shared-loader.ts'
export { BulkScope } from './scope/bulk-scope.ts'
export { semaphore } from './limiter.ts'
export { grouped, isolated, keyed } from './results.ts'
export { onBulk } from './events.ts'
export { host } from './host.ts'
export {
  asError,
  BulkClosedError,
  BulkError,
  BulkLengthError,
  BulkOptionError,
  BulkOverflowError,
  BulkResultError,
  BulkTimeoutError,
  isBulkError,
  isError,
} from './errors.ts'

export type { AsyncBulkCallConstructor } from './bulk-call.ts'
export type { CloseOptions } from './engine/closing.ts'
export type { CacheMap } from './cache/cache.ts'
export type {
  Command,
  CommandContext,
  LoaderCommand,
  LoaderResults,
  None,
  ResultOf,
  Results,
} from './command.ts'
export type { BulkEvent, BulkListener, Cause, OpenBulk } from './events.ts'
export type { AsyncContext, Host } from './host.ts'
export type { Limiter, Slot, Waiter } from './limiter.ts'
export type {
  BulkLoaderConstructor,
  BulkLoaderFactory,
  BulkLoaderFactoryOptions,
  BulkLoaderOptions,
  NullKeys,
  OrNull,
} from './bulk-loader.ts'
export type { BulkCallOptions, CallOptions } from './options.ts'
export type { IsolatedOptions, Rows } from './results.ts'
export type { BulkPiece, BulkScopeOptions } from './scope/bulk-scope.ts'
export type {
  OwnLoaderOptions,
  SharedCommandContext,
  SharedLoaderConstructor,
  SharedLoaderOptions,
} from './shared-loader.ts'
