/**
 * Duplicates: which keys of a bulk are the same key, compared as a `Map` compares.
 * @module
 */

/** Up to here comparing each key with each other is quicker than a `Set`. */
const few = 16
/** Up to here the marks of whole numbers are kept from one look to the next: 256 kB. */
const many = 2 ** 15

/**
 * For each key, which of the different keys it is, numbered in the order of their first coming; `null` if all differ.
 */
export function placesOf(keys: readonly unknown[]): number[] | null {
  if (allDiffer(keys)) return null
  const places = new Map<unknown, number>()
  return keys.map(key => {
    const known = places.get(key)
    if (known === undefined) places.set(key, places.size)
    return known ?? places.size - 1
  })
}

/** Of some things that have such places, the first of each place. */
export function firstOf<X>(things: X[], places: readonly number[] | null): X[] {
  let next = 0
  return places === null ? things : things.filter((_, i) => places[i] === next && ++next > 0)
}

export function allDiffer(keys: readonly unknown[]): boolean {
  if (keys.length <= few) return fewDiffer(keys)
  return (keys.length <= many ? wholeNumbersDiffer(keys) : null) ?? new Set(keys).size === keys.length
}

function fewDiffer(keys: readonly unknown[]): boolean {
  for (let place = 1; place < keys.length; place++) {
    const key = keys[place]
    for (let before = 0; before < place; before++) if (isSame(keys[before], key)) return false
  }
  return true
}

/** As a `Map` compares: NaN is itself. */
function isSame(one: unknown, other: unknown): boolean {
  // oxlint-disable-next-line no-self-compare -- the quickest way to ask for NaN
  return one === other || (one !== one && other !== other)
}

// One table for all looks, so that a look makes no garbage. What is in it and not above `lastMark` is of earlier ones.
let marks = new Int32Array(64)
let lastMark = 0

/**
 * Whether these whole numbers differ; `null` if they are none. Most keys are whole numbers, and a table of marks finds equal
 * ones in a fifth of the time of a `Set`.
 */
function wholeNumbersDiffer(keys: readonly unknown[]): boolean | null {
  if (marks.length < 2 * keys.length || lastMark > 2 ** 30) {
    marks = new Int32Array(Math.max(marks.length, 2 ** Math.ceil(Math.log2(2 * keys.length))))
    lastMark = 0
  }
  const mask = marks.length - 1
  const before = lastMark
  lastMark += keys.length
  // Who chooses the keys must not choose the time: numbers that crowd in one part of the table are left to the `Set`.
  let steps = 8 * keys.length
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place]
    // By its type first: arithmetic throws at a BigInt, at a symbol, and at an object without a prototype.
    if (typeof key !== 'number' || (key | 0) !== key) return null
    let at = (Math.imul(key, 0x9e3779b1) >>> 7) & mask
    for (let mark; (mark = marks[at]!) > before; at = (at + 1) & mask) {
      if (keys[mark - before - 1] === key) return false
      if (steps-- === 0) return null
    }
    marks[at] = before + place + 1
  }
  return true
}
