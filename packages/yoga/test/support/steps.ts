/**
 * Documents that a client may write to be expensive, each in two sizes, in a process of its own: how many steps do the core
 * and the plugin take for a unit of it? Prints its findings as JSON.
 */

import { createSchema, createYoga } from 'graphql-yoga'
import { countSteps } from '../../../../test/support/steps.ts'
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
const newSteps = countSteps(/\/packages\/(core|graphql|yoga)\/src\//)

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

const report: Record<string, StepsReport> = {}
for (const [name, attack] of Object.entries(attacks)) {
  const [few, many] = attack.sizes
  report[name] = { few: await stepsOf(attack, few), many: await stepsOf(attack, many) }
}
console.log(JSON.stringify(report))
