/**
 * How well windows that close themselves batch, and what waiting costs: the same queries over real Yoga servers, with
 * DataLoader, with a fixed window, and with `useBulk` at some delays. The backends are simulated, so that only the moment
 * at which a bulk starts makes a difference.
 *
 * The contenders take turns operation by operation; what to read is the number of bulks, and the ratio of the times.
 */

import { BulkLoader } from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import DataLoader from 'dataloader'
import { createSchema, createYoga } from 'graphql-yoga'
import { median, table } from './table.mjs'

const rounds = 25

interface Loader {
  load(key: number): Promise<unknown>
}
type Command = (keys: readonly number[]) => Promise<unknown[]>
type Name = 'users' | 'postsOf' | 'commentsOf' | 'companies' | 'countries'
interface Context {
  readonly bulk: Readonly<Record<Name, Loader>>
}

// ---- The backends

type Backend = (keys: number) => Promise<unknown>

const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))

/** Answers any number of commands at once. */
const unlimited = (): Backend => () => sleep(3)

/** Four connections; each command waits for the one that is free first. */
function pool(): Backend {
  const freeAt = [0, 0, 0, 0]
  return keys => {
    const now = performance.now()
    const connection = freeAt.indexOf(Math.min(...freeAt))
    freeAt[connection] = Math.max(now, freeAt[connection]!) + 1 + 0.02 * keys
    return sleep(freeAt[connection] - now)
  }
}

// ---- The schema: every link can be asked for with I/O of its own before the load, or with promise hops

/** I/O of a field's own takes from `from` to `to` ms; `hops` is how many promise jobs at most it is late. */
interface Late {
  readonly from: number
  readonly to: number
  readonly hops: number
}

const late = '(from: Int! = 0, to: Int! = 0, hops: Int! = 0)'
const typeDefs = /* GraphQL */ `
  type Query { posts(n: Int!): [Post!]! }
  type Post { author${late}: User!, editor${late}: User!, comments${late}: [Comment!]!, publisher: Company! }
  type Comment { author${late}: User! }
  type User { name: String!, posts${late}: [Post!]!, company${late}: Company! }
  type Company { name: String!, country${late}: Country! }
  type Country { name: String! }
`

const post = (id: number) => ({ id, authorId: (id * 3) % 40, editorId: (id * 11) % 50 })
const user = (id: number) => ({ id, name: `user ${id}`, companyId: id % 12 })
const several = (count: number, make: (place: number) => object) =>
  Array.from({ length: count }, (_, place) => make(place))

const rows: Record<Name, (key: number) => unknown> = {
  users: user,
  postsOf: id => several(2, place => post(id * 2 + place)),
  commentsOf: id => several(3, place => ({ id: id * 3 + place, authorId: (id * 5 + place) % 60 })),
  companies: id => ({ id, name: `company ${id}`, countryId: id % 5 }),
  countries: id => ({ id, name: `country ${id}` }),
}
const names = Object.keys(rows) as Name[]

type Row = Readonly<Record<string, number>>

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

function schema(backend: Backend) {
  return createSchema<Context>({
    typeDefs,
    resolvers: {
      Query: {
        posts: async (_: unknown, { n }: { n: number }) => {
          await backend(1)
          return several(n, post)
        },
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
      },
      Comment: { author: link('users', 'authorId') },
      User: { posts: link('postsOf', 'id'), company: link('companies', 'companyId') },
      Company: { country: link('countries', 'countryId') },
    },
  })
}

// ---- The queries

