/**
 * The pace of a command: how long its bulks take, with the work that their callers do at once with the results.
 *
 * That work is done by one caller after the other, so a larger bulk takes longer, and to wait for a few more puts it all off.
 * How the command itself grows is not known: bulks of one name differ too little in size, and too much in all else.
 * @module
 */

/** How much the latest bulk counts, against all before. */
const weight = 1 / 4

export class Pace {
  /** How long the command takes. */
  #ms = 0
  /** How many calls a bulk has. */
  #calls = 0
  // The work of one call is the first through the second. What is done once a bulk hardly counts beside a large one.
  #workTimesCalls = 0
  #callsSquared = 0

  /** A bulk of so many calls, one at least, has taken so long, and then its callers have worked so long. */
  took(calls: number, ms: number, work: number): void {
    const share = this.#calls === 0 ? 1 : weight
    this.#ms += (ms - this.#ms) * share
    this.#calls += (calls - this.#calls) * share
    this.#workTimesCalls += (work * calls - this.#workTimesCalls) * share
    this.#callsSquared += (calls * calls - this.#callsSquared) * share
  }

  /** How long a bulk of so many calls takes, or the usual one. */
  takes(calls: number = this.#calls): number {
    return this.#ms + (calls * this.#workTimesCalls) / this.#callsSquared
  }
}
