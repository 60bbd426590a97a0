/**
 * The least that a promise a load can cost: one gate promise a bulk, one `then` a load, one array, one command. It has no
 * errors, no options beyond these, and a cache only where the work is about one.
 */
export const makerOf =
  ({ cacheNeeded = false, size = Infinity, concurrent = Infinity } = {}) =>
  command =>
    cacheNeeded ? new CachingFloor(command) : new Floor(command, size, concurrent)

class Floor {
  #command
  #size
  #free
  #open = null
  #waiting = []

  constructor(command, size, concurrent) {
    this.#command = command
    this.#size = size
    this.#free = concurrent
  }

  load(key) {
    const bulk = this.#open ?? this.#begin()
    bulk.keys.push(key)
    if (bulk.keys.length === this.#size) this.#open = null
    return bulk.gate.then(bulk.next)
  }

  #begin() {
    const bulk = { keys: [], gate: null, open: null, next: null }
    let at = 0
    bulk.next = results => results[at++]
    bulk.gate = new Promise(open => {
      bulk.open = open
    })
    if (this.#waiting.push(bulk) === 1)
      void Promise.resolve().then(() =>
        process.nextTick(() => {
          this.#open = null
          const bulks = this.#waiting
          this.#waiting = []
          this.#start(bulks, 0)
        }),
      )
    this.#open = bulk
    return bulk
  }

  #start(bulks, from) {
    let at = from
    const startNext = () => {
      for (; this.#free > 0 && at < bulks.length; at++) {
        const { keys, open } = bulks[at]
        this.#free--
        void this.#command(keys).then(results => {
          this.#free++
          open(results)
          startNext()
        })
      }
    }
    startNext()
  }
}

class CachingFloor {
  #floor
  #answers = new Map()

  constructor(command) {
    this.#floor = new Floor(command, Infinity, Infinity)
  }

  load(key) {
    let answer = this.#answers.get(key)
    if (answer === undefined) this.#answers.set(key, (answer = this.#floor.load(key)))
    return answer
  }
}
