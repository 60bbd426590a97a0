// Pothos' dataloader plugin: nodes by id, a field of its own loader, a list, and an error among the nodes.
import SchemaBuilder from '@pothos/core'
import DataloaderPlugin from '@pothos/plugin-dataloader'
import { graphql } from 'graphql'

const batches = []
const builder = new SchemaBuilder({ plugins: [DataloaderPlugin] })

const User = builder.loadableObject('User', {
  load: async ids => {
    batches.push(['users', ...ids])
    return ids.map(id => (id === '3' ? new Error(`no user ${id}`) : { id }))
  },
  fields: t => ({
    id: t.exposeID('id', {}),
    friends: t.loadableList({
      type: 'String',
      load: async users => {
        batches.push(['friends', ...users.map(user => user.id)])
        return users.map(user => [`friend of ${user.id}`])
      },
      resolve: user => user,
    }),
  }),
})

builder.queryType({
  fields: t => ({
    users: t.field({
      type: [User],
      nullable: { list: false, items: true },
      args: { ids: t.arg.stringList({ required: true }) },
      resolve: (_, { ids }) => ids,
    }),
    user: t.field({ type: User, nullable: true, resolve: () => '1' }),
  }),
})

const { data, errors } = await graphql({
  schema: builder.toSchema(),
  source: '{ users(ids: ["1", "2", "3", "1"]) { id friends } user { id } }',
  contextValue: {},
})
console.log(JSON.stringify({ batches, data, errors: errors.map(error => [error.message, error.path]) }))
