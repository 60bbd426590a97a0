/**
 * How far a replay can be trusted: with the recorded settings it comes to what was recorded, of real operations on a real
 * clock.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { simulatedPool, unlimited } from '../../../bench/windows-backends.ts'
import { shapes } from '../../../bench/windows-shapes.ts'
import {
  postgresPrograms,
  startPostgres,
  type PostgresServer,
} from '../../../examples/airports/test/postgres-server.ts'
import { ask, serve, type Serving } from '../../../examples/airports/test/serving.ts'
import { startingQueries } from '../../../examples/airports/src/starting-queries.ts'
import { errorOf, most, unknownOf } from '../page/calibration.ts'
import type { Documents } from '../page/groups.ts'
import { replay } from '../page/replay.ts'
import type { RecordedOperation, Recording } from '../src/index.ts'
import { documentsIn, recordShape } from './support/shapes.ts'

/** The replay of what was recorded, with the settings of then. */
async function calibrate(operation: RecordedOperation, documents: Documents) {
  const asRecorded = await replay(operation, { loader: null }, documents)
  return {
    error: errorOf(operation, asRecorded),
    bulks: asRecorded.bulks.length,
    inWords: asRecorded.bulks
      .toSorted((a, b) => a.loader.localeCompare(b.loader) || a.startedAt! - b.startedAt! || a.id - b.id)
      .map(({ loader, tasks }) => `${loader}: ${tasks}`),
  }
}

const settings = [{}, { concurrent: 1 }, { delay: 2, size: 20 }, { delay: 0 }] as const
const backends = { 'any number of commands at once': unlimited, 'a pool of 4': simulatedPool }

describe.each(Object.entries(backends))('S112 a replay as recorded, over %s', (_, backend) => {
  describe.each(settings)('with %j', options => {
    it.each(Object.entries(shapes))(
      'is off by a twentieth at most, and has the same bulks: %s',
      // A machine that takes the processor away between two instants does what no recording has.
      { retry: 2 },
      async (__, query) => {
        const { operation, documents } = await recordShape(query, backend(), options)
        const { error, bulks, inWords } = await calibrate(operation, documents)

        expect(bulks).toBe(operation.bulks.length)
        expect(error).toBeLessThanOrEqual(0.05)
        expect(inWords).toEqual(
          operation.bulks
            .toSorted(
              (a, b) => a.loader.localeCompare(b.loader) || a.startedAt! - b.startedAt! || a.id - b.id,
            )
            .map(({ loader, tasks }) => `${loader}: ${tasks}`),
        )
      },
    )
  })
})

describe('S112 a replay as recorded, of the airports example over PostgreSQL', () => {
  let postgres: PostgresServer | undefined
  let serving: Serving | undefined

  beforeAll(async () => {
    if (postgresPrograms !== null) postgres = await startPostgres(postgresPrograms)
  })
  afterAll(() => postgres?.stop())
  beforeEach(ctx => {
    if (postgresPrograms === null) ctx.skip('There is no PostgreSQL')
  })

  it.each([1, 4])(
    'is off by a twentieth at most, and has the same bulks, with %i connections',
    async pool => {
      serving = await serve({ url: postgres!.url }, pool)
      const queries = startingQueries.filter(query => !/subscription|@defer/.test(query))
      for (const query of [...queries, ...queries]) await ask(serving, query)
      const page = `${serving.address}/graphql/bulk`
      const response = await fetch(page, { headers: { accept: 'application/json' } })
      const recording = (await response.json()) as Recording
      const { operations } = recording
      await serving.close()

      expect(operations.length).toBeGreaterThanOrEqual(2 * 4)
      for (const operation of operations) {
        const { error, bulks } = await calibrate(operation, documentsIn(recording))
        expect([operation.name, bulks]).toEqual([operation.name, operation.bulks.length])
        expect([operation.name, error <= 0.05, error]).toEqual([operation.name, true, error])
      }
    },
  )
})

describe('S112 where a replay is far off', () => {
  it('says by how much, and what is not known', async () => {
    const query = shapes['four levels, mixed']!
    const { operation, documents } = await recordShape(query, simulatedPool(), { concurrent: 1 }, 2)
    const asRecorded = await replay(operation, { loader: null }, documents)
    const longer = { ...operation, ms: operation.ms * 2 }
    const [first] = operation.bulks as [RecordedOperation['bulks'][number]]
    // It waited for a slot, and of the two slots this operation had none.
    const waits = { ...first, openedAt: 0, readyAt: 0, startedAt: 9, settledAt: 10, limiters: [1] }
    const waited = { ...operation, bulks: [{ ...waits, timedOut: true }], limiters: [{ id: 1, slots: 2 }] }

    expect(errorOf(operation, asRecorded)).toBeLessThan(most)
    expect(errorOf(longer, asRecorded)).toBeCloseTo(0.5, 1)
    expect(unknownOf(operation)).toEqual([
      'what resolvers do between loads, and other requests, are not recorded',
    ])
    expect(unknownOf({ ...waited, omitted: 3 })).toEqual([
      '3 bulks had no room in the recording',
      'commands that timed out went on for nobody',
      'slots were in use by other operations',
    ])
  })
})
