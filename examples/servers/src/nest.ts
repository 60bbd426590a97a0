/**
 * NestJS, with the driver for Apollo Server.
 * @module
 */

// oxlint-disable-next-line import/no-unassigned-import -- decorators write to it
import 'reflect-metadata'

import { defineBulk } from '@bulkcall/graphql'
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Args, Context, GraphQLModule, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql'
import {
  resolvers,
  typeDefs,
  type Context as Loaders,
  type Post,
  type Running,
  type Settings,
  type User,
} from './blog.ts'

@Resolver('Post')
class PostResolver {
  @Query()
  posts(): Post[] {
    return resolvers.Query.posts()
  }

  @ResolveField()
  author(@Parent() post: Post, @Context() ctx: Loaders): Promise<User | null> {
    return resolvers.Post.author(post, {}, ctx)
  }
}

@Resolver('User')
class UserResolver {
  @Query()
  user(@Args('id') id: number, @Context() ctx: Loaders): Promise<User | null> {
    return ctx.bulk.users.load(id)
  }

  @ResolveField()
  posts(@Parent() user: User, @Context() ctx: Loaders): Promise<Post[]> {
    return resolvers.User.posts(user, {}, ctx)
  }
}

export async function nest({ commands, ...options }: Settings): Promise<Running> {
  const bulk = defineBulk(commands, options)

  @Module({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs,
        transformSchema: schema => bulk.scopeResolvers(schema),
        context: () => bulk.extendContext(),
        playground: false,
      }),
    ],
    providers: [PostResolver, UserResolver],
  })
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module is what its decorator says
  class App {}

  const app = await NestFactory.create(App, { logger: false, abortOnError: false })
  await app.listen(0, '127.0.0.1')
  return { url: `${await app.getUrl()}/graphql`, stop: () => app.close() }
}
