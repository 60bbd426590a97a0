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

/**
 * An error and its reasons: what an error of GraphQL was made of, which a gateway wraps once more, and the cause of any other. The cause
 * of one of GraphQL does not count: that says what the client is to know.
 */
export function reasonsOf(error: unknown): readonly Error[] {
  const reasons = new Set<Error>()
  try {
    // They may end where they began, or never.
    for (let each = error; isError(each) && !reasons.has(each) && reasons.size < 10;) {
      reasons.add(each)
      const { originalError, cause, name } = each as Error & { readonly originalError?: unknown }
      each = originalError ?? (name === 'GraphQLError' ? undefined : cause)
    }
  } catch {
    // It throws when it is looked at.
  }
  return [...reasons]
}

/** The error of ours that is the reason of an error. */
export function oursIn(error: unknown): BulkError | undefined {
  return reasonsOf(error).find(isBulkError)
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
