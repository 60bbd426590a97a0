/**
 * The entries of a cache in its store: their format, and how it is known that one is out of date.
 *
 * A store only reads, writes and deletes, so it cannot refuse a write that comes too late: one process reads a row, another
 * changes it and forgets its key, and then the first one writes what it has read. So each name has a mark beside it. To
 * forget is to give it a new mark. Whoever fetches a value has read the mark before, in the same question as the entry, and
 * writes it into the entry. An entry counts only while its mark is the one that stands beside it: what was fetched before a
 * `forget` never counts after it, however late it is written, and by whichever process.
 * @module
 */

/** What a cache needs of its store. A `Keyv` of version 5.6 has it, over whichever adapter. */
export interface SharedStore {
  /** One value per key, `undefined` where there is none. */
  getMany(keys: string[]): Promise<unknown[]>
  /** Keeps each value for so many ms. */
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>
  deleteMany(keys: string[]): Promise<unknown>
}

/** What the store does not hold. */
export const nothing: unique symbol = Symbol('nothing')

/** The mark of a name that nobody has forgotten lately. */
const unmarked = ''

/** What is known of a name. */
export interface Known {
  /** `nothing` where there is no value that counts. */
  readonly value: unknown
  /** `null` where it could not be read: then nothing may be written. */
  readonly mark: string | null
}

export interface Entry {
  readonly name: string
  readonly value: unknown
  readonly mark: string
  readonly ttl: number
}

/** What stands under a name in the store. `undefined` has a form of its own, since not every store can keep it. */
type Stored = { readonly m?: string } & ({ readonly v: unknown } | { readonly none: true })

/** The pauses between attempts to forget, in ms. */
const pauses = [10, 40, 160, 640]

/** Something is wrong with these entries, and only with them. */
export type Complaint = (does: 'read' | 'write', names: readonly string[], cause: unknown) => void

export class Entries {
  readonly #store: SharedStore
  readonly #markTtl: number
  readonly #complain: Complaint

  /** @param markTtl for so long a mark lives, in ms: longer than whatever was fetched before it */
  constructor(store: SharedStore, markTtl: number, complain: Complaint) {
    this.#store = store
    this.#markTtl = markTtl
    this.#complain = complain
  }

  /** Rejects if the store fails; a broken entry is missing, and is repaired. */
  async read(names: readonly string[]): Promise<Known[]> {
    const found = await each([...names, ...names.map(markOf)], `${names[0]}~${crypto.randomUUID()}`, keys =>
      this.#get(keys),
    )
    const broken: Broken[] = []
    const known = names.map((name, place): Known => {
      const mark = markIn(found[names.length + place])
      if (mark === null) broken.push({ name: markOf(name), cause: causeIn(found[names.length + place]) })
      const stored = found[place]
      if (stored === undefined || stored === null) return { value: nothing, mark }
      if (!isStored(stored)) {
        broken.push({ name, cause: causeIn(stored) })
        return { value: nothing, mark }
      }
      const value = 'none' in stored ? undefined : stored.v
      return { value: mark === (stored.m ?? unmarked) ? value : nothing, mark }
    })
    if (broken.length > 0) void this.#mend(broken)
    return known
  }

