/**
 * Services outside this program that some resolvers ask. Nobody can be asked here, so the answers are made up, but the
 * waiting is real: a timer of 1 to 4 ms, as a service nearby takes, a little more for one airport than for the next.
 *
 * That is what tears DataLoader's batches apart: it sends what was loaded in one turn of the event loop, and each of
 * these answers comes in a turn of its own.
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

import type { Airport } from './queries.ts'

export interface Weather {
  readonly celsius: number
  readonly airport: string
}

/** A weather service. Made up: warm at the equator, cold on mountains. */
export async function askWeather({ ident, latitude, elevation }: Airport): Promise<Weather> {
  await sleep(latency(ident))
  const celsius = 40 * Math.cos((latitude * Math.PI) / 180) - 10 - 0.0065 * (elevation ?? 0)
  return { celsius: Math.round(celsius), airport: ident }
}

/** A permission service. Made up: notes on military airports are nobody's business. */
export async function mayReadNotes({ ident, name }: Airport): Promise<boolean> {
  await sleep(latency(ident))
  return !/\b(air base|air force|army|military|naval)\b/i.test(name)
}

/** Always the same for one airport, so that runs can be compared. */
function latency(ident: string): number {
  const sum = Array.from(ident, letter => letter.charCodeAt(0)).reduce((a, b) => a + b, 0)
  return 1 + (sum % 4)
}
