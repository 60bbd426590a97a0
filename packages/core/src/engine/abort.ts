/**
 * Where the abort of a caller's signal takes its tasks out.
 * @module
 */

/** A task whose caller may abort. Leaving, it takes itself out of {@link Aborting}. */
interface Leaver {
  leave(): void
}

/**
 * The tasks that leave when one signal aborts, behind one listener: hosts warn of a leak when a signal has more than a few.
 * It listens only while there are any, since a signal may live as long as the program.
 */
class Aborting {
  readonly #signal: AbortSignal
  readonly #leavers = new Set<Leaver>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(leaver: Leaver): void {
    if (this.#leavers.size === 0) this.#signal.addEventListener('abort', this)
    this.#leavers.add(leaver)
  }

  delete(leaver: Leaver): void {
    if (this.#leavers.delete(leaver) && this.#leavers.size === 0)
      this.#signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    for (const leaver of this.#leavers) leaver.leave()
  }
}

const known = new WeakMap<AbortSignal, Aborting>()

/** The tasks that leave when this signal aborts. */
export function leaversOf(signal: AbortSignal): Aborting {
  let aborting = known.get(signal)
  if (aborting === undefined) known.set(signal, (aborting = new Aborting(signal)))
  return aborting
}
