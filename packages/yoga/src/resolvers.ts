/**
 * Resolvers: those that the author of the schema wrote run in the scope of their operation, so that it knows when all of
 * them wait; and each root field of a mutation sees fresh data.
 * @module
 */

import { watchesCalls } from '@bulkcall/core'
import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql'
import { asking } from './asking.ts'
import { operationOf } from './context.ts'
import { isThenable } from './errors.ts'
import type { Operation } from './operation.ts'

type Resolver = GraphQLFieldResolver<unknown, unknown>

/** What has been wrapped, in whichever schema: a schema may be shared by servers, and be replaced by a copy of itself. */
const wrappers = new WeakSet<object>()
const wrappedFields = new WeakSet<object>()

/** Wraps the resolvers of a schema, in place and once. */
export function wrapResolvers(schema: GraphQLSchema): void {
  const mutation = schema.getMutationType()
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || !('getFields' in type)) continue
    for (const field of Object.values(type.getFields())) {
      if ('resolve' in field) wrapField(field as GraphQLField<unknown, unknown>, type === mutation)
    }
  }
}

function wrapField(field: GraphQLField<unknown, unknown>, isRootOfMutation: boolean): void {
  const { resolve } = field
  if (resolve === undefined || wrappedFields.has(field) || wrappers.has(resolve) || isDefault(resolve)) return
  const wrapper = isRootOfMutation ? fresh(resolve) : inScope(resolve)
  wrappers.add(wrapper)
  wrappedFields.add(field)
  field.resolve = wrapper
}

/** Default resolvers look a property up, and are by far the most: they cannot load, so they are left alone. */
function isDefault(resolve: Resolver): boolean {
  return resolve.name === 'defaultFieldResolver' || resolve.name === 'defaultMergedResolver'
}

function inScope(resolve: Resolver): Resolver {
  return function (this: unknown, source, args, context, info) {
    const operation = operationOf(context)
    if (operation === undefined) return resolve.call(this, source, args, context, info)
    // In two halves, since there may be thousands of rows: a function for each would be the dearest part of all this.
    const piece = operation.begin(info)
    let result: unknown
    try {
      const own = watchesCalls() ? asking(resolve) : resolve
      result = own.call(this, source, args, context, info)
    } catch (error) {
      piece.threw()
      throw error
    }
    return piece.gave(result)
  }
}

/** Root fields of a mutation run one after the other: what one has changed, neither it nor the next may see as it was. */
function fresh(resolve: Resolver): Resolver {
  const run = inScope(resolve)
  return function (this: unknown, source, args, context, info) {
    const operation = operationOf(context)
    if (operation === undefined) return resolve.call(this, source, args, context, info)
    operation.clear()
    return afterwards(() => run.call(this, source, args, context, info), operation)
  }
}

function afterwards(work: () => unknown, operation: Operation): unknown {
  let result: unknown
  try {
    result = work()
  } catch (error) {
    operation.clear()
    throw error
  }
  if (isThenable(result)) return Promise.resolve(result).finally(() => operation.clear())
  operation.clear()
  return result
}
