/**
 * The report: what was found, and what it took.
 * @module
 */

import type { Failure, Inspection } from './inspection.ts'
import type { FileStats } from './questions.ts'
import type { Tally } from './tally.ts'

/** So many failures are told one by one. */
const mostFailures = 10

/** The report, line by line. */
export function report({ files, failures, tally }: Inspection): string[] {
  return [...tellFiles(files), ...tellFailures(failures), '', ...tellTally(tally)]
}

/** What asking the same with a process for each question took, beside what it takes in bulk. */
export function compare(files: number, bulk: Tally, single: Tally): string[] {
  return [
    '',
    `The same about ${plural(files, 'file')}, at the same number of processes at once:`,
    ...table([
      ['', 'processes', 'time'],
      ['one for each question', number(single.sum.processes), seconds(single.ms)],
      ['in bulk', number(bulk.sum.processes), seconds(bulk.ms)],
      ['ratio', ratio(single.sum.processes, bulk.sum.processes), ratio(single.ms, bulk.ms)],
    ]),
  ]
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`
}

function tellFiles(files: readonly FileStats[]): string[] {
  return [...tellSizes(files), ...tellText(files), ...tellCommits(files)]
}

function tellSizes(files: readonly FileStats[]): string[] {
  const sized = files.filter(file => file.bytes !== null).toSorted((a, b) => b.bytes! - a.bytes!)
  const [largest] = sized
  if (largest === undefined) return []
  const sum = sized.reduce((bytes, file) => bytes + file.bytes!, 0)
  return [
    `size            ${plural(sum, 'byte')}, most in ${shown(largest.path)} (${number(largest.bytes!)})`,
  ]
}

function tellText(files: readonly FileStats[]): string[] {
  const counts = new Map<string, number>()
  for (const { text } of files) if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1)
  if (counts.size === 0) return []
  return [`text attribute  ${[...counts].map(([text, count]) => `${text} ${number(count)}`).join(', ')}`]
}

function tellCommits(files: readonly FileStats[]): string[] {
  const dates = files.flatMap(({ committed }) => committed ?? []).toSorted((a, b) => +a - +b)
  if (dates.length === 0) return []
  const never = files.length - dates.length
  return [
    `last commit     from ${day(dates[0]!)} to ${day(dates.at(-1)!)}${never > 0 ? `, none of ${number(never)}` : ''}`,
  ]
}

function tellFailures(failures: readonly Failure[]): string[] {
  if (failures.length === 0) return []
  const lines = failures.slice(0, mostFailures).map(({ path, reason }) => `  ${shown(path)}: ${reason}`)
  const more = failures.length - lines.length
  if (more > 0) lines.push(`  and ${number(more)} more`)
  return ['', `${plural(failures.length, 'file has', 'files have')} no answer:`, ...lines]
}

function tellTally({ counts, sum, ms }: Tally): string[] {
  const rows = [...counts, ['all', sum] as const].map(([name, { asked, processes }]) => [
    name,
    number(asked),
    number(processes),
    number(asked - processes),
  ])
  return [...table([['question', 'asked', 'processes', 'saved'], ...rows]), `in ${seconds(ms)}`]
}

/** Columns as wide as they must be: words to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  '),
  )
}

/** A name may hold line breaks and worse; a terminal must not obey it. */
function shown(path: string): string {
  return /\p{Cc}/u.test(path) ? JSON.stringify(path) : path
}

function number(value: number): string {
  return value.toLocaleString('en')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function ratio(a: number, b: number): string {
  return `${(a / b).toFixed(1)} : 1`
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
