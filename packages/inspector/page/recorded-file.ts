/**
 * A file with a recording, saved by this page. It comes from anywhere, so all of it is looked at before any is shown.
 * @module
 */

import type { RecordedBulk, RecordedOperation, Recording } from '../src/recording.ts'
import { figure } from './numbers.ts'

/** More than any server records, and no more than a page bears. */
const most = {
  bytes: 200_000_000,
  /** Of anything in any list, in the whole file. Documents have no other bound: each part of an HTTP batch has its own. */
  entries: 1_000_000,
  operations: 10_000,
  bulks: 20_000,
  loaders: 1_000,
  limiters: 500,
  fields: 5_000,
  lines: 2_000,
  arrivals: 20_000,
  /** Those of one operation: a replay has an object for each. */
  tasks: 1_000_000,
  letters: 10_000,
  /** Of a time, in ms: about four months. */
  time: 1e10,
} as const

/** What is wrong with a value; `null` if nothing is. */
type Check = (value: unknown) => string | null

const number =
  (least: number, greatest: number): Check =>
  value => {
    if (typeof value !== 'number') return 'is not a number'
    return value >= least && value <= greatest ? null : `is not from ${least} to ${greatest}`
  }

const whole =
  (least: number, greatest: number): Check =>
  value =>
    number(least, greatest)(value) ?? (Number.isInteger(value) ? null : 'is not a whole number')

const checks = {
  /** A count, or a number that stands for something. */
  whole: whole(0, Number.MAX_SAFE_INTEGER),
  tasks: whole(0, most.tasks),
  /** A setting, or the slots of a limiter. */
  size: whole(1, Number.MAX_SAFE_INTEGER),
  delay: number(0, Number.MAX_VALUE),
  time: number(0, most.time),
  /** As far as a Date goes. */
  date: number(0, 8.64e15),
  depth: whole(0, 100),
  text: value => {
    if (typeof value !== 'string') return 'is not a string'
    return value.length > most.letters ? `has more than ${figure(most.letters)} letters` : null
  },
  boolean: value => (typeof value === 'boolean' ? null : 'is not a boolean'),
} satisfies Record<string, Check>

type Name = keyof typeof checks

/** What a value must look like: a check, with `?` where it may be missing, a list, a tuple, or an object. */
type Pattern =
  | Name
  | `${Name}?`
  | `${Name}|null`
  | readonly [each: Pattern, most: number, optional?: 'optional']
  | { readonly tuple: readonly Pattern[] }
  | { readonly [name: string]: Pattern }

const bulk: Pattern = {
  id: 'whole',
  loader: 'text',
  size: 'size|null',
  delay: 'delay|null',
  limiters: ['whole', most.limiters],
  tasks: 'tasks',
  cause: 'text|null',
  openedAt: 'time',
  readyAt: 'time|null',
  startedAt: 'time|null',
  settledAt: 'time|null',
  pending: 'whole',
  inFlight: 'whole',
  none: 'boolean',
  failed: 'whole',
  error: 'text|null',
  abandoned: 'boolean',
  timedOut: 'boolean?',
  busyOpen: 'time?',
  busyRunning: 'time?',
  fields: [{ tuple: ['text', 'tasks', 'whole?'] }, most.fields],
  arrivals: [{ tuple: ['whole|null', 'time', 'tasks', 'time?'] }, most.arrivals],
}

const recording: Pattern = {
  /** If it is a number, it has been looked at before. */
  version: 'whole',
  operations: [
    {
      id: 'whole',
      name: 'text|null',
      kind: 'text|null',
      at: 'date',
      ms: 'time|null',
      errors: 'whole',
      bulks: [bulk, most.bulks],
      omitted: 'whole?',
      documents: ['whole', most.entries, 'optional'],
      variables: 'text?',
      hits: [{ tuple: ['text', 'whole'] }, most.loaders],
      fieldHits: [{ tuple: ['whole', 'text', 'whole'] }, most.fields],
      limiters: [{ id: 'whole', slots: 'size|null' }, most.limiters],
    },
    most.operations,
  ],
  documents: [{ id: 'whole', lines: [{ tuple: ['depth', 'text'] }, most.lines] }, most.entries],
}

/** Reads a file; an error says what is wrong with it. One that is too large is not even read. */
export async function readFile(file: Blob): Promise<Recording> {
  if (file.size > most.bytes)
    throw new Error(`The file has ${figure(file.size)} bytes; this page reads up to ${figure(most.bytes)}.`)
  return readRecording(await file.text())
}

