/**
 * The types that only the plugin has.
 * @module
 */

import type { AnyDefinitions, BulkOptions, BulkServer } from '@bulkcall/graphql'
import type { Plugin } from 'graphql-yoga'

/** The second argument of `useBulk`. */
export interface UseBulkOptions<As extends string = 'bulk'> extends BulkOptions<As> {
  /**
   * Whether a result tells, as `extensions.bulk`, what each loader did: loads, hits, bulks, and the time of its commands;
   * or for which requests. Over a WebSocket there is no request.
   * @default false
   */
  readonly extensions?: boolean | ((request: Request | undefined) => boolean) | undefined
}

/** The plugin that `useBulk` gives. Its loaders can be had without Yoga as well, as {@link BulkServer} says. */
export interface BulkPlugin<D extends AnyDefinitions, As extends string = 'bulk'>
  extends Plugin, BulkServer<D, As> {}
