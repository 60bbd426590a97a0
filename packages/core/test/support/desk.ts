/**
 * Loaders over a back end that answers when the test says so.
 */

import { BulkLoader, type BulkLoaderOptions } from '../../src/index.ts'
import { Deferred } from './deferred.ts'

type Answers = Iterable<unknown> | AsyncIterable<unknown>

/** Ends with the turn: no promise job is left, and what was due at the end of the turn has happened. */
export function turn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** A back end that answers when the test says so. Each answer tells the key and the number of the bulk, from 0: `a@0`. */
export class Desk<K> {
  readonly bulks: K[][] = []
  readonly #ends: Deferred<Answers>[] = []

  readonly command = (keys: readonly K[]): Promise<any> => {
    const end = new Deferred<Answers>()
    this.bulks.push([...keys])
    this.#ends.push(end)
    return end.promise
  }

  async answer(bulk: number, answers?: Answers): Promise<void> {
    this.#ends[bulk]!.resolve(answers ?? this.bulks[bulk]!.map(key => `${String(key)}@${bulk}`))
    await turn()
  }

  async fail(bulk: number, reason: unknown): Promise<void> {
    this.#ends[bulk]!.reject(reason)
    await turn()
  }
}

/** A loader over a desk. */
export function held<K>(options: BulkLoaderOptions<K, any, any> = {}) {
  const desk = new Desk<K>()
  return { desk, loader: new BulkLoader<K, any, any>(desk.command, options) }
}

/** What has become of a promise so far. */
export function watch(promise: Promise<unknown>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: 'waits' }
  promise.then(
    value => (seen.outcome = value),
    (error: unknown) => (seen.outcome = error),
  )
  return seen
}
