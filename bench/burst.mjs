/**
 * What a call costs: the core beside `dataloader` and beside a floor, which is the least that one promise a call can cost.
 *
 * Only CPU time is counted, since the command does nothing. The contenders take turns in short slices, so that whatever
 * else the machine does meets all of them alike; what to read is the ratio.
 */

import { AsyncBulkCall, BulkLoader } from '@bulkcall/core'
import DataLoader from 'dataloader'
import { median, table } from './table.mjs'

const rounds = 31
const keysASlice = 50_000

const command = async keys => keys

/** One gate a bulk and one `then` a load: no cache, no options, no errors. */
class Floor {
  #open = null

  load(key) {
    const bulk = (this.#open ??= this.#start())
    bulk.keys.push(key)
    return bulk.gate.then(bulk.next)
  }

  #start() {
    const bulk = { keys: [], gate: null, next: null }
    let at = 0
    bulk.next = results => results[at++]
    bulk.gate = new Promise(open => {
      void Promise.resolve().then(() =>
        process.nextTick(() => {
          this.#open = null
          void command(bulk.keys).then(open)
        }),
      )
    })
    return bulk
  }
}

const loadEach = make => keys => {
  const loader = make()
  return Promise.all(keys.map(key => loader.load(key)))
}
const loadMany = make => keys => make().loadMany(keys)
const callEach = make => keys => {
  const bulk = make()
  return Promise.all(keys.map(key => bulk.call(key)))
}

const dataloader = options => () => new DataLoader(command, options)
const loader = options => () => new BulkLoader(command, options)
const call = options => () => new AsyncBulkCall(command, options)

const single = {
  dataloader: loadEach(dataloader()),
  'dataloader, no cache': loadEach(dataloader({ cache: false })),
  BulkLoader: loadEach(loader()),
  'BulkLoader, no cache': loadEach(loader({ cache: false })),
  AsyncBulkCall: callEach(call()),
  floor: loadEach(() => new Floor()),
}
const unique = count => Array.from({ length: count }, (_, place) => (place * 7) % 100_003)
const chunk = { size: 100 }
const limited = { size: 100, concurrent: 4 }

const scenarios = [
  { name: '10 keys', keys: unique(10), contenders: single },
  { name: '1,000 keys', keys: unique(1_000), contenders: single },
  { name: '10,000 keys', keys: unique(10_000), contenders: single },
  {
    name: '1,000 keys, half of them twice',
    keys: unique(500).flatMap(key => [key, key]),
    contenders: {
      dataloader: single.dataloader,
      BulkLoader: single.BulkLoader,
      'BulkLoader, no cache': single['BulkLoader, no cache'],
    },
  },
  {
    name: 'loadMany of 1,000 keys',
    keys: unique(1_000),
    contenders: {
      dataloader: loadMany(dataloader()),
      BulkLoader: loadMany(loader()),
      'AsyncBulkCall.callMany': keys => call()().callMany(keys),
    },
  },
  {
    name: '10,000 keys in bulks of 100',
    keys: unique(10_000),
    contenders: {
      dataloader: loadEach(dataloader({ maxBatchSize: 100 })),
      BulkLoader: loadEach(loader(chunk)),
      AsyncBulkCall: callEach(call(chunk)),
      'BulkLoader, 4 at once': loadEach(loader(limited)),
      'AsyncBulkCall, 4 at once': callEach(call(limited)),
    },
  },
]

async function slice(run, keys) {
  const before = process.cpuUsage()
  for (let done = 0; done < keysASlice; done += keys.length) await run(keys)
  const { user, system } = process.cpuUsage(before)
  return user + system
}

for (const { name, keys, contenders } of scenarios) {
  const spent = Object.fromEntries(Object.keys(contenders).map(contender => [contender, []]))
  for (let round = -3; round < rounds; round++) {
    for (const [contender, run] of Object.entries(contenders)) {
      const time = await slice(run, keys)
      // The first rounds are for the compiler.
      if (round >= 0) spent[contender].push(time)
    }
  }
  const base = median(spent.dataloader)
  console.log()
  table([
    [name, 'ns a key', 'to dataloader'],
    ...Object.entries(spent).map(([contender, times]) => [
      `  ${contender}`,
      ((median(times) / keysASlice) * 1_000).toFixed(0),
      (median(times) / base).toFixed(2),
    ]),
  ])
}
