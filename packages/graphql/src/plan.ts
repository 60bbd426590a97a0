/**
 * Plans: what may follow from what in a document, by what its resolvers were seen to call. One for each operation of each
 * document, kept as long as the document is.
 * @module
 */

import { Evidence, Plan, Profile } from '@bulkcall/core/kit'
import type {
  DocumentNode,
  GraphQLNamedType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql'

/** What one server knows of its resolvers, and the plans that rest on that. */
export class Plans {
  readonly profile: Profile = new Profile()
  /** By the coordinate of the resolver, such as `Post.author`; `null` is one that has not run yet. */
  readonly #evidence = new Map<string, Evidence | null>()
  readonly #plans = new WeakMap<OperationDefinitionNode, { schema: GraphQLSchema; plan: Plan }>()

  /** There is a resolver of this name: until it has run, it may call any loader. */
  expect(name: string): void {
    if (!this.#evidence.has(name)) this.#add(name, null)
  }

  /** What the resolver of this name was seen to do; the same in every copy of a schema. */
  evidenceOf(name: string): Evidence {
    return this.#evidence.get(name) ?? this.#add(name, new Evidence(name))
  }

  #add<E extends Evidence | null>(name: string, evidence: E): E {
    this.#evidence.set(name, evidence)
    this.profile.version++
    return evidence
  }

  /** Whether the resolver of this name may call this loader. Where there is none, a property is looked up. */
  mayCall(name: string, loader: string): boolean {
    const evidence = this.#evidence.get(name)
    return evidence === undefined ? false : evidence === null || evidence.mayCall(loader)
  }

  /** The plan of one operation of a document, in this schema. */
  of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Plan {
    const known = this.#plans.get(operation)
    if (known?.schema === schema) return known.plan
    let outline: Outline | undefined
    const plan = new Plan(this.profile, (from, loader) => {
      outline ??= new Outline(this, schema, document, operation)
      return outline.leadsTo(from.name, loader)
    })
    this.#plans.set(operation, { schema, plan })
    return plan
  }

  /** The plan of operations that share their loaders: of what each of them leads to, the others know nothing. */
  ofSeveral(): Plan {
    return new Plan(this.profile, () => true)
  }
}

/** A place in a document: the resolvers that may run there, and the places that lead to it. */
interface Place {
  readonly names: readonly string[]
  readonly from: Set<Place>
}

/**
 * Which places of a document lead to which. A field is one place, however often it is selected on a type, and so is a
 * fragment: so the outline takes time and memory as the document does, whatever its aliases and fragments are.
 */
class Outline {
  readonly #plans: Plans
  readonly #schema: GraphQLSchema
  readonly #places = new Map<string, Place>()
  /** What follows from the result of a resolver is what these places lead to. */
  readonly #after = new Map<string, Place[]>()
  /** By loader, the places that lead to a call of it, as of this version of the evidence. */
  readonly #leading = new Map<string, Set<Place>>()
  #version = -1

  constructor(
    plans: Plans,
    schema: GraphQLSchema,
    { definitions }: DocumentNode,
    { operation, selectionSet }: OperationDefinitionNode,
  ) {
    this.#plans = plans
    this.#schema = schema
    const root = schema.getRootType(operation)
    const ahead: Selected[] = [[selectionSet, root, this.#place('', [])]]
    for (const definition of definitions) {
      if (!('typeCondition' in definition)) continue
      const { name, typeCondition } = definition
      ahead.push([
        definition.selectionSet,
        schema.getType(typeCondition.name.value),
        this.#place(`...${name.value}`, []),
      ])
    }
    // A list, and no recursion: a document may be as deep as a client likes.
    for (const [{ selections }, type, above] of ahead)
      for (const selection of selections) this.#select(selection, type, above, ahead)
  }

  /** Whether what follows from the result of this resolver may call this loader. An operation may run within another. */
  leadsTo(name: string, loader: string): boolean {
    const places = this.#after.get(name)
    if (places === undefined) return true
    const leading = this.#leadingTo(loader)
    return places.some(place => leading.has(place))
  }

  #leadingTo(loader: string): Set<Place> {
    const { version } = this.#plans.profile
    if (this.#version !== version) this.#leading.clear()
    this.#version = version
    let leading = this.#leading.get(loader)
    if (leading !== undefined) return leading
    this.#leading.set(loader, (leading = new Set()))
    const found = [...this.#places.values()].filter(({ names }) =>
      names.some(name => this.#plans.mayCall(name, loader)),
    )
    for (const { from } of found) {
      for (const place of from) {
        if (leading.has(place)) continue
        leading.add(place)
        found.push(place)
      }
    }
    return leading
  }

  #select(selection: SelectionNode, type: Type, above: Place, ahead: Selected[]): void {
    if (isOf('FragmentSpread', selection)) {
      this.#place(`...${selection.name.value}`, []).from.add(above)
    } else if (isOf('InlineFragment', selection)) {
      const { typeCondition, selectionSet } = selection
      const on = typeCondition === undefined ? type : this.#schema.getType(typeCondition.name.value)
      ahead.push([selectionSet, on, above])
    } else {
      const result = this.#field(type, selection.name.value, above)
      if (result !== null && selection.selectionSet !== undefined) {
        ahead.push([selection.selectionSet, ...result])
      }
    }
  }

  /** A field, and the type and the place of its result. `null` where it is one of GraphQL itself. */
  #field(type: Type, name: string, above: Place): [Type, Place] | null {
    const field = type && 'getFields' in type ? type.getFields()[name] : undefined
    if (field === undefined) return null
    const key = `${type!.name}.${name}`
    const place = this.#places.get(key) ?? this.#newPlace(key, type, name)
    place.from.add(above)
    let result: unknown = field.type
    while (typeof result === 'object' && result !== null && 'ofType' in result) result = result.ofType
    const below = this.#below(key, result as GraphQLNamedType)
    below.from.add(place)
    return [result as GraphQLNamedType, below]
  }

  /** The first time only: an interface may have many types, and a document many aliases of its fields. */
  #newPlace(key: string, type: Type, name: string): Place {
    const names = this.#possible(type).map(possible => `${possible}.${name}`)
    const place = this.#place(key, names)
    for (const each of names) this.#follows(each, place)
    return place
  }

  /** The result of a field: its type has to be resolved before anything of it is. */
  #below(field: string, type: GraphQLNamedType): Place {
    const key = `${field}:`
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const possible = this.#possible(type)
    const names = [`${type.name}.__resolveType`, ...possible.map(each => `${each}.__isTypeOf`)]
    const place = this.#place(key, names)
    // A reference is resolved within the resolver of the field, and the same follows from it.
    for (const name of [...names, ...possible.map(each => `${each}.__resolveReference`)]) {
      this.#follows(name, place)
    }
    return place
  }

  #place(key: string, names: readonly string[]): Place {
    let place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, (place = { names, from: new Set() }))
    return place
  }

  #follows(name: string, place: Place): void {
    const places = this.#after.get(name)
    if (places === undefined) this.#after.set(name, [place])
    else places.push(place)
  }

  #possible(type: Type): string[] {
    if (type === undefined || type === null) return []
    const isAbstract = 'resolveType' in type
    return isAbstract ? this.#schema.getPossibleTypes(type).map(({ name }) => name) : [type.name]
  }
}

type Type = GraphQLNamedType | undefined | null
type Selected = [SelectionSetNode, Type, Place]

/** As a string, which the kind is in every major of graphql. */
function isOf<K extends SelectionNode['kind']>(
  kind: `${K}`,
  selection: SelectionNode,
): selection is Extract<SelectionNode, { readonly kind: K }> {
  return (selection.kind as string) === kind
}
