/**
 * Queries to start with: the one that is compared, and one for each thing that the server can do. A line of a comment has
 * at most 30 characters, which a phone shows.
 * @module
 */

/** Five levels, lists within lists, and two fields that ask a slow service before anything is loaded. */
export const revealing = `query Europe {
  countries(continent: EU, first: 12) {
    name
    statistics { airports scheduled }
    airports(first: 5) {
      name
      region { name }
      note { text }
      weather {
        celsius
        largeAirportNearby { name country { name } }
      }
      nearest(first: 2) {
        distance
        airport { name country { name } }
      }
    }
  }
}
`

/** Each is a tab of GraphiQL, with the name of its operation. */
export const startingQueries: readonly string[] = [
  `# The button runs this query.
# Each field loads for itself,
# in this many SQL statements:
#    9  /graphql
#    9  /with-fixed-window
#   93  /with-dataloader
#  495  /without-bulk
${revealing}`,

  `# High airports with a timetable
# and what is near them.
query High {
  airports(where: { above: 3000, scheduled: true }, first: 10) {
    name
    elevation
    country { name }
    nearest(first: 1) { distance airport { name elevation } }
  }
  statistics { airports large highest }
}
`,

  `# Airports by their codes:
# one statement for all three.
query Codes {
  vienna: airport(code: "VIE") { ident region { name } }
  tokyo: airport(code: "HND") { ident region { name } }
  bogota: airport(code: "SKBO") { iata region { name } }
}
`,

  `# What is slow comes later.
query Later {
  country(code: "IS") {
    name
    regions {
      name
      airports {
        name
        ... @defer { weather { celsius largeAirportNearby { name } } }
      }
    }
  }
}
`,

  `# Run this, then Change in
# another tab of the browser.
subscription Watch {
  airportChanged { ident name note { text written } country { name } }
}
`,

  `# Each field sees what the one
# before it has changed.
mutation Change {
  renameAirport(ident: "LOWW", name: "Vienna") { name }
  a: addNote(ident: "LOWW", text: "Good coffee") { note { text } }
  b: addNote(ident: "LOWW", text: "Good cake") { note { text } }
}
`,
]
