import { bulkResolver, defineBulk, type BulkCommandContext, type BulkContext } from '@bulkcall/graphql'
import { buildSchema, graphql } from 'graphql'

interface AppContext {
  readonly tenant: string
}
const bulk = defineBulk<AppContext>()({
  names: { command: (ids: number[], { context }) => ids.map(id => `${context.tenant} ${id}`), size: 10 },
})
type Context = AppContext & BulkContext<typeof bulk>

export const initials = bulkResolver(
  (calls: { source: { name: string } }[], { context }: BulkCommandContext<Context>) =>
    calls.map(({ source }) => `${source.name[0]} of ${context.tenant}`),
)
export const nameOf = (source: { id: number }, _args: object, context: Context): Promise<string> =>
  context.bulk.names.load(source.id)
// @ts-expect-error there is no such loader
void ((context: Context) => context.bulk.posts)

const schema = bulk.scopeResolvers(buildSchema('type Query { name: String }'))
export const result = graphql({
  schema,
  source: '{ name }',
  contextValue: bulk.extendContext({ tenant: 'a' }),
})
