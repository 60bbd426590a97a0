/**
 * A cache on a host that has less than Node, in a process of its own:
 *   host.ts <what is done> <what is taken from the host, a comma between each>
 * `keep` and `hang` say what the store does with a write; `both` keeps, and loads a key twice at once. To take the `requests` makes the
 * host a worker of Cloudflare, and to take the `timers` gives it those of a browser.
 * Prints what it finds.
 */

// The first import: it takes.
import { done } from './taken.ts'

import { BulkLoader } from '@bulkcall/core'

import { withCache, type SharedStore } from '../../src/index.ts'

const kept = new Map<string, unknown>()
const never = new Promise<never>(() => {})
const store: SharedStore = {
  getMany: async keys => (keys.some(key => key.startsWith('slow')) ? never : keys.map(key => kept.get(key))),
  setMany: async entries =>
    done === 'hang' ? never : entries.forEach(({ key, value }) => void kept.set(key, value)),
  deleteMany: async keys => keys.forEach(key => void kept.delete(key)),
}
const asked: (number | string)[][] = []
const command = (keys: (number | string)[]) => {
  asked.push([...keys])
  return keys
}
const faults: string[] = []
const users = withCache(command, {
  store,
  key: key => key,
  ttl: 60_000,
  budget: 20,
  // So long a write that hangs would keep the process, if it did.
  cooldown: 90_000,
  onFault: ({ code }) => void faults.push(code),
})
const load = (key: number | string): Promise<unknown> => new BulkLoader(users).load(key)
const given = [await load(1), await load(1)]
if (done === 'both') given.push(...(await Promise.all([load(2), load(2)])))
if (done === 'keep') {
  await users.forget([1])
  given.push(await load(1), await load('slow'))
}
console.log(JSON.stringify({ given, asked, faults }))
