/**
 * The database: what the rest of the program needs of it.
 * @module
 */

export interface Database {
  /** How many statements it can run at once. */
  readonly connections: number
  /** How many statements it has been sent. */
  readonly statements: number
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  close(): Promise<void>
}
