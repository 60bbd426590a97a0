/**
 * The shapes of work that windows are measured on: a schema in which every link can be asked for with I/O of its own before
 * the load, or with promise hops, and queries of it.
 * @module
 */

import { createSchema } from 'graphql-yoga'

import { sleep, type Backend, type Name, type Row } from './windows-backends.ts'

export interface Loader {
  load(key: number): Promise<unknown>
}
interface Context {
  readonly bulk: Readonly<Record<Name, Loader>>
}

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

export function schema(backend: Backend): ReturnType<typeof createSchema<Context>> {
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

export const siblings = 'siblings: 0-4 ms of I/O, then a load'
export const mixed = 'four levels, mixed'
export const uneven = 'deeply uneven'
export const shapes: Readonly<Record<string, string>> = {
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
