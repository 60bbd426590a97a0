/**
 * The shapes of `bench:windows`, over a real Yoga server with the inspector: what a replay has to come to is what was
 * recorded of them.
 */

import { useBulk } from '@bulkcall/yoga'
import { createSchema, createYoga } from 'graphql-yoga'

import { names, sleep, type Backend, type Name, type Row } from '../../../../bench/windows-backends.ts'
import type { Documents } from '../../page/groups.ts'
import { useBulkInspector, type RecordedOperation, type Recording } from '../../src/index.ts'

interface Loader {
  load(key: number): Promise<unknown>
}
interface Context {
  readonly bulk: Readonly<Record<Name, Loader>>
}

/** I/O of a field's own takes from `from` to `to` ms; `hops` is how many promise jobs at most it is late. */
interface Late {
  readonly from: number
  readonly to: number
  readonly hops: number
}

const late = '(from: Int! = 0, to: Int! = 0, hops: Int! = 0)'
const typeDefs = /* GraphQL */ `
  type Query { posts(n: Int!): [Post!]! }
  type Post {
    author${late}: User!, editor${late}: User!, comments${late}: [Comment!]!, publisher: Company!
    vetted: [User!]!, team: [User!]!, panel: [User!]!
  }
  type Comment { author${late}: User! }
  type User { name: String!, posts${late}: [Post!]!, company${late}: Company! }
  type Company { name: String!, country${late}: Country! }
  type Country { name: String! }
`

function link(name: Name, key: string) {
  return ({ id, [key]: target }: Row, { from, to, hops }: Late, { bulk }: Context) => {
    const load = (): Promise<unknown> => bulk[name].load(target!)
    return to === 0 && hops === 0 ? load() : wait(id!, from, to, hops).then(load)
  }
}

async function wait(id: number, from: number, to: number, hops: number): Promise<void> {
  const ms = from + ((id * 7) % (to - from + 1))
  if (ms > 0) await sleep(ms)
  // oxlint-disable-next-line no-await-in-loop -- one promise job after the other
  for (let hop = hops === 0 ? 0 : (id * 7) % hops; hop > 0; hop--) await Promise.resolve()
}

const io = (key: number): Promise<unknown> => sleep(1 + ((key * 7) % 4))
const five = ({ id }: Row): number[] => Array.from({ length: 5 }, (_, place) => (id! * 5 + place) % 100)
const afterIo = ({ users }: Context['bulk'], key: number): Promise<unknown> =>
  io(key).then(() => users.load(key))

export const shapes: Readonly<Record<string, string>> = {
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
  '5 inner loads of a resolver, I/O before each': '{ posts(n: 12) { vetted { name } } }',
  'one await, then 5 loads': '{ posts(n: 12) { team { name } } }',
  'a list of 5 promises, I/O before each': '{ posts(n: 12) { panel { name } } }',
  'I/O after a load': '{ posts(n: 60) { publisher { country { name } } } }',
  'I/O after a load, beside deep plain levels':
    '{ posts(n: 60) { publisher { country { name } } author { posts { comments { author { name } } } } } }',
}

/** A run of a query, and the documents that are known of it. */
export interface RecordedShape {
  readonly operation: RecordedOperation & { ms: number }
  readonly documents: Documents
}

/** The documents of a recording, by their numbers. */
export function documentsIn({ documents }: Recording): Documents {
  return new Map(documents.map(each => [each.id, each]))
}

/** Records so many runs of a query, and gives the last: what is cold is not what people look at. */
export async function recordShape(
  query: string,
  backend: Backend,
  options: { readonly delay?: number; readonly concurrent?: number; readonly size?: number } = {},
  runs = 4,
): Promise<RecordedShape> {
  const commands = Object.fromEntries(
    names.map(name => [name, (keys: readonly number[]) => backend(name, keys)]),
  )
  const yoga = createYoga({
    schema: createSchema<Context>({
      typeDefs,
      resolvers: {
        Query: { posts: async (_: unknown, { n }: { n: number }) => (await backend('posts', [n]))[0] },
        Post: {
          author: link('users', 'authorId'),
          editor: link('users', 'editorId'),
          comments: link('commentsOf', 'id'),
          publisher: async ({ id, authorId }: Row, _: unknown, { bulk }: Context) => {
            const author = (await bulk.users.load(authorId!)) as Row
            await sleep(1 + (id! % 4))
            return bulk.companies.load(author['companyId']!)
          },
          vetted: (row: Row, _: unknown, { bulk }: Context) =>
            Promise.all(five(row).map(key => afterIo(bulk, key))),
          team: async (row: Row, _: unknown, { bulk }: Context) => {
            await io(row['id']!)
            return Promise.all(five(row).map(key => bulk.users.load(key)))
          },
          panel: (row: Row, _: unknown, { bulk }: Context) => five(row).map(key => afterIo(bulk, key)),
        },
        Comment: { author: link('users', 'authorId') },
        User: { posts: link('postsOf', 'id'), company: link('companies', 'companyId') },
        Company: { country: link('countries', 'countryId') },
      },
    }),
    plugins: [useBulk(commands, options), useBulkInspector({ enabled: () => true })],
    logging: false,
  })
  for (let run = 0; run < runs; run++) {
    const response = await yoga.fetch('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    const { errors } = (await response.json()) as { errors?: unknown }
    if (errors !== undefined) throw new Error(JSON.stringify(errors))
  }
  const page = await yoga.fetch('http://localhost/graphql/bulk', { headers: { accept: 'application/json' } })
  const recording = (await page.json()) as Recording
  await yoga.dispose()
  const operation = recording.operations.at(-1) as RecordedShape['operation']
  return { operation, documents: documentsIn(recording) }
}
