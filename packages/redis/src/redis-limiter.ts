/**
 * `redisLimiter`: one limit for all processes that share a Redis.
 *
 * The way of a slot: a waiter stands in line; while anyone does, one loop asks Redis for a slot, one question at a time;
 * what comes goes to the first in line; when it comes back it serves the next in line for the rest of its turn, and then
 * goes back to Redis. While Redis is away, slots of this process take its place, or waiters are refused.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

import type { Limiter, Slot, Waiter } from '@bulkcall/core'
import { check, checkNames, harmless, nobody } from '@bulkcall/core/kit'
import { asIoredis, type RedisClient } from './client.ts'
import { BulkLimiterDownError, BulkSlotLostError } from './errors.ts'
import { RemoteSlot, type SlotSource } from './remote-slot.ts'
import { timerOf } from './timer.ts'

/** The options of {@link redisLimiter}. All processes that share a key must give the same `limit` and `leaseMs`. */
export interface RedisLimiterOptions {
  /** A connection of `redis`, `ioredis` or `iovalkey`. You close it yourself. */
  readonly client: RedisClient
  /** The name of what is limited, such as `'users-db'`. In Redis it is one sorted set, `semaphore:<key>`. */
  readonly key: string
  /** How many commands may run at once, over all processes that use this key: a whole number from 1. */
  readonly limit: number
  /**
   * How long a slot lives without a renewal, in ms, and so how long the slot of a killed process stays taken. A slot is
   * renewed three times in this time. A whole number from 100. Only the clock of Redis counts.
   * @default 5000
   */
  readonly leaseMs?: number | undefined
  /**
   * How long Redis may take to answer before it counts as away, in ms: a whole number from 1 to half of `leaseMs`. While
   * Redis answers that all slots are taken, it is not away: then bulks wait, as for any limiter.
   * @default 1000, or half of `leaseMs` where that is less
   */
  readonly deadlineMs?: number | undefined
  /**
   * What happens while Redis is away: `'local'` goes on under `localLimit`, `'reject'` rejects the tasks with
   * `BulkLimiterDownError`.
   * @default 'local'
   */
  readonly whenDown?: 'local' | 'reject' | undefined
  /**
   * How many commands may run at once in this process while Redis is away: a whole number from 1.
   * @default 1
   */
  readonly localLimit?: number | undefined
  /**
   * The pause between two requests to Redis while all slots are taken, in ms, above 0; each pause is 0.5 to 1.5 times as
   * long. Each process that waits has one request under way at a time.
   * @default 10
   */
  readonly retryMs?: number | undefined
  /**
   * Is called when a slot was lost while its command ran. The command goes on, so the limit may be exceeded until it has
   * settled. It is noticed at the next renewal, or when the slot of a shorter command is given back.
   */
  readonly onLost?: ((error: BulkSlotLostError) => void) | undefined
}

const names = [
  'client',
  'key',
  'limit',
  'leaseMs',
  'deadlineMs',
  'whenDown',
  'localLimit',
  'retryMs',
  'onLost',
] as const

/**
 * A limiter whose slots are in Redis, or Valkey: `limit` commands at once over all processes that use the same key. Give it
 * to `concurrent`. Calls of one process are served round-robin; between processes, the first that asks gets the slot.
 *
 * It protects a backend, and is not a lock. When Redis loses its data, or cannot be reached for a whole lease, more
 * commands than `limit` may run for a while.
 */
export function redisLimiter(options: RedisLimiterOptions): Limiter {
  checkNames(options, names)
  const { client, key, limit, leaseMs = 5_000, retryMs = 10, onLost = () => {} } = options
  const { whenDown = 'local', localLimit = 1 } = options
  check('key', typeof key === 'string' && key !== '', 'a string that is not empty', key)
  check('limit', isWhole(limit, 1), 'a whole number from 1', limit)
  check('leaseMs', isWhole(leaseMs, 100), 'a whole number from 100', leaseMs)
  const longest = Math.floor(leaseMs / 2)
  const { deadlineMs = Math.min(1_000, longest) } = options
  check(
    'deadlineMs',
    isWhole(deadlineMs, 1) && deadlineMs <= longest,
    `a whole number from 1 to half of leaseMs (${longest})`,
    deadlineMs,
  )
  check('whenDown', ['local', 'reject'].includes(whenDown), "'local' or 'reject'", whenDown)
  check('localLimit', isWhole(localLimit, 1), 'a whole number from 1', localLimit)
  check('retryMs', Number.isFinite(retryMs) && retryMs > 0, 'a number above 0', retryMs)
  check('onLost', typeof onLost === 'function', 'a function', onLost)

  const listener = harmless(onLost)
  const source: SlotSource = {
    client: asIoredis(client),
    key,
    limit,
    leaseMs,
    lost: heldMs => listener(new BulkSlotLostError(key, heldMs)),
  }
  return new RedisLimiter(source, { deadlineMs, whenDown, localLimit, retryMs })
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least
}

interface Settings {
  readonly deadlineMs: number
  readonly whenDown: 'local' | 'reject'
  readonly localLimit: number
  readonly retryMs: number
}

/** A slot that this process holds. */
interface Held {
  /** Whether it may serve one more in line. */
  serves(): boolean
  /** A command gets it. */
  use(): void
  giveBack(): void
}

