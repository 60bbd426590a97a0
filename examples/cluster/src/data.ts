/**
 * The data: made up, and the same each time.
 * @module
 */

import type { Query } from './database.ts'

export const pages = 200

/** The tables have a schema of their own, so that they meet nobody else's. */
const statements = [
  'drop schema if exists bulkcall_cluster cascade',
  'create schema bulkcall_cluster',
  'create table bulkcall_cluster.company (id int primary key, name text not null)',
  'create table bulkcall_cluster.author (id int primary key, name text not null, company int not null)',
  'create table bulkcall_cluster.post (id int primary key, page int not null, title text not null, author int not null)',
  `insert into bulkcall_cluster.company select id, 'Company ' || id from generate_series(1, 50) id`,
  `insert into bulkcall_cluster.author select id, 'Author ' || id, 1 + id % 50 from generate_series(1, 500) id`,
  `insert into bulkcall_cluster.post
     select id, 1 + id % ${pages}, 'Post ' || id, 1 + (id * 7919) % 500 from generate_series(1, ${pages * 10}) id`,
  'create index on bulkcall_cluster.post (page)',
]

export async function makeData(query: Query): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- each needs the one before
  for (const statement of statements) await query(statement)
}
