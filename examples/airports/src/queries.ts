/**
 * The SQL. Whatever a loader asks is asked in bulk: one statement for all keys, `= any($1)` or `unnest`.
 * @module
 */

import type { Database } from './database.ts'

export interface Country {
  readonly code: string
  readonly name: string
  readonly continent: string
  readonly wikipedia: string | null
}

export interface Region {
  readonly code: string
  readonly name: string
  readonly country: string
  readonly wikipedia: string | null
}

export interface Airport {
  readonly ident: string
  readonly iata: string | null
  readonly name: string
  readonly kind: string
  readonly municipality: string | null
  readonly country: string
  readonly region: string
  readonly latitude: number
  readonly longitude: number
  readonly elevation: number | null
  readonly scheduled: boolean
  readonly wikipedia: string | null
}

export interface Note {
  readonly airport: string
  readonly text: string
  readonly written: Date
}

export interface Statistics {
  readonly airports: number
  readonly large: number
  readonly scheduled: number
  readonly highest: number | null
}

/** The first airports of a country. */
export interface AirportsOfCountry {
  readonly country: string
  readonly first: number
}

/** The airports of a kind that are nearest to one. */
export interface NearestTo {
  readonly ident: string
  readonly first: number
  readonly kind: string
}

export interface Nearby {
  readonly airport: string
  /** In km, along a great circle. */
  readonly distance: number
}

export interface AirportFilter {
  readonly name?: string | null
  readonly country?: string | null
  readonly continent?: string | null
  readonly kind?: string | null
  readonly scheduled?: boolean | null
  readonly above?: number | null
}

const columns = `airport.ident, airport.iata, airport.name, airport.kind, airport.municipality, airport.country,
  airport.region, airport.latitude, airport.longitude, airport.elevation, airport.scheduled, airport.wikipedia`

const statistics = `count(*)::int as airports,
  count(*) filter (where kind = 'large_airport')::int as large,
  count(*) filter (where scheduled)::int as scheduled,
  max(elevation) as highest`

export type Queries = ReturnType<typeof queriesOf>

export function queriesOf(database: Database) {
  /** How many bulks were asked so far, of how many keys. */
  const asked = { bulks: 0, keys: 0 }

  /** A query that answers many keys with one statement, in rows of any order. */
  function bulk<Key, Row>(sql: string, paramsOf: (keys: readonly Key[]) => unknown[] = keys => [keys]) {
    return (keys: readonly Key[]): Promise<Row[]> => {
      asked.bulks += 1
      asked.keys += keys.length
      return database.query<Row>(sql, paramsOf(keys))
    }
  }

  return {
    asked,

    countries: bulk<string, Country>('select * from country where code = any($1)'),

    regions: bulk<string, Region>('select * from region where code = any($1)'),

    regionsOfCountries: bulk<string, Region>('select * from region where country = any($1) order by code'),

    airports: bulk<string, Airport>(`select ${columns} from airport where ident = any($1)`),

    /** By IATA code or ident. Where one airport's ident is another's IATA code, the ident comes last, and wins. */
    airportsByCode: bulk<string, Airport & { code: string }>(
      `select asked.code, ${columns}
       from unnest($1::text[]) as asked (code)
       join airport on airport.ident = asked.code or airport.iata = asked.code
       order by airport.ident = asked.code`,
    ),

    airportsOfRegions: bulk<string, Airport>(
      `select ${columns} from airport where region = any($1) order by ident`,
    ),

    /** Each key brings its own limit, so the limit is applied to each key. */
    airportsOfCountries: bulk<AirportsOfCountry, Airport & AirportsOfCountry>(
      `select asked.first, found.*
       from unnest($1::text[], $2::int[]) as asked (country, first)
       cross join lateral (
         select ${columns} from airport
         where airport.country = asked.country
         order by kind, ident
         limit asked.first
       ) as found
       order by kind, ident`,
      keys => [keys.map(key => key.country), keys.map(key => key.first)],
    ),

    /** The distance on the globe follows from the angle between two places, and its cosine is a sum of products. */
    nearest: bulk<NearestTo, Nearby & NearestTo>(
      `select asked.*, near.ident as airport, round(6371 * acos(least(1, near.cosine))) as distance
       from unnest($1::text[], $2::int[], $3::text[]) as asked (ident, first, kind)
       join airport as here on here.ident = asked.ident
       cross join lateral (
         select there.ident, there.x * here.x + there.y * here.y + there.z * here.z as cosine
         from airport as there
         where there.kind = asked.kind and there.ident <> here.ident
         order by cosine desc
         limit asked.first
       ) as near
       order by near.cosine desc`,
      keys => [keys.map(key => key.ident), keys.map(key => key.first), keys.map(key => key.kind)],
    ),

    statisticsOfCountries: bulk<string, Statistics & { country: string }>(
      `select country, ${statistics} from airport where country = any($1) group by country`,
    ),

    /** The last note on each airport that has one. */
    lastNotes: bulk<string, Note>(
      `select distinct on (airport) airport, text, written from note
       where airport = any($1) order by airport, id desc`,
    ),

    // What the fields of Query and Mutation ask: once in an operation, so nothing is gained in bulk.

    listCountries(continent: string | null, first: number): Promise<Country[]> {
      return database.query(
        'select * from country where $1::text is null or continent = $1 order by name limit $2',
        [continent, first],
      )
    },

    findAirports(where: AirportFilter, first: number, skip: number): Promise<Airport[]> {
      const { name, country, continent, kind, scheduled, above } = where
      return database.query(
        `select ${columns} from airport join country on country.code = airport.country
         where ($1::text is null or strpos(lower(airport.name), lower($1)) > 0)
           and ($2::text is null or airport.country = $2)
           and ($3::text is null or country.continent = $3)
           and ($4::text is null or airport.kind = $4)
           and ($5::boolean is null or airport.scheduled = $5)
           and ($6::float8 is null or airport.elevation > $6)
         order by airport.kind, airport.ident limit $7 offset $8`,
        [name, country, continent, kind, scheduled, above, first, skip].map(value => value ?? null),
      )
    },

    async statistics(): Promise<Statistics> {
      const [row] = await database.query<Statistics>(`select ${statistics} from airport`)
      return row!
    },

    /** Whether there is such an airport. */
    async rename(ident: string, name: string): Promise<boolean> {
      const sql = 'update airport set name = $2 where ident = $1 returning ident'
      return (await database.query(sql, [ident, name])).length > 0
    },

    /** Whether there is such an airport. */
    async addNote(ident: string, text: string): Promise<boolean> {
      const sql =
        'insert into note (airport, text) select ident, $2 from airport where ident = $1 returning id'
      return (await database.query(sql, [ident, text])).length > 0
    },
  }
}
