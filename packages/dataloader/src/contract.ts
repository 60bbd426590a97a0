/**
 * The contract of `dataloader`: what it takes as keys and as values, and how it refuses the rest, word for word, since programs
 * look for its words.
 * @module
 */

const contract =
  'DataLoader must be constructed with a function which accepts Array<key> and returns Promise<Array<value>>'

/** The error of a batch function that breaks the contract. */
export function broken(how: string, options?: ErrorOptions): TypeError {
  return new TypeError(`${contract}, but ${how}`, options)
}

export function checkKey(key: unknown): void {
  if (key === null || key === undefined)
    throw new TypeError(`The loader.load() function must be called with a value, but got: ${key}.`)
}

export function listOf<K>(keys: ArrayLike<K>): K[] {
  if (isArrayLike(keys)) return Array.from(keys)
  throw new TypeError(
    `The loader.loadMany() function must be called with Array<key> but got: ${shown(keys)}.`,
  )
}

/** What the batch function gave, in an array of our own: it may change its own before the last caller has looked. */
export function valuesIn(given: unknown, length: number): readonly unknown[] {
  if (!isArrayLike(given)) throw broken(`the function did not return a Promise of an Array: ${shown(given)}.`)
  if (given.length === length) return Array.prototype.slice.call(given)
  // Numbers, where dataloader prints every key and value: an error goes to logs, and to clients.
  throw broken(
    'the function did not return a Promise of an Array of the same length as the Array of keys.' +
      `\n\nKeys: ${length}\nValues: ${given.length}`,
  )
}

/** As it prints itself, if it can. */
export function shown(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

/** An array, or what can be read as one: with an element at the end. */
function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const { length } = value as { length?: unknown }
  return typeof length === 'number' && (length === 0 || (length > 0 && Object.hasOwn(value, length - 1)))
}
