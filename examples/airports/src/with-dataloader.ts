/**
 * The loaders with DataLoader, written by hand: what `with-bulkcall.ts` is without Bulkcall.
 * @module
 */

import DataLoader from 'dataloader'
import type { Plugin } from 'graphql-yoga'

import type { Context, Loaders } from './context.ts'
import type { AirportsOfCountry, NearestTo, Queries } from './queries.ts'

type HandWritten = {
  readonly [Name in keyof Loaders]: Loaders[Name] & Pick<DataLoader<any, any>, 'clearAll'>
}

function createLoaders(sql: Queries, window?: number): HandWritten {
  const settings = settingsOf(window)
  return {
    countries: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.countries(codes)
      const byCode = new Map(rows.map(row => [row.code, row]))
      return codes.map(code => byCode.get(code) ?? null)
    }, settings),

    regions: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.regions(codes)
      const byCode = new Map(rows.map(row => [row.code, row]))
      return codes.map(code => byCode.get(code) ?? null)
    }, settings),

    airports: new DataLoader(async (idents: readonly string[]) => {
      const rows = await sql.airports(idents)
      const byIdent = new Map(rows.map(row => [row.ident, row]))
      return idents.map(ident => byIdent.get(ident) ?? null)
    }, settings),

    airportsByCode: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.airportsByCode(codes)
      const byCode = new Map(rows.map(row => [row.code, row]))
      return codes.map(code => byCode.get(code) ?? null)
    }, settings),

    statisticsOfCountry: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.statisticsOfCountries(codes)
      const byCode = new Map(rows.map(row => [row.country, row]))
      return codes.map(code => byCode.get(code) ?? null)
    }, settings),

    regionsOfCountry: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.regionsOfCountries(codes)
      return codes.map(code => rows.filter(row => row.country === code))
    }, settings),

    airportsOfRegion: new DataLoader(async (codes: readonly string[]) => {
      const rows = await sql.airportsOfRegions(codes)
      return codes.map(code => rows.filter(row => row.region === code))
    }, settings),

    airportsOfCountry: new DataLoader(
      async (keys: readonly AirportsOfCountry[]) => {
        const rows = await sql.airportsOfCountries(keys)
        return keys.map(key => rows.filter(row => textOfList(row) === textOfList(key)))
      },
      { ...settings, cacheKeyFn: textOfList },
    ),

    nearest: new DataLoader(
      async (keys: readonly NearestTo[]) => {
        const rows = await sql.nearest(keys)
        return keys.map(key => rows.filter(row => textOfNearest(row) === textOfNearest(key)))
      },
      { ...settings, cacheKeyFn: textOfNearest },
    ),

    lastNote: new DataLoader(async (idents: readonly string[]) => {
      const notes = await sql.lastNotes(idents)
      const byAirport = new Map(notes.map(note => [note.airport, note]))
      return idents.map(ident => byAirport.get(ident) ?? null)
    }, settings),
  }
}

function settingsOf(window?: number) {
  const maxBatchSize = 500
  if (window === undefined) return { maxBatchSize }
  return { maxBatchSize, batchScheduleFn: (dispatch: () => void) => void setTimeout(dispatch, window) }
}

/**
 * New loaders for each operation, and none of their answers kept from one event of a subscription to the next.
 *
 * @param window ms that each batch is open for; by default it ends with the tick
 */
export function withDataLoader(sql: Queries, window?: number): Plugin {
  return {
    onContextBuilding({ extendContext }) {
      extendContext({ bulk: createLoaders(sql, window) } as never)
    },
    onSubscribe({ args }) {
      const { bulk } = args.contextValue as unknown as Context
      return {
        onSubscribeResult() {
          clearAll(bulk)
          return { onNext: () => clearAll(bulk) }
        },
      }
    },
  }
}

type Resolver = (parent: any, args: any, context: Context) => unknown

/** The fields of a mutation, each of which sees fresh data. */
export function clearing<Fields extends Readonly<Record<string, Resolver>>>(fields: Fields): Fields {
  const wrapped = Object.entries(fields).map(([name, resolve]) => {
    const fresh: Resolver = async (parent, args, context) => {
      clearAll(context.bulk)
      try {
        return await resolve(parent, args, context)
      } finally {
        clearAll(context.bulk)
      }
    }
    return [name, fresh] as const
  })
  return Object.fromEntries(wrapped) as Fields
}

function clearAll(loaders: Loaders): void {
  for (const loader of Object.values(loaders as HandWritten)) loader.clearAll()
}

function textOfList({ country, first }: AirportsOfCountry): string {
  return `${country} ${first}`
}

function textOfNearest({ ident, first, kind }: NearestTo): string {
  return `${ident} ${first} ${kind}`
}
