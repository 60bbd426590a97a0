/**
 * The questions: each is asked about one file and answered about many.
 * @module
 */

import { AsyncBulkCall, semaphore } from '@bulkcall/core'

import { readBytes, readLastCommit, readTextAttribute } from './commands.ts'

export interface Settings {
  readonly folder: string
  /** The most files that one process is asked about. */
  readonly size: number
  /** The longest that a question waits for others, in milliseconds. */
  readonly delay: number
  /** How many processes may run at once, whatever they answer. */
  readonly concurrent: number
  /** What there is to ask: questions to a tool that is missing are answered with none. */
  readonly tools: { readonly stat: boolean; readonly git: boolean }
}

/** What is known of one file; `null` where nobody could tell. */
export interface FileStats {
  readonly path: string
  readonly bytes: number | null
  readonly text: string | null
  readonly committed: Date | null
}

/** Gives the function that asks all about one file. */
export function questions(settings: Settings): (path: string) => Promise<FileStats> {
  const { folder, size, delay, tools } = settings
  const shared = { size, delay, concurrent: semaphore(settings.concurrent) }

  const bytes = new AsyncBulkCall(
    (paths: string[], { signal }) => (tools.stat ? readBytes(paths, { folder, signal }) : null),
    { ...shared, name: 'size' },
  )
  const text = new AsyncBulkCall(
    (paths: string[], { signal }) => (tools.git ? readTextAttribute(paths, { folder, signal }) : null),
    { ...shared, name: 'text attribute' },
  )
  const lastCommit = new AsyncBulkCall(
    (paths: string[], { signal }) => (tools.git ? readLastCommit(paths, { folder, signal }) : null),
    { ...shared, name: 'last commit' },
  )

  return async path => ({
    path,
    bytes: await bytes.call(path),
    text: await text.call(path),
    committed: await lastCommit.call(path),
  })
}