const shapes: Readonly<Record<string, string>> = {
  'a list and its authors': '{ posts(n: 30) { author { name } } }',
  'four levels, no I/O between': '{ posts(n: 20) { author { posts { comments { author { name } } } } } }',
  'two loaders side by side':
    '{ posts(n: 60) { author { name } editor { name } comments { author { name } } } }',
  '0-59 promise jobs, then a load': '{ posts(n: 60) { author(hops: 60) { name } } }',
  'siblings: 0-4 ms of I/O, then a load':
    '{ posts(n: 30) { author(to: 4) { name } editor(from: 1, to: 4) { name } } }',
  '60 rows: 1-4 ms of I/O, then a load': '{ posts(n: 60) { author(from: 1, to: 4) { name } } }',
  'guards of 1-8 ms': '{ posts(n: 60) { author(from: 1, to: 8) { name } } }',
  'slow siblings beside a second loader':
    '{ posts(n: 60) { author(from: 1, to: 4) { name } comments { author { name } } } }',
  'four levels, guards of 1-4 ms':
    '{ posts(n: 20) { author(from: 1, to: 4) { posts(from: 1, to: 4) { comments(from: 1, to: 4) { author(from: 1, to: 4) { name } } } } } }',
  'four levels, mixed':
    '{ posts(n: 30) { author(from: 1, to: 4) { company { country { name } } } editor { company(to: 4) { country { name } } } comments { author { name } } } }',
  'deeply uneven':
    '{ posts(n: 30) { author { name } editor(from: 1, to: 8) { company { country { name } } } comments { author { posts { comments { author(to: 4) { company { name } } } } } } } }',
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

/** The commands of one contender, counted. */
function commands(backend: Backend, count: () => void): Record<Name, Command> {
  const entries = names.map(name => {
    const command: Command = async keys => {
      count()
      await backend(keys.length)
      return keys.map(rows[name])
    }
    return [name, command] as const
  })
  return Object.fromEntries(entries) as Record<Name, Command>
}

function contenders(make: () => Backend): Contender[] {
  const each = (
    name: string,
    server: (backend: Backend, all: Record<Name, Command>) => Contender['yoga'],
  ) => {
    const backend = make()
    const contender: Contender = {
      name,
      bulks: 0,
      yoga: server(
        backend,
        commands(backend, () => contender.bulks++),
      ),
    }
    return contender
  }
  const fresh = (name: string, loader: (command: Command) => Loader) =>
    each(
      name,
      (backend, all) =>
        createYoga({
          schema: schema(backend),
          context: () => ({ bulk: Object.fromEntries(names.map(of => [of, loader(all[of])])) }),
          logging: false,
        }) as never,
    )
  const bulk = (delay?: number) =>
    each(
      delay === undefined ? 'useBulk' : `useBulk, ${delay} ms`,
      (backend, all) =>
        createYoga({
          schema: schema(backend),
          plugins: [useBulk(all, delay === undefined ? {} : { delay })],
          logging: false,
        }) as never,
    )
  return [
    fresh('DataLoader', command => new DataLoader(command)),
    fresh('fixed 5 ms', command => new BulkLoader<number, unknown>(command, { delay: 5 })),
    bulk(),
    bulk(10),
    bulk(3),
  ]
}

async function ask({ yoga }: Contender, query: string): Promise<string> {
  const response = await yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.text()
}

for (const [title, make] of [
  ['A backend that answers any number of commands at once, each in 3 ms', unlimited],
  ['A pool of 4 connections, where a command takes 1 ms and 0.02 ms a key', pool],
] as const) {
  const all = contenders(make)
  const lines = [['', ...all.map(({ name }) => name)]]
  for (const [shape, query] of Object.entries(shapes)) {
    const bulks = all.map((): number[] => [])
    const times = all.map((): number[] => [])
    for (let round = -3; round < rounds; round++) {
      let expected: string | undefined
      for (const [place, contender] of all.entries()) {
        contender.bulks = 0
        const start = performance.now()
        const answer = await ask(contender, query)
        if (round >= 0) {
          times[place]!.push(performance.now() - start)
          bulks[place]!.push(contender.bulks)
        }
        expected ??= answer
        if (answer !== expected || answer.includes('"errors"'))
          throw new Error(`${contender.name}: ${answer}`)
      }
    }
    const [base, , ours] = bulks.map(median)
    if (ours! > base!) {
      console.error(`${shape}: ${ours} bulks with useBulk, ${base} with DataLoader`)
      process.exitCode = 1
    }
    lines.push([
      shape,
      ...all.map(
        (_, place) => `${median(bulks[place]!)} / ${(median(times[place]!) / median(times[0]!)).toFixed(2)}`,
      ),
    ])
  }
  console.log(`\n${title}: bulks / time, where DataLoader is 1\n`)
  table(lines)
}
