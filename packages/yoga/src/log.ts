/**
 * The log of the server: what went wrong is said once, and not once for each field that waited for the same bulk.
 * @module
 */

import { isBulkError, isError, type BulkError } from '@bulkcall/core'
import type { GraphQLError } from 'graphql'
import type { YogaLogger } from 'graphql-yoga'

/** Where errors go that say that the program is wrong. */
export interface Log {
  error(error: unknown): void
}

/** What the program does wrong, by the codes of the errors that say so. */
const mistakes: ReadonlySet<string> = new Set(['BULK_LENGTH', 'BULK_RESULT', 'BULK_OPTION', 'BULK_CLOSED'])

/** Whether an error of ours says that the program is wrong; the others tell a state of the server. */
export function isMistake({ code }: BulkError): boolean {
  return mistakes.has(code)
}

/** Errors of fields of which the log has said all there is. */
const said = new WeakSet<object>()

/** Logs the mistakes of the program among the errors of a result, and sees to it that no error is logged twice. */
export function logMistakes(errors: readonly GraphQLError[], log: Log | null): void {
  const known = new Set<unknown>()
  for (const error of errors) {
    const ours = oursIn(error)
    // A bulk has one error for all its fields. What a loader refuses, it refuses load by load, in the same words.
    const what = ours?.message ?? reasonsOf(error).at(-1) ?? error
    const isNew = !known.has(what)
    known.add(what)
    if (!isNew) said.add(error)
    else if (ours && isMistake(ours)) logOnce(error, log)
  }
}

/** Logs an error that will be logged by others as well. */
export function logOnce(error: Error, log: Log | null): void {
  log?.error(error)
  said.add(error)
}

/** What an error of GraphQL was made of, if anything: a gateway wraps those of its subgraphs once more. */
export function originOf(error: Error): unknown {
  return chainOf(error, ({ originalError }) => originalError).at(-1)
}

/**
 * An error and its reasons: a resolver may say more with an error of its own, which has ours as its cause. If that is one of GraphQL,
 * it says what the client is to know.
 */
export function reasonsOf(error: unknown): readonly unknown[] {
  return chainOf(error, ({ originalError, cause, name }) =>
    isError(originalError) || name === 'GraphQLError' ? originalError : cause,
  )
}

/** The error of ours that is the reason of an error. */
export function oursIn(error: unknown): BulkError | undefined {
  return reasonsOf(error).find(isBulkError)
}

function chainOf(
  error: unknown,
  next: (error: Error & { readonly originalError?: unknown }) => unknown,
): readonly unknown[] {
  const chain = new Set<unknown>()
  try {
    // It may end where it began, or never.
    for (let each = error; isError(each) && !chain.has(each) && chain.size < 10; each = next(each)) {
      chain.add(each)
    }
  } catch {
    // It throws when it is looked at.
  }
  return [...chain]
}

/** The same log, which passes over what is said. Yoga writes a line for each field whose error it masks. */
export function withoutRepeats(logger: YogaLogger): YogaLogger {
  return Object.create(logger, {
    debug: method((...args) => logger.debug(...args)),
    info: method((...args) => logger.info(...args)),
    warn: method((...args) => logger.warn(...args)),
    error: method((...args) => {
      if (!said.has(args[0] as object)) logger.error(...args)
    }),
  }) as YogaLogger
}

function method(value: (...args: unknown[]) => void): PropertyDescriptor {
  return { value, enumerable: true, configurable: true, writable: true }
}
