/**
 * A page: what one bulk answers, key by key.
 *
 * Most bulks are asked, answered and done with: nobody looks a key up. So a page is two arrays, and only when someone looks
 * are its keys entered into the index of the loader, each with an {@link Answer}.
 * @module
 */

import type { AnyBulk, Follower } from './bulk.ts'
import { firstOf, placesOf } from './equals.ts'
import { asError, isError } from './errors.ts'
import { isThenable, type Outcomes } from './settle.ts'

/** Whether an Error that was given for one key alone is kept, so that the key is not asked again. */
export type CacheErrors = (error: Error) => boolean

/** The default: an Error that the command gave for a key is its answer. */
export const keepAll: CacheErrors = () => true
export const keepNone: CacheErrors = () => false

/** Who keeps pages. */
export interface PageKeeper<C, V> {
  readonly keeps: CacheErrors
  /** The bulk of a page has started. */
  started(page: Page<C, V>): void
  /** A page has told its answers apart. */
  detailed(page: Page<C, V>, answers: readonly Answer<V>[]): void
  /** This is not an answer any more: the key is to be asked again, unless it has been already. */
  forget(key: C, entry: Entry<C, V>): void
  /** The same, for all keys of a page. */
  forgetAll(page: Page<C, V>): void
  /** So many more loads were of keys of the bulk that is open. */
  repeated(loads: number): void
  /** A key has left its bulk before that has started. */
  left(key: C): void
}

/** What the index holds under a key: its answer, or the page that has it, until someone looks closer. */
export type Entry<C, V> = Answer<V> | Page<C, V>

/** What one key was answered, or will be. */
export class Answer<V> {
  /** Where it stands; `null` if it has its promise and needs nothing else. */
  page: Page<any, V> | null
  place: number
  #promise: Promise<V> | null
  #aligned: Promise<V> | null = null
  /** The number of the bulk that it is aligned with. Not the bulk itself, which would live as long as the answer. */
  #alignedWith = 0

  constructor(page: Page<any, V> | null, place: number, promise: Promise<V> | null) {
    this.page = page
    this.place = place
    this.#promise = promise
  }

  /** One promise for all who load the key, made for the first who comes after the one who asked. */
  get promise(): Promise<V> {
    return (this.#promise ??= this.page!.promiseAt(this.place))
  }

  /** The bulk that asks the key, until that is over. */
  get bulk(): AnyBulk | null {
    return this.page === null ? null : this.page.bulk
  }

  /** Whether the key has not been asked yet. */
  get pending(): boolean {
    return this.page?.pending ?? false
  }

  /** The same, given when this other bulk settles: one promise, however many ask for it beside that bulk. */
  alignedWith(bulk: AnyBulk): Promise<V> {
    if (this.#alignedWith !== bulk.id) {
      this.#alignedWith = bulk.id
      const outcomes = this.page?.outcomes
      this.#aligned = bulk.align<V>(outcomes === undefined ? this.promise : outcomeAt(outcomes, this.place))
    }
    return this.#aligned!
  }
}

export class Page<C, V> implements Follower {
  /** By place, once they are told apart; `undefined` where one was given ahead of the others. */
  answers: (Answer<V> | undefined)[] | null = null
  /** Until it has settled. */
  bulk: AnyBulk | null
  /** What the command gave for all keys, once it has. */
  outcomes: Outcomes | undefined = undefined
  readonly #keeper: PageKeeper<C, V>
  /** The keys by place, where they are not the tasks themselves. */
  #keys: C[] | null
  #compared = 0

  /** @param keys where the keys are not the tasks themselves */
  constructor(keeper: PageKeeper<C, V>, bulk: AnyBulk | null, keys: C[] | null) {
    this.#keeper = keeper
    this.bulk = bulk
    this.#keys = keys
  }

  /** By place. Equal ones may be among them until they are merged. */
  get keys(): readonly C[] {
    return this.#keys ?? (this.bulk!.tasks as C[])
  }

  /** Whether its keys have not been asked yet. */
  get pending(): boolean {
    return this.bulk?.pending ?? false
  }

  /** A key has joined the bulk. */
  keep(key: C): void {
    this.#keys?.push(key)
  }

