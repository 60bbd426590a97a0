/**
 * The event of a bulk that starts: what listeners get of it.
 * @module
 */

import type { BulkEvent, Cause } from '../events.ts'
import { nextId } from '../registry.ts'
import type { AnyBulk } from './bulk.ts'
import type { Line } from './line.ts'
import type { Runner } from './runner.ts'

export function eventOf(
  queue: Runner<any, any> & { readonly pending: number },
  bulk: AnyBulk,
  cause: Cause,
  line: Line | null,
): BulkEvent {
  const { name, scope, pending, inFlight } = queue
  const { size, delay, limiter } = queue.settings
  const startedAt = queue.now()
  const marked = bulk.readyAt ?? startedAt
  const due = delay > 0 && bulk.openedAt !== null ? bulk.openedAt + delay : startedAt
  return {
    name,
    id: bulk.opening?.id ?? nextId(),
    scope,
    opening: bulk.opening,
    size,
    delay,
    limiter,
    tasks: bulk.count,
    cause,
    openedAt: bulk.openedAt,
    // Not before it asked for a slot: a timer that is late is no wait for one.
    readyAt: Math.max(Math.min(marked, due, startedAt), line?.since ?? startedAt),
    startedAt,
    settledAt: null,
    pending,
    inFlight: inFlight + 1,
    none: false,
    failed: 0,
    error: undefined,
    abandoned: false,
  }
}
