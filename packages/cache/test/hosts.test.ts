/**
 * The cache on hosts that have less than Node, and in a process that ends.
 */

import { join } from 'node:path'

import { expect, it } from 'vitest'

import { findingsOf } from '../../../test/support/findings.ts'

const program = join(import.meta.dirname, 'support/host.ts')

it.each(['nothing', 'process,setImmediate,Buffer', 'process,setImmediate,Buffer,timers'])(
  'S242 a host without %s has the whole cache: what is kept, forgotten, and too slow',
  async taken => {
    const found = await findingsOf(program, { args: ['keep', taken] })

    expect(found).toEqual({
      given: [1, 1, 1, 'slow'],
      asked: [[1], [1], ['slow']],
      faults: ['BULK_STORE_DOWN'],
    })
  },
)

// The store would be given up after 90 s.
it('S243 a process ends although the store has not answered a write', { timeout: 60_000 }, async () => {
  const found = await findingsOf(program, { args: ['hang', 'nothing'] })

  expect(found.given).toEqual([1, 1])
})

it.each([
  ['fetches for itself in a worker of Cloudflare', 'requests', [[1], [2], [2]]],
  ['waits for what another one fetches on any other host', 'nothing', [[1], [2]]],
])('S242 a request %s', async (_, taken, asked) => {
  const found = await findingsOf(program, { args: ['both', taken] })

  expect(found).toEqual({ given: [1, 1, 2, 2], asked, faults: [] })
})
