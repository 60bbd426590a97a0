/**
 * May change in any release: what the other packages of this project need of the core. Use what `@bulkcall/core` exports.
 * @module
 */

export { Evidence, Plan, Profile } from './scope/evidence.ts'
export { leaversOf } from './engine/abort.ts'
export { isThenable, shapeOf } from './engine/settle.ts'
export { watched, watchesCalls } from './events.ts'
export { endOfTurn, nobody } from './host.ts'
export { check, checkNames, isSignal } from './validate.ts'
