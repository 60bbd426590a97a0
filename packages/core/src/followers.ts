/**
 * Followers: those who leave when a signal aborts.
 * @module
 */

/** One who follows a signal. When he leaves, he takes himself out. */
interface Leaver {
  leave(): void
}

/**
 * Those who follow one signal, with one listener for all: hosts warn of a leak when a signal has more than a few. It listens
 * only while someone follows, since a signal may live as long as the program.
 */
class Followers {
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

const followers = new WeakMap<AbortSignal, Followers>()

export function followersOf(signal: AbortSignal): Followers {
  let own = followers.get(signal)
  if (own === undefined) followers.set(signal, (own = new Followers(signal)))
  return own
}
