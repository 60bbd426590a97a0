/**
 * One of several processes that share a limit. Tells on its output how many commands it has seen at once, over all.
 *
 *   worker.ts <socket> <limit> <lease, in ms> <calls>     that many calls, 16 at a time
 *   worker.ts <socket> <limit> <lease, in ms> hold        takes one slot and keeps it
 *
 * One more argument says by how many ms its clock is off.
 */

import { setTimeout as sleep } from 'node:timers/promises'

import { AsyncBulkCall } from '@bulkcall/core'
import { createClient } from 'redis'

import { redisLimiter } from '../../src/index.ts'

const [path, limit, leaseMs, what, clockOff] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
]

const realNow = Date.now
Date.now = () => realNow() + Number(clockOff)

const client = createClient({ socket: { path, reconnectStrategy: 20 } })
client.on('error', error => console.error(error))
await client.connect()

let lost = 0
const concurrent = redisLimiter({
  client,
  key: 'shared',
  limit: Number(limit),
  leaseMs: Number(leaseMs),
  retryMs: 2,
  onLost: () => lost++,
})

let most = 0
const work = new AsyncBulkCall(
  async ([ms]: number[]) => {
    // Counted within the slot, so that it never tells more than there are.
    most = Math.max(most, await client.incr('running'))
    if (what === 'hold') console.log('holding')
    await sleep(ms)
    await client.decr('running')
    return [ms]
  },
  { size: 1, concurrent },
)

if (what === 'hold') await work.call(60_000)
const results = await Promise.all(Array.from({ length: Number(what) }, (_, place) => work.call(place % 8)))
console.log(JSON.stringify({ most, lost, results: results.length }))
// A question that is under way may still bring a slot, and that must go back: others would miss it for a lease.
await sleep(50)
await client.close()
