/**
 * No loaders at all: one statement for each key, as resolvers are first written. Only to compare.
 * @module
 */

import type { Plugin } from 'graphql-yoga'

import type { Loaders } from './context.ts'
import type { Queries } from './queries.ts'

export function withoutBulk(sql: Queries): Plugin {
  const bulk: Loaders = {
    countries: one(sql.countries),
    regions: one(sql.regions),
    airports: one(sql.airports),
    // Where two airports are found, the last one wins.
    airportsByCode: { load: async code => (await sql.airportsByCode([code])).at(-1) ?? null },
    statisticsOfCountry: one(sql.statisticsOfCountries),
    regionsOfCountry: all(sql.regionsOfCountries),
    airportsOfRegion: all(sql.airportsOfRegions),
    airportsOfCountry: all(sql.airportsOfCountries),
    nearest: all(sql.nearest),
    lastNote: one(sql.lastNotes),
  }
  return {
    onContextBuilding({ extendContext }) {
      extendContext({ bulk } as never)
    },
  }
}

type Query<Key, Row> = (keys: readonly Key[]) => Promise<Row[]>

function one<Key, Row>(query: Query<Key, Row>) {
  return { load: async (key: Key): Promise<Row | null> => (await query([key]))[0] ?? null }
}

function all<Key, Row>(query: Query<Key, Row>) {
  return { load: (key: Key): Promise<Row[]> => query([key]) }
}
