/**
 * The answers of one `loadMany`, which may come from several batches and from the cache.
 * @module
 */

export class Answers<V> {
  readonly promise: Promise<(V | Error)[]>
  readonly #all: (V | Error)[]
  #left = 0
  #give!: (answers: (V | Error)[]) => void

  constructor(count: number) {
    this.#all = new Array<V | Error>(count)
    this.promise = new Promise(give => {
      this.#give = give
    })
  }

  /** One answer, for this place. */
  one(place: number, answer: Promise<V>): void {
    this.#left++
    void answer.catch(asReason).then(value => this.#took(place, value))
  }

  /** Answers that come together, for these places. */
  many(places: readonly number[], answers: Promise<(V | Error)[]>): void {
    this.#left += places.length
    void oneJobLater(answers).then(values => places.forEach((place, i) => this.#took(place, values[i]!)))
  }

  #took(place: number, answer: V | Error): void {
    this.#all[place] = answer
    this.#left--
    if (this.#left === 0) this.#give(this.#all)
  }
}

/**
 * In `dataloader` each answer goes through a promise that catches its error before it reaches the promise of all. So
 * ours are given a job later as well: whoever loads one key and many is answered in the same order.
 */
export function oneJobLater<T>(promise: Promise<T>): Promise<T> {
  return promise.then(same)
}

export function asReason(reason: Error): Error {
  return reason
}

function same<T>(value: T): T {
  return value
}
