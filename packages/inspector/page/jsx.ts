/**
 * What elements are made with: `bundle.ts` has it in scope wherever there are any.
 * @module
 */

export { Fragment, h } from 'preact'
