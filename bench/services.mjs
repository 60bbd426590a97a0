/** What some workloads need beside the contenders: a PostgreSQL server, started if one of them is asked for. */

import { tsImport } from 'tsx/esm/api'

import { fill } from './graphql/postgres.mjs'

const nothing = { env: {}, missing: () => null, async stop() {} }

/** @returns the environment of the contenders, and why a workload cannot run, if it cannot */
export async function startServices(works) {
  if (works.every(({ needs }) => needs !== 'postgres')) return nothing
  const { postgresPrograms, startPostgres } = await tsImport(
    '../examples/airports/test/postgres-server.ts',
    import.meta.url,
  )
  if (postgresPrograms === null)
    return {
      ...nothing,
      missing: ({ needs }) => (needs === undefined ? null : 'PostgreSQL is not installed'),
    }
  const server = await startPostgres(postgresPrograms)
  try {
    await fill(server.url)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { env: { BULKCALL_BENCH_POSTGRES: server.url }, missing: () => null, stop: () => server.stop() }
}
