/**
 * The client of an operation: when it goes, nobody waits for the operation any more.
 * @module
 */

import type { RequestContext } from '@bulkcall/graphql/kit'

/** What a context tells of its client. All of it may be missing, or be something else. */
export interface ClientContext extends RequestContext {
  /** Over a WebSocket, where the recipe for graphql-ws puts it. */
  readonly socket?: unknown
  /** And where graphql-ws itself does. */
  readonly extra?: { readonly socket?: unknown } | null
}

/** What is needed of a socket, whose server may be any. Those of uWebSockets and Bun have no events. */
interface Socket {
  readonly readyState?: unknown
  addEventListener(type: 'close', listener: () => void): void
  removeEventListener(type: 'close', listener: () => void): void
}

/**
 * What is run for a client over a socket: the operation is given up when the socket closes, or has closed. It is listened to
 * only while it runs: one socket carries thousands of operations.
 */
export function attended<Args extends readonly unknown[], R>(
  run: (...args: Args) => R,
  { socket, extra }: ClientContext,
  operation: { abort(reason: unknown): void },
): (...args: Args) => R | Promise<Awaited<R>> {
  const found = [socket, extra?.socket].find(isSocket)
  if (found === undefined) return run
  return async (...args): Promise<Awaited<R>> => {
    const leave = untilClosed(found, () => operation.abort(gone()))
    try {
      return await run(...args)
    } finally {
      leave()
    }
  }
}

/** Whether the signal of a request tells of its client. The request may be that of another server, which has none. */
export function hasSignal({ request }: ClientContext): boolean {
  return request !== undefined && 'signal' in request
}

/** Why an operation is given up that has no signal to say it. */
export function gone(): DOMException {
  return new DOMException('The client has gone.', 'AbortError')
}

/** Whether a result comes in parts. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function isSocket(value: unknown): value is Socket {
  const socket = value as Partial<Socket> | null | undefined
  return typeof socket?.addEventListener === 'function' && typeof socket.removeEventListener === 'function'
}

/** Those who wait for the close of a socket. There is one listener for all of them, since Node warns of more than ten. */
interface Closing {
  readonly waiting: Set<() => void>
  readonly closed: () => void
}

const closings = new WeakMap<Socket, Closing>()

/** Calls this, which nobody else has, when a socket closes or has closed. Gives what takes it back. */
function untilClosed(socket: Socket, leave: () => void): () => void {
  // 2 is closing, and 3 closed: no answer gets through any more.
  const { readyState } = socket
  if (readyState === 2 || readyState === 3) leave()
  let closing = closings.get(socket)
  if (closing === undefined) {
    const all = new Set<() => void>()
    const closed = (): void => {
      for (const each of all) each()
    }
    closing = { waiting: all, closed }
    closings.set(socket, closing)
  }
  const { waiting, closed } = closing
  if (waiting.size === 0) socket.addEventListener('close', closed)
  waiting.add(leave)
  return () => {
    waiting.delete(leave)
    if (waiting.size === 0) socket.removeEventListener('close', closed)
  }
}
