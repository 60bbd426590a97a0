/** A program of its own: how much of batches that are over is still there after small collections of garbage. Prints JSON. */

import { AsyncBulkCall, BulkLoader, BulkScope } from '@bulkcall/core'
import DropIn from '@bulkcall/dataloader'
import DataLoader from 'dataloader'

const batches = 300
const keys = [1, 2, 3, 2, 1]
const bytes = 1000

/** Results that are counted as long as they are there: memory of such buffers is given back when they are collected. */
async function command(asked: readonly number[]): Promise<ArrayBuffer[]> {
  await Promise.resolve()
  return asked.map(() => new ArrayBuffer(bytes))
}

const inScope = (): ((key: number) => Promise<unknown>) => {
  const scope = new BulkScope()
  const loader = new BulkLoader(command, { scope })
  return key => scope.run(() => loader.load(key))
}
const loads: Record<string, () => (key: number) => Promise<unknown>> = {
  dataloader: () => {
    const loader = new DataLoader(command)
    return key => loader.load(key)
  },
  'the drop-in': () => {
    const loader = new DropIn(command)
    return key => loader.load(key)
  },
  'a loader': () => {
    const loader = new BulkLoader(command)
    return key => loader.load(key)
  },
  'a loader in a scope': inScope,
  'a call': () => {
    const call = new AsyncBulkCall(command)
    return key => call.call(key)
  },
}

const collect = gc as unknown as (options: { type: 'minor' }) => void

async function shareLeft(make: () => (key: number) => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers
  for (let batch = 0; batch < batches; batch++) {
    await ask(make())
    if (batch % 10 === 0) collect({ type: 'minor' })
  }
  // Twice: what is in use at a collection outlives it, as it must.
  for (let last = 0; last < 2; last++) {
    collect({ type: 'minor' })
    await new Promise(setImmediate)
  }
  return (process.memoryUsage().arrayBuffers - before) / bytes / batches
}

/** In a function of its own, whose variables nobody holds when it is over. */
async function ask(load: (key: number) => Promise<unknown>): Promise<void> {
  await Promise.all(keys.map(load))
}

const left: Record<string, number> = {}
for (const [name, make] of Object.entries(loads)) {
  gc!()
  left[name] = await shareLeft(make)
}
console.log(JSON.stringify(left))
