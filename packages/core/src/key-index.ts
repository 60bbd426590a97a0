/**
 * An index of keys: finds what is kept under a key, compared as a `Map` compares.
 *
 * Most keys are ids, whole numbers that lie close together. Those are places in an array, which is found and filled many
 * times as quickly as a `Map`; all other keys are in a `Map`.
 * @module
 */

/** Fewer keys are not worth an array. */
const few = 64
/** At least one place in so many must be taken. */
const sparse = 16

export class KeyIndex<K, E extends object> {
  /** What is kept under the key `#from`, the one after it, and so on. */
  #dense: (E | undefined)[] = []
  #from = 0
  /** All that is not in there. */
  readonly #others = new Map<K, E>()
  /** How many others there must be before it is looked whether they could be. */
  #looksAt = few

  get(key: K): E | undefined {
    const place = this.#placeOf(key)
    return place === -1 ? this.#others.get(key) : this.#dense[place]
  }

  set(key: K, entry: E): void {
    const place = this.#placeOf(key)
    if (place !== -1) {
      this.#dense[place] = entry
      return
    }
    this.#others.set(key, entry)
    if (this.#others.size >= this.#looksAt) this.#condense()
  }

  delete(key: K): void {
    const place = this.#placeOf(key)
    if (place === -1) this.#others.delete(key)
    else this.#dense[place] = undefined
  }

  *[Symbol.iterator](): Generator<readonly [K, E]> {
    for (const [place, entry] of this.#dense.entries())
      if (entry !== undefined) yield [(this.#from + place) as K, entry]
    yield* this.#others
  }

  /** The place of a key in the array; -1 if it has none. */
  #placeOf(key: K): number {
    if (typeof key !== 'number') return -1
    const place = key - this.#from
    // A fraction next to nothing is lost in the difference, and must not be found at the place of another key.
    const isPlace = (place | 0) === place && place >= 0 && place < this.#dense.length
    return isPlace && place + this.#from === key ? place : -1
  }

  /** Moves the whole numbers into one array, if they lie close enough together, with room for those that follow. */
  #condense(): void {
    const from = this.#from
    const dense = this.#dense
    let count = 0
    let [least, most] = [Infinity, -Infinity]
    const see = (key: number): void => {
      count++
      if (key < least) least = key
      if (key > most) most = key
    }
    for (let place = 0; place < dense.length; place++) if (dense[place] !== undefined) see(from + place)
    for (const key of this.#others.keys()) if (isWhole(key)) see(key)
    const range = most - least + 1
    const room = sparse * count - range
    if (count >= few && room >= 0) {
      this.#from = least - Math.min(range >> 1, room >> 1)
      const length = most + Math.min(range, room >> 1) - this.#from + 1
      this.#dense = new Array<E | undefined>(length).fill(undefined)
      const shift = from - this.#from
      for (let place = 0; place < dense.length; place++)
        if (dense[place] !== undefined) this.#dense[place + shift] = dense[place]
      for (const [key, entry] of this.#others) {
        if (!isWhole(key)) continue
        this.#dense[key - this.#from] = entry
        this.#others.delete(key)
      }
    }
    // The more there are that must stay, and the longer the array, the more must come before it is looked again: keys that
    // only just lie close enough together leave no room, and must not have the array made anew for every few of them.
    this.#looksAt = Math.max(few, 2 * this.#others.size, Math.ceil(this.#dense.length / sparse))
  }
}

/** Whether a key is a whole number that can be told from its neighbours, and whose place is one as well. */
function isWhole(key: unknown): key is number {
  return Number.isInteger(key) && Math.abs(key as number) < 2 ** 40
}
