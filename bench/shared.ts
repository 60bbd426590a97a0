/**
 * What sharing bulks over requests gives: the same queries, asked by 1, 10 and 100 clients at once, over real Yoga servers
 * with loaders for each request and with shared ones. The backend is simulated: four connections, on which a command takes
 * 1 ms and 0.02 ms a key.
 *
 * The servers take turns, a slice of operations each; what to read is the ratio, and the number of bulks an operation.
 */

import { useBulk } from '@bulkcall/yoga'
import { createSchema, createYoga } from 'graphql-yoga'
import { median, table } from './table.mjs'

const slices = 15

const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))

function pool(): (keys: number) => Promise<unknown> {
  const freeAt = [0, 0, 0, 0]
  return keys => {
    const now = performance.now()
    const connection = freeAt.indexOf(Math.min(...freeAt))
    freeAt[connection] = Math.max(now, freeAt[connection]!) + 1 + 0.02 * keys
    return sleep(freeAt[connection] - now)
  }
}

const load = (name: string, key: string) => (row: Record<string, number>, _: unknown, ctx: any) =>
  ctx.bulk[name].load(row[key])

/** A server whose loaders are shared, or not. It counts its bulks and their keys. */
function server(shared: boolean) {
  const backend = pool()
  const counts = { bulks: 0, keys: 0 }
  const command = async (ids: readonly number[]) => {
    counts.bulks++
    counts.keys += ids.length
    await backend(ids.length)
    return ids.map(id => ({ id, authorId: (id * 7) % 200, countryId: (id * 3) % 50 }))
  }
  const definition = { command, shared }
  const yoga = createYoga({
    logging: false,
    plugins: [useBulk({ posts: definition, authors: definition, countries: definition }, { concurrent: 4 })],
    schema: createSchema<any>({
      typeDefs: /* GraphQL */ `
        type Query {
          posts(from: Int!): [Post!]!
        }
        type Post {
          id: Int!
          author: Author!
        }
        type Author {
          id: Int!
          country: Country!
        }
        type Country {
          id: Int!
        }
      `,
      resolvers: {
        Query: {
          posts: (_: unknown, { from }: { from: number }, ctx: any) =>
            Promise.all(Array.from({ length: 10 }, (__, place) => ctx.bulk.posts.load(from + place))),
        },
        Post: { author: load('authors', 'authorId') },
        Author: { country: load('countries', 'countryId') },
      },
    }),
  })
  return { yoga, counts }
}

type Server = ReturnType<typeof server>

let lastPost = 0

async function ask({ yoga }: Server): Promise<void> {
  const query = `{ posts(from: ${(lastPost += 17) % 5000}) { author { country { id } } } }`
  const response = await yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const answer = await response.text()
  if (answer.includes('"errors"')) throw new Error(answer)
}

/** So many clients ask so many operations, each its next one when it has the answer; gives what each waited, in ms. */
async function slice(asked: Server, clients: number, operations: number): Promise<number[]> {
  const waits: number[] = []
  let left = operations
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now()
      await ask(asked)
      waits.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return waits
}

const longest = (all: readonly number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!
const ratio = (of: (place: number) => number) => (of(1) / of(0)).toFixed(2)

const lines = [
  ['clients', 'bulks an operation', 'keys a bulk', 'operations/s', 'median wait', 'longest of 100'],
]
for (const clients of [1, 10, 100]) {
  const operations = Math.max(20, clients * 3)
  const servers = [server(false), server(true)]
  const waits: number[][] = [[], []]
  const rates: number[][] = [[], []]
  for (let round = -2; round < slices; round++) {
    for (const [place, each] of servers.entries()) {
      if (round === 0) Object.assign(each.counts, { bulks: 0, keys: 0 })
      const start = performance.now()
      const waited = await slice(each, clients, operations)
      if (round < 0) continue
      rates[place]!.push((1000 * operations) / (performance.now() - start))
      waits[place]!.push(...waited)
    }
  }
  const asked = operations * slices
  const [own, shared] = servers.map(({ counts }) => counts) as [Server['counts'], Server['counts']]
  lines.push([
    String(clients),
    `${(own.bulks / asked).toFixed(2)} → ${(shared.bulks / asked).toFixed(2)}`,
    `${(own.keys / own.bulks).toFixed(1)} → ${(shared.keys / shared.bulks).toFixed(1)}`,
    ratio(place => median(rates[place]!)),
    ratio(place => median(waits[place]!)),
    ratio(place => longest(waits[place]!)),
  ])
}
console.log('\nLoaders of each request → shared ones; the last three columns where the former is 1\n')
table(lines)
