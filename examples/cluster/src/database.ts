/**
 * The database: what the rest of the program needs of it.
 * @module
 */

/** By this name the statements of the processes are told from others. */
export const applicationName = 'bulkcall-cluster'

/** Runs one statement. */
export type Query = <Row>(sql: string, params?: readonly unknown[]) => Promise<Row[]>

/** The database as the program that has started it sees it. */
export interface Database {
  /** In words. */
  readonly shown: string
  /** Where processes connect to; `null` where they ask the program that has started them. */
  readonly url: string | null
  readonly query: Query
  /** How many statements of the processes run now; `null` where it cannot tell. */
  readonly running: (() => Promise<number>) | null
  close(): Promise<void>
}
