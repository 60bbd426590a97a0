/**
 * Starts one of the servers, and prints what its database is asked.
 * @module
 */

import { apollo } from './apollo.ts'
import { commands } from './blog.ts'
import { mercuriusSubgraph } from './mercurius-subgraph.ts'
import { mercurius } from './mercurius.ts'
import { nest } from './nest.ts'
import { subgraph } from './subgraph.ts'
import { yoga } from './yoga.ts'

const servers = { apollo, mercurius, nest, subgraph, mercuriusSubgraph, yoga }
const name = process.argv[2] ?? 'apollo'
const start = Object.entries(servers).find(([known]) => known === name)?.[1]
if (start === undefined) {
  console.error(`Give one of ${Object.keys(servers).join(', ')}.`)
  process.exitCode = 1
} else {
  const { url } = await start({ commands: commands(statement => console.log(statement)) })
  console.log(`${name}: ${url}`)
}
