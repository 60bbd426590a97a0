/** All works, in the order in which they run: first what most requests are like. */

import { burst, small } from './works/burst.mjs'
import { graphql, graphqlPages } from './works/graphql.mjs'
import { growth } from './works/growth.mjs'
import { heap } from './works/heap.mjs'
import { requests } from './works/requests.mjs'
import { schedule } from './works/schedule.mjs'
import { goalsOf } from './goals.mjs'

/** What the short form times: a work of each kind that is soon done. */
const short = new Set([
  'new-1',
  'new-3',
  'new-10',
  'new-100',
  'new-1-uncached',
  'yoga-5-young',
  'yoga-100',
  'yoga-nothing',
  'yoga-nested',
  'request-load',
  'burst-1000',
  'duplicates-50',
  'hits-closed',
  'many-1000',
  'limit-4',
  'heap-pending',
  'heap-cached',
])

export const works = [
  ...small,
  ...graphqlPages,
  ...burst,
  ...requests,
  ...schedule,
  ...heap,
  ...graphql,
  ...growth,
].map(work => ({
  base: 'dataloader',
  short: short.has(work.name),
  goals: goalsOf(work),
  ...work,
}))
