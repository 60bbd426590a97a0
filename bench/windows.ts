/**
 * How well windows that close themselves batch, and what waiting costs: the same queries over real Yoga servers, with
 * DataLoader, at its own moment and with a fixed window, and with `useBulk` at some delays; over simulated backends, so that only the moment at
 * which a bulk starts makes a difference, and over a real PostgreSQL.
 *
 * The contenders take turns operation by operation; what to read is the number of bulks, and the ratio of the times. Where
 * that is not what is promised, the exit code is 1.
 *
 * `--only <text>` runs the shapes and backends with that in their names.
 */

import { BulkLoader } from '@bulkcall/core'
import { useBulk, type UseBulkOptions } from '@bulkcall/yoga'
import DataLoader from 'dataloader'
import { createSchema, createYoga } from 'graphql-yoga'
import { parseArgs } from 'node:util'
import { postgresPrograms, startPostgres } from '../examples/airports/test/postgres-server.ts'
import { median, quartile, table } from './table.mjs'
import {
  fill,
  names,
  postgres,
  simulatedPool,
  sleep,
  unlimited,
  type Backend,
  type Name,
  type Row,
} from './windows-backends.ts'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '25' },
  },
})
const rounds = Number(flags.rounds)

interface Loader {
  load(key: number): Promise<unknown>
}
interface Context {
  readonly bulk: Readonly<Record<Name, Loader>>
}

// ---- The schema: every link can be asked for with I/O of its own before the load, or with promise hops

/** I/O of a field's own takes from `from` to `to` ms; `hops` is how many microtasks at most it is late. */
interface Late {
  readonly from: number
  readonly to: number
  readonly hops: number
}

const late = '(from: Int! = 0, to: Int! = 0, hops: Int! = 0)'
const typeDefs = /* GraphQL */ `
  type Query { posts(n: Int!): [Post!]!, articles(n: Int!): [Article!]! }
  type Post {
    author${late}: User!, editor${late}: User!, comments${late}: [Comment!]!, publisher: Company!
    vetted: [User!]!, team: [User!]!, panel: [User!]!
  }
  type Article { author: User! }
  type Comment { author${late}: User! }
  type User { name: String!, posts${late}: [Post!]!, company${late}: Company! }
  type Company { name: String!, country${late}: Country! }
  type Country { name: String! }
`

/** The resolver of a link: at once if nothing else is asked for, as most are. */
function link(name: Name, key: string) {
  return ({ id, [key]: target }: Row, { from, to, hops }: Late, { bulk }: Context) => {
    const load = () => bulk[name].load(target!)
    if (to === 0 && hops === 0) return load()
    return wait(id!, from, to, hops).then(load)
  }
}

async function wait(id: number, from: number, to: number, hops: number): Promise<void> {
  const ms = from + ((id * 7) % (to - from + 1))
  if (ms > 0) await sleep(ms)
  for (let hop = hops === 0 ? 0 : (id * 7) % hops; hop > 0; hop--) await Promise.resolve()
}

/** I/O of one key: from 1 to 4 ms. */
const io = (key: number) => sleep(1 + ((key * 7) % 4))

/** Five users of a row, and one of them after I/O. */
const five = ({ id }: Row) => Array.from({ length: 5 }, (_, place) => (id! * 5 + place) % 100)
const afterIo = ({ users }: Context['bulk'], key: number) => io(key).then(() => users.load(key))

/** A source whose field is a method: there is no resolver but the default one, which calls it. */
class Article {
  readonly #row: Row

  constructor(row: Row) {
    this.#row = row
  }

