/**
 * The cancellation of a command: its signal, and that nobody waits for it any more.
 * @module
 */

type Events = typeof import('node:events')
/** Where the host warns of many listeners, what says that they are meant. */
const events: Events | undefined = globalThis.process?.getBuiltinModule?.('node:events')

export class Cancellation {
  private controller: AbortController | null = null
  private givenUp: { readonly reason: unknown } | null = null

  /** The first reason holds. */
  abort(reason: unknown): void {
    this.givenUp ??= { reason }
    this.controller?.abort(reason)
  }

  /** Made when it is first asked for: most commands never do. */
  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController()
      // A command may hand it to as many waits as it likes: that is no leak, as it ends with the bulk.
      events?.setMaxListeners?.(0, this.controller.signal)
      if (this.givenUp !== null) this.controller.abort(this.givenUp.reason)
    }
    return this.controller.signal
  }
}
