/**
 * Documents that a client may write to be expensive, each in two sizes, in a process of its own: how many steps do the core
 * and the plugin take for a unit of it? Prints its findings as JSON.
 *
 * A step is what V8 counts for coverage: a function that is called, or a block that is entered. It depends on no clock.
 */

import { Session, type Profiler } from 'node:inspector'
import { createSchema, createYoga } from 'graphql-yoga'
import { useBulk } from '../../src/index.ts'
import type { Asked } from './ask.ts'
import { attacks, each, kinds, type Attack, type Steps, type StepsReport } from './attacks.ts'
import { sleep } from './shapes.ts'

/** Two of them are there to learn. */
const runs = 5

const all = Array.from({ length: kinds }, (_, kind) => kind)
const rows = async (ids: readonly number[]) => ids.map(id => ({ id }))
const user = (_: unknown, { id }: { id: number }, { bulk }: any): Promise<unknown> => bulk.users.load(id)

const schema = createSchema<any>({
  typeDefs: /* GraphQL */ `
    interface Node { id: Int, wait: Int }
    ${each(kinds, kind => `type Node${kind} implements Node { id: Int, wait: Int }`)}
    type Query {
      user(id: Int!): User
      late(id: Int!): User
      later(id: Int!): User
      turn(id: Int!): User
      node(id: Int!): Node
      last: User
      nobody: User
      ${each(kinds, kind => `field${kind}: Int, wait${kind}: Int`)}
    }
    type User { id: Int, friend: User, later: User, same: User, wait: Int }
  `,
  resolvers: {
    Node: { __resolveType: ({ id }: { id: number }) => `Node${id % kinds}` },
    ...Object.fromEntries(
      all.map(kind => [`Node${kind}`, { wait: async ({ id }: any) => sleep(id % 5).then(() => id) }]),
    ),
    Query: {
      user,
      late: async (_, args, context) => sleep(1).then(() => user(_, args, context)),
      later: async (_, args, context) => sleep(1 + (args.id % 7)).then(() => user(_, args, context)),
      turn(_, args, context) {
        context.turn = (context.turn ?? Promise.resolve()).then(() => user(_, args, context))
        return context.turn
      },
      node: async (_, { id }) => ({ id }),
      nobody: async () => sleep(2).then(() => null),
      last: async () => sleep(15).then(() => ({ id: 1 })),
      ...Object.fromEntries(
        all.flatMap(kind => [
          [
            `field${kind}`,
            async (_: unknown, __: unknown, { bulk }: any) =>
              sleep(1 + (kind % 11)).then(async () => (await bulk[`loader${kind}`].load(kind)).id),
          ],
          [`wait${kind}`, async () => sleep((10 * kind) / kinds).then(() => kind)],
        ]),
      ),
    },
    User: {
      friend: ({ id }, _, { bulk }) => bulk.users.load(id + 1),
      later: async ({ id }, _, { bulk }) => sleep(1 + (id % 3)).then(() => bulk.users.load(id + 1)),
      same: async same => same,
      wait: async ({ id }) => sleep(1 + (id % 3)).then(() => id),
    },
  },
})

/** A server that knows nothing, with a loader of users, and one of each kind. */
function server(): Asked {
  const loaders = { users: rows, ...Object.fromEntries(all.map(kind => [`loader${kind}`, rows])) }
  return createYoga({ logging: false, plugins: [useBulk(loaders, { delay: 20 })], schema })
}

const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
const session = new Session()
session.connect()

/** The answer comes at once: it is this process that is asked. */
function profile(method: string, options?: object): unknown {
  let answer: unknown
  session.post(method, options, (error, result) => {
    if (error !== null) throw error
    answer = result
  })
  return answer
}

/** Those since it was last asked. */
function newSteps(): number {
  const { result } = profile('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
  let steps = 0
  for (const { url, functions } of result)
    if (/\/packages\/(core|yoga)\/src\//.test(url))
      for (const { ranges } of functions) for (const { count } of ranges) steps += count
  return steps
}

async function stepsOf({ units = size => size, document }: Attack, size: number): Promise<Steps> {
  const query = document(size)
  const yoga = server()
  const steps: number[] = []
  for (let run = 0; run < runs; run++) {
    newSteps()
    const { errors } = await (
      await yoga.fetch('http://yoga/graphql', { ...post, body: JSON.stringify({ query }) })
    ).json()
    if (errors !== undefined) throw new Error(JSON.stringify(errors[0]))
    steps.push(newSteps() / units(size))
  }
  return steps
}

profile('Profiler.enable')
profile('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const report: Record<string, StepsReport> = {}
for (const [name, attack] of Object.entries(attacks)) {
  const [few, many] = attack.sizes
  report[name] = { few: await stepsOf(attack, few), many: await stepsOf(attack, many) }
}
console.log(JSON.stringify(report))
