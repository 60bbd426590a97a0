/**
 * A slot in Redis: taken, renewed while it is held, and given back.
 *
 * The slots of a key are one sorted set. A member is a slot in use; its score is the instant at which it was taken or last
 * renewed, in ms on the clock of Redis. No clock of a client is ever compared with another's, so clocks may be apart.
 * @module
 */

import { randomUUID } from 'node:crypto'

import type { IoredisClient } from './client.ts'
import { Script } from './script.ts'
import { timerOf } from './timer.ts'

/** Where slots are, and how long one lives without a renewal. */
export interface SlotSource {
  readonly client: IoredisClient
  readonly key: string
  readonly limit: number
  readonly leaseMs: number
  /** Is called when a slot is gone while it serves a command. */
  readonly lost: (heldMs: number) => void
}

/** So often a slot is renewed within one lease: two renewals may fail before it is lost. */
const renewals = 3

/**
 * Frees what has not been renewed for a lease. The clock of Redis may be set back, or another server with another clock may
 * take over: then scores lie in the future, and would live for as long as that. They begin a new lease in its place.
 */
const freeExpired = `
  local key, lease = KEYS[1], tonumber(ARGV[2])
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - lease)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. string.format('%.0f', now), '+inf')) do
    redis.call('ZADD', key, now, id)
  end
`

/** A client may ask again with the same member when the answer was lost with its connection: then it has its slot already. */
const takeSlot = new Script(`${freeExpired}
  if redis.call('ZCARD', key) >= tonumber(ARGV[3]) and not redis.call('ZSCORE', key, ARGV[1]) then return 0 end
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, lease)
  return 1
`)

const renewSlot = new Script(`${freeExpired}
  if not redis.call('ZSCORE', key, ARGV[1]) then return 0 end
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, lease)
  return 1
`)

/** A slot that is held. */
export class RemoteSlot {
  /** Whether it has served a command. If not, nobody needs to know that it is lost. */
  used = false
  readonly #source: SlotSource
  readonly #name: string
  readonly #id: string
  readonly #takenAt: number
  readonly #timer: NodeJS.Timeout
  /**
   * When the last renewal was sent, on the clock of `performance`. Redis counts from when it arrives, so the lease has not
   * ended in Redis for as long as it has not ended here.
   */
  #renewedAt: number
  #renewing = false
  #held = true
  #lost = false

  private constructor(source: SlotSource, name: string, id: string, askedAt: number) {
    this.#source = source
    this.#name = name
    this.#id = id
    this.#takenAt = askedAt
    this.#renewedAt = askedAt
    this.#timer = setInterval(() => void this.#renew(), timerOf(source.leaseMs / renewals))
    this.#timer.unref()
  }

  /** Asks once. `null` if all slots are taken; rejects if Redis does. */
  static async take(source: SlotSource): Promise<RemoteSlot | null> {
    const { client, key, limit, leaseMs } = source
    const name = `semaphore:${key}`
    const id = randomUUID()
    const askedAt = performance.now()
    try {
      const taken = await takeSlot.run(client, name, id, leaseMs, limit)
      return Number(taken) === 1 ? new RemoteSlot(source, name, id, askedAt) : null
    } catch (error) {
      // Redis may have given it all the same, if only its answer was lost.
      void remove(client, name, id)
      throw error
    }
  }

  /** Whether another may have it by now. */
  get lost(): boolean {
    return this.#lost || performance.now() - this.#renewedAt > this.#source.leaseMs
  }

  /**
   * Nobody waits for this: if it does not reach Redis, the slot is free one lease after its last renewal. Only here it comes
   * to light that the slot of a command was lost which was too short to need a renewal.
   */
  async giveBack(): Promise<void> {
    clearInterval(this.#timer)
    this.#held = false
    const { lost } = this
    const removed = await remove(this.#source.client, this.#name, this.#id)
    // Whether Redis still had it cannot be known where it did not say so, unless its time was over anyway.
    if (!(removed ?? !lost)) this.#lose()
  }

  async #renew(): Promise<void> {
    // Without an answer for so long it makes no difference what the answer will be.
    if (this.lost) return this.#lose()
    if (this.#renewing) return
    this.#renewing = true
    const sentAt = performance.now()
    try {
      const { client, leaseMs } = this.#source
      const renewed = await renewSlot.run(client, this.#name, this.#id, leaseMs)
      if (Number(renewed) === 1) this.#renewedAt = sentAt
      else if (this.#held) this.#lose()
    } catch {
      // A renewal that fails is not a slot that is lost: the next one may succeed within the lease.
    } finally {
      this.#renewing = false
    }
  }

  #lose(): void {
    clearInterval(this.#timer)
    if (this.#lost) return
    this.#lost = true
    if (this.used) this.#source.lost(Math.round(performance.now() - this.#takenAt))
  }
}

/** Whether Redis had it; `null` if it did not say so. */
async function remove(client: IoredisClient, name: string, id: string): Promise<boolean | null> {
  try {
    return Number(await client.zrem(name, id)) !== 0
  } catch {
    return null
  }
}
