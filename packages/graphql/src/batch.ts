/**
 * `bulkResolver`: a field that is batched without a loader.
 * @module
 */

import { AsyncBulkCall, BulkOptionError, type LoaderResults, type ResultOf } from '@bulkcall/core'
import type { GraphQLResolveInfo } from 'graphql'
import { callOf, hintAt } from './context.ts'
import type { BulkCommandContext, BulkOptions, BulkSettings } from './types.ts'

/** One call of a field. */
export interface BulkResolverCall<Source, Args> {
  readonly source: Source
  readonly args: Args
  readonly info: GraphQLResolveInfo
}

/** The settings of a batched field. */
export interface BulkResolverOptions extends Omit<BulkSettings, 'cache' | 'cacheErrors'> {
  readonly concurrent?: BulkOptions['concurrent']
  /**
   * The name in errors, events and metrics.
   * @default the coordinate of the field, such as `Post.author`
   */
  readonly name?: string | undefined
}

/**
 * Makes a resolver of a command (batch function): all calls of the field in one operation are batched, aliases with other
 * arguments too. The command gets `{ source, args, info }` of each, and returns one result for each call in their order, or
 * none.
 *
 * Works where the server has `useBulk` or `defineBulk`, even without any loader: `useBulk({})`, `defineBulk({})`.
 */
export function bulkResolver<
  Source,
  Args,
  G extends LoaderResults<any, unknown> | PromiseLike<LoaderResults<any, unknown>>,
  TContext = any,
>(
  command: (calls: BulkResolverCall<Source, Args>[], context: BulkCommandContext<TContext>) => G,
  options: BulkResolverOptions = {},
): (source: Source, args: Args, context: TContext, info: GraphQLResolveInfo) => Promise<ResultOf<G>> {
  // Made once now, so that a mistake in the options is found when the server starts.
  void new AsyncBulkCall<any, any>(command as never, options)

  return function resolveInBulk(source, args, context, info) {
    const call = callOf(context, resolveInBulk, command as never, options, info)
    if (call === undefined) {
      throw new BulkOptionError(
        'the context of a bulkResolver',
        'one with the loaders of useBulk or defineBulk',
        context,
        hintAt(context),
      )
    }
    return call.call({ source, args, info })
  }
}
