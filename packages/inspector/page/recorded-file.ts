/**
 * A file with a recording, saved by this page. It comes from anywhere, so all of it is looked at before any is shown.
 * @module
 */

import type { Recording } from '../src/recording.ts'

/** What a value must look like: the name of a type, with `?` where it may be null, a list, a tuple, or an object. */
type Pattern =
  string | readonly [Pattern] | { readonly tuple: readonly Pattern[] } | { readonly [name: string]: Pattern }

const bulk: Pattern = {
  id: 'number',
  loader: 'string',
  size: 'number?',
  delay: 'number?',
  limiters: ['number'],
  tasks: 'number',
  cause: 'string?',
  openedAt: 'number',
  readyAt: 'number?',
  startedAt: 'number?',
  settledAt: 'number?',
  pending: 'number',
  inFlight: 'number',
  none: 'boolean',
  failed: 'number',
  error: 'string?',
  abandoned: 'boolean',
  askers: [{ tuple: ['string', 'number'] }],
  arrivals: [{ tuple: ['number?', 'number', 'number'] }],
}

const recording: Pattern = {
  version: 'number',
  operations: [
    {
      id: 'number',
      name: 'string?',
      kind: 'string?',
      at: 'number',
      ms: 'number?',
      errors: 'number',
      bulks: [bulk],
      hits: [{ tuple: ['string', 'number'] }],
      limiters: [{ id: 'number', slots: 'number?' }],
    },
  ],
}

/** Reads a recording; an error says what is wrong with it. */
export function readRecording(text: string): Recording {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('The file is not JSON.')
  }
  const wrong = misfit(value, recording, 'the recording')
  if (wrong !== null) throw new Error(`The file is no recording of this page: ${wrong}.`)
  const { version } = value as { readonly version: number }
  if (version !== 1) throw new Error(`The file has version ${version}; this page reads version 1.`)
  return value as Recording
}

/** Where a value is not what it must be; `null` if it is. */
function misfit(value: unknown, pattern: Pattern, path: string): string | null {
  if (typeof pattern === 'string') {
    const type = pattern.replace('?', '')
    if (value === null && pattern !== type) return null
    return typeof value === type ? null : `${path} is not a ${type}`
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value)) return `${path} is not a list`
    return firstOf(value.map((each, n) => () => misfit(each, pattern[0] as Pattern, `${path}[${n}]`)))
  }
  if (typeof value !== 'object' || value === null) return `${path} is not an object`
  const parts = 'tuple' in pattern ? Object.entries(pattern['tuple'] as object) : Object.entries(pattern)
  return firstOf(
    parts.map(
      ([name, part]) =>
        () =>
          misfit((value as Record<string, unknown>)[name], part as Pattern, `${path}.${name}`),
    ),
  )
}

function firstOf(looks: readonly (() => string | null)[]): string | null {
  for (const look of looks) {
    const wrong = look()
    if (wrong !== null) return wrong
  }
  return null
}