/** Reads a recording; an error says what is wrong with it. */
export function readRecording(text: string): Recording {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('The file is not JSON. Was it saved to its end?')
  }
  return checkRecording(value)
}

/** A value as a recording; an error says what is wrong with it. */
export function checkRecording(value: unknown): Recording {
  const { version } = Object(value) as { version?: unknown }
  if (typeof version === 'number' && version !== 2)
    throw new Error(`The file has version ${version}; this page reads version 2.`)
  const wrong = misfit(value, recording, 'the recording', { left: most.entries })
  if (wrong !== null) throw new Error(`The file is no recording of this page: ${wrong}.`)
  const { operations, documents } = value as Recording
  const nonsense =
    twice(operations, 'the recording.operations') ??
    twice(documents, 'the recording.documents') ??
    firstOf(operations, (operation, n) => nonsenseIn(operation, `the recording.operations[${n}]`))
  if (nonsense !== null) throw new Error(`The file cannot be: ${nonsense}.`)
  return value as Recording
}

/** What no server records, although each part of it looks well; `null` if there is no such thing. */
function nonsenseIn({ bulks, limiters }: RecordedOperation, path: string): string | null {
  // Some that came may have been given up, and are not among the tasks.
  const came = bulks.reduce((sum, { arrivals }) => arrivals.reduce((all, [, , n]) => all + n, sum), 0)
  const tasks = bulks.reduce((sum, each) => sum + each.tasks, 0)
  if (Math.max(came, tasks) > most.tasks) return `${path} has more than ${figure(most.tasks)} tasks`
  if (new Set(bulks.map(({ loader }) => loader)).size > most.loaders)
    return `${path} has more than ${figure(most.loaders)} loaders`
  return (
    twice(bulks, `${path}.bulks`) ??
    twice(limiters, `${path}.limiters`) ??
    firstOf(bulks, (each, n) => nonsenseInBulk(each, `${path}.bulks[${n}]`))
  )
}

function nonsenseInBulk(each: RecordedBulk, path: string): string | null {
  const { cause, openedAt, readyAt, startedAt, settledAt } = each
  const instants = [openedAt, readyAt, startedAt, settledAt]
  const known = instants.filter(instant => instant !== null)
  if (instants.slice(0, known.length).includes(null) || (settledAt !== null && cause === null))
    return `${path} has ended before it began`
  return known.some((instant, n) => instant < (known[n - 1] ?? 0))
    ? `${path} has instants that are not in their order`
    : null
}

function twice(those: readonly { readonly id: number }[], path: string): string | null {
  return new Set(those.map(({ id }) => id)).size < those.length ? `${path} has a number twice` : null
}

/** Where a value is not what it must be; `null` if it is. */
function misfit(value: unknown, pattern: Pattern, path: string, room: { left: number }): string | null {
  if (typeof pattern === 'string') {
    const [name, or] = pattern.split(/(?=\W)/) as [Name, string?]
    if (or !== undefined && value === (or === '?' ? undefined : null)) return null
    const wrong = checks[name](value)
    return wrong && `${path} ${wrong}`
  }
  if (Array.isArray(pattern)) {
    const [each, bound, optional] = pattern as readonly [Pattern, number, string?]
    if (value === undefined && optional !== undefined) return null
    if (!Array.isArray(value)) return `${path} is not a list`
    if (value.length > bound) return `${path} has more than ${figure(bound)} entries`
    room.left -= value.length
    if (room.left < 0) return `it has more than ${figure(most.entries)} entries in its lists`
    return firstOf(value, (entry, n) => misfit(entry, each, `${path}[${n}]`, room))
  }
  if (typeof value !== 'object' || value === null) return `${path} is not an object`
  if ('tuple' in pattern && !Array.isArray(value)) return `${path} is not a list`
  const parts = Object.entries('tuple' in pattern ? (pattern['tuple'] as object) : pattern)
  return firstOf(parts, ([name, part]) =>
    misfit((value as Record<string, unknown>)[name], part as Pattern, `${path}.${name}`, room),
  )
}

/** The first thing that is wrong with any of them. */
function firstOf<V>(values: readonly V[], look: (value: V, n: number) => string | null): string | null {
  for (const [n, value] of values.entries()) {
    const wrong = look(value, n)
    if (wrong !== null) return wrong
  }
  return null
}
