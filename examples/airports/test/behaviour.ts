/**
 * What the server does, whichever database it has.
 */

import { expect, it } from 'vitest'

import { compare } from '../src/comparison.ts'
import { revealing, startingQueries } from '../src/starting-queries.ts'
import { ask, askInParts, subscribe, type Serving } from './serving.ts'

export function itServesAirports(serving: () => Serving): void {
  it('answers with real data, lists within lists', async () => {
    const { data, errors } = await ask(
      serving(),
      `{
        country(code: "at") {
          name continent
          statistics { airports large }
          regions { code airports { ident } }
          airports(first: 1) { iata municipality region { code } country { name } }
        }
        statistics { airports large scheduled highest }
      }`,
    )

    expect(errors).toBeUndefined()
    expect(data.country).toMatchObject({ name: 'Austria', continent: 'EU' })
    expect(data.country.airports).toEqual([
      { iata: 'VIE', municipality: 'Vienna', region: { code: 'AT-9' }, country: { name: 'Austria' } },
    ])
    const airports = data.country.regions.flatMap((region: any) => region.airports)
    expect(airports).toHaveLength(data.country.statistics.airports)
    expect(data.statistics).toMatchObject({ airports: 5210, highest: expect.any(Number) })
  })

  it('finds airports by IATA code or ident, three of them with one statement', async () => {
    const { database } = serving()
    const before = database.statements
    const { data } = await ask(
      serving(),
      '{ a: airport(code: "vie") { ident } b: airport(code: "LOWW") { iata } c: airport(code: "nowhere") { ident } }',
    )

    expect(data).toEqual({ a: { ident: 'LOWW' }, b: { iata: 'VIE' }, c: null })
    expect(database.statements - before).toBe(1)
  })

  it('filters airports', async () => {
    const { data } = await ask(
      serving(),
      `{
        airports(where: { continent: SA, kind: LARGE, scheduled: true, above: 2000 }, first: 50) {
          kind scheduled elevation country { continent }
        }
        named: airports(where: { name: "schwechat" }) { iata }
      }`,
    )

    expect(data.airports.length).toBeGreaterThan(1)
    for (const airport of data.airports) {
      expect(airport).toMatchObject({ kind: 'LARGE', scheduled: true, country: { continent: 'SA' } })
      expect(airport.elevation).toBeGreaterThan(2000)
    }
    const pages = await ask(
      serving(),
      '{ all: airports(first: 6) { ident } rest: airports(first: 3, skip: 3) { ident } }',
    )
    expect(pages.data.rest).toEqual(pages.data.all.slice(3))
  })

  it('finds what is near along a great circle, across the date line too', async () => {
    const fields = 'ident latitude longitude'
    const { data } = await ask(
      serving(),
      `{
        fiji: airport(code: "NAN") { ${fields} nearest(first: 20, kind: MEDIUM) { distance airport { ${fields} } } }
        all: airports(where: { kind: MEDIUM, continent: OC }, first: 300) { ${fields} }
      }`,
    )

    const near = data.fiji.nearest
    const expected = data.all
      .filter((airport: any) => airport.ident !== data.fiji.ident)
      .map((airport: any) => ({ ident: airport.ident, distance: kilometres(data.fiji, airport) }))
      .toSorted((a: any, b: any) => a.distance - b.distance)
      .slice(0, 20)
    expect(near.map((each: any) => each.airport.ident)).toEqual(expected.map((each: any) => each.ident))
    near.forEach((each: any, place: number) =>
      expect(each.distance).toBe(Math.round(expected[place].distance)),
    )
    const sides = new Set(near.map((each: any) => Math.sign(each.airport.longitude)))
    expect(sides).toEqual(new Set([1, -1]))
  })

  it('gives the same answer in each way of loading, and needs the fewest statements with Bulkcall', async () => {
    const { address, ways, sql, database } = serving()
    const efforts = await compare(revealing, { address, ways, sql, database }, 1)
    const [single, dataloader, fixed, bulkcall] = efforts.map(effort => effort.statements)

    expect(efforts.map(effort => effort.name)).toEqual([
      'a statement for each key',
      'DataLoader',
      'DataLoader, fixed window of 5 ms',
      'Bulkcall',
    ])
    expect(single).toBeGreaterThan(400)
    // One for the list of countries, and one for each of seven loaders.
    expect(bulkcall).toBe(8)
    expect(dataloader).toBeGreaterThan(2 * bulkcall!)
    expect(fixed).toBeLessThan(dataloader!)
  })

  it('has starting queries that all work', async () => {
    for (const query of startingQueries) {
      if (/subscription|mutation|@defer/.test(query)) continue
      expect(await ask(serving(), query)).toEqual({ data: expect.anything() })
    }
  })

  it.each(['/graphql', '/with-dataloader', '/without-bulk'])(
    'each field of a mutation sees what the one before it has changed, at %s',
    async path => {
      const { data, errors } = await ask(
        serving(),
        `mutation {
          a: renameAirport(ident: "LOWG", name: "A") { name note { text } }
          b: renameAirport(ident: "LOWG", name: "B") { name }
          c: addNote(ident: "LOWG", text: "one ${path}") { name note { text written } }
          d: addNote(ident: "LOWG", text: " two ${path} ") { note { text } country { code } }
        }`,
        path,
      )

      expect(errors).toBeUndefined()
      expect([data.a.name, data.b.name, data.c.name]).toEqual(['A', 'B', 'B'])
      expect([data.c.note.text, data.d.note.text]).toEqual([`one ${path}`, `two ${path}`])
      expect(new Date(data.c.note.written).getFullYear()).toBeGreaterThan(2000)
    },
  )

  it('an airport that nobody has written about has no note, and neither has a military one', async () => {
    const codes = ['KEDW', 'LOWK', 'LOWL']
    const before = await ask(serving(), 'mutation { addNote(ident: "KEDW", text: "secret") { name } }')
    const { data } = await ask(
      serving(),
      `{ ${codes.map(code => `${code}: airport(code: "${code}") { note { text } }`).join(' ')} }`,
    )

    expect(before.data.addNote.name).toMatch(/air force/i)
    expect(data).toEqual(Object.fromEntries(codes.map(code => [code, { note: null }])))
  })

  it.each([
    ['mutation { renameAirport(ident: "nowhere", name: "x") { name } }', 'NOT_FOUND'],
    ['mutation { addNote(ident: "nowhere", text: "x") { name } }', 'NOT_FOUND'],
    ['mutation { renameAirport(ident: "LOWW", name: " ") { name } }', 'BAD_USER_INPUT'],
    ['{ airports(first: -1) { name } }', 'BAD_USER_INPUT'],
    ['{ airport(code: "VIE") { nearest(first: 21) { distance } } }', 'BAD_USER_INPUT'],
  ])('%s is refused with %s', async (query, code) => {
    const { errors } = await ask(serving(), query)

    expect(errors).toEqual([expect.objectContaining({ extensions: expect.objectContaining({ code }) })])
  })

  it.each(['/graphql', '/with-dataloader'])('each event of a subscription is fresh, at %s', async path => {
    const events = await subscribe(
      serving(),
      'subscription { airportChanged { ident name note { text } region { code } } }',
      path,
    )
    try {
      for (const name of ['first', 'second', 'third']) {
        await ask(serving(), `mutation { renameAirport(ident: "LOWS", name: "${name}") { name } }`, path)
        const { data } = await events.next()
        expect(data.airportChanged).toEqual({ ident: 'LOWS', name, note: null, region: { code: 'AT-5' } })
      }
    } finally {
      events.close()
    }
  })

  it('what is deferred comes later, and in bulk', async () => {
    const { database } = serving()
    const before = database.statements
    const parts = await askInParts(
      serving(),
      `{ country(code: "IS") { airports(first: 5) { ident ... @defer { weather { celsius largeAirportNearby { iata } } } } } }`,
    )

    expect(parts[0].data.country.airports).toHaveLength(5)
    expect(parts[0]).toMatchObject({ hasNext: true })
    expect(parts[0].data.country.airports[0]).not.toHaveProperty('weather')
    const later = parts.flatMap(part => part.incremental ?? [])
    expect(new Set(later.map(({ path }) => path.at(-1)))).toEqual(new Set([0, 1, 2, 3, 4]))
    for (const { data } of later) expect(data.weather.largeAirportNearby.iata).toEqual(expect.any(String))
    expect(parts.at(-1).hasNext).toBe(false)
    expect(database.statements - before).toBeLessThanOrEqual(6)
  })

  it('what is streamed comes one by one', async () => {
    const parts = await askInParts(
      serving(),
      '{ airports(first: 3) @stream(initialCount: 1) { ident country { code } } }',
    )

    expect(parts[0].data.airports).toHaveLength(1)
    expect(parts.flatMap(part => part.incremental ?? []).flatMap(({ items }) => items)).toHaveLength(2)
    expect(parts.at(-1).hasNext).toBe(false)
  })

  it('leads to GraphiQL, and says where something is', async () => {
    const { address } = serving()
    const root = await fetch(address, { redirect: 'manual' })
    const nowhere = await fetch(`${address}/nowhere`)

    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql'])
    expect([nowhere.status, await nowhere.text()]).toEqual([
      404,
      'Not found. Try /without-bulk, /with-dataloader, /with-fixed-window, /graphql, /graphql/bulk.\n',
    ])
  })
}

interface Place {
  readonly latitude: number
  readonly longitude: number
}

/** The haversine formula. */
function kilometres(a: Place, b: Place): number {
  const [p, q] = [radians(a.latitude), radians(b.latitude)]
  const h =
    Math.sin((q - p) / 2) ** 2 +
    Math.cos(p) * Math.cos(q) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2
  return 2 * 6371 * Math.asin(Math.sqrt(h))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
