/**
 * Errors on their way to the client: each field its own path, and the code of errors of ours. Those that tell a state of the
 * server are for the client; those that say that the program is wrong are for its log.
 * @module
 */

import { isBulkError, type BulkError } from '@bulkcall/core'
import { GraphQLError, type ExecutionResult } from 'graphql'
import { isMistake, logMistakes, oursIn, reasonsOf, type Log } from './log.ts'

/** What is known of an operation when its errors are shown. */
export interface Showing {
  /** Why nobody waits for it any more, if so. */
  readonly aborted: { readonly reason: unknown } | null
  readonly log: Log | null
  /** Whether the transport can still be changed: not after the first part of a response. */
  readonly transport: boolean
}

/** Whether there is no error in a result: as a rule. */
export function isShownAsItIs(result: object): boolean {
  const { errors, incremental, completed } = result as Partial<Record<string, unknown>>
  return errors === undefined && incremental === undefined && completed === undefined
}

/**
 * Errors of ours carry a code and no data. Those that tell a state of the server are meant for the client, and shown as errors
 * of GraphQL, which masking leaves alone, in the result and in all parts of it that come later. Mistakes of the program are
 * logged, and masked as any other error.
 */
export function presented<R extends object>(result: R, showing: Showing): R {
  const parts = result as ExecutionResult & {
    readonly incremental?: readonly object[]
    readonly completed?: readonly object[]
  }
  let shown = result
  if (parts.errors) logMistakes(parts.errors, showing.log)
  if (parts.errors?.some(error => isShown(error, showing))) {
    shown = {
      ...shown,
      errors: parts.errors.map(error => (isShown(error, showing) ? show(error, showing) : error)),
    }
  }
  const later = { ...showing, transport: false }
  if (parts.incremental)
    shown = { ...shown, incremental: parts.incremental.map(part => presented(part, later)) }
  if (parts.completed) shown = { ...shown, completed: parts.completed.map(part => presented(part, later)) }
  return shown
}

/** The same for what `context()` failed with, which is no error of GraphQL yet. All but errors of ours stays as it is. */
export function presentedFailure(failure: unknown, showing: Omit<Showing, 'aborted'>): unknown {
  const ours = oursIn(failure)
  if (ours === undefined) return failure
  const error =
    failure instanceof GraphQLError
      ? failure
      : new GraphQLError(ours.message, { originalError: failure as Error })
  logMistakes([error], showing.log)
  return show(error, showing)
}

/**
 * The same for the results of an HTTP batch, whose errors Yoga does not look at: if no operation has got through, the
 * transport tells when to come again. One that has would be lost, as clients throw a batch away that has such a status.
 */
export function presentedBatch<R>(results: readonly R[]): R[] | null {
  if (results.length === 0 || !results.every(isOverloaded)) return null
  // Yoga reads the extensions of whatever it gets for a result, and writes those of a list nowhere.
  return Object.assign([...results], { extensions: { http: overload() } })
}

function isOverloaded(result: unknown): boolean {
  // Masking may have put anything into their places.
  const { errors } = result as { errors?: readonly { readonly extensions?: { readonly code?: unknown } }[] }
  return errors?.some(error => error.extensions?.code === 'BULK_OVERFLOW') === true
}

/** An overload passes: the transport tells when to come again. */
function overload(): object {
  return { status: 503, headers: { 'retry-after': '1' } }
}

/** What a client has by leaving is no fault, and not worth a line in the log. */
function isShown(error: GraphQLError, { aborted }: Showing): boolean {
  return reasonsOf(error).some(reason => isBulkError(reason) || reason === aborted?.reason)
}

/**
 * In place: the error at hand was made for this field alone, and making another one costs much, since graphql-js looks its
 * line up from the start of the document.
 */
function show(error: GraphQLError, { transport }: Omit<Showing, 'aborted'>): GraphQLError {
  const reasons = reasonsOf(error)
  const place = reasons.findIndex(isBulkError)
  const ours = reasons[place] as BulkError | undefined
  if (!ours || !isMistake(ours)) passMasking(error)
  if (!ours) return error
  // What a resolver has said with an error of its own may be meant for nobody else.
  if (!isMistake(ours) && reasons[place - 1]?.name !== 'GraphQLError') error.message = ours.message
  const { code } = ours
  const http = code === 'BULK_OVERFLOW' && transport ? { http: overload() } : {}
  return Object.assign(error, { extensions: { ...error.extensions, ...http, code } })
}

/** Masking leaves alone what is made of no other error. Who wants to know more finds that as the cause. */
function passMasking(error: GraphQLError): void {
  const hidden = { value: error.originalError, enumerable: false, configurable: true, writable: true }
  Object.defineProperty(error, 'cause', hidden)
  Object.defineProperty(error, 'originalError', { ...hidden, value: undefined })
}
