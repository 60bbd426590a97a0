/**
 * The comparison: one query, asked in each way of loading.
 * @module
 */

import type { Database } from './database.ts'
import { Failure } from './failure.ts'
import type { Queries } from './queries.ts'
import type { Way } from './ways.ts'

/** What one operation took. */
export interface Effort {
  readonly name: string
  readonly statements: number
  readonly bulks: number
  readonly keys: number
  readonly ms: number
}

interface Source {
  readonly address: string
  readonly ways: readonly Way[]
  readonly sql: Queries
  readonly database: Database
}

/**
 * Asks the same in each way. All must give the same answer.
 *
 * @param rounds how often each way is measured; the run in the middle is told. The runs take turns, so that all meet the
 *   same noise
 */
export async function compare(
  query: string,
  { address, ways, sql, database }: Source,
  rounds = 5,
): Promise<Effort[]> {
  const ask = async (way: Way): Promise<Effort & { answer: string }> => {
    const { statements } = database
    const { bulks, keys } = sql.asked
    const startedAt = performance.now()
    const response = await fetch(address + way.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    const answer = await response.text()
    return {
      name: way.name,
      answer,
      ms: performance.now() - startedAt,
      statements: database.statements - statements,
      bulks: sql.asked.bulks - bulks,
      keys: sql.asked.keys - keys,
    }
  }

  // The first time, much is compiled and planned.
  const answers = new Set<string>()
  // oxlint-disable-next-line no-await-in-loop -- one after the other, so that none disturbs another
  for (const way of ways) answers.add((await ask(way)).answer)
  if (answers.size > 1) throw new Failure('The ways of loading do not give the same answer.')
  if ([...answers].some(answer => !answer.startsWith('{"data":')))
    throw new Failure(`The query has failed: ${[...answers].join('')}`)

  const runs: Effort[] = []
  for (let round = 0; round < rounds; round++) {
    // oxlint-disable-next-line no-await-in-loop -- the same
    for (const way of ways) runs.push(await ask(way))
  }
  return ways.map(way => middle(runs.filter(run => run.name === way.name)))
}

function middle(runs: readonly Effort[]): Effort {
  return runs.toSorted((a, b) => a.ms - b.ms)[Math.floor(runs.length / 2)]!
}

/** What each way took, as a table, and how many times as much as the last one. */
export function tell(efforts: readonly Effort[]): string[] {
  const least = efforts.at(-1)!
  const others = efforts.slice(0, -1)
  return table([
    ['', 'SQL statements', 'bulks', 'keys in each', 'time'],
    ...efforts.map(({ name, statements, bulks, keys, ms }) => [
      name,
      number(statements),
      number(bulks),
      (keys / bulks).toFixed(1),
      `${ms.toFixed(0)} ms`,
    ]),
    ...others.map(({ name, statements, bulks, ms }) => [
      `${name} : ${least.name}`,
      ratio(statements, least.statements),
      ratio(bulks, least.bulks),
      '',
      ratio(ms, least.ms),
    ]),
  ])
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

function number(value: number): string {
  return value.toLocaleString('en')
}

function ratio(a: number, b: number): string {
  return `${(a / b).toFixed(1)} : 1`
}
