/**
 * The comparison: one query, asked in each way of loading.
 * @module
 */

import type { Database } from './database.ts'
import { Failure } from './failure.ts'
import type { Queries } from './queries.ts'
import type { Way } from './ways.ts'

/** What one operation took: the median of several runs, each figure for itself. */
export interface Effort {
  readonly name: string
  readonly statements: number
  /** How many keys one statement of a loader asked for. */
  readonly keys: number
  readonly ms: number
}

interface Source {
  readonly address: string
  readonly ways: readonly Way[]
  readonly sql: Queries
  readonly database: Database
}

/** How often each way runs before it is measured: the first times, much is compiled, planned and learned. */
export const warmUps = 3

/**
 * Asks the same in each way. All must give the same answer. The runs take turns, so that all meet the same noise.
 *
 * @param rounds how often each way is measured
 */
export async function compare(query: string, source: Source, rounds: number): Promise<Effort[]> {
  const { ways } = source
  const answers = new Set<string>()
  const runs: Effort[] = []
  for (let round = -warmUps; round < rounds; round++)
    for (const way of ways) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that none disturbs another
      const { answer, ...effort } = await ask(query, way, source)
      answers.add(answer)
      if (round >= 0) runs.push(effort)
    }
  if (answers.size > 1) throw new Failure('The ways of loading do not give the same answer.')
  if ([...answers].some(answer => !answer.startsWith('{"data":')))
    throw new Failure(`The query has failed: ${[...answers].join('')}`)

  return ways.map(({ name }) => {
    const own = runs.filter(run => run.name === name)
    const of = (figure: 'statements' | 'keys' | 'ms') => median(own.map(run => run[figure]))
    return { name, statements: of('statements'), keys: of('keys'), ms: of('ms') }
  })
}

async function ask(
  query: string,
  way: Way,
  { address, sql, database }: Source,
): Promise<Effort & { answer: string }> {
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
    keys: (sql.asked.keys - keys) / (sql.asked.bulks - bulks),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** What each way took, as a table; behind each figure, how many times that of the last way it is. */
export function tell(efforts: readonly Effort[]): string[] {
  const least = efforts.at(-1)!
  return table([
    ['', 'SQL statements', '', 'keys in each', 'time', ''],
    ...efforts.map(effort => {
      const times = (figure: 'statements' | 'ms') =>
        effort === least ? '' : `${(effort[figure] / least[figure]).toFixed(1)} ×`
      return [
        effort.name,
        number(effort.statements),
        times('statements'),
        effort.keys.toFixed(1),
        `${effort.ms.toFixed(0)} ms`,
        times('ms'),
      ]
    }),
  ])
}

/** Columns as wide as they must be: words to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

function number(value: number): string {
  return value.toLocaleString('en')
}
