/** The same rows in a real PostgreSQL, behind a pool of 4 connections. */

import pg from 'pg'

import { names, post, rows } from './rows.mjs'

const connections = 4

const tables = `
  create table post (id int primary key, "authorId" int, "editorId" int, "sponsorId" int);
  create table comment (id int primary key, "postId" int, "authorId" int);
  create table person (id int primary key, name text, "companyId" int);
  create table company (id int primary key, name text, "countryId" int);
  create table country (id int primary key, name text);
  create index on comment ("postId");
  create index on post ("authorId");
`

const several = (count, make) => JSON.stringify(Array.from({ length: count }, (_, id) => make(id)))

/** Fills an empty database. */
export async function fill(url) {
  const client = new pg.Client(url)
  await client.connect()
  const insert = (table, values) =>
    client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`, [values])
  try {
    await client.query(tables)
    await insert('post', several(100, post))
    await insert(
      'comment',
      JSON.stringify(
        Array.from({ length: 100 }, (_, id) =>
          rows.commentsOf(id).map(comment => ({ ...comment, postId: id })),
        ).flat(),
      ),
    )
    await insert('person', several(110, rows.users))
    await insert('company', several(110, rows.companies))
    await insert('country', several(50, rows.countries))
    await client.query('analyze')
  } finally {
    await client.end()
  }
}

const one = table => ({
  text: `select * from ${table} where id = any($1)`,
  answers: (found, keys) => {
    const byId = new Map(found.map(row => [row.id, row]))
    return keys.map(key => byId.get(key) ?? null)
  },
})
const all = (table, column) => ({
  text: `select * from ${table} where "${column}" = any($1) order by id`,
  answers: (found, keys) => {
    const byKey = grouped(found, column)
    return keys.map(key => byKey.get(key) ?? [])
  },
})

const statements = {
  users: one('person'),
  postsOf: all('post', 'authorId'),
  commentsOf: all('comment', 'postId'),
  companies: one('company'),
  countries: one('country'),
}

/** The backend, as `memory` gives one. */
export function openPostgres(url, count) {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  const command = name => {
    const { text, answers } = statements[name]
    return async keys => {
      count()
      const { rows: found } = await pool.query({ name, text, values: [keys] })
      return answers(found, keys)
    }
  }
  return {
    commands: Object.fromEntries(names.map(name => [name, command(name)])),
    async posts(n) {
      const { rows: found } = await pool.query('select * from post order by id limit $1', [n])
      return found
    },
    connections,
  }
}

// Map.groupBy is younger than Node 20.
function grouped(found, column) {
  const byKey = new Map()
  for (const row of found) {
    const group = byKey.get(row[column])
    if (group === undefined) byKey.set(row[column], [row])
    else group.push(row)
  }
  return byKey
}
