// In NestJS, whose driver for Yoga takes its plugins. What decorators do is written out: there is no compiler here.
// oxlint-disable-next-line import/no-unassigned-import -- it is what decorators write to
require('reflect-metadata')
const core = require('@bulkcall/core')
const { useBulk } = require('@bulkcall/yoga')
const { YogaDriver } = require('@graphql-yoga/nestjs')
const { Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { Context, GraphQLModule, Parent, Query, ResolveField, Resolver } = require('@nestjs/graphql')

const { ask, isRight } = require('./program.cjs')

const bulks = []
const bulk = useBulk({
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
})

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
      driver: YogaDriver,
      typeDefs: 'type Query { posts: [Post!]! } type Post { author: User } type User { name: String! }',
      plugins: [bulk],
      logging: false,
    }),
  ],
  providers: [PostResolver],
})(App)

async function main() {
  const app = await NestFactory.create(App, { logger: false })
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

void main()
