/** What is due first: a heap of things by their instants; those of one instant in the order in which they came. */

interface Due {
  readonly at: number
}

export class Heap<T extends Due> {
  readonly #entries: { readonly due: T; readonly order: number }[] = []
  #order = 0

  get size(): number {
    return this.#entries.length
  }

  peek(): T | undefined {
    return this.#entries[0]?.due
  }

  push(due: T): void {
    const entries = this.#entries
    const entry = { due, order: this.#order++ }
    let place = entries.push(entry) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!before(entry, entries[parent]!)) break
      entries[place] = entries[parent]!
      place = parent
    }
    entries[place] = entry
  }

  pop(): T | undefined {
    const entries = this.#entries
    const first = entries[0]?.due
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && before(entries[child + 1]!, entries[child]!)) child++
      if (!before(entries[child]!, last)) break
      entries[place] = entries[child]!
      place = child
    }
    entries[place] = last
    return first
  }
}

function before(one: { due: Due; order: number }, other: { due: Due; order: number }): boolean {
  return one.due.at < other.due.at || (one.due.at === other.due.at && one.order < other.order)
}
