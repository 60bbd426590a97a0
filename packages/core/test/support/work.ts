/**
 * A small language for work as the resolvers of a GraphQL document do it: what one piece of work does, how often, and what
 * follows from its result. A tree prints as text, so that a counterexample can be read and becomes a named test.
 * @module
 */

/** What a piece of work does. `seed` is a number that each piece has of its own, so that rows can differ. */
export type Work =
  /** I/O of so many ms, in turn over the pieces; with 0 there is none, and the work goes on synchronously. */
  | { readonly do: 'io'; readonly ms: readonly number[] }
  /** Waits for a promise that has settled already. */
  | { readonly do: 'await' }
  /** Loads one key: of its own, or (`hot`) one of three that all pieces share. */
  | { readonly do: 'load'; readonly loader: string; readonly hot: boolean }
  | { readonly do: 'many'; readonly loader: string; readonly times: readonly number[] }
  /** One after the other. */
  | { readonly do: 'seq'; readonly works: readonly Work[] }
  /** At the same time. */
  | { readonly do: 'all'; readonly works: readonly Work[] }
  /** `Promise.all(ids.map(async id => …))`, so many ids, in turn over the pieces. */
  | { readonly do: 'map'; readonly times: readonly number[]; readonly work: Work }
  /** The same, one id after the other. */
  | { readonly do: 'loop'; readonly times: readonly number[]; readonly work: Work }
  /** Executes an operation of its own, whose pieces of work run within this one. */
  | { readonly do: 'query'; readonly places: readonly Place[] }
  /** Throws in each nth piece. */
  | { readonly do: 'throw'; readonly nth: number }

/** A resolver: a kind of work. */
export interface Field {
  readonly work: Work
  /** Where it ends with several things at the same time, it gives a list of promises, not a promise of a list. */
  readonly list: boolean
  /** Its promise is kept for the run: other pieces give the same. There are so many of them; 0 if it is not kept. */
  readonly memo: number
}

/** A field of a document. */
export interface Place {
  readonly field: string
  /** How many rows it is worked at for, below each result of the place above; in turn. */
  readonly rows: readonly number[]
  readonly next: readonly Place[]
  /** How often it is nested within itself. */
  readonly again: number
}

export interface Loader {
  /** How long the command takes, in ms. */
  readonly takes: number
  /** The command first loads the same keys from this other loader, after so much I/O. */
  readonly via: { readonly loader: string; readonly io: number } | null
  /** Whether it has an Error for some of the keys. */
  readonly fails: boolean
}

export interface Tree {
  readonly loaders: Readonly<Record<string, Loader>>
  readonly fields: Readonly<Record<string, Field>>
  readonly places: readonly Place[]
}

export const io = (...ms: readonly number[]): Work => ({ do: 'io', ms })
export const microtask: Work = { do: 'await' }
export const nothing: Work = { do: 'io', ms: [0] }
export const load = (name: string): Work => ({ do: 'load', loader: name, hot: false })
export const loadHot = (name: string): Work => ({ do: 'load', loader: name, hot: true })
export const loadMany = (name: string, ...times: readonly number[]): Work => ({
  do: 'many',
  loader: name,
  times,
})
export const seq = (...works: readonly Work[]): Work => ({ do: 'seq', works })
export const all = (...works: readonly Work[]): Work => ({ do: 'all', works })
export const map = (times: number | readonly number[], work: Work): Work => ({
  do: 'map',
  times: [times].flat(),
  work,
})
export const loop = (times: number | readonly number[], work: Work): Work => ({
  do: 'loop',
  times: [times].flat(),
  work,
})
export const query = (...places: readonly Place[]): Work => ({ do: 'query', places })
export const fail = (nth = 1): Work => ({ do: 'throw', nth })

export function field(work: Work, { list = false, memo = 0 }: Partial<Field> = {}): Field {
  return { work, list, memo }
}

export function place(name: string, rows: number | readonly number[], ...next: readonly Place[]): Place {
  return { field: name, rows: [rows].flat(), next, again: 0 }
}

export function again(times: number, { field: name, rows, next }: Place): Place {
  return { field: name, rows, next, again: times }
}

export function loader(takes: number, { via = null, fails = false }: Partial<Loader> = {}): Loader {
  return { takes, via, fails }
}

/** The places below a place. One that is nested within itself is among them. */
export function below(of: Place): readonly Place[] {
  return of.again === 0 ? of.next : [...of.next, { ...of, again: of.again - 1 }]
}

/**
 * Of each field of the document, and of those within it, the fields that stand anywhere below it: what may follow from its
 * result.
 */
export function descendants({ places, fields }: Tree): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  const visit = (one: Place, above: readonly string[]): void => {
    for (const name of above) found.get(name)!.add(one.field)
    if (!found.has(one.field)) {
      found.set(one.field, new Set())
      for (const inner of queriesIn(fields[one.field]!.work)) visit(inner, [])
    }
    for (const next of below(one)) visit(next, [...above, one.field])
  }
  for (const one of places) visit(one, [])
  return found
}

