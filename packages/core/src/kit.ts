/**
 * What the other packages of this project need of the core. It may change in any release that a caret range leaves out:
 * use what `@bulkcall/core` exports.
 * @module
 */

export { Evidence, Plan, Profile } from './scope/evidence.ts'
export { isScope } from './scope/trackers.ts'
export { leaversOf } from './engine/abort.ts'
export { Cancellation } from './engine/cancellation.ts'
export { Caller, type Chair } from './engine/caller.ts'
export { Gate } from './engine/gate.ts'
export { shapeOf } from './engine/settle.ts'
export { eachOf, isThenable } from './promises.ts'
export { harmless, watched } from './events.ts'
export { registry } from './registry.ts'
export { endOfTick, isSameContext, isWorker, nobody } from './host.ts'
export { check, checkNames, isSignal, readSignal } from './validate.ts'
