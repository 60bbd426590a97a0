/**
 * The status: whether the server is there, or that a file is shown, and what can be done about it.
 * @module
 */

import type { JSX } from 'preact'
import type { Connection } from './live.ts'
import { timeOfDay } from './numbers.ts'

const words: Readonly<Record<Connection, string>> = {
  connecting: 'connecting …',
  live: 'live',
  lost: 'server lost',
  refused: 'refused',
  unreadable: 'unreadable',
}

/** In a word. */
export function Status({
  connection,
  file,
}: {
  readonly connection: Connection
  readonly file: boolean
}): JSX.Element {
  return (
    <span class={`state ${file ? 'file' : connection}`} role="status">
      {file ? 'file' : words[connection]}
    </span>
  )
}

/** In a sentence, where something is to be done. */
export function Trouble({
  connection,
  since,
  onRetry,
}: {
  readonly connection: Connection
  readonly since: number
  readonly onRetry: () => void
}): JSX.Element | null {
  if (connection === 'live' || connection === 'connecting') return null
  const sentences = {
    lost: `The server has been away since ${timeOfDay(since)}. This is what it sent last; it is tried again and again.`,
    refused: `The server answers, but not with a recording: the inspector may be off there, or you may not see it.`,
    unreadable: `The server sent something that is no recording of this page. Was it updated? Load the page anew.`,
  }
  return (
    <p class="banner trouble" role="alert">
      <span>{sentences[connection]}</span>
      <button onClick={connection === 'unreadable' ? () => location.reload() : onRetry}>
        {connection === 'unreadable' ? 'Load anew' : 'Try now'}
      </button>
    </p>
  )
}
