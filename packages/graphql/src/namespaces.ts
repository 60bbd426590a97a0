/**
 * Namespaces: types beside `Mutation` whose fields write, as in `mutation { users { rename(id: 1) { name } } }`.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import type { GraphQLField, GraphQLObjectType, GraphQLSchema } from 'graphql'

type Field = GraphQLField<unknown, unknown>

/** A field and the type that it is of. */
interface Way {
  readonly parent: GraphQLObjectType
  readonly field: Field
}

/**
 * The types whose fields write: `Mutation`, and those that are named. Where none are named it is those that can be reached
 * only by fields of such types that take no arguments and give one object, and that have work of their own: a resolver, or a
 * field that takes arguments.
 */
export function mutationTypes(
  schema: GraphQLSchema,
  named: readonly string[] | undefined,
  hasResolver: (field: Field) => boolean,
): ReadonlySet<object> {
  const root = schema.getMutationType()
  const roots = root ? [root] : []
  if (named !== undefined) return new Set([...roots, ...named.map(name => objectNamed(schema, name))])
  const ways = waysTo(schema)
  const others = new Set<unknown>([schema.getQueryType(), schema.getSubscriptionType()])
  let found = [...ways.keys()].filter(
    type =>
      !others.has(type) &&
      Object.values(type.getFields()).some(field => field.args.length > 0 || hasResolver(field)),
  )
  // One may be reached by another that is none.
  for (let count = Infinity; found.length < count;) {
    count = found.length
    const writing = new Set([...roots, ...found])
    found = found.filter(type => ways.get(type)!.every(way => writing.has(way.parent) && isPlain(way.field)))
  }
  return new Set([...roots, ...found])
}

function objectNamed(schema: GraphQLSchema, name: string): GraphQLObjectType {
  const type = schema.getType(name)
  if (!isObject(type)) throw new BulkOptionError('mutations', 'names of object types of the schema', name)
  return type
}

/** The fields that give each object type, also as what an interface or a union may be. */
function waysTo(schema: GraphQLSchema): ReadonlyMap<GraphQLObjectType, readonly Way[]> {
  const ways = new Map<GraphQLObjectType, Way[]>()
  for (const parent of Object.values(schema.getTypeMap())) {
    if (parent.name.startsWith('__') || !isObject(parent)) continue
    for (const field of Object.values(parent.getFields())) {
      for (const type of objectsOf(schema, String(field.type).replaceAll(/[![\]]/g, '')))
        ways.set(type, [...(ways.get(type) ?? []), { parent, field }])
    }
  }
  return ways
}

/** The object types that something of the type of this name may have. */
function objectsOf(schema: GraphQLSchema, name: string): readonly GraphQLObjectType[] {
  const type = schema.getType(name)!
  if (isObject(type)) return [type]
  return 'resolveType' in type ? schema.getPossibleTypes(type) : []
}

/** Whether a field gives one object without being asked for a certain one. */
function isPlain({ args, type }: Field): boolean {
  return args.length === 0 && !String(type).includes('[')
}

function isObject(type: unknown): type is GraphQLObjectType {
  return typeof type === 'object' && type !== null && 'getFields' in type && 'isTypeOf' in type
}
