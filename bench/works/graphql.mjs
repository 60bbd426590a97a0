/** Work of a GraphQL server, from the request to the text of its answer. */

import { setTimeout as sleep } from 'node:timers/promises'

import { memory } from '../graphql/rows.mjs'
import { openPostgres } from '../graphql/postgres.mjs'

const page = rows => `{ posts(n: ${rows}) { writer { name } } }`
const plain = '{ posts(n: 20) { id } }'
const nested = '{ posts(n: 20) { author { posts { comments { author { name } } } } } }'
const siblings = '{ posts(n: 30) { author(to: 4) { name } editor(from: 1, to: 4) { name } } }'
const wide = '{ posts(n: 1000) { author { name } editor { name } sponsor { name } } }'
const mixed = `{ posts(n: 30) {
  author(from: 1, to: 4) { company { country { name } } }
  editor { company(to: 4) { country { name } } }
  comments { author { name } }
} }`

const defaults = {
  field: 'graphql',
  loads: 1,
  slice: 100,
  // A server has answered for days. After so long the times of all contenders stand still.
  warmUp: 6_000,
  unit: 'µs an operation',
  scale: 1e3,
  keys: () => [],
}

function inMemory({ query, wait, ...work }) {
  return {
    ...defaults,
    ...work,
    async prepare({ serve }, count) {
      const ask = await serve(memory(wait, count))
      return { run: async () => dataOf(await ask(query)) }
    },
  }
}

/** The data of an answer, as text: the order of what stands around it is free. */
function dataOf(answer) {
  if (!answer.startsWith('{"data":{') || answer.includes('"errors"')) throw new Error(answer.slice(0, 300))
  return answer.slice(0, answer.lastIndexOf(']') + 1)
}

/** Pages as most are, with the authors of their rows: in a server that has answered for days, and in one that is young. */
const pages = [5, 100].flatMap(rows => {
  const work = {
    name: `yoga-${rows}`,
    title: `Yoga: ${rows} rows with ${Math.min(rows, 20)} authors`,
    clock: 'cpu',
    query: page(rows),
    wait: async () => {},
    contenders: ['dataloader', 'useBulk', 'drop-in'],
  }
  return [
    inMemory(work),
    inMemory({
      ...work,
      name: `${work.name}-young`,
      title: `${work.title}, after the first 2,000 requests of a process`,
      young: { first: 2_000, slice: 400 },
      // What is compiled by then varies from process to process, and soon all is.
      launches: { long: 6, short: 1 },
      slices: { long: 4, short: 3 },
    }),
  ]
})

/** What the plugin costs where nobody loads. */
const nothing = inMemory({
  name: 'yoga-nothing',
  title: 'Yoga: 20 rows, nothing is loaded: the plugin beside no plugin',
  clock: 'cpu',
  query: plain,
  wait: async () => {},
  contenders: ['none', 'useBulk'],
  base: 'none',
  // The goal is nearer than the noise of few slices.
  slice: 200,
  slices: { long: 20, short: 5 },
})

export const graphqlPages = [...pages, nothing]

const yoga = [
  inMemory({
    name: 'yoga-nested',
    title: 'Yoga: four levels, no I/O',
    clock: 'cpu',
    query: nested,
    wait: async () => {},
    contenders: ['dataloader', 'useBulk', 'drop-in', 'mercurius', 'grafast'],
  }),
  inMemory({
    name: 'yoga-siblings',
    title: 'Yoga: 30 rows × 2 siblings with 0–4 ms I/O of their own; a backend of 3 ms',
    clock: 'wall',
    query: siblings,
    wait: () => sleep(3),
    contenders: ['dataloader', 'useBulk', 'drop-in'],
  }),
  inMemory({
    name: 'yoga-wide',
    title: 'Yoga: 1,000 rows × 3 loads, no I/O',
    clock: 'cpu',
    query: wide,
    wait: async () => {},
    contenders: ['dataloader', 'useBulk', 'drop-in', 'mercurius', 'grafast'],
  }),
]

const postgres = [1, 10, 100].map(clients => ({
  ...defaults,
  name: `postgres-${clients}`,
  title: `Yoga over PostgreSQL, a pool of 4, mixed four levels: ${clients} ${clients === 1 ? 'client' : 'clients'}`,
  needs: 'postgres',
  clock: 'wall',
  short: false,
  slice: 500,
  launches: { long: 2, short: 1 },
  contenders: ['dataloader', 'useBulk', 'drop-in'],
  loads: clients,
  requests: clients,
  unit: 'µs a request',
  async prepare({ serve }, count) {
    const ask = await serve(openPostgres(process.env.BULKCALL_BENCH_POSTGRES, count))
    // Each client asks again as soon as it is answered; here all do so at once.
    const client = async () => dataOf(await ask(mixed))
    return {
      async run() {
        const [answer] = await Promise.all(Array.from({ length: clients }, client))
        return answer
      },
    }
  },
}))

export const graphql = [...yoga, ...postgres]
