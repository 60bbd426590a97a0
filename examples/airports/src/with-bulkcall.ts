/**
 * The loaders with Bulkcall. `with-dataloader.ts` is the same with DataLoader, written by hand.
 * @module
 */

import { grouped, keyed } from '@bulkcall/core'
import { useBulk, type BulkContext } from '@bulkcall/yoga'

import type { AirportsOfCountry, NearestTo, Note, Queries } from './queries.ts'

/**
 * @param connections to the database: more bulks at once would only wait for one there
 * @param delay ms that a key may wait for others; by default that of `useBulk`
 */
export function withBulkcall(sql: Queries, connections: number, delay?: number) {
  return useBulk(
    {
      // One row for each key, or null.
      countries: keyed(sql.countries, country => country.code),
      regions: keyed(sql.regions, region => region.code),
      airports: keyed(sql.airports, airport => airport.ident),
      airportsByCode: keyed(sql.airportsByCode, airport => airport.code),
      statisticsOfCountry: keyed(sql.statisticsOfCountries, row => row.country),

      // All rows of each key, or none: [].
      regionsOfCountry: grouped(sql.regionsOfCountries, region => region.country),
      airportsOfRegion: grouped(sql.airportsOfRegions, airport => airport.region),

      // Keys of several parts, told apart by a text.
      airportsOfCountry: {
        command: grouped(sql.airportsOfCountries, textOfList, textOfList),
        cacheKeyFn: textOfList,
      },
      nearest: {
        command: grouped(sql.nearest, textOfNearest, textOfNearest),
        cacheKeyFn: textOfNearest,
      },

      lastNote: async (idents: string[]): Promise<Map<string, Note> | null> => {
        const notes = await sql.lastNotes(idents)
        // None: nobody has written about any of these airports, so the answer to each key is null.
        if (notes.length === 0) return null
        return new Map(notes.map(note => [note.airport, note]))
      },
    },
    { size: 500, concurrent: connections, delay },
  )
}

/** What resolvers find on `ctx.bulk`. */
export type BulkLoaders = BulkContext<ReturnType<typeof withBulkcall>>['bulk']

function textOfList({ country, first }: AirportsOfCountry): string {
  return `${country} ${first}`
}

function textOfNearest({ ident, first, kind }: NearestTo): string {
  return `${ident} ${first} ${kind}`
}
