/**
 * What the contenders of `windows.ts` ask: two simulated backends, on which only the moment at which a bulk starts makes a
 * difference, and a real PostgreSQL.
 */

import pg from 'pg'

export const names = ['users', 'postsOf', 'commentsOf', 'companies', 'countries'] as const
export type Name = (typeof names)[number]
export type Row = Readonly<Record<string, number>>

/** One command: what it gives for each key. `posts` is the list at the root: its key is how many. */
export type Backend = (name: Name | 'posts', keys: readonly number[]) => Promise<unknown[]>

export const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))

// ---- Simulated

const several = <R>(count: number, make: (place: number) => R) =>
  Array.from({ length: count }, (_, place) => make(place))
const post = (id: number) => ({ id, authorId: (id * 3) % 40, editorId: (id * 11) % 50 })

const rows: Record<Name | 'posts', (key: number) => unknown> = {
  posts: count => several(count, post),
  users: id => ({ id, name: `user ${id}`, companyId: id % 12 }),
  postsOf: id => several(2, place => post(id * 2 + place)),
  commentsOf: id => several(3, place => ({ id: id * 3 + place, authorId: (id * 5 + place) % 60 })),
  companies: id => ({ id, name: `company ${id}`, countryId: id % 5 }),
  countries: id => ({ id, name: `country ${id}` }),
}

/** Answers any number of commands at once. */
export const unlimited = (): Backend => async (name, keys) => {
  await sleep(3)
  return keys.map(rows[name])
}

/** Four connections; each command waits for the one that is free first. */
export function simulatedPool(): Backend {
  const freeAt = [0, 0, 0, 0]
  return async (name, keys) => {
    const now = performance.now()
    const connection = freeAt.indexOf(Math.min(...freeAt))
    freeAt[connection] = Math.max(now, freeAt[connection]!) + 1 + 0.02 * keys.length
    await sleep(freeAt[connection] - now)
    return keys.map(rows[name])
  }
}

// ---- PostgreSQL

const tables = /* SQL */ `
  create table countries as
    select id, 'country ' || id as name from generate_series(0, 199) id;
  create table companies as
    select id, 'company ' || id as name, id % 200 as "countryId" from generate_series(0, 1999) id;
  create table users as
    select id, 'user ' || id as name, id * 7919 % 2000 as "companyId" from generate_series(0, 99999) id;
  -- Half of all is written by a hundred busy users.
  create table posts as
    select id, id * 7919 % case id % 2 when 0 then 100 else 100000 end as "authorId",
      id * 11 % 100 as "editorId"
    from generate_series(0, 99999) id;
  create table comments as
    select id, id / 3 as "postId", (id::bigint * 7919 % case id % 2 when 0 then 100 else 100000 end)::int as "authorId"
    from generate_series(0, 299999) id;
  alter table countries add primary key (id);
  alter table companies add primary key (id);
  alter table users add primary key (id);
  alter table posts add primary key (id);
  create index on posts ("authorId", id);
  create index on comments ("postId");
  vacuum analyze;
`

const byId = (table: string) => `select * from ${table} where id = any($1)`
const statements: Record<Name | 'posts', string> = {
  posts: 'select * from posts order by id desc limit $1',
  users: byId('users'),
  postsOf:
    'select latest.* from unnest($1::int[]) as author, lateral (select * from posts where "authorId" = author order by id desc limit 2) latest',
  commentsOf: 'select * from comments where "postId" = any($1)',
  companies: byId('companies'),
  countries: byId('countries'),
}
/** Which column of a row has the key that it was asked by; a list of rows for each key, or one. */
const lists: Partial<Record<Name, string>> = { postsOf: 'authorId', commentsOf: 'postId' }

/** Makes the tables, of 100,000 users and posts and 300,000 comments. */
export async function fill(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of tables.split(';')) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** A pool of four real connections. */
export function postgres(url: string): { backend: Backend; end(): Promise<void> } {
  const pool = new pg.Pool({ connectionString: url, max: 4, min: 4, idleTimeoutMillis: 0 })
  // A connection that is closed tells so when the server stops before it has heard.
  pool.on('error', () => {})
  const backend: Backend = async (name, keys) => {
    const values = [name === 'posts' ? keys[0] : keys]
    const { rows: found } = await pool.query(statements[name], values)
    if (name === 'posts') return [found]
    const column = lists[name]
    if (column === undefined) {
      const byKey = new Map(found.map(row => [row.id, row]))
      return keys.map(key => byKey.get(key))
    }
    const groups = new Map(keys.map((key): [number, Row[]] => [key, []]))
    for (const row of found) groups.get(row[column])!.push(row)
    return keys.map(key => groups.get(key))
  }
  return { backend, end: () => pool.end() }
}
