/**
 * The schema.
 * @module
 */

export const typeDefs = /* GraphQL */ `
  type Query {
    "An airport by its IATA code, such as VIE, or its ident, such as LOWW."
    airport(code: String!): Airport
    "Airports, the large ones first."
    airports(where: AirportFilter, first: Int! = 20, skip: Int! = 0): [Airport!]!
    "A country by its ISO code, such as AT."
    country(code: String!): Country
    "Countries by name."
    countries(continent: Continent, first: Int! = 300): [Country!]!
    "A region by its ISO code, such as AT-9."
    region(code: String!): Region
    "Numbers for the whole world."
    statistics: Statistics!
  }

  type Mutation {
    renameAirport(ident: ID!, name: String!): Airport!
    addNote(ident: ID!, text: String!): Airport!
  }

  type Subscription {
    "An airport that has been renamed, or has a new note."
    airportChanged: Airport!
  }

  type Country {
    code: ID!
    name: String!
    continent: Continent!
    wikipedia: String
    regions: [Region!]!
    "The airports of the country, the large ones first."
    airports(first: Int! = 10): [Airport!]!
    statistics: Statistics!
  }

  type Region {
    code: ID!
    name: String!
    wikipedia: String
    country: Country!
    airports: [Airport!]!
  }

  type Airport {
    ident: ID!
    iata: String
    name: String!
    kind: AirportKind!
    municipality: String
    country: Country!
    region: Region!
    latitude: Float!
    longitude: Float!
    "In metres."
    elevation: Float
    "Whether airlines fly here by a timetable."
    scheduled: Boolean!
    wikipedia: String
    "The other airports of a kind that are nearest to this one, along a great circle."
    nearest(first: Int! = 3, kind: AirportKind! = LARGE): [Nearby!]!
    "The last note, if there is one and it may be read. A permission service is asked first, which takes 1 to 4 ms."
    note: Note
    "Asked of a weather service, which takes 1 to 4 ms."
    weather: Weather!
  }

  type Nearby {
    "In km."
    distance: Float!
    airport: Airport!
  }

  type Note {
    text: String!
    written: String!
  }

  type Weather {
    celsius: Int!
    "Where to go if the weather is bad."
    largeAirportNearby: Airport
  }

  type Statistics {
    airports: Int!
    large: Int!
    scheduled: Int!
    "The elevation of the highest airport, in metres."
    highest: Float
  }

  "All conditions that are given must hold."
  input AirportFilter {
    "A part of the name."
    name: String
    country: String
    continent: Continent
    kind: AirportKind
    scheduled: Boolean
    "More than so many metres."
    above: Float
  }

  enum AirportKind {
    MEDIUM
    LARGE
  }

  enum Continent {
    AF
    AN
    AS
    EU
    NA
    OC
    SA
  }
`