/** For so many `retryMs` a slot serves the line of its process; then other processes have their turn. */
const turn = 5

class RedisLimiter implements Limiter {
  readonly #source: SlotSource
  readonly #settings: Settings
  readonly #line = new Set<Waiter>()

  /** Why Redis counts as away; `null` while it answers. */
  #down: BulkLimiterDownError | null = null
  /** Before this instant, on the clock of `performance`, Redis is not asked again. */
  #restsUntil = 0
  /** Whether the loop that asks for slots runs. There is one, so never more than one question is under way. */
  #asking = false
  /** Slots of this process that are in use, in the place of those in Redis. */
  #localInUse = 0

  readonly #returned: Held[] = []
  #handingOn = false
  #refusing = false

  constructor(source: SlotSource, settings: Settings) {
    this.#source = source
    this.#settings = settings
  }

  acquire(waiter: Waiter): Slot | null {
    const local = this.#down !== null && this.#line.size === 0 ? this.#takeLocal() : null
    if (local === null) this.#line.add(waiter)
    this.#refuse()
    // Also with a local slot in hand, or none to come: so it comes to light that Redis is back.
    this.#startAsking()
    return local === null ? null : this.#slotOf(local)
  }

  leave(waiter: Waiter): void {
    this.#line.delete(waiter)
  }

  #startAsking(): void {
    if (this.#asking || (this.#line.size === 0 && performance.now() < this.#restsUntil)) return
    this.#asking = true
    // The loop serves many requests, and must not keep what is in the context of the first.
    void nobody.runInAsyncScope(() => this.#ask(), undefined, undefined)
  }

  /** Asks for slots until nobody is in line. */
  async #ask(): Promise<void> {
    do {
      const rest = this.#restsUntil - performance.now()
      // oxlint-disable-next-line no-await-in-loop -- one question after the other, that is the point
      if (rest > 0) await sleep(timerOf(rest))
      // oxlint-disable-next-line no-await-in-loop -- the same
      if (rest <= 0 || this.#line.size > 0) await this.#askOnce()
    } while (this.#line.size > 0)
    this.#asking = false
  }

  async #askOnce(): Promise<void> {
    const { deadlineMs, retryMs } = this.#settings
    let answered = false
    let late = false
    // A process that was busy for so long itself must not take it for the silence of Redis: it looks at what has arrived.
    const timer = setTimeout(
      () => setImmediate(() => answered || (late = this.#goDown())),
      timerOf(deadlineMs),
    )
    try {
      const slot = await RemoteSlot.take(this.#source)
      this.#down = null
      this.#restsUntil = 0
      // One that comes after its deadline may have expired on its way.
      if (late) void slot?.giveBack()
      else if (slot === null) this.#rest(retryMs * (0.5 + Math.random()))
      else this.#handOn(this.#remote(slot))
    } catch (error) {
      this.#goDown(error)
    } finally {
      answered = true
      clearTimeout(timer)
    }
  }

  #rest(ms: number): void {
    this.#restsUntil = performance.now() + ms
  }

  #goDown(cause?: unknown): true {
    const { deadlineMs } = this.#settings
    this.#down = new BulkLimiterDownError(this.#source.key, deadlineMs, cause)
    this.#rest(deadlineMs)
    this.#refuse()
    for (let local; this.#line.size > 0 && (local = this.#takeLocal()) !== null;) this.#handOn(local)
    return true
  }

  /** Refuses all in line, if that is what is wanted while Redis is away. */
  #refuse(): void {
    if (this.#down === null || this.#settings.whenDown === 'local' || this.#refusing) return
    // A loop, not a call within a call: whoever is refused may stand in line again at once, with what waits behind.
    this.#refusing = true
    for (const waiter of this.#line) {
      this.#line.delete(waiter)
      waiter.refused(this.#down)
    }
    this.#refusing = false
  }

  #remote(slot: RemoteSlot): Held {
    const { retryMs } = this.#settings
    const until = performance.now() + turn * retryMs
    return {
      serves: () => !slot.lost && performance.now() < until,
      use: () => void (slot.used = true),
      giveBack: () => void slot.giveBack(),
    }
  }

  #takeLocal(): Held | null {
    const { whenDown, localLimit } = this.#settings
    if (whenDown === 'reject' || this.#localInUse >= localLimit) return null
    this.#localInUse++
    return {
      serves: () => this.#down !== null,
      use: () => {},
      giveBack: () => void this.#localInUse--,
    }
  }

  /** Gives a slot to the next in line, or back to where it came from. */
  #handOn(held: Held): void {
    this.#returned.push(held)
    if (this.#handingOn) return
    // A loop, not a call within a call: a command that settles at once gives its slot back while it is being handed on,
    // and a long line of such commands would overflow the stack.
    this.#handingOn = true
    try {
      for (let next; (next = this.#returned.pop()) !== undefined;) this.#handOver(next)
    } finally {
      this.#handingOn = false
    }
  }

  #handOver(held: Held): void {
    const first = this.#line.values().next()
    if (first.done || !held.serves()) return held.giveBack()
    this.#line.delete(first.value)
    held.use()
    first.value.granted(this.#slotOf(held))
  }

  #slotOf(held: Held): Slot {
    return { release: () => this.#handOn(held) }
  }
}
