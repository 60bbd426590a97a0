// @graphql-tools/batch-execute merges requests to a schema; batch-delegate asks another schema for many keys at once.
import { batchDelegateToSchema } from '@graphql-tools/batch-delegate'
import { createBatchingExecutor } from '@graphql-tools/batch-execute'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { stitchSchemas } from '@graphql-tools/stitch'
import { execute, graphql, OperationTypeNode, parse, print } from 'graphql'

const seen = []
const users = makeExecutableSchema({
  typeDefs:
    'type User { id: ID! name: String } type Query { users(ids: [ID!]!): [User] user(id: ID!): User }',
  resolvers: {
    Query: {
      users: (_, { ids }) => {
        seen.push(['users', ...ids])
        return ids.map(id => (id === '3' ? new Error('no user 3') : { id, name: `user ${id}` }))
      },
      user: (_, { id }) => ({ id, name: `user ${id}` }),
    },
  },
})

const executor = createBatchingExecutor(({ document, variables }) => {
  seen.push(print(document).replaceAll(/\s+/g, ' '))
  return execute({ schema: users, document, variableValues: variables })
})
const ask = id =>
  executor({ document: parse(`{ user(id: "${id}") { name } }`), operationType: OperationTypeNode.QUERY })
const executed = await Promise.all([ask(1), ask(2), ask(1)])

const gateway = stitchSchemas({
  subschemas: [{ schema: users }],
  typeDefs: 'extend type User { boss: User } extend type Query { staff: [User] }',
  resolvers: {
    Query: { staff: () => ['1', '2', '4'].map(id => ({ __typename: 'User', id })) },
    User: {
      boss: {
        selectionSet: '{ id }',
        resolve: ({ id }, _, context, info) =>
          batchDelegateToSchema({
            schema: users,
            operation: OperationTypeNode.QUERY,
            fieldName: 'users',
            key: id === '4' ? '3' : '1',
            argsFromKeys: ids => ({ ids }),
            context,
            info,
          }),
      },
    },
  },
})
const { data, errors } = await graphql({
  schema: gateway,
  source: '{ staff { id boss { name } } }',
  contextValue: {},
})
console.log(
  JSON.stringify({ seen, executed, data, errors: errors?.map(error => [error.message, error.path]) }),
)
