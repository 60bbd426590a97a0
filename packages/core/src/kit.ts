/**
 * What the other packages of this project need of the core. It may change in any release that a caret range leaves out:
 * use what `@bulkcall/core` exports.
 * @module
 */

export { Evidence, Plan, Profile } from './scope/evidence.ts'
export { isScope } from './scope/trackers.ts'
