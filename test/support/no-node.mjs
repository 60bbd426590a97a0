/**
 * Runs the smoke test on a host from which things were taken before the core is loaded:
 *   node no-node.mjs <index.js of the core> <what is taken, a comma between each>
 * `nextTick` takes the end of the turn from `process.nextTick`, and leaves a promise job, as some workers and shims do.
 */

import { pathToFileURL } from 'node:url'

import { smoke } from './smoke.mjs'

const [index, taken] = process.argv.slice(2)
for (const name of taken.split(',')) {
  if (name === 'nextTick') globalThis.process = { nextTick: queueMicrotask }
  else delete globalThis[name]
}
const left = ['process', 'setImmediate', 'MessageChannel', 'performance'].filter(name => name in globalThis)

console.log(JSON.stringify({ left, ...(await smoke(await import(pathToFileURL(index).href))) }))
