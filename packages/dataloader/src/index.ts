/**
 * Bulkcall turns many single calls into few bulk calls: a drop-in for the package `dataloader`.
 * @module
 */

export { DataLoader, DataLoader as default } from './data-loader.ts'

export type { BatchLoadFn, CacheMap, LoadOptions, Options } from './options.ts'
