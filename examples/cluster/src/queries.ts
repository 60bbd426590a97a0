/**
 * The queries: each answers many keys with one statement.
 * @module
 */

import type { Query } from './database.ts'

export interface Post {
  readonly page: number
  readonly title: string
  readonly author: number
}

export interface Author {
  readonly id: number
  readonly name: string
  readonly company: number
}

export interface Company {
  readonly id: number
  readonly name: string
}

/**
 * @param pause so long each statement takes in addition, in seconds: the tables here are small, and stand for a database that
 * has more to do
 */
export function queriesOf(query: Query, pause: number) {
  const select =
    <Row>(columns: string, table: string, key: string) =>
    (keys: number[]): Promise<Row[]> =>
      query<Row>(
        `with pause as materialized (select pg_sleep(${pause}))
         select ${columns} from pause, bulkcall_cluster.${table} where ${key} = any($1) order by id`,
        [keys],
      )
  return {
    postsOfPages: select<Post>('page, title, author', 'post', 'page'),
    authors: select<Author>('id, name, company', 'author', 'id'),
    companies: select<Company>('id, name', 'company', 'id'),
  }
}

export type Queries = ReturnType<typeof queriesOf>
