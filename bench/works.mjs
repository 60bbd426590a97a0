/** All works, in the order in which they run. */

import { burst } from './works/burst.mjs'
import { graphql } from './works/graphql.mjs'
import { growth } from './works/growth.mjs'
import { heap } from './works/heap.mjs'
import { requests } from './works/requests.mjs'
import { schedule } from './works/schedule.mjs'
import { goals } from './goals.mjs'

export const works = [...burst, ...requests, ...schedule, ...heap, ...graphql, ...growth].map(work => ({
  base: 'dataloader',
  short: work.name in goals,
  ...work,
}))
