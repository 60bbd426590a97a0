/**
 * A member of a scope: a call whose windows the scope may close.
 * @module
 */

import type { Linked } from '../linked-list.ts'

/** A call in a scope. It is a member while anything of it is pending or in flight. */
export interface Member extends Linked<Member> {
  readonly name: string
  readonly settings: { readonly delay: number }
  /** How many tasks are pending. */
  readonly pending: number
  /** Whether its window is open. */
  hasWindow: boolean
  /** Whether its window has got a call while nothing went on that is known: who made that may make more. */
  isStray: boolean
  /** When its window was last seen open at the end of a tick, or got another call; `null` if it has not outlived its tick. */
  keptAt: number | null
  /** Whether its window has got a call by staying open. */
  hasGained: boolean
  /** When a window of it was closed because waiting had brought nothing so often; `null` if none of late. */
  givenUpAt: number | null
  /** What is pending may start. */
  closeWindow(): void
  /** The tick is over and the window stays open: from now on time may close it. */
  keepWindow(): void
  /** Whether its first batch waits for nothing but a slot. */
  readonly isReady: boolean
  abort(reason: unknown): void
}