  /** Rejects if the store fails; an entry that cannot be written is left out. */
  async write(entries: readonly Entry[]): Promise<void> {
    const all = entries.map(({ name, value, mark, ttl }) => ({
      key: name,
      value: storedOf(value, mark),
      ttl,
    }))
    const probe = {
      key: `${all[0]!.key}~${crypto.randomUUID()}`,
      value: storedOf(null, unmarked),
      ttl: 1_000,
    }
    const written = await each(all, probe, some => this.#set(some))
    const broken = all.flatMap(({ key }, place) => (written[place] instanceof Unusable ? [key] : []))
    if (broken.length > 0) this.#complain('write', broken, causeIn(written.find(isUnusable)))
  }

  /**
   * Resolves when the store has shown that all have new marks: an adapter may well say nothing of a write that failed. Tries
   * several times, until the signal aborts; then rejects.
   */
  async forget(names: readonly string[], signal: AbortSignal): Promise<void> {
    /** The marks that are still to be changed, as they were after the change of the values, where that is known. */
    const left = new Map<string, unknown>(names.map(name => [markOf(name), undefined]))
    let cause: unknown
    for (const pause of [0, ...pauses]) {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause))
      if (signal.aborted) break
      try {
        // oxlint-disable-next-line no-await-in-loop -- the same
        await this.#changeMarks(left)
        if (left.size === 0) break
        cause = new Error('The store has not kept what was written')
      } catch (error) {
        cause = error
      }
    }
    if (left.size > 0) throw cause
    // These no longer count; without them a store that drops marks when its memory is full has less to give wrong.
    await this.#delete(names.filter(name => !isMarkName(name)))
  }

  async #changeMarks(left: Map<string, unknown>): Promise<void> {
    const keys = [...left.keys()]
    const mark = crypto.randomUUID()
    await this.#set(keys.map(key => ({ key, value: mark, ttl: this.#markTtl })))
    const found = await this.#get(keys)
    keys.forEach((key, place) => {
      const before = left.get(key)
      const now = found[place]
      // Another process may have forgotten the same key in between. A mark that is newer than ours serves as well.
      if (now === mark || (isMark(now) && isMark(before) && now !== before)) left.delete(key)
      else if (isMark(now)) left.set(key, now)
    })
  }

  async #get(keys: string[]): Promise<readonly unknown[]> {
    const found: unknown = await this.#store.getMany(keys)
    if (Array.isArray(found) && found.length === keys.length) return found
    throw new TypeError('The store must give one value for each key')
  }

  async #set(entries: { key: string; value: unknown; ttl: number }[]): Promise<readonly unknown[]> {
    const written = await this.#store.setMany(entries)
    // So Keyv says that it could not, and not why.
    const failed = Array.isArray(written) && written.length > 0 && written.every(answer => answer === false)
    if (failed) throw new Error('The store could not write this')
    return entries
  }

  async #delete(names: readonly string[]): Promise<void> {
    try {
      await this.#store.deleteMany([...names])
    } catch {
      // Nothing depends on it.
    }
  }

  /** Nobody waits for this. A broken mark is replaced, not deleted: without one, what is out of date would count again. */
  async #mend(broken: readonly Broken[]): Promise<void> {
    const names = broken.map(({ name }) => name)
    this.#complain('read', names, broken.find(({ cause }) => cause !== undefined)?.cause)
    const [marks, entries] = [names.filter(isMarkName), names.filter(name => !isMarkName(name))]
    if (entries.length > 0) await this.#delete(entries)
    try {
      if (marks.length > 0)
        await this.#set(marks.map(key => ({ key, value: crypto.randomUUID(), ttl: this.#markTtl })))
    } catch {
      // It stays broken, and is repaired by the next who meets it.
    }
  }
}

interface Broken {
  readonly name: string
  readonly cause: unknown
}

/** What one item gave where it alone is at fault. */
class Unusable {
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** In so many parts is divided what holds an item at fault: the more, the fewer questions come one after the other. */
const parts = 8
/** So many questions, and hardly more, are worth finding out which items are at fault. */
const mostQuestions = 100

/**
 * Does the work for all items in one. Where that fails, the probe tells whether it is the store that fails, and then all of
 * it rejects; or some items, and then these are found by dividing. Where they are too many for that, as when a release
 * reads with another serializer, a part that holds one counts as unusable whole.
 */
async function each<T, R>(
  items: T[],
  probe: T,
  work: (items: T[]) => Promise<readonly R[]>,
): Promise<readonly (R | Unusable)[]> {
  let left = mostQuestions
  const divide = async (some: T[], error: unknown): Promise<readonly (R | Unusable)[]> => {
    if (some.length === 1 || left <= 0) return some.map(() => new Unusable(error))
    const size = Math.ceil(some.length / parts)
    const divided = Array.from({ length: Math.ceil(some.length / size) }, (_, nth) =>
      some.slice(nth * size, (nth + 1) * size),
    )
    left -= divided.length
    const found = await Promise.all(
      divided.map(part => work(part).catch((reason: unknown) => divide(part, reason))),
    )
    return found.flat()
  }
  try {
    return await work(items)
  } catch (error) {
    await work([probe])
    return divide(items, error)
  }
}

const markSuffix = '~mark'
/** What stands for a name that is not used as it is ends so, and no mark does. */
const escapeSuffix = `${markSuffix}~`
const notAsItIs = new RegExp(`\\p{Surrogate}|${markSuffix}~?$`, 'u')

/**
 * The name under which a key's entry stands. A client may choose what it is made of, so it must neither be that of a mark nor,
 * as Redis keeps bytes and a lone surrogate has none, become that of another key.
 */
export function entryName(name: string): string {
  return notAsItIs.test(name) ? JSON.stringify(name) + escapeSuffix : name
}

function markOf(name: string): string {
  return name + markSuffix
}

function isMarkName(name: string): boolean {
  return name.endsWith(markSuffix)
}

function isMark(value: unknown): value is string {
  return typeof value === 'string' && value !== unmarked
}

/** `null` where something stands that is no mark. */
function markIn(found: unknown): string | null {
  if (found === undefined || found === null) return unmarked
  return isMark(found) ? found : null
}

function isUnusable(value: unknown): value is Unusable {
  return value instanceof Unusable
}

function causeIn(value: unknown): unknown {
  return isUnusable(value) ? value.cause : undefined
}

function storedOf(value: unknown, mark: string): Stored {
  const stored = value === undefined ? ({ none: true } as const) : { v: value }
  return mark === unmarked ? stored : { ...stored, m: mark }
}

/** Whether it is what a cache has written; what others have put there is none. */
function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { m = 'none', ...rest } = value as Record<string, unknown>
  const names = Object.keys(rest)
  return isMark(m) && names.length === 1 && ('v' in rest || rest['none'] === true)
}