  async author(_: unknown, { bulk }: Context): Promise<unknown> {
    await io(this.#row.id!)
    return bulk.users.load(this.#row.authorId!)
  }
}

function schema(backend: Backend) {
  const posts = async (n: number) => (await backend('posts', [n]))[0] as Row[]
  return createSchema<Context>({
    typeDefs,
    resolvers: {
      Query: {
        posts: (_: unknown, { n }: { n: number }) => posts(n),
        articles: async (_: unknown, { n }: { n: number }) => (await posts(n)).map(row => new Article(row)),
      },
      Post: {
        author: link('users', 'authorId'),
        editor: link('users', 'editorId'),
        comments: link('commentsOf', 'id'),
        // I/O after a load, and another load after that.
        publisher: async ({ id, authorId }: Row, _: unknown, { bulk }: Context) => {
          const author = (await bulk.users.load(authorId!)) as Row
          await sleep(1 + (id! % 4))
          return bulk.companies.load(author.companyId!)
        },
        vetted: (row: Row, _: unknown, { bulk }: Context) =>
          Promise.all(five(row).map(key => afterIo(bulk, key))),
        team: async (row: Row, _: unknown, { bulk }: Context) => {
          await io(row.id!)
          return Promise.all(five(row).map(key => bulk.users.load(key)))
        },
        panel: (row: Row, _: unknown, { bulk }: Context) => five(row).map(key => afterIo(bulk, key)),
      },
      Comment: { author: link('users', 'authorId') },
      User: { posts: link('postsOf', 'id'), company: link('companies', 'companyId') },
      Company: { country: link('countries', 'countryId') },
    },
  })
}

// ---- The queries

const siblings = 'siblings: 0-4 ms of I/O, then a load'
const mixed = 'four levels, mixed'
const uneven = 'deeply uneven'
const shapes: Readonly<Record<string, string>> = {
  'a list and its authors': '{ posts(n: 30) { author { name } } }',
  'four levels, no I/O between': '{ posts(n: 20) { author { posts { comments { author { name } } } } } }',
  'two loaders side by side':
    '{ posts(n: 60) { author { name } editor { name } comments { author { name } } } }',
  '0-59 microtasks, then a load': '{ posts(n: 60) { author(hops: 60) { name } } }',
  [siblings]: '{ posts(n: 30) { author(to: 4) { name } editor(from: 1, to: 4) { name } } }',
  '60 rows: 1-4 ms of I/O, then a load': '{ posts(n: 60) { author(from: 1, to: 4) { name } } }',
  'guards of 1-8 ms': '{ posts(n: 60) { author(from: 1, to: 8) { name } } }',
  'slow siblings beside a second loader':
    '{ posts(n: 60) { author(from: 1, to: 4) { name } comments { author { name } } } }',
  'four levels, guards of 1-4 ms':
    '{ posts(n: 20) { author(from: 1, to: 4) { posts(from: 1, to: 4) { comments(from: 1, to: 4) { author(from: 1, to: 4) { name } } } } } }',
  [mixed]:
    '{ posts(n: 30) { author(from: 1, to: 4) { company { country { name } } } editor { company(to: 4) { country { name } } } comments { author { name } } } }',
  [uneven]:
    '{ posts(n: 30) { author { name } editor(from: 1, to: 8) { company { country { name } } } comments { author { posts { comments { author(to: 4) { company { name } } } } } } } }',
  '5 inner loads of a resolver, I/O before each': '{ posts(n: 12) { vetted { name } } }',
  'one await, then 5 loads': '{ posts(n: 12) { team { name } } }',
  'a list of 5 promises, I/O before each': '{ posts(n: 12) { panel { name } } }',
  'methods that load after I/O': '{ articles(n: 12) { author { name } } }',
  'I/O after a load': '{ posts(n: 60) { publisher { country { name } } } }',
  'I/O after a load, beside deep plain levels':
    '{ posts(n: 60) { publisher { country { name } } author { posts { comments { author { name } } } } } }',
}

// ---- The contenders

interface Contender {
  readonly name: string
  readonly yoga: ReturnType<typeof createYoga>
  bulks: number
}

type Commands = Record<Name, (keys: readonly number[]) => Promise<unknown[]>>
type Server = (schema: ReturnType<typeof createSchema<Context>>, commands: Commands) => unknown

function contender(name: string, backend: Backend, server: Server): Contender {
  const entries = names.map(of => [
    of,
    (keys: readonly number[]) => {
      one.bulks++
      return backend(of, keys)
    },
  ])
  const yoga = server(schema(backend), Object.fromEntries(entries) as Commands)
  const one = { name, bulks: 0, yoga: yoga as Contender['yoga'] }
  return one
}

const fresh =
  (loader: (command: Commands[Name]) => Loader): Server =>
  (served, commands) =>
    createYoga({
      schema: served,
      context: () => ({ bulk: Object.fromEntries(names.map(of => [of, loader(commands[of])])) }),
      logging: false,
    })
const bulk =
  (options: UseBulkOptions = {}): Server =>
  (served, commands) =>
    createYoga({ schema: served, plugins: [useBulk(commands, options)], logging: false })

/** What must never be better than windows that close themselves: the same `delay`, whatever happens. */
const fixedWindow = 'DataLoader, fixed 5 ms'
const dataLoaders: Record<string, Server> = {
  DataLoader: fresh(command => new DataLoader(command)),
  [fixedWindow]: fresh(
    command => new DataLoader(command, { batchScheduleFn: dispatch => void setTimeout(() => dispatch(), 5) }),
  ),
}
const simulated: Record<string, Server> = {
  ...dataLoaders,
  useBulk: bulk(),
  'useBulk, 10 ms': bulk({ delay: 10 }),
  'useBulk, 3 ms': bulk({ delay: 3 }),
  'BulkLoader, fixed 5 ms': fresh(command => new BulkLoader<number, unknown>(command, { delay: 5 })),
}
const real: Record<string, Server> = {
  ...dataLoaders,
  useBulk: bulk(),
  'useBulk, 4 at once': bulk({ concurrent: 4 }),
}

async function ask({ yoga }: Contender, query: string): Promise<string> {
  const response = await yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.text()
}

// ---- The tables

/** The median of the bulks, and the lower quartile of the times in ms: whatever else the machine does makes them longer. */
interface Measured {
  readonly bulks: number
  readonly time: number
}

function expect(holds: boolean, otherwise: string): void {
  if (holds) return
  console.error(otherwise)
  process.exitCode = 1
}

/** Whether what waiting takes is made good by the bulks that it saves. */
function isInProportion(base: Measured, ours: Measured): boolean {
  return ours.time * ours.bulks <= base.time * base.bulks
}

async function compare(
  title: string,
  all: readonly Contender[],
  expected: (shape: string, base: Measured, ours: Measured) => void,
): Promise<void> {
  // Else the first shape would measure how quickly each contender gets warm.
  for (let time = 0; time < 10; time++) for (const one of all) await ask(one, shapes[mixed]!)
  const lines = [['', 'ms', ...all.map(({ name }) => name)]]
  for (const [shape, query] of Object.entries(shapes)) {
    if (!isWanted(shape, Object.keys(shapes))) continue
    const bulks = all.map((): number[] => [])
    const times = all.map((): number[] => [])
    for (let round = -5; round < rounds; round++) {
      let expectedAnswer: string | undefined
      for (const [place, one] of all.entries()) {
        one.bulks = 0
        const start = performance.now()
        const answer = await ask(one, query)
        if (round >= 0) {
          times[place]!.push(performance.now() - start)
          bulks[place]!.push(one.bulks)
        }
        expectedAnswer ??= answer
        if (answer !== expectedAnswer || answer.includes('"errors"'))
          throw new Error(`${one.name}: ${answer}`)
      }
    }
    const measured = all.map((_, place) => ({
      bulks: median(bulks[place]!),
      time: quartile(times[place]!),
    }))
    const of = (name: string) => measured[all.findIndex(one => one.name === name)]!
    const [base, fixed, ours] = [of('DataLoader'), of(fixedWindow), of('useBulk')]
    expect(
      ours.bulks <= base.bulks,
      `${shape}: ${ours.bulks} bulks with useBulk, ${base.bulks} with DataLoader`,
    )
    // Where levels are uneven, bulks that start earlier may meet others than those of a fixed window do.
    const most = shape === uneven ? fixed.bulks + 1 : fixed.bulks
    expect(
      ours.bulks <= most,
      `${shape}: ${ours.bulks} bulks with useBulk, ${fixed.bulks} with a fixed window`,
    )
    // Timers are up to 1 ms late, in both.
    expect(
      ours.time <= fixed.time * 1.1 + 2,
      `${shape}: ${ours.time.toFixed(1)} ms with useBulk, ${fixed.time.toFixed(1)} with a fixed window`,
    )
    expected(shape, base, ours)
    const cells = measured.map(one => `${one.bulks} / ${(one.time / base.time).toFixed(2)}`)
    lines.push([shape, base.time.toFixed(1), ...cells])
  }
  console.log(`\n${title}: bulks / time, where DataLoader is 1; its own time in ms\n`)
  table(lines)
}

/** Whether no flag `--only` is about any of these, or one is about this. */
function isWanted(name: string, among: readonly string[]): boolean {
  const about = flags.only.filter(text => among.some(other => other.includes(text)))
  return about.length === 0 || about.some(text => name.includes(text))
}

/** Operations a second, of so many clients who ask one after the other, in slices in which the contenders take turns. */
async function underLoad(all: readonly Contender[], clients: number, query: string): Promise<number[]> {
  const rates = all.map((): number[] => [])
  for (let slice = -1; slice < 7; slice++) {
    for (const [place, one] of all.entries()) {
      const end = performance.now() + 500
      const start = performance.now()
      let answers = 0
      const client = async () => {
        for (; performance.now() < end; answers++) await ask(one, query)
      }
      await Promise.all(Array.from({ length: clients }, client))
      if (slice >= 0) rates[place]!.push(answers / (performance.now() - start))
    }
  }
  return rates.map(median).map(rate => rate * 1000)
}

const backends: Readonly<Record<string, (title: string) => Promise<void>>> = {
  'Any number of commands at once, each in 3 ms': title =>
    compare(
      title,
      Object.entries(simulated).map(([name, server]) => contender(name, unlimited(), server)),
      (shape, base, ours) => {
        // Where waiting takes as long again, it saves bulks in proportion.
        expect(
          ours.time <= base.time * 2 || isInProportion(base, ours),
          `${shape}: over twice as late as DataLoader, for few bulks less`,
        )
        if (shape === siblings) expect(ours.bulks === 1 && ours.time <= base.time * 1.05, `${shape}: no gain`)
      },
    ),

  'A simulated pool of 4, where a command takes 1 ms and 0.02 ms a key': title =>
    compare(
      title,
      Object.entries(simulated).map(([name, server]) => contender(name, simulatedPool(), server)),
      () => {},
    ),

  'PostgreSQL, a pool of 4': async title => {
    if (postgresPrograms === null) {
      console.log(`\n${title}: left out, since there is no PostgreSQL on this machine\n`)
      return
    }
    const server = await startPostgres(postgresPrograms)
    const pools: { end(): Promise<void> }[] = []
    try {
      await fill(server.url)
      const all = Object.entries(real).map(([name, plugged]) => {
        const pool = postgres(server.url)
        pools.push(pool)
        return contender(name, pool.backend, plugged)
      })
      await compare(title, all, (shape, base, ours) =>
        expect(
          ours.time <= base.time * 1.2 + 0.3 || isInProportion(base, ours),
          `${shape}: slower than DataLoader over PostgreSQL`,
        ),
      )
      const lines = [['', ...all.map(({ name }) => name)]]
      for (const [shape, query] of Object.entries(shapes)) {
        if (![siblings, mixed].includes(shape) || !isWanted(shape, Object.keys(shapes))) continue
        const rates = await underLoad(all, 10, query)
        const ratio = (rate: number) => `${rate.toFixed(0)} / ${(rate / rates[0]!).toFixed(2)}`
        lines.push([shape, ...rates.map(ratio)])
      }
      console.log(
        `\n${title}, 10 clients at once: operations a second / how many times those of DataLoader\n`,
      )
      table(lines)
    } finally {
      for (const pool of pools) await pool.end()
      await server.stop()
    }
  },
}

for (const [title, run] of Object.entries(backends)) {
  if (isWanted(title, Object.keys(backends))) await run(title)
}
