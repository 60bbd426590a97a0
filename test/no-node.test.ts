/**
 * The core where there is no Node, acted out on Node: what only Node has is taken away before the core is loaded.
 */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { buildCore, type CoreBuild } from './support/core-build.ts'
import { smokeNames } from './support/smoke.mjs'

let core: CoreBuild
beforeAll(() => {
  core = buildCore()
})
afterAll(() => core?.remove())

it.each([
  { taken: 'process,setImmediate', left: ['MessageChannel', 'performance'] },
  { taken: 'process,setImmediate,MessageChannel,performance', left: [] },
  { taken: 'process,setImmediate,messages', left: ['MessageChannel', 'performance'] },
  { taken: 'nextTick', left: ['process', 'setImmediate', 'MessageChannel', 'performance'] },
  { taken: 'nextTick,setImmediate', left: ['process', 'MessageChannel', 'performance'] },
])('S10 without $taken, calls 0 to 8 awaits deep are one bulk, and all else holds', ({ taken, left }) => {
  const script = join(import.meta.dirname, 'support/no-node.mjs')
  // It ends by itself, or the time is up: nothing of ours may keep the process alive.
  const told = execFileSync(process.execPath, [script, join(core.folder, 'index.js'), taken], {
    encoding: 'utf8',
    timeout: 100_000,
  })

  expect(JSON.parse(told)).toEqual({ left, passed: smokeNames, failed: [] })
})
