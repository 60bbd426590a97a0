/**
 * The load: requests for pages, some of which are asked for much more often than others.
 * @module
 */

import autocannon from 'autocannon'

import { pages } from './data.ts'
import { Failure } from './failure.ts'

/** Requests that are under way at each process. */
const connections = 16

/** What the requests took. */
export interface Load {
  readonly requestsPerSecond: number
  /** Half of the requests took no longer than this, in ms. */
  readonly median: number
  /** And 99 of 100 no longer than this. */
  readonly p99: number
}

export async function load(addresses: readonly string[], requests: number): Promise<Load> {
  const result = await autocannon({
    // Several are allowed; its types know of one.
    url: addresses as never,
    connections: connections * addresses.length,
    // It looks so often, in ms, whether it is done: else the rate would be over whole seconds.
    sampleInt: 100,
    amount: Math.max(requests, connections * addresses.length),
    requests: [
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        setupRequest: request => ({ ...request, body: JSON.stringify({ query: queryOf(somePage()) }) }),
      },
    ],
    verifyBody: body => String(body).startsWith('{"data":{"posts":[{'),
  })
  if (result.errors + result.non2xx + result.mismatches > 0)
    throw new Failure(
      `Not all requests were answered: ${result.errors} errors, ${result.non2xx + result.mismatches} wrong answers.`,
    )
  const { latency, duration } = result
  return { requestsPerSecond: result['2xx'] / duration, median: latency.p50, p99: latency.p99 }
}

export function queryOf(page: number): string {
  return `{ posts(page: ${page}) { title author { name company { name } } } }`
}

/** An eighth of the pages gets half of the requests. */
function somePage(): number {
  return 1 + Math.floor(pages * Math.random() ** 3)
}