  /** Its answers are told apart, and this is the next of them. */
  add(promise: Promise<V> | null): Answer<V> {
    const answer = new Answer<V>(this, this.answers!.length, promise)
    this.answers!.push(answer)
    return answer
  }

  /** Makes equal keys one, in the bulk too. Only while the bulk is pending. */
  merge(): void {
    const { length } = this.keys
    // Those that have been compared with each other since the last one came differ.
    if (length === this.#compared) return
    this.#compared = length
    const places = placesOf(this.keys)
    if (places === null) return
    this.#compared = 0
    if (this.#keys !== null) this.#keys = firstOf(this.#keys, places)
    this.bulk!.merge(places)
    this.#keeper.repeated(length - this.keys.length)
  }

  /** Tells the answers apart, each with its place. From here on they may leave and move. */
  detail(): (Answer<V> | undefined)[] {
    if (this.answers !== null) return this.answers
    const answers = this.keys.map((_, place) => new Answer<V>(this, place, null))
    this.#keeper.detailed(this, (this.answers = answers))
    return answers
  }

  promiseAt(place: number): Promise<V> {
    return this.bulk === null ? given(outcomeAt(this.outcomes!, place)) : this.bulk.promiseAt(place)
  }

  sealing(): void {
    // Once told apart they are known to differ.
    if (this.answers === null) this.merge()
  }

  started(): void {
    this.#keeper.started(this)
  }

  takeFrom(behind: Page<C, V>): void {
    const answer = behind.detail().shift()!
    behind.#number(0)
    answer.page = this
    answer.place = this.detail().push(answer) - 1
    // Where the keys are the tasks, the bulk moves them.
    this.#keys?.push(behind.#keys!.shift()!)
  }

  left(place: number): void {
    const answer = this.detail()[place]!
    // Its place is known here for the last time.
    void answer.promise
    answer.page = null
    this.answers!.splice(place, 1)
    this.#number(place)
    const key = this.keys[place]!
    this.#keys?.splice(place, 1)
    this.#keeper.left(key)
  }

  gave(place: number, outcome: unknown): void {
    // The others may fail, and leave no outcomes to look it up in.
    void this.detail()[place]!.promise
    this.#judge(place, outcome)
    // What has been given stays when the rest of the bulk fails.
    this.answers![place] = undefined
  }

  gaveAll(outcomes: Outcomes): void {
    this.outcomes = outcomes
    if (this.#keeper.keeps === keepAll || outcomes === null) return
    for (const [place, outcome] of outcomes.entries()) {
      if (isError(outcome) || isThenable(outcome)) this.#judge(place, outcome)
    }
  }

  failed(): void {
    if (this.answers === null) return this.#keeper.forgetAll(this)
    for (const [place, answer] of this.answers.entries()) {
      if (answer !== undefined) this.#keeper.forget(this.keys[place]!, answer)
    }
  }

  ended(): void {
    // The tasks change no more.
    this.#keys ??= this.bulk!.tasks as C[]
    this.bulk = null
  }

  /** Forgets an outcome that is an Error and not kept. */
  #judge(place: number, outcome: unknown): void {
    const { keeps } = this.#keeper
    if (keeps === keepAll) return
    const answer = this.detail()[place]!
    const key = this.keys[place]!
    const judge = (error: unknown): void => {
      if (!keeps(asError(error))) this.#keeper.forget(key, answer)
    }
    if (isError(outcome)) judge(outcome)
    else if (isThenable(outcome)) void Promise.resolve(outcome).then(undefined, judge)
  }

  /** Tells the answers from here on their places anew. */
  #number(from: number): void {
    for (let place = from; place < this.answers!.length; place++) this.answers![place]!.place = place
  }
}

function outcomeAt(outcomes: Outcomes, place: number): unknown {
  return outcomes === null ? null : outcomes[place]
}

/** A promise of an outcome that is known. It reports its rejection itself, even if that of a promise within was handled. */
function given<V>(outcome: unknown): Promise<V> {
  if (isError(outcome)) return Promise.reject(outcome)
  return isThenable(outcome) ? new Promise(resolve => resolve(outcome as V)) : Promise.resolve(outcome as V)
}
