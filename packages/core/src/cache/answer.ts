/**
 * An answer: what one key was answered, or will be.
 * @module
 */

import type { AnyBulk } from '../engine/bulk.ts'
import type { Placed } from '../engine/keys.ts'
import { given } from '../promises.ts'

export class Answer<V> implements Placed {
  /** Where it stands; `null` if it has its promise, or its value, and needs nothing else. */
  bulk: AnyBulk | null
  place: number
  private made: Promise<V> | null
  /** What was primed: its promise is made when it is loaded, so that a rejection is reported to those who load it. */
  private readonly primed: unknown
  private other: Promise<V> | null = null
  /** The number of the bulk that it is aligned with. Not the bulk itself, which would live as long as the answer. */
  private otherId = 0

  constructor(bulk: AnyBulk | null, place: number, promise: Promise<V> | null, primed?: unknown) {
    this.bulk = bulk
    this.place = place
    this.made = promise
    this.primed = primed
  }

  /** One promise for all who load the key, made for the first who comes after the one who asked. */
  get promise(): Promise<V> {
    return (this.made ??= this.bulk === null ? given(this.primed) : this.bulk.promiseAt(this.place))
  }

  /** Whether the key has not been asked yet. */
  get pending(): boolean {
    return this.bulk !== null && this.bulk.pending
  }

  /** The same, given when this other bulk settles: one promise, however many ask for it beside that bulk. */
  alignedWith(bulk: AnyBulk): Promise<V> {
    if (this.otherId !== bulk.id) {
      this.otherId = bulk.id
      const outcomes = this.bulk?.outcomes
      this.other = bulk.align<V>(outcomes == null ? this.promise : outcomes[this.place])
    }
    return this.other!
  }
}
