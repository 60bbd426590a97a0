/**
 * Namespaces: types beside `Mutation` whose fields write, as in `mutation { users { rename(id: 1) { name } } }`.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import type { GraphQLField, GraphQLObjectType, GraphQLSchema } from 'graphql'

type Field = GraphQLField<unknown, unknown>

/** A field and the type that it is of. */
interface Way {
  readonly parent: object
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
  const found = new Set<object>(root ? [root] : [])
  if (named !== undefined) {
    for (const name of named) found.add(objectNamed(schema, name))
    return found
  }
  const ways = waysTo(schema)
  const others = reachedOtherwise(schema)
  const candidates = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType =>
      isObject(type) &&
      ways.has(type.name) &&
      !others.has(type) &&
      Object.values(type.getFields()).some(field => field.args.length > 0 || hasResolver(field)),
  )
  // One may be reached by another that is found later.
  for (let size = 0; size < found.size;) {
    size = found.size
    for (const type of candidates)
      if (ways.get(type.name)!.every(({ parent, field }) => found.has(parent) && isPlain(field)))
        found.add(type)
  }
  return found
}

/** What is reached in more ways than by fields of its type: the other roots, and what an interface or a union may give. */
function reachedOtherwise(schema: GraphQLSchema): ReadonlySet<unknown> {
  const types = Object.values(schema.getTypeMap())
  const members = types.flatMap(type => ('getTypes' in type ? type.getTypes() : []))
  const implementors = types.filter(type => isObject(type) && type.getInterfaces().length > 0)
  return new Set([schema.getQueryType(), schema.getSubscriptionType(), ...members, ...implementors])
}

function objectNamed(schema: GraphQLSchema, name: string): object {
  const type = schema.getType(name)
  if (!isObject(type)) throw new BulkOptionError('mutations', 'names of object types of the schema', name)
  return type
}

/** The fields that give each type, by its name. */
function waysTo(schema: GraphQLSchema): ReadonlyMap<string, readonly Way[]> {
  const ways = new Map<string, Way[]>()
  for (const parent of Object.values(schema.getTypeMap())) {
    if (parent.name.startsWith('__') || !('getFields' in parent)) continue
    for (const field of Object.values(parent.getFields()) as Field[]) {
      const name = String(field.type).replaceAll(/[![\]]/g, '')
      ways.set(name, [...(ways.get(name) ?? []), { parent, field }])
    }
  }
  return ways
}

/** Whether a field gives one object without being asked for a certain one. */
function isPlain({ args, type }: Field): boolean {
  return args.length === 0 && !String(type).includes('[')
}

function isObject(type: unknown): type is GraphQLObjectType {
  return typeof type === 'object' && type !== null && 'getFields' in type && 'isTypeOf' in type
}
