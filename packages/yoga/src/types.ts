/**
 * The types that only the plugin has.
 * @module
 */

import type { AnyDefinitions, BulkOptions, BulkServer } from '@bulkcall/graphql'
import type { Plugin } from 'graphql-yoga'

/** The second argument of `useBulk`. */
export interface UseBulkOptions<As extends string = 'bulk'> extends BulkOptions<As> {
  /**
   * Whether results say in `extensions.bulk` what each loader did: loads, hits, bulks, and the time of its commands; a
   * function says for which requests. Over a WebSocket there is no request.
   * @default false
   */
  readonly extensions?: boolean | ((request: Request | undefined) => boolean) | undefined
}

/** The plugin that `useBulk` returns. Its loaders can be used without Yoga as well, as {@link BulkServer} says. */
export interface BulkPlugin<D extends AnyDefinitions, As extends string = 'bulk'>
  extends Plugin, BulkServer<D, As> {}
