/**
 * Resolvers: those that the author of the schema wrote run in the scope of their operation, so that it knows when all of
 * them wait; and each root field of a mutation sees fresh data.
 * @module
 */

import { isThenable, registry } from '@bulkcall/core/kit'
import type { GraphQLField, GraphQLNamedType, GraphQLResolveInfo, GraphQLSchema } from 'graphql'
import { asking } from './asking.ts'
import { operationOf } from './context.ts'
import { mutationTypes } from './namespaces.ts'
import type { Operation } from './operation.ts'
import type { Plans } from './plan.ts'
import type { Unit } from './unit.ts'

/** A resolver of a field; or one of a type, which gets no arguments, and so everything one place earlier. */
type Resolver = (this: unknown, first: any, second: any, third: any, fourth?: any) => unknown
type Holder = Record<string, unknown>

/** What has been wrapped, in whichever schema: a schema may be shared by servers, and be replaced by a copy of itself. */
const wrappers = new WeakSet<object>()
const wrappedFields = new WeakSet<object>()
/** The types whose fields write, and the resolvers of such fields. */
const writingTypes = new WeakSet<object>()
const freshResolvers = new WeakSet<object>()

/**
 * Wraps the resolvers of a schema, in place and once, and lets the plans of a server know of them.
 * @param mutations the names of the types whose fields write, beside `Mutation`
 * @param others what fields without a resolver are resolved with, where nobody tells the executor
 */
export function wrapResolvers(
  schema: GraphQLSchema,
  plans: Plans,
  mutations?: readonly string[],
  others?: Resolver,
): void {
  const writing = mutationTypes(
    schema,
    mutations,
    ({ resolve }) => resolve !== undefined && !isDefault(resolve as Resolver),
  )
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    for (const [holder, property] of typeResolversOf(type)) {
      wrapTypeResolver(holder, property, `${type.name}.__${property}`, plans)
    }
    if (!('getFields' in type)) continue
    if (writing.has(type)) writingTypes.add(type)
    for (const field of Object.values(type.getFields())) {
      if (!('resolve' in field)) continue
      if (others !== undefined) field.resolve ??= others
      wrapField(field, `${type.name}.${field.name}`, writing.has(type), plans)
    }
  }
}

function wrapField(field: GraphQLField<unknown, unknown>, name: string, writes: boolean, plans: Plans): void {
  if (field.subscribe && !wrappers.has(field.subscribe))
    field.subscribe = feeding(field.subscribe as Resolver)
  const resolve = field.resolve as Resolver | undefined
  if (resolve === undefined || resolve.name === 'defaultMergedResolver') return
  if (isDefault(resolve)) {
    field.resolve = resolveProperty
    return
  }
  plans.expect(name)
  if (!wrappedFields.has(field) && !wrappers.has(resolve)) field.resolve = inScope(resolve, name)
  wrappedFields.add(field)
  // Another server may have wrapped it that does not know that it writes.
  if (!writes || freshResolvers.has(field.resolve!)) return
  field.resolve = fresh(field.resolve as Resolver)
  freshResolvers.add(field.resolve)
}

/** Where a type keeps the functions of its own. Federation keeps one in the extensions, and did in the type before. */
function typeResolversOf(type: GraphQLNamedType): [Holder | undefined, string][] {
  const { apollo } = type.extensions as { apollo?: { subgraph?: Holder } }
  const own = type as unknown as Holder
  return [
    [own, 'resolveType'],
    [own, 'isTypeOf'],
    [own, 'resolveReference'],
    [apollo?.subgraph, 'resolveReference'],
  ]
}

function wrapTypeResolver(holder: Holder | undefined, property: string, name: string, plans: Plans): void {
  const resolve = holder?.[property]
  if (typeof resolve !== 'function') return
  plans.expect(name)
  if (!wrappers.has(resolve)) holder![property] = typeInScope(resolve as Resolver, name)
}

function inScope(resolve: Resolver, name?: string): Resolver {
  return wrapper(function (source, args, context, info) {
    const operation = operationOf(context)
    if (operation === undefined) return resolve.call(this, source, args, context, info)
    return run(operation, name ?? coordinateOf(info), info, resolve, this, source, args, context, info)
  })
}

function typeInScope(resolve: Resolver, name: string): Resolver {
  return wrapper(function (value, context, info, type) {
    const usual = operationOf(context)
    // Mercurius hands arguments to what resolves a reference, as to a resolver of a field.
    const operation = usual ?? operationOf(info)
    if (operation === undefined) return resolve.call(this, value, context, info, type)
    return run(operation, name, usual ? info : type, resolve, this, value, context, info, type)
  })
}

function wrapper(resolve: Resolver): Resolver {
  wrappers.add(resolve)
  return resolve
}

/**
 * What fields without a resolver are resolved with: their property, as in graphql-js. Only where that is a function, such as
 * a method of a class, it is work: it may load. Little else is in here, since a field of each row goes through it.
 */
