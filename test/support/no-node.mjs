/**
 * Runs the smoke test on a host from which things were taken before the core is loaded:
 *   node no-node.mjs <index.js of the core> <what is taken, a comma between each>
 * `nextTick` takes the end of the turn from `process.nextTick`, and leaves a promise job, as some workers and shims do;
 * `messages` takes it from a `MessageChannel`, as workers of Cloudflare do.
 */

import { pathToFileURL } from 'node:url'

import { smoke } from './smoke.mjs'

const [index, taken] = process.argv.slice(2)
for (const name of taken.split(',')) {
  if (name === 'nextTick') globalThis.process = { nextTick: queueMicrotask }
  else if (name === 'messages') actWorker()
  else delete globalThis[name]
}
const left = ['process', 'setImmediate', 'MessageChannel', 'performance'].filter(name => name in globalThis)

console.log(JSON.stringify({ left, ...(await smoke(await import(pathToFileURL(index).href))) }))

function actWorker() {
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Cloudflare-Workers' } })
  globalThis.MessageChannel = class {
    port1 = {}
    port2 = { postMessage: () => queueMicrotask(() => this.port1.onmessage()) }
  }
}
