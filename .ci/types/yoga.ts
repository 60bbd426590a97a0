import { keyed } from '@bulkcall/core'
import { bulkResolver, useBulk, type BulkContext } from '@bulkcall/yoga'
import { createSchema, createYoga, type YogaInitialContext } from 'graphql-yoga'

interface User {
  readonly id: number
  readonly name: string
}
declare const fetchUsers: (ids: number[]) => Promise<User[]>

const bulk = useBulk(
  {
    users: { command: keyed(fetchUsers, user => user.id), size: 100, nullKeys: 'null' },
    lengths: (words: string[]) => words.map(word => word.length),
  },
  { concurrent: 4 },
)
type Context = YogaInitialContext & BulkContext<typeof bulk>

export const yoga = createYoga({
  schema: createSchema<Context>({
    typeDefs: 'type Query { user(id: Int): User } type User { name: String, length: Int, initial: String }',
    resolvers: {
      Query: { user: (_, { id }: { id: number | null }, ctx) => ctx.bulk.users.load(id) },
      User: {
        length: (user: User, _, ctx): Promise<number> => ctx.bulk.lengths.load(user.name),
        initial: bulkResolver((calls: { source: User }[]) => calls.map(({ source }) => source.name[0])),
      },
    },
  }),
  plugins: [bulk],
})
// @ts-expect-error a number is no text
void bulk.create().lengths.load(1)
