/**
 * The errors of ours. Their messages cite the key of a limiter, the name of a command and numbers, never a key, a task or a
 * result.
 * @module
 */

import { BulkError } from '@bulkcall/core'

/** Redis is away and the limiter is set to reject (`whenDown: 'reject'`). What Redis said, if anything, is the cause. */
export class BulkLimiterDownError extends BulkError {
  readonly code = 'BULK_LIMITER_DOWN'
  /** The bound that was met, in ms. */
  readonly deadlineMs: number
  constructor(key: string, deadlineMs: number, cause?: unknown) {
    super(
      `Bulkcall: ${key} must hear from Redis within ${deadlineMs} ms, got ${cause === undefined ? 'no answer' : 'an error'}`,
    )
    this.deadlineMs = deadlineMs
    if (cause !== undefined) this.cause = cause
  }
}

/**
 * A slot was taken from a command that still runs, or has just ended: Redis has lost its data, or could not be reached for a
 * whole lease. Another command may have run in its place, so for a while there may have been one more than the limit says.
 */
export class BulkSlotLostError extends BulkError {
  readonly code = 'BULK_SLOT_LOST'
  /** For how long the slot was held, in ms. */
  readonly heldMs: number
  constructor(key: string, heldMs: number) {
    super(`Bulkcall: ${key} must keep its slot until it is given back, got it taken away after ${heldMs} ms`)
    this.heldMs = heldMs
  }
}

/** The store of a cache is slow or away, and is left alone for a while. What it said, if anything, is the cause. */
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
 * Some entries cannot be read as what a cache has written, or cannot be written at all. Their keys are missing, no others;
 * what could not be read is replaced or deleted. What the store said, if anything, is the cause.
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

/** It is not sure that the store has forgotten these keys: old values may be given for as long as they live. */
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
