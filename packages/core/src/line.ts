/**
 * A line, first to last: of bulks that wait or run, and of the calls of a scope. Who stands in it stands in one line at a
 * time, and leaves it from wherever it stands at once.
 * @module
 */

/** What can stand in a line: it holds its own neighbours, so a line of a thousand is no object more than a line of one. */
export interface Standing<S> {
  line: Line<any> | null
  previous: S | null
  next: S | null
}

export class Line<S extends Standing<S>> {
  first: S | null = null
  last: S | null = null
  length: number = 0

  /** Puts one last. */
  add(one: S): void {
    one.line = this
    one.previous = this.last
    if (this.last === null) this.first = one
    else this.last.next = one
    this.last = one
    this.length++
  }

  /** Takes one out, and tells whether it was here. */
  delete(one: S): boolean {
    if (one.line !== this) return false
    if (one.previous === null) this.first = one.next
    else one.previous.next = one.next
    if (one.next === null) this.last = one.previous
    else one.next.previous = one.previous
    one.line = one.previous = one.next = null
    this.length--
    return true
  }

  *[Symbol.iterator](): Generator<S> {
    for (let one = this.first; one !== null; one = one.next) yield one
  }
}
