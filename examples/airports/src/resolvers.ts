/**
 * The resolvers: each asks for the one thing that it is about. That they are answered in bulk is not their concern.
 * @module
 */

import { createGraphQLError } from 'graphql-yoga'

import type { Context } from './context.ts'
import type { Airport, AirportFilter, Country, Nearby, Region } from './queries.ts'
import { askWeather, mayReadNotes, type Weather } from './services.ts'

interface First {
  readonly first: number
}

export const resolvers = {
  Query: {
    airport: (_: unknown, { code }: { code: string }, { bulk }: Context) =>
      bulk.airportsByCode.load(code.toUpperCase()),

    airports: (
      _: unknown,
      { where, first, skip }: First & { where?: AirportFilter; skip: number },
      { sql }: Context,
    ) => sql.findAirports(where ?? {}, count('first', first), count('skip', skip, 100_000)),

    country: (_: unknown, { code }: { code: string }, { bulk }: Context) =>
      bulk.countries.load(code.toUpperCase()),

    countries: (_: unknown, { continent, first }: First & { continent?: string }, { sql }: Context) =>
      sql.listCountries(continent ?? null, count('first', first)),

    region: (_: unknown, { code }: { code: string }, { bulk }: Context) =>
      bulk.regions.load(code.toUpperCase()),

    statistics: (_: unknown, __: unknown, { sql }: Context) => sql.statistics(),
  },

  Country: {
    regions: ({ code }: Country, _: unknown, { bulk }: Context) => bulk.regionsOfCountry.load(code),
    airports: ({ code }: Country, { first }: First, { bulk }: Context) =>
      bulk.airportsOfCountry.load({ country: code, first: count('first', first) }),
    statistics: async ({ code }: Country, _: unknown, { bulk }: Context) =>
      (await bulk.statisticsOfCountry.load(code)) ?? { airports: 0, large: 0, scheduled: 0, highest: null },
  },

  Region: {
    country: ({ country }: Region, _: unknown, { bulk }: Context) => bulk.countries.load(country),
    airports: ({ code }: Region, _: unknown, { bulk }: Context) => bulk.airportsOfRegion.load(code),
  },

  Airport: {
    country: ({ country }: Airport, _: unknown, { bulk }: Context) => bulk.countries.load(country),
    region: ({ region }: Airport, _: unknown, { bulk }: Context) => bulk.regions.load(region),
    nearest: ({ ident }: Airport, { first, kind }: First & { kind: string }, { bulk }: Context) =>
      bulk.nearest.load({ ident, first: count('first', first, 20), kind }),

    // A guard that asks a service, 1 to 4 ms, before anything is loaded.
    note: async (airport: Airport, _: unknown, { bulk }: Context) =>
      (await mayReadNotes(airport)) ? bulk.lastNote.load(airport.ident) : null,

    // It asks a service as well, and below it `Weather.largeAirportNearby` loads.
    weather: (airport: Airport) => askWeather(airport),
  },

  Weather: {
    async largeAirportNearby({ airport }: Weather, _: unknown, { bulk }: Context) {
      const [nearest] = await bulk.nearest.load({ ident: airport, first: 1, kind: 'large_airport' })
      return nearest === undefined ? null : bulk.airports.load(nearest.airport)
    },
  },

  Nearby: {
    airport: ({ airport }: Nearby, _: unknown, { bulk }: Context) => bulk.airports.load(airport),
  },

  Note: {
    written: ({ written }: { written: Date }) => written.toISOString(),
  },

  Mutation: {
    async renameAirport(
      _: unknown,
      { ident, name }: { ident: string; name: string },
      { bulk, sql, changes }: Context,
    ) {
      if (!(await sql.rename(ident, text('name', name)))) throw noSuchAirport(ident)
      changes.publish('airportChanged', ident)
      return bulk.airports.load(ident)
    },

    async addNote(
      _: unknown,
      { ident, text: given }: { ident: string; text: string },
      { bulk, sql, changes }: Context,
    ) {
      if (!(await sql.addNote(ident, text('text', given)))) throw noSuchAirport(ident)
      changes.publish('airportChanged', ident)
      return bulk.airports.load(ident)
    },
  },

  Subscription: {
    airportChanged: {
      subscribe: (_: unknown, __: unknown, { changes }: Context) => changes.subscribe('airportChanged'),
      // The event says which airport. It is loaded anew for each event.
      resolve: (ident: string, _: unknown, { bulk }: Context) => bulk.airports.load(ident),
    },
  },

  // As the database has it.
  AirportKind: { MEDIUM: 'medium_airport', LARGE: 'large_airport' },
}

function count(name: string, value: number, most = 300): number {
  if (value >= 0 && value <= most) return value
  throw badInput(`${name} must be from 0 to ${most}, got ${value}.`)
}

function text(name: string, value: string): string {
  const trimmed = value.trim()
  if (trimmed.length > 0 && trimmed.length <= 200) return trimmed
  throw badInput(`${name} must have 1 to 200 characters.`)
}

function badInput(message: string): Error {
  return createGraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}

function noSuchAirport(ident: string): Error {
  return createGraphQLError(`There is no airport ${ident}.`, { extensions: { code: 'NOT_FOUND' } })
}
