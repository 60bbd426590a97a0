/**
 * Events: what happened to each bulk, for whoever listens. When nobody does, no clock is read and no object is made.
 * @module
 */

import type { Cause } from './policy.ts'

/** One bulk, from its opening to its end. Instants are in milliseconds on the clock of the call's host. */
export interface BulkEvent {
  /** The name of the call. */
  readonly name: string
  /** A number that no other bulk of this process has. */
  readonly id: number
  /** How many tasks the bulk has. */
  readonly tasks: number
  /** Why it started. */
  readonly cause: Cause
  /** When its first task came; `null` if nobody listened then. */
  readonly openedAt: number | null
  /** When it could have started, had there been a slot. */
  readonly readyAt: number
  /** When the command was called. */
  readonly startedAt: number
  /** When the command had settled, or was abandoned; `null` until then. */
  settledAt: number | null
  /** How many tasks were left pending behind it when it started. */
  readonly pending: number
  /** How many bulks of the call were in flight when it started, itself among them. */
  readonly inFlight: number
  /** Whether the command gave none. */
  none: boolean
  /** How many tasks failed: one by one, or all that were left when the whole bulk failed. */
  failed: number
  /** What the command threw, or why its results could not be used; `undefined` where neither happened. */
  error: unknown
  /** Whether the command never settled and its slot was taken from it (`timeout`). */
  abandoned: boolean
}

/** Hears of bulks. The event is one object a bulk: what is known later is written into it later. */
export interface BulkListener {
  /** A bulk starts: its command is called next. */
  started?(event: BulkEvent): void
  /** A bulk has ended: its command has settled, or was abandoned. */
  settled?(event: BulkEvent): void
}

/**
 * Listens to all bulks of this copy of the package, on every host. Where `node:diagnostics_channel` exists, the tracing
 * channel `bulkcall:bulk` tells the same, over all copies.
 * @returns ends the listening
 */
export function onBulk(listener: BulkListener): () => void {
  const own = { ...listener }
  listeners.add(own)
  return () => void listeners.delete(own)
}

const listeners = new Set<BulkListener>()

type Channels = typeof import('node:diagnostics_channel')
const channels: Channels | undefined = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel')
const channel = channels?.tracingChannel?.<unknown, BulkEvent>('bulkcall:bulk')

/** Whether anyone listens. Ask before an event is made. */
export function watched(): boolean {
  return listeners.size > 0 || (channel?.hasSubscribers ?? false)
}

let lastId = 0
/** The number of the next event. */
export function nextId(): number {
  return ++lastId
}

/** Tells that a bulk starts, and calls its command in the stores that subscribers of the channel have bound to it. */
export function tellStarted<R>(event: BulkEvent, call: () => R): R {
  tell('started', event)
  if (!channel?.hasSubscribers) return call()
  try {
    return channel.start.runStores(event, call)
  } finally {
    channel.end.publish(event)
  }
}

/** Tells that a bulk has ended. */
export function tellSettled(event: BulkEvent): void {
  tell('settled', event)
  if (!channel?.hasSubscribers) return
  if (event.error !== undefined) channel.error.publish(event)
  channel.asyncStart.publish(event)
  channel.asyncEnd.publish(event)
}

function tell(what: 'started' | 'settled', event: BulkEvent): void {
  for (const listener of listeners) {
    try {
      listener[what]?.(event)
    } catch (error) {
      // A listener cannot hurt a bulk. Its error is reported as any that nobody caught.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
