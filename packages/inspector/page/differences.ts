/**
 * The differences of two runs of one operation, in numbers.
 * @module
 */

import type { RecordedOperation } from '../src/recording.ts'
import { durationOf, endOf, loadersIn, savedBy, sharesOf } from './facts.ts'
import { doings } from './words.ts'

export interface Row {
  readonly what: string
  readonly left: number | null
  readonly right: number | null
  readonly unit: 'ms' | ''
  /** Whether the difference is more than runs of one operation always have. */
  readonly differs: boolean
}

/** Below that, in ms, times of two runs are the same. */
const leastTime = 1
/** By what part of the larger one two numbers have to differ. */
const leastPart = 0.1

/** What two runs have in numbers, row by row. */
export function compare(left: RecordedOperation, right: RecordedOperation): Row[] {
  const row = (what: string, a: number | null, b: number | null, unit: Row['unit'] = ''): Row => {
    const off = Math.abs((a ?? 0) - (b ?? 0))
    const largest = Math.max(a ?? 0, b ?? 0)
    return {
      what,
      left: a,
      right: b,
      unit,
      differs: unit === 'ms' ? off >= leastTime && off > largest * leastPart : a !== b,
    }
  }
  const [one, two] = [savedBy(left), savedBy(right)]
  const shares = sharesOf(right)
  const loaders = [left, right].map(
    run => new Map(loadersIn(run, endOf(run)).map(each => [each.loader, each])),
  )
  const names = new Set(loaders.flatMap(each => [...each.keys()]))
  return [
    row('time', durationOf(left), durationOf(right), 'ms'),
    ...sharesOf(left).map(({ doing, ms }, n) => row(doings[doing], ms, shares[n]!.ms, 'ms')),
    row('loads', one.loads, two.loads),
    row('cached', one.hits, two.hits),
    row('bulks', one.bulks, two.bulks),
    row('errors', left.errors, right.errors),
    ...[...names].flatMap(name => {
      const [a, b] = loaders.map(each => each.get(name))
      return [
        row(`${name}: bulks`, a?.bulks.length ?? null, b?.bulks.length ?? null),
        row(`${name}: keys`, a?.tasks ?? null, b?.tasks ?? null),
        row(`${name}: function, mean`, a?.command ?? null, b?.command ?? null, 'ms'),
      ]
    }),
  ]
}