/** The most pieces of work that a tree can come to. */
export function size(tree: Tree): number {
  const spread = (name: string): number => {
    const { work, list } = tree.fields[name]!
    const last = work.do === 'seq' ? work.works.at(-1) : work
    if (!list) return 1
    if (last?.do === 'map') return Math.max(...last.times)
    return last?.do === 'all' ? last.works.length : 1
  }
  const sum = (places: readonly Place[]): number =>
    places.reduce(
      (count, one) => count + Math.max(...one.rows) * (1 + spread(one.field) * sum(below(one))),
      0,
    )
  return sum(tree.places)
}

/** The fields that the document has. */
function used(tree: Tree): readonly Field[] {
  return [...descendants(tree).keys()].map(name => tree.fields[name]!)
}

/** The loaders that the work of the document calls, and those that their commands call. */
function usedLoaders(tree: Tree): readonly Loader[] {
  const names = new Set(used(tree).flatMap(({ work }) => [...loadersIn(work)]))
  for (const name of names) {
    const { via } = tree.loaders[name]!
    if (via !== null) names.add(via.loader)
  }
  return [...names].map(name => tree.loaders[name]!)
}

function loadersIn(work: Work): ReadonlySet<string> {
  if (work.do === 'load' || work.do === 'many') return new Set([work.loader])
  return new Set(parts(work).flatMap(part => [...loadersIn(part)]))
}

function queriesIn(work: Work): readonly Place[] {
  return work.do === 'query' ? work.places : parts(work).flatMap(queriesIn)
}

function parts(work: Work): readonly Work[] {
  if (work.do === 'seq' || work.do === 'all') return work.works
  return work.do === 'map' || work.do === 'loop' ? [work.work] : []
}

const waits = (work: Work): boolean =>
  work.do === 'await' || (work.do === 'io' && work.ms.some(ms => ms > 0)) || parts(work).some(waits)

/** Whether any work of the document does I/O of its own: besides what the commands of the loaders take. */
export function hasIo(tree: Tree): boolean {
  const hasIoIn = (work: Work): boolean =>
    (work.do === 'io' && work.ms.some(ms => ms > 0)) || parts(work).some(hasIoIn)
  return (
    used(tree).some(({ work }) => hasIoIn(work)) || usedLoaders(tree).some(({ via }) => (via?.io ?? 0) > 0)
  )
}

/** Whether any load may come later than in the synchronous part of a piece of work. */
export function hasLateLoads(tree: Tree): boolean {
  return used(tree).some(({ work }) => isLate(work)) || usedLoaders(tree).some(({ via }) => via !== null)
}

function isLate(work: Work): boolean {
  if (parts(work).some(isLate)) return true
  if (work.do === 'loop') return loadersIn(work).size > 0 && Math.max(...work.times) > 1
  if (work.do !== 'seq') return false
  const first = work.works.findIndex(part => waits(part) || loadersIn(part).size > 0)
  return first >= 0 && work.works.slice(first + 1).some(part => loadersIn(part).size > 0)
}

/** Whether all commands of the document take equally long, so that work on one level stays on one level. */
export function isEven(tree: Tree): boolean {
  return new Set(usedLoaders(tree).map(({ takes }) => takes)).size <= 1
}

/** A tree as a few lines of text. */
export function print(tree: Tree): string {
  const fields = [...descendants(tree).keys()].toSorted()
  const loaders = Object.entries(tree.loaders).filter(([, one]) => usedLoaders(tree).includes(one))
  return [
    ...loaders.map(([name, { takes, via, fails }]) => {
      const first = via === null ? '' : `, via ${via.loader}${via.io === 0 ? '' : ` after ${via.io} ms`}`
      return `  loader ${name}: ${takes} ms${first}${fails ? ', fails for some keys' : ''}`
    }),
    ...fields.map(name => {
      const { work, list, memo } = tree.fields[name]!
      return `  ${name}: ${list ? 'list of ' : ''}${printWork(work)}${memo === 0 ? '' : `, one promise of ${memo} for all`}`
    }),
    `  document: ${tree.places.map(printPlace).join(' ')}`,
  ].join('\n')
}

function printPlace({ field: name, rows, next, again: times }: Place): string {
  const inner = times === 0 ? next.map(printPlace) : [...next.map(printPlace), `again ${times}`]
  return `${name}×${rows.join('|')}${inner.length === 0 ? '' : ` { ${inner.join(' ')} }`}`
}

function printWork(work: Work): string {
  switch (work.do) {
    case 'io':
      return work.ms.every(ms => ms === 0) ? 'nothing' : `io ${work.ms.join('|')}`
    case 'await':
      return 'await'
    case 'load':
      return `load ${work.loader}${work.hot ? ' hot' : ''}`
    case 'many':
      return `loadMany ${work.loader} ×${work.times.join('|')}`
    case 'seq':
      return `(${work.works.map(printWork).join(', then ')})`
    case 'all':
      return `(${work.works.map(printWork).join(' & ')})`
    case 'map':
      return `${work.times.join('|')}× at once ${printWork(work.work)}`
    case 'loop':
      return `${work.times.join('|')}× in turn ${printWork(work.work)}`
    case 'query':
      return `query { ${work.places.map(printPlace).join(' ')} }`
    case 'throw':
      break
  }
  return work.nth === 1 ? 'throw' : `throw in each ${work.nth}th`
}