const resolveProperty: Resolver = (source, args, context, info) => {
  if (source === null || (typeof source !== 'object' && typeof source !== 'function')) return undefined
  const property: unknown = source[info.fieldName]
  return typeof property === 'function'
    ? callMethod(property as Resolver, source, args, context, info)
    : property
}

function callMethod(
  method: Resolver,
  source: unknown,
  args: unknown,
  context: unknown,
  info: GraphQLResolveInfo,
): unknown {
  const operation = operationOf(context)
  if (operation === undefined) return method.call(source, args, context, info)
  const call = (): unknown => run(operation, coordinateOf(info), info, method, source, args, context, info)
  return isWrite(info) ? afresh(call, operation.unitOf(info)) : call()
}

/** Whether a field writes, of a type of which that is known. */
function isWrite(info: GraphQLResolveInfo): boolean {
  return isMutation(info) && writingTypes.has(info.parentType)
}

/** What fields without a resolver are resolved with on a server that may have a resolver of its own for them. */
export function fieldResolver(own: Resolver | null | undefined): Resolver {
  if (!own || isDefault(own)) return resolveProperty
  return wrappers.has(own) ? own : fresh(inScope(own), isWrite)
}

/** That of graphql-js, of whichever copy of it, or ours in its place. */
function isDefault(resolve: Resolver): boolean {
  return (
    resolve === resolveProperty || resolve === beginWithProperty || resolve.name === 'defaultFieldResolver'
  )
}

/** The operation may be missing where a program calls a resolver itself. */
function isMutation({ operation }: Partial<GraphQLResolveInfo>): boolean {
  return (operation?.operation as string | undefined) === 'mutation'
}

function coordinateOf({ parentType, fieldName }: GraphQLResolveInfo): string {
  return `${parentType.name}.${fieldName}`
}

/** In two halves, and with its arguments one by one: there may be thousands of rows, and a function for each is expensive. */
function run(
  operation: Operation,
  name: string,
  info: GraphQLResolveInfo,
  resolve: Resolver,
  self: unknown,
  first: unknown,
  second: unknown,
  third: unknown,
  fourth?: unknown,
): unknown {
  const unit = operation.unitOf(info)
  const piece = unit.begin(name)
  let result: unknown
  try {
    result =
      operation.hasSeveral || registry.called
        ? asking(info, unit, () => resolve.call(self, first, second, third, fourth))
        : resolve.call(self, first, second, third, fourth)
  } catch (error) {
    piece.threw()
    throw error
  }
  return piece.gave(result)
}

/** A field of a mutation that writes: what it has changed, neither it nor the next one may see as it was. */
function fresh(resolve: Resolver, isWriting: (info: GraphQLResolveInfo) => boolean = isMutation): Resolver {
  return wrapper(function (source, args, context, info: GraphQLResolveInfo) {
    const operation = operationOf(context)
    // A type that is named may be reached by queries as well.
    if (operation === undefined || !isWriting(info)) return resolve.call(this, source, args, context, info)
    return afresh(() => resolve.call(this, source, args, context, info), operation.unitOf(info))
  })
}

/** What opens the source of a subscription: from then on, what its operation loads feeds the events. */
function feeding(subscribe: Resolver): Resolver {
  return wrapper(function (source, args, context, info) {
    const operation = operationOf(context)
    const given = subscribe.call(this, source, args, context, info)
    if (operation === undefined) return given
    if (!isThenable(given)) operation.fed()
    else
      void Promise.resolve(given).then(
        () => operation.fed(),
        () => {},
      )
    return given
  })
}

function afresh(work: () => unknown, unit: Unit): unknown {
  unit.clear()
  let result: unknown
  try {
    result = work()
  } catch (error) {
    unit.clear()
    throw error
  }
  if (isThenable(result)) return Promise.resolve(result).finally(() => unit.clear())
  unit.clear()
  return result
}

/**
 * With its root field an event begins. What others have wrapped it in is wrapped as well: where that runs it in a context of
 * its own, such as a span, that is the context of this one field.
 */
export function wrapEvents(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    const resolve = (field.resolve ?? resolveProperty) as Resolver
    if (beginnings.has(resolve)) continue
    field.resolve = isDefault(resolve) ? beginWithProperty : beginning(resolve)
  }
}

function beginning(resolve: Resolver): Resolver {
  const begin = wrapper(function (source, args, context, info: GraphQLResolveInfo) {
    const operation = operationOf(context)
    if (operation === undefined) return resolve.call(this, source, args, context, info)
    const event = operation.beginEvent(info, context)
    return asking(info, event, () => resolve.call(this, source, args, context, info))
  })
  beginnings.add(begin)
  return begin
}

const beginnings = new WeakSet<object>()
const beginWithProperty = beginning(resolveProperty)
