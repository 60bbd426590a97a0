/**
 * A linked list whose members hold their own neighbours: of batches that wait or run, of the calls of a scope, of the work
 * in it. A member is in one such list at a time, and is taken out from wherever it is at once.
 * @module
 */

/** What can be in a list. */
export interface Linked<M> {
  list: LinkedList<any> | null
  previous: M | null
  next: M | null
}

export class LinkedList<M extends Linked<M>> {
  first: M | null = null
  last: M | null = null
  length: number = 0

  /** Adds one at the end. */
  add(member: M): void {
    member.list = this
    member.previous = this.last
    if (this.last === null) this.first = member
    else this.last.next = member
    this.last = member
    this.length++
  }

  /** Takes one out. Returns whether it was in. */
  delete(member: M): boolean {
    if (member.list !== this) return false
    if (member.previous === null) this.first = member.next
    else member.previous.next = member.next
    if (member.next === null) this.last = member.previous
    else member.next.previous = member.previous
    member.list = member.previous = member.next = null
    this.length--
    return true
  }

  *[Symbol.iterator](): Generator<M> {
    for (let member = this.first; member !== null; member = member.next) yield member
  }
}
