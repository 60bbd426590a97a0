// In NestJS, with the driver for Yoga, for Apollo Server or for Mercurius: node nest.cjs <Yoga, Apollo or Mercurius>. What decorators do is written out:
// there is no compiler here.
// oxlint-disable-next-line import/no-unassigned-import -- it is what decorators write to
require('reflect-metadata')
const core = require('@bulkcall/core')
const { Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { Context, GraphQLModule, Parent, Query, ResolveField, Resolver } = require('@nestjs/graphql')

const { ask, isRight } = require('./program.cjs')

const [, , driver] = process.argv
const bulks = []
const loaders = {
  users: {
    command: core.keyed(
      async (/** @type {number[]} */ ids) => {
        bulks.push([...ids])
        return ids.map(id => ({ id, name: `user ${id}` }))
      },
      ({ id }) => id,
    ),
    concurrent: 2,
  },
}

/** The options of each driver. */
const drivers = {
  Yoga() {
    const { useBulk } = require('@bulkcall/yoga')
    return { driver: require('@graphql-yoga/nestjs').YogaDriver, plugins: [useBulk(loaders)], logging: false }
  },
  Apollo: () => ({ driver: require('@nestjs/apollo').ApolloDriver, playground: false, ...connected() }),
  Mercurius: () => ({
    driver: require('@nestjs/mercurius').MercuriusDriver,
    graphiql: false,
    ...connected(),
  }),
}

function connected() {
  const bulk = require('@bulkcall/graphql').defineBulk(loaders)
  return { transformSchema: schema => bulk.scopeResolvers(schema), context: () => bulk.extendContext() }
}

class PostResolver {
  posts() {
    return [1, 2, 3, 1].map(authorId => ({ authorId }))
  }

  author({ authorId }, context) {
    return context.bulk.users.load(authorId)
  }
}
decorate(Query('posts'), 'posts')
decorate(ResolveField('author'), 'author')
Parent()(PostResolver.prototype, 'author', 0)
Context()(PostResolver.prototype, 'author', 1)
Resolver('Post')(PostResolver)

const App = Object.defineProperty(function () {}, 'name', { value: 'App' })
Module({
  imports: [
    GraphQLModule.forRoot({
      ...drivers[driver](),
      typeDefs: 'type Query { posts: [Post!]! } type Post { author: User } type User { name: String! }',
    }),
  ],
  providers: [PostResolver],
})(App)

async function main() {
  const adapter = driver === 'Mercurius' ? [new (require('@nestjs/platform-fastify').FastifyAdapter)()] : []
  const app = await NestFactory.create(App, ...adapter, { logger: false, abortOnError: false })
  await app.listen(0, '127.0.0.1')
  const wrong = await ask(`${await app.getUrl()}/graphql`)
  await app.close()
  const name = 'a server answers six requests, with one bulk each'
  const isGood = wrong.length === 0 && isRight(bulks)
  const report = isGood
    ? { passed: [name], failed: [] }
    : { passed: [], failed: [`${name}: ${wrong[0] ?? JSON.stringify(bulks)}`] }
  console.log(JSON.stringify({ ...report, version: require('@nestjs/core/package.json').version }))
}

function decorate(decorator, name) {
  decorator(PostResolver.prototype, name, Object.getOwnPropertyDescriptor(PostResolver.prototype, name))
}

main().catch(error => console.log(JSON.stringify({ passed: [], failed: [String(error)] })))
