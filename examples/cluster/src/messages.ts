/**
 * What the program and its processes tell each other.
 * @module
 */

import type { Way } from './ways.ts'

/** What a process is started for. */
export interface Task {
  readonly way: Way
  readonly limit: number
  /** Where the database is; `null` if the program answers instead. */
  readonly database: string | null
  readonly redis: string | null
  /** See `queriesOf`. */
  readonly pause: number
}

/** From a process to the program. */
export type Question =
  | { readonly address: string }
  | { readonly statements: number }
  | { readonly id: number; readonly sql: string; readonly params: readonly unknown[] }

/** From the program to a process. */
export type Answer =
  | { readonly report: true }
  | { readonly id: number; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly error: string }
