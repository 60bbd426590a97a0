/**
 * Events: what happened to each bulk, for whoever listens. When nobody does, no clock is read and no object is made.
 * @module
 */

import type { Limiter } from './limiter.ts'
import { nobody } from './host.ts'
import { registry } from './registry.ts'
import type { BulkScope } from './scope/bulk-scope.ts'

/** Why a bulk started. */
export type Cause = 'size' | 'flush' | 'close' | 'delay' | 'tick' | 'quiet'

/** A bulk that is still open to more tasks, or waits to start. */
export interface OpenBulk {
  /** The name of the call. */
  readonly name: string
  /** The number that the bulk's event will have. */
  readonly id: number
  /** The scope of the call, or `null`. */
  readonly scope: BulkScope | null
}

/** One bulk, from its opening to its end. Instants are in milliseconds on the clock of the call's host. */
export interface BulkEvent {
  /** The name of the call. */
  readonly name: string
  /** A number that no other bulk of this process has. */
  readonly id: number
  /** The scope of the call, or `null`. In a GraphQL server it is the operation, and has its name. */
  readonly scope: BulkScope | null
  /** What `called` got when its tasks came, the same object; `null` if nobody listened to calls then. */
  readonly opening: OpenBulk | null
  /** The most tasks that the bulk could have had: the setting `size`. */
  readonly size: number
  /** The longest that it could have waited for other tasks, in ms: the setting `delay`. */
  readonly delay: number
  /** What bounds the bulks in flight, or `null`. It may tell its `slots`, and how many are `inUse` and `waiting` now. */
  readonly limiter: Limiter | null
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
  /** How many tasks were still pending when it started. */
  readonly pending: number
  /** How many bulks of the call were in flight when it started, itself included. */
  readonly inFlight: number
  /** Whether the command returned none (`null`). */
  none: boolean
  /** How many tasks failed: one by one, or all that were left when the whole bulk failed. */
  failed: number
  /** What the command threw, or why its results could not be used; `undefined` where neither happened. */
  error: unknown
  /** Whether the command never settled and its slot was taken from it (`timeout`). */
  abandoned: boolean
}

/** Is notified of bulks. There is one event object for each bulk; its fields are set as they become known. */
export interface BulkListener {
  /**
   * Tasks join a bulk. Called for each call, in the async context of the caller. A key that a loader has requested already
   * is not reported here, but as a hit.
   * @param caller the name of the caller, where the scope knows it: in a GraphQL server the field, such as `Post.author`
   */
  called?(bulk: OpenBulk, tasks: number, caller: string | undefined): void
  /**
   * The number of pending tasks in a call of this name has changed: they were accepted, or, where the change is negative,
   * they start or have been given up. It is called for each call, so it must be fast.
   */
  pending?(name: string, change: number, scope: BulkScope | null): void
  /** Keys of a loader were answered without a task of their own: they had been requested already, or primed. */
  hit?(name: string, keys: number, scope: BulkScope | null): void
  /** A bulk starts: its command is called next. */
  started?(event: BulkEvent): void
  /**
   * Calls the command, in an async context that the listener chooses. If it throws, or does not call it, the bulk goes on
   * all the same.
   */
  run?(event: BulkEvent, command: () => void): void
  /** A bulk has ended: its command has settled, or was abandoned. */
  settled?(event: BulkEvent): void
}

/**
 * Listens to all bulks of the process, on every host. Where `node:diagnostics_channel` exists, the tracing channel
 * `bulkcall:bulk` has the same.
 * @returns a function that ends the listening
 */
export function onBulk(listener: BulkListener): () => void {
  // Its methods, which a class has on its prototype, and which need what it holds.
  const own = Object.fromEntries(methods.map(method => [method, listener[method]?.bind(listener)]))
  listenWith([...registry.listeners, own])
  return () => listenWith((registry.listeners as Listeners).filter(other => other !== own))
}

const methods = ['called', 'pending', 'hit', 'started', 'run', 'settled'] as const

type Listeners = readonly BulkListener[]

function listenWith(listeners: Listeners): void {
  registry.listeners = listeners
  for (const method of ['called', 'pending', 'hit'] as const)
    registry[method] = listeners.some(each => each[method])
}

type Channels = typeof import('node:diagnostics_channel')
const channels: Channels | undefined = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel')
const channel = channels?.tracingChannel?.<unknown, BulkEvent>('bulkcall:bulk')

/** Whether anyone listens to bulks. Ask before an event is made. */
export function watched(): boolean {
  return registry.listeners.length > 0 || (channel?.hasSubscribers ?? false)
}

/** Whether anyone listens to each task, to how many are pending, or to hits. */
export function watchesTasks(): boolean {
  return registry.called || registry.pending || registry.hit
}

/** Emits to all who listen. */
export function emit<M extends 'called' | 'pending' | 'hit' | 'started' | 'settled'>(
  method: M,
  ...values: Parameters<NonNullable<BulkListener[M]>>
): void {
  for (const listener of registry.listeners as readonly { [Any in M]?: (...values: unknown[]) => void }[]) {
    try {
      listener[method]?.(...values)
    } catch (error) {
      report(error)
    }
  }
}

/** Emits that tasks join a bulk. */
export function emitCalled(bulk: OpenBulk, tasks: number): void {
  emit(
    'called',
    bulk,
    tasks,
    guarded(() => bulk.scope?.caller?.()),
  )
}

/**
 * Emits that a bulk starts, and calls its command in the stores that subscribers of the channel have bound to it.
 * @param command never throws
 */
export function emitStarted(event: BulkEvent, command: () => void): void {
  emit('started', event)
  let call = command
  for (const listener of registry.listeners as Listeners)
    if (listener.run !== undefined) call = within(listener, event, call)
  if (channel?.hasSubscribers) channel.start.runStores(event, call)
  else call()
}

/** Emits to the channel that the command has returned; what it gave may take longer. */
export function emitReturned(event: BulkEvent): void {
  if (channel?.hasSubscribers) channel.end.publish(event)
}

/** The command, called by a listener: once, whatever the listener does. */
function within(listener: BulkListener, event: BulkEvent, command: () => void): () => void {
  return () => {
    let isCalled = false
    const call = (): void => {
      if (isCalled) return
      isCalled = true
      command()
    }
    guarded(() => listener.run!(event, call))
    call()
  }
}

/** Emits that a bulk has ended. */
export function emitSettled(event: BulkEvent): void {
  emit('settled', event)
  if (!channel?.hasSubscribers) return
  if (event.error !== undefined) channel.error.publish(event)
  channel.asyncStart.publish(event)
  channel.asyncEnd.publish(event)
}

/**
 * A listener of something that concerns more than the request which met it, or in which the listener was given: it runs in
 * nobody's async context, and it cannot hurt who calls it.
 */
export function harmless<E>(listener: (event: E) => void): (event: E) => void {
  return event => nobody.runInAsyncScope(guarded, undefined, () => listener(event))
}

/** A listener cannot hurt a bulk, nor can a limiter of somebody else's when it gets back what it gave. */
export function guarded<R>(tell: () => R): R | undefined {
  try {
    return tell()
  } catch (error) {
    report(error)
    return undefined
  }
}

/** Reported as any error that nobody caught. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
