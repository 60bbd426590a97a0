/**
 * One of the processes: GraphQL Yoga on a port of its own. It is started by the program, and tells it where it listens.
 * @module
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createSchema, createYoga } from 'graphql-yoga'
import pg from 'pg'
import { createClient } from 'redis'

import { applicationName, type Query } from './database.ts'
import type { Answer, Question, Task } from './messages.ts'
import { queriesOf, type Author, type Post } from './queries.ts'
import { loadersOf, type Context } from './ways.ts'

// Its parent ends it, or has ended, perhaps while this one was being loaded.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit())
if (!process.connected) process.exit()

const task = JSON.parse(process.argv[2]!) as Task
const tell = (question: Question): void => void process.send!(question)

let statements = 0
const database = task.database === null ? askParent() : connect(task.database)
const query: Query = (sql, params) => (statements++, database(sql, params))

const redis = task.redis === null ? null : createClient({ url: task.redis })
redis?.on('error', error => console.error(error))
await redis?.connect()

const yoga = createYoga({
  schema: createSchema<Context>({
    typeDefs: /* GraphQL */ `
      type Query {
        posts(page: Int!): [Post!]!
      }
      type Post {
        title: String!
        author: Author!
      }
      type Author {
        name: String!
        company: Company!
      }
      type Company {
        name: String!
      }
    `,
    resolvers: {
      Query: { posts: (_, { page }: { page: number }, { bulk }) => bulk.postsOfPage.load(page) },
      Post: { author: ({ author }: Post, _: unknown, { bulk }: Context) => bulk.authors.load(author) },
      Author: {
        company: ({ company }: Author, _: unknown, { bulk }: Context) => bulk.companies.load(company),
      },
    },
  }),
  plugins: [loadersOf(task.way, { sql: queriesOf(query, task.pause), limit: task.limit, redis })],
  logging: 'error',
})

const server = createServer(yoga)
server.listen(0, '127.0.0.1', () => {
  tell({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql` })
})

process.on('message', (answer: Answer) => {
  if ('report' in answer) tell({ statements })
})

function connect(url: string): Query {
  const pool = new pg.Pool({ connectionString: url, max: task.limit, application_name: applicationName })
  pool.on('error', error => console.error(error))
  return async (sql, params = []) => (await pool.query(sql, [...params])).rows
}

/** The embedded database is in the process that has started this one. */
function askParent(): Query {
  let last = 0
  const asked = new Map<number, { resolve(rows: never[]): void; reject(error: Error): void }>()
  process.on('message', (answer: Answer) => {
    if (!('id' in answer)) return
    const waiting = asked.get(answer.id)!
    asked.delete(answer.id)
    if ('rows' in answer) waiting.resolve(answer.rows as never[])
    else waiting.reject(new Error(answer.error))
  })
  return (sql, params = []) =>
    new Promise((resolve, reject) => {
      asked.set(++last, { resolve, reject })
      tell({ id: last, sql, params })
    })
}
