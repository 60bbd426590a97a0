/**
 * Workers of Cloudflare, which end a request that waits for what another one has to settle.
 */

import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

const command = (ids: readonly number[]): readonly number[] => ids

it.each([
  ['concurrent', 'null', 4, { users: { command, concurrent: 4 } }, {}],
  ['concurrent', 'null', 4, {}, { concurrent: 4 }],
  ['shared', 'false', true, { users: { command, shared: true } }, {}],
])('S183 %s must be %s in a worker, and not %s', async (option, bound, value, loaders, options) => {
  vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
  vi.resetModules()
  const { useBulk } = await import('../src/index.ts')

  expect(() => useBulk(loaders as never, options)).toThrow(
    `${option} must be ${bound} in a worker of Cloudflare, where no request may wait for another, got ${value}`,
  )
  expect(() => useBulk({ users: { command, concurrent: null, shared: false } })).not.toThrow()
})
