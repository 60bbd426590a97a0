/**
 * The operation of a context on a server that does not say when it executes: an execution is seen when the first of its
 * resolvers is called, by what graphql-js hands to it.
 * @module
 */

import { Kind, type GraphQLResolveInfo } from 'graphql'
import type { PreparedServer } from './definitions.ts'
import { Operation } from './operation.ts'
import { Unit } from './unit.ts'

export class SeenOperation extends Operation {
  /** That of the first execution, and of what is loaded outside of resolvers. */
  readonly #own: Unit
  /** What the first execution is known by. */
  #first: object | null = null
  /** The units of further executions, and of events, by what these are known by. */
  #others: WeakMap<object, Unit> | null = null

  constructor(server: PreparedServer, context: unknown) {
    super(server, context)
    this.#own = this.unit
  }

  override unitOf(info: GraphQLResolveInfo): Unit {
    const key = keyOf(info)
    // A program calls a resolver itself, or with these loaders a server executes that does say so.
    if (key === undefined || this.isRunning) return super.unitOf(info)
    if (key === this.#first) return this.#own
    return this.#others?.get(key) ?? this.#begin(key, info)
  }

  /** What is executed with one context has fresh loaders each time, and so has each event of a subscription. */
  #begin(key: object, info: GraphQLResolveInfo): Unit {
    const { schema, operation, fragments } = info
    // Where the server opens the source itself, its first event is the first that is seen of it.
    if (isSubscription(info) && this.#own.keeps) this.fed()
    let unit = this.#own
    if (this.#first === null && !this.hasSeveral) this.#first = key
    else {
      this.hasSeveral = true
      unit = new Unit(this)
      this.#others ??= new WeakMap()
      this.#others.set(key, unit)
    }
    const definitions = [operation, ...Object.values(fragments)]
    unit.executes(schema, { kind: Kind.DOCUMENT, definitions }, operation)
    return unit
  }

  override fed(): void {
    this.hasSeveral = true
    this.#own.feeds()
  }
}

/**
 * An object that all resolvers of one execution get, and no other: its variables, also where it has none. Events share theirs
 * in graphql 17, and the path of their one root field they do not.
 */
function keyOf(info: Partial<GraphQLResolveInfo> | undefined): object | undefined {
  if (info === undefined || !isSubscription(info)) return info?.variableValues
  let root = info.path
  while (root?.prev !== undefined) root = root.prev
  return root
}

/** The operation may be missing where a program calls a resolver itself. */
function isSubscription({ operation }: Partial<GraphQLResolveInfo>): boolean {
  return (operation?.operation as string | undefined) === 'subscription'
}
