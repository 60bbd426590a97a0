/**
 * A server about posts and their authors: a real socket, real loaders, and commands that end when the test says so.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { useBulk, type BulkContext } from '@bulkcall/yoga'
import { createPubSub, createSchema, createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import { useBulkInspector, type BulkInspectorOptions } from '../../src/index.ts'

const typeDefs = `
  type Query { posts(first: Int = 12): [Post!]!  post(id: Int!): Post  number: Int! }
  type Mutation { touch: Post! }
  type Subscription { touched: Post! }
  type Post { id: Int!  author: Author  comments: [Comment!]!  broken: Author }
  type Author { name: String!  org: Org }
  type Comment { text: String!  author: Author }
  type Org { name: String! }
`

export interface Serving {
  /** Such as `http://127.0.0.1:1234`. */
  readonly address: string
  readonly page: string
  /** Commands called from now on wait until {@link open}. */
  shut(): void
  open(): void
  touch(): void
  /** Breaks all connections. */
  drop(): void
  ask(query: string | object, signal?: AbortSignal): Promise<any>
  close(): Promise<void>
}

export interface ServingOptions {
  /** It is open to everybody, unless this says otherwise. */
  readonly inspector?: BulkInspectorOptions
  /** What the loader of orgs is called. */
  readonly orgs?: string
  /** Whether the inspector comes before `useBulk`. */
  readonly first?: boolean
  readonly graphqlEndpoint?: string
  /** How many times as long as they usually do its commands take. */
  readonly pace?: number
  readonly plugins?: readonly Plugin[]
  /** Keeps the processor busy in the command of orgs, for 30 ms. */
  readonly blocks?: boolean
  readonly port?: number
  /** The option `timeout` of posts. */
  readonly timeout?: number
}

export async function serve(options: ServingOptions = {}): Promise<Serving> {
  let gate = Promise.resolve()
  let open: (() => void) | undefined
  const changes = createPubSub<{ touched: [number] }>()

  const answered =
    <R>(answer: (id: number) => R, ms: number) =>
    async (ids: readonly number[]): Promise<R[]> => {
      await gate
      await new Promise(done => setTimeout(done, ms * (options.pace ?? 1)))
      return ids.map(answer)
    }
  const bulk = useBulk(
    {
      posts: {
        command: answered(id => ({ id }), 2),
        size: 50,
        ...(options.timeout && { timeout: options.timeout }),
      },
      authors: {
        command: answered(id => ({ id, name: `author ${id}` }), 6),
        size: 10,
        concurrent: 2,
      },
      comments: answered(id => [1, 2, 3].map(n => ({ text: `${id}.${n}`, by: (id + n) % 20 })), 3),
      orgs: {
        command: async (ids: readonly number[]) => {
          const orgs = await answered(id => ({ name: `org ${id}` }), 4)(ids)
          if (options.blocks === true) for (const end = performance.now() + 30; performance.now() < end;);
          return orgs
        },
        name: options.orgs ?? 'orgs',
        concurrent: 1,
      },
      broken: async (ids: readonly number[]): Promise<never> => {
        void ids
        throw new Error('relation "<script>alert(1)</script>" does not exist')
      },
    },
    { delay: 5 },
  )
  type Context = YogaInitialContext & BulkContext<typeof bulk>

  const schema = createSchema<Context>({
    typeDefs,
    resolvers: {
      Query: {
        posts: (_, { first }, ctx) => ctx.bulk.posts.loadMany(Array.from({ length: first }, (__, id) => id)),
        post: (_, { id }, ctx) => ctx.bulk.posts.load(id),
        number: () => 1,
      },
      Mutation: { touch: (_, __, ctx) => ctx.bulk.posts.load(1) },
      Subscription: {
        touched: {
          subscribe: () => changes.subscribe('touched'),
          resolve: (id: number, _: unknown, ctx: Context) => ctx.bulk.posts.load(id),
        },
      },
      Post: {
        author: ({ id }, _, ctx) => ctx.bulk.authors.load(id),
        comments: ({ id }, _, ctx) => ctx.bulk.comments.load(id),
        broken: ({ id }, _, ctx) => ctx.bulk.broken.load(id),
      },
      Comment: { author: ({ by }, _, ctx) => ctx.bulk.authors.load(by) },
      Author: { org: ({ id }, _, ctx) => ctx.bulk.orgs.load(id % 3) },
    },
  })
  const plugins: Plugin[] = [bulk, useBulkInspector({ enabled: () => true, ...options.inspector })]
  const { graphqlEndpoint = '/graphql' } = options
  const yoga = createYoga({
    schema,
    graphqlEndpoint,
    plugins: [...(options.first ? plugins.toReversed() : plugins), ...(options.plugins ?? [])],
    batching: true,
    logging: false,
  })
  const server = createServer((request, response) => void yoga(request, response))
  await new Promise<void>(done => server.listen(options.port ?? 0, '127.0.0.1', done))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    page: `${address}${graphqlEndpoint.replace(/\/$/, '')}/bulk`,
    shut() {
      gate = new Promise(done => (open = done))
    },
    open: () => open?.(),
    drop: () => server.closeAllConnections(),
    touch: () => changes.publish('touched', 1),
    async ask(query, signal) {
      const response = await fetch(address + graphqlEndpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(typeof query === 'string' ? { query } : query),
        ...(signal && { signal }),
      })
      return response.json()
    },
    async close() {
      await yoga.dispose()
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

/** The events of a stream of server-sent events, one after the other. */
export interface Events {
  next(): Promise<{ readonly event: string; readonly data: any }>
  close(): void
}

export async function listenTo(url: string, init: RequestInit = {}): Promise<Events> {
  const abort = new AbortController()
  const response = await fetch(url, {
    ...init,
    headers: { accept: 'text/event-stream', ...(init.headers as Record<string, string>) },
    signal: abort.signal,
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    close: () => abort.abort(),
    async next() {
      for (;;) {
        const found = /^(?:event: (?<event>.*)\n)?data: (?<data>.*)\n\n/m.exec(text)
        if (found !== null) {
          text = text.slice(found.index + found[0].length)
          return { event: found.groups!['event'] ?? 'message', data: JSON.parse(found.groups!['data']!) }
        }
        const { done, value } = await reader.read()
        if (done) throw new Error('The stream has ended.')
        text += value
      }
    },
  }
}
