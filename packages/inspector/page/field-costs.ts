/**
 * What the fields of a document cost: how many keys of which loader each wanted, how many of them were cached, and how long
 * it waited for what.
 * @module
 */

import type { RecordedBulk, RecordedOperation } from '../src/recording.ts'
import { durationOf, sharesIn, type Share } from './facts.ts'

export interface LoaderCost {
  readonly loader: string
  /** Keys that were asked for, and keys that were cached or in flight already. */
  asked: number
  cached: number
  readonly bulks: RecordedBulk[]
}

export interface FieldCost {
  /** The line of the document; `null` where it is not known. */
  readonly line: number | null
  /** Such as `Post.author`; `null` where everything that it wanted was cached. */
  name: string | null
  readonly loaders: LoaderCost[]
  readonly bulks: readonly RecordedBulk[]
  /** How long any of its bulks was open or ran, and what that was. */
  readonly waited: number
  readonly shares: readonly Share[]
}

type Draft = Pick<FieldCost, 'line' | 'loaders'> & { name: string | null; readonly bulks: Set<RecordedBulk> }

/** The fields that loaded anything, in the order of the document; those without a line last. */
export function costsOf(operation: RecordedOperation): FieldCost[] {
  const drafts = new Map<number | string, Draft>()
  const draftOf = (line: number | undefined, name: string | null): Draft => {
    const key = line ?? name ?? ''
    const draft = drafts.get(key) ?? { line: line ?? null, name, loaders: [], bulks: new Set() }
    draft.name ??= name
    drafts.set(key, draft)
    return draft
  }
  for (const bulk of operation.bulks) {
    for (const [name, keys, line] of bulk.fields) {
      const draft = draftOf(line, name)
      const cost = costIn(draft, bulk.loader)
      cost.asked += keys
      if (cost.bulks.at(-1) !== bulk) cost.bulks.push(bulk)
      draft.bulks.add(bulk)
    }
  }
  for (const [line, loader, keys] of operation.fieldHits) costIn(draftOf(line, null), loader).cached += keys
  const end = durationOf(operation)
  return [...drafts.values()]
    .map(({ line, name, loaders, bulks }) => {
      const shares = sharesIn([...bulks], 0, end).filter(({ doing, ms }) => doing !== 'resolvers' && ms > 0)
      const waited = shares.reduce((sum, { ms }) => sum + ms, 0)
      return { line, name, loaders, bulks: [...bulks], shares, waited }
    })
    .toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}

function costIn({ loaders }: Draft, loader: string): LoaderCost {
  const known = loaders.find(each => each.loader === loader)
  if (known !== undefined) return known
  const cost: LoaderCost = { loader, asked: 0, cached: 0, bulks: [] }
  loaders.push(cost)
  return cost
}

/** Whether keys go out nearly one by one: the N+1 problem, which loading in bulk is there for. */
export function isNPlusOne({ asked, bulks }: LoaderCost): boolean {
  return bulks.length >= 4 && asked < 2 * bulks.length && bulks.every(({ size }) => size !== 1)
}
