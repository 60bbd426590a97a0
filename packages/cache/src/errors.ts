/**
 * The errors of ours. Their messages cite the name of a command and numbers, never a key, a task or a result.
 * @module
 */

import { BulkError } from '@bulkcall/core'

/** The store of a cache is slow or down, and is left alone for a while. Its error, if there was one, is the `cause`. */
export class BulkStoreDownError extends BulkError {
  readonly code = 'BULK_STORE_DOWN'
  /** The bound that was met, in ms. */
  readonly budgetMs: number
  constructor(command: string, budgetMs: number, cause?: unknown) {
    super(
      `Bulkcall: the store of ${command} must answer within ${budgetMs} ms, got ${cause === undefined ? 'no answer' : 'an error'}`,
    )
    this.budgetMs = budgetMs
    if (cause !== undefined) this.cause = cause
  }
}

/**
 * Some entries cannot be read as what a cache has written, or cannot be written at all. Only their keys count as missing;
 * what could not be read is replaced or deleted. The error of the store, if there was one, is the `cause`.
 */
export class BulkEntryError extends BulkError {
  readonly code = 'BULK_ENTRY'
  /** Their names in the store. */
  readonly entries: readonly string[]
  constructor(command: string, does: 'read' | 'write', entries: readonly string[], cause?: unknown) {
    super(`Bulkcall: the store of ${command} must ${does} each entry, got ${entries.length} that it cannot`)
    this.entries = entries
    if (cause !== undefined) this.cause = cause
  }
}

/** The store may not have forgotten these keys: old values may be used until they expire. */
export class BulkForgetError extends BulkError {
  readonly code = 'BULK_FORGET'
  /** How many keys were to be forgotten. */
  readonly keys: number
  constructor(command: string, keys: number, cause?: unknown) {
    super(
      `Bulkcall: the store of ${command} must confirm that ${keys} keys are forgotten, got ${cause === undefined ? 'no answer' : 'an error'}`,
    )
    this.keys = keys
    if (cause !== undefined) this.cause = cause
  }
}
