/**
 * A caller who may go: his promise is his own, so that his signal can reject it and nobody else's.
 * @module
 */

/** Who is told that a caller has gone. */
export interface Chair {
  left(caller: Caller<any>, reason: unknown): void
}

export class Caller<V> {
  readonly promise: Promise<V>
  readonly #signal: AbortSignal
  readonly #chair: Chair | null
  #reject!: (reason: unknown) => void

  constructor(answer: PromiseLike<V>, signal: AbortSignal, chair: Chair | null) {
    this.#signal = signal
    this.#chair = chair
    const companions = companionsOf(signal)
    companions.add(this)
    this.promise = new Promise<V>((resolve, reject) => {
      this.#reject = reject
      Promise.resolve(answer).then(
        value => {
          companions.delete(this)
          resolve(value)
        },
        (error: unknown) => {
          companions.delete(this)
          reject(error)
        },
      )
    })
  }

  /** Whether he has gone, heard or unheard. */
  get gone(): boolean {
    return this.#signal.aborted
  }

  /** His signal has aborted. */
  leave(): void {
    const reason: unknown = this.#signal.reason
    companionsOf(this.#signal).delete(this)
    this.#reject(reason)
    this.#chair?.left(this, reason)
  }
}

/**
 * The callers of one signal, with one listener for all: hosts warn of a leak when a signal has more than a few. It listens
 * only while one of them waits, since a signal may live as long as the program.
 */
class Companions {
  readonly #signal: AbortSignal
  readonly #waiting = new Set<Caller<any>>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(caller: Caller<any>): void {
    if (this.#waiting.size === 0) this.#signal.addEventListener('abort', this)
    this.#waiting.add(caller)
  }

  delete(caller: Caller<any>): void {
    if (this.#waiting.delete(caller) && this.#waiting.size === 0)
      this.#signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    for (const caller of this.#waiting) caller.leave()
  }
}

const companions = new WeakMap<AbortSignal, Companions>()

function companionsOf(signal: AbortSignal): Companions {
  let own = companions.get(signal)
  if (own === undefined) companions.set(signal, (own = new Companions(signal)))
  return own
}
