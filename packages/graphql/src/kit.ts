/**
 * What the plugin for GraphQL Yoga needs of this package. It may change in any release that a caret range leaves out: use what
 * `@bulkcall/graphql` exports.
 * @module
 */

export { contextClass, expect, extension, firstOf, isOriginal, mistakeIn, operationOf } from './context.ts'
export { serverOf } from './define-bulk.ts'
export { prepare } from './definitions.ts'
export { Operation, type Execution } from './operation.ts'
export { fieldResolver, wrapEvents, wrapResolvers } from './resolvers.ts'
export { withoutOld } from './tally.ts'
export type { RequestContext, Unit } from './unit.ts'
