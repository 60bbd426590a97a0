/**
 * The guides of drivers and query builders, run over a real PostgreSQL. That of MongoDB is compiled against its driver and not
 * run, as there is no server of it; that of Prisma is compiled against a stand-in, as its client is generated.
 */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { onBulk } from '@bulkcall/core'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  postgresPrograms,
  startPostgres,
  type PostgresServer,
} from '../examples/airports/test/postgres-server.ts'
import { snippetFolder, snippetsOf } from './support/snippets.ts'

if (postgresPrograms === null)
  console.warn(
    'SKIPPED: no PostgreSQL server below /usr/lib/postgresql. On Debian, apt-get install postgresql.',
  )

const tables = `
  create table users (id int primary key, name text not null);
  create table posts (id int primary key, author_id int not null);
  create table tags (id int primary key, name text not null);
  create table post_tags (post_id int not null, tag_id int not null);
  insert into users values (1, 'Ada'), (2, 'Bob');
  insert into posts values (10, 1), (11, 2), (12, 1);
  insert into tags values (7, 'new'), (8, 'old');
  insert into post_tags values (1, 7), (1, 8), (2, 8)`

// What the loaders of the pages give for 1, 2 and 3, of which the last is in no table.
const users = [{ id: 1, name: 'Ada' }, { id: 2, name: 'Bob' }, null]
const tagsOfPost = [
  [
    { postId: 1, name: 'new' },
    { postId: 1, name: 'old' },
  ],
  [{ postId: 2, name: 'old' }],
  [],
]
const postsOfAuthor = (author: string): unknown => [
  [
    { id: 10, [author]: 1 },
    { id: 12, [author]: 1 },
  ],
  [{ id: 11, [author]: 2 }],
  [],
]

/** A program of a page: the plugin that it exports, and how its connections end. */
interface Program {
  readonly bulk: Plugin
  end(): Promise<void>
}

describe.skipIf(postgresPrograms === null)('over a PostgreSQL server', () => {
  let server: PostgresServer
  let folder: string

  beforeAll(async () => {
    server = await startPostgres(postgresPrograms!)
    const { hostname, port, username } = new URL(server.url)
    const place = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: 'postgres' }
    Object.assign(process.env, place, { DATABASE_URL: server.url })
    const client = new pg.Client()
    await client.connect()
    await client.query(tables)
    await client.end()
    folder = snippetFolder()
  })

  afterAll(async () => {
    if (folder) rmSync(folder, { recursive: true, force: true })
    await server?.stop()
  })

  it.each([
    ['pg', 'postgres', 0, 'pool.end()', { users }],
    ['postgres.js', 'postgres', 1, 'sql.end()', { users, postsOfAuthor: postsOfAuthor('authorId') }],
    ['Drizzle', 'drizzle', 0, 'db.$client.end()', { users, tagsOfPost }],
    ['Kysely', 'kysely', 0, 'db.destroy()', { users, postsOfAuthor: postsOfAuthor('author_id') }],
  ])(
    'the loaders of the guide of %s give each its rows, in a bulk each',
    async (_, page, place, end, rows) => {
      const { file, code } = snippetsOf(`docs/guides/${page}.md`)[place]!
      writeFileSync(join(folder, file), `${code}\nexport const end = () => ${end}\n`)
      const program = (await import(join(folder, file))) as Program
      const bulks: [string, number][] = []
      const stop = onBulk({ settled: ({ name, tasks }) => void bulks.push([name, tasks]) })
      const loaded = await load(program.bulk, Object.keys(rows)).finally(stop)
      await program.end()

      expect(loaded).toEqual(rows)
      expect(new Map(bulks)).toEqual(new Map(Object.keys(rows).map(name => [name, 3])))
      expect(bulks).toHaveLength(Object.keys(rows).length)
    },
  )
})

/** What these loaders give for 1, 2 and 3, in a GraphQL server. */
async function load(bulk: Plugin, names: readonly string[]): Promise<Record<string, unknown>> {
  const yoga = createYoga({
    schema: createSchema<any>({
      typeDefs: 'type Query { rows(loader: String!, id: Int!): String! }',
      resolvers: {
        Query: {
          rows: async (_, { loader, id }, { bulk: loaders }) =>
            JSON.stringify(await loaders[loader].load(id)),
        },
      },
    }),
    plugins: [bulk],
  })
  const fields = names.flatMap(name =>
    [1, 2, 3].map(id => `${name}${id}: rows(loader: "${name}", id: ${id})`),
  )
  const query = encodeURIComponent(`{ ${fields.join(' ')} }`)
  const { data } = await (await yoga.fetch(`http://yoga/graphql?query=${query}`)).json()
  return Object.fromEntries(
    names.map(name => [name, [1, 2, 3].map(id => JSON.parse(data[`${name}${id}`]) as unknown)]),
  )
}
