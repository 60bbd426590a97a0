/**
 * Errors of commands, free of the place that they had in another response.
 * @module
 */

import { asError, isError } from '@bulkcall/core'
import { isThenable, shapeOf } from '@bulkcall/core/kit'

/**
 * What a command gave, with every error in it made free of the place that it had in another response. A command that asks another
 * GraphQL server may give an error with a path, and graphql-js would tell that path for each field that waits for it.
 * @param came called when something has come that the command gave, and so, at last, when all has
 */
export function unlocatedResults(given: unknown, came: () => void): unknown {
  if (isThenable(given)) {
    return Promise.resolve(given).then(
      results => unlocatedResults(results, came),
      error => rethrow(error, came),
    )
  }
  came()
  switch (shapeOf(given)) {
    case 'list':
      return isTellingAny(given as unknown[])
        ? Array.from(given as unknown[], result => unlocatedResult(result, came))
        : given
    case 'map':
      // Asked as the core asks a map, which may be one of another realm, or work out what it gives.
      return Object.assign(new Map(), {
        get: (key: unknown) => unlocatedResult((given as ReadonlyMap<unknown, unknown>).get(key), came),
      })
    case 'iterable':
      return eachUnlocated(given as Iterable<unknown>, came)
    case 'stream':
      return eachUnlocatedLater(given as AsyncIterable<unknown>, came)
    case 'none':
    case 'other':
  }
  return given
}

/** Throws an error of a command, made free of its place. */
export function rethrow(error: unknown, came: () => void): never {
  came()
  throw printable(unlocated(error))
}

/** An executor makes a text of what is no Error. Where that throws, none of the fields of the operation would be answered. */
function printable(error: unknown): unknown {
  try {
    if (!(error instanceof Error)) String(error)
    return error
  } catch {
    return asError(error)
  }
}

function* eachUnlocated(results: Iterable<unknown>, came: () => void): Generator {
  try {
    for (const result of results) yield unlocatedResult(result, came)
  } catch (error) {
    rethrow(error, came)
  } finally {
    came()
  }
}

async function* eachUnlocatedLater(results: AsyncIterable<unknown>, came: () => void): AsyncGenerator {
  try {
    for await (const result of results) {
      came()
      yield unlocatedResult(result, came)
    }
  } catch (error) {
    rethrow(error, came)
  } finally {
    came()
  }
}

/** A loop: it looks at every row of every bulk. */
function isTellingAny(results: readonly unknown[]): boolean {
  for (const result of results) if (isTelling(result)) return true
  return false
}

/** Whether a result can tell a place: an error, or a promise that may become one. Rows, the usual case, pass by. */
function isTelling(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false
  try {
    return result instanceof Error || isThenable(result)
  } catch {
    return false
  }
}

function unlocatedResult(result: unknown, came: () => void): unknown {
  if (!isThenable(result)) return unlocated(result)
  return Promise.resolve(result).then(
    value => {
      came()
      return value
    },
    error => rethrow(error, came),
  )
}

/** A copy without a place of an error that has one, of the same class: its constructor may take anything. */
function unlocated(error: unknown): unknown {
  try {
    if (!isError(error) || !Array.isArray((error as { path?: unknown }).path)) return error
    const nowhere = { value: undefined, enumerable: false, configurable: true, writable: true }
    return Object.create(Object.getPrototypeOf(error), {
      ...Object.getOwnPropertyDescriptors(error),
      path: nowhere,
      locations: nowhere,
      nodes: nowhere,
      source: nowhere,
      positions: nowhere,
      stack: { ...nowhere, value: error.stack },
      cause: { ...nowhere, value: error },
    })
  } catch {
    // It throws when it is looked at, and tells no place.
    return error
  }
}
