/**
 * Windows on a server that does not say when it executes, beside those of the plugin: on shapes of resolvers that people
 * write, in each of ten runs, in exact virtual time.
 */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { stopTime, withBulk, withoutYoga, type Run, type Server } from './support/contest.ts'
import { plainNested, shapes, siblings } from './support/shapes.ts'

const delay = 5

beforeEach(stopTime)
afterEach(() => void vi.useRealTimers())

async function ten(server: Server): Promise<Run[]> {
  const runs: Run[] = []
  while (runs.length < 10) runs.push(await server.run())
  return runs
}

const figures = ({ data, bulks, ms }: Run): object => ({ data, bulks, ms })

// An operation that is executed within a resolver, with the same context, has loaders of its own there.
const same = Object.entries(shapes).filter(([name]) => name !== 'an operation executed within a resolver')

it.each([['plain nested fields', plainNested] as const, ['siblings', siblings] as const, ...same])(
  'S190 %s: the bulks of the plugin, at the same moments, with no timer more',
  async (_, shape) => {
    const plugin = await ten(withBulk(shape, delay))
    const runs = await ten(withoutYoga(shape, delay))
    expect(runs.map(figures)).toEqual(plugin.map(figures))
    // Yoga sets timers of its own.
    for (const [run, { timers }] of runs.entries()) expect(timers).toBeLessThanOrEqual(plugin[run]!.timers)
  },
)
