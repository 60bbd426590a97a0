/**
 * The whole system: requests that arrive by chance, instances that answer them, and the backend that they share.
 */

import { Database, Redis, type Weather } from './backend.ts'
import { entities, instance, type Way } from './instance.ts'
import { random, skewed, untilNext } from './random.ts'
import { VirtualHost } from './virtual-host.ts'

export interface Setting {
  readonly way: Way
  readonly instances: number
  /** Requests a second, over all instances. */
  readonly load: number
  readonly weather: Weather
  /** How long requests arrive, in ms. The first `warming` ms are not counted. */
  readonly ms: number
}

export interface Outcome {
  /** Requests that came, and those that ended, well or not, when all was given the time to end. */
  readonly asked: number
  readonly ended: number
  /** Requests that were answered, a second. */
  readonly answered: number
  /** What part of the requests failed. */
  readonly failed: number
  /** How long the median request took, and that than which one in a hundred took longer; in ms. */
  readonly median: number
  readonly longest: number
  /** Commands, keys and calls of Redis a second. */
  readonly commands: number
  readonly keys: number
  readonly redis: number
  /** The most commands that ran at once. */
  readonly most: number
  /** Of every part of the time that is counted: the median time of the requests that came in it. */
  readonly course: readonly number[]
}

/** So many ms pass before anything is counted. */
export const warming = 200
/** How long a part of the course is, in ms. */
export const part = 25
const keysOfRequest = 10

/** Lets a system run, and tells how it did. */
export async function simulate({ way, instances, load, weather, ms: end }: Setting): Promise<Outcome> {
  const host = new VirtualHost()
  // Chances of their own, so that the same requests come whichever way they are answered.
  const [requests, failures, pauses] = [random(1), random(2), random(3)]
  const database = new Database(host, failures, weather)
  const redis = new Redis(host)
  const site = { host, database, redis, instances }
  const servers = Array.from({ length: instances }, () => instance(way, site, pauses))
  const row = skewed(requests, entities)

  const tally = { asked: 0, ended: 0, answered: 0, failed: 0 }
  const waits: { readonly at: number; readonly ms: number }[] = []
  const request = async (): Promise<void> => {
    const at = host.now()
    tally.asked++
    const answer = servers[Math.floor(requests() * instances)]!
    // Every third one has I/O of its own.
    const own = requests() < 1 / 3 ? requests() * 4 : 0
    try {
      await answer(Array.from({ length: keysOfRequest }, row), own)
      tally.answered++
      // Also those that are answered after the end: a system that falls behind must show it.
      if (at >= warming) waits.push({ at, ms: host.now() - at })
    } catch {
      tally.failed++
    }
    tally.ended++
  }
  const arrive = (): void => {
    if (host.now() >= end) return
    void request()
    host.setTimer(arrive, untilNext(requests, load))
  }
  host.setTimer(arrive, 0)

  const read = () => ({ ...tally, commands: database.commands, keys: database.keys, calls: redis.calls })
  await host.runTo(warming)
  database.most = 0
  const before = read()
  await host.runTo(end)
  const after = read()
  const most = database.most
  await host.runTo(Infinity)

  const perSecond = (name: keyof typeof before): number =>
    ((after[name] - before[name]) * 1000) / (end - warming)
  const sorted = waits.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return {
    asked: tally.asked,
    ended: tally.ended,
    answered: perSecond('answered'),
    failed: perSecond('failed') / Math.max(1, perSecond('failed') + perSecond('answered')),
    median: sorted[sorted.length >> 1] ?? NaN,
    longest: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    commands: perSecond('commands'),
    keys: perSecond('keys'),
    redis: perSecond('calls'),
    most,
    course: courseOf(waits, end),
  }
}

function courseOf(waits: readonly { readonly at: number; readonly ms: number }[], end: number): number[] {
  const parts = Array.from({ length: Math.ceil((end - warming) / part) }, (): number[] => [])
  for (const { at, ms } of waits) parts[Math.floor((at - warming) / part)]!.push(ms)
  return parts.map(each => each.toSorted((a, b) => a - b)[each.length >> 1] ?? NaN)
}
