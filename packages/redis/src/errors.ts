/**
 * The errors of ours. Their messages cite the key of a limiter and numbers, never a key, a task or a result.
 * @module
 */

import { BulkError } from '@bulkcall/core'

/**
 * Redis is away and the limiter is set to reject (`whenDown: 'reject'`). The error of the client, if there was one, is the
 * `cause`.
 */
export class BulkLimiterDownError extends BulkError {
  readonly code = 'BULK_LIMITER_DOWN'
  /** The bound that was met, in ms. */
  readonly deadlineMs: number
  constructor(key: string, deadlineMs: number, cause?: unknown) {
    super(
      `Bulkcall: ${key} must get an answer from Redis within ${deadlineMs} ms, got ${cause === undefined ? 'no answer' : 'an error'}`,
    )
    this.deadlineMs = deadlineMs
    if (cause !== undefined) this.cause = cause
  }
}

/**
 * A command that still runs, or has just ended, has lost its slot: Redis has lost its data, or could not be reached for a
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
