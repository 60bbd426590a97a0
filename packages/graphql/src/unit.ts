/**
 * A unit of work: the loaders of one execution, or of one event of a subscription, and the async context in which their
 * commands run.
 * @module
 */

import {
  AsyncBulkCall,
  BulkLoader,
  BulkScope,
  host,
  type AsyncContext,
  type BulkCallOptions,
  type BulkLoaderOptions,
  type BulkPiece,
  type CommandContext,
  type LoaderCommand,
} from '@bulkcall/core'
import { check, isSameContext, type Plan } from '@bulkcall/core/kit'
import type { DocumentNode, GraphQLResolveInfo, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import { callingField } from './asking.ts'
import { given, type PreparedLoader, type PreparedServer } from './definitions.ts'
import { rethrow, unlocatedResults } from './unlocated.ts'
import { CountingLoader, Tally, type LoaderTally } from './tally.ts'
import type { BulkCommand, BulkCommandContext } from './types.ts'

type AnyLoader = BulkLoader<any, any, any>

/** What a context tells of its HTTP request. It may be missing, or be something else. */
export interface RequestContext {
  readonly request?: Request
}

/** Who loads: `ctx.bulk` of one context. */
export interface Asking {
  context: unknown
  /** Whether the context is finished. Before, it may not say yet whose keys may be in one bulk. */
  readonly isFinished: boolean
}

/** What a unit of work is part of. */
export interface UnitOwner {
  readonly server: PreparedServer
  readonly context: unknown
  /** A bulk is about to start: whether anybody waits is looked at only now. */
  look(): unknown
  /** A command has read its signal, so it can be stopped. */
  listen(): void
}

export class Unit implements AsyncContext {
  readonly owner: UnitOwner
  /** What its commands get. */
  context: unknown
  scope: BulkScope
  /** What it has loaded, if its result is to tell. */
  tally: Tally | null
  /** Why nobody waits for it any more, or `null`. */
  aborted: { readonly reason: unknown } | null = null
  /** Whether its answers are kept. What feeds a subscription must see what is true when it asks. */
  keeps = true
  /** Whether the operations of an HTTP batch share it, each of which has a context of its own. */
  readonly isShared: boolean
  /** Whether each load says in which async context the commands run, since no execution does. */
  roams = true
  plan: Plan | undefined
  /** How many executions of it have not ended. */
  #executing = 0
  /** Of an event: what feeds its subscription. */
  readonly source: Unit | null
  /** Of an event: what its root field is resolved with, by which its other resolvers are known. */
  event: GraphQLResolveInfo | null = null
  #async: AsyncContext | null = null
  #loaders: (AnyLoader | undefined)[] = []
  /** Those of shared loaders, one for each partition. */
  #partitions: Map<PreparedLoader, Partition[]> | null = null
  #calls: Map<unknown, AsyncBulkCall<any, any>> | null = null

  /**
   * @param plan that of an HTTP batch, known before what is executed; or that of what feeds the subscription
   * @param source what feeds the subscription of which this is an event
   */
  constructor(owner: UnitOwner, plan?: Plan, source?: Unit) {
    this.owner = owner
    this.context = source?.context ?? owner.context
    this.isShared = source === undefined && plan !== undefined
    this.plan = plan
    this.source = source ?? null
    if (source === undefined) {
      this.scope = this.#newScope()
      const { request } = owner.context as RequestContext
      const { tells } = owner.server
      this.tally = tells(request) ? new Tally(request) : null
    } else {
      // One scope for both: who watches finds the bulks of an event in it, and its plan.
      this.scope = source.scope
      this.tally = source.tally
    }
  }

  #newScope(name?: string): BulkScope {
    return new BulkScope({
      name,
      caller: callingField,
      within: this.owner.server.scope,
      plan: this.plan,
      context: this,
    })
  }

  /** What it executes: an operation of a document. Those of one HTTP batch have all their names, in events. */
  executes(schema: GraphQLSchema, document: DocumentNode, definition: OperationDefinitionNode): void {
    this.#executing++
    const { name: others } = this.scope
    const name = definition.name?.value
    if (name !== undefined) this.scope.name = others === undefined ? name : `${others}, ${name}`
    if (this.plan !== undefined) return
    this.plan = this.owner.server.plans.of(schema, document, definition)
    this.scope.follow(this.plan)
  }

  // ---- The async context

  /**
   * Commands run in the async context that its resolvers have in common: that in which the first of them is called.
   * @param context what the resolvers get, which may be a copy of what was built
   */
  enter(now: AsyncContext, context: unknown): void {
    this.context = context
    this.roams = false
    this.#async = now
  }

  /** Whether what loads now may share its bulks with what has loaded: they would run in the same async context. */
  fits(now: AsyncContext): boolean {
    return this.#async === null || isSameContext(this.#async, now)
  }

  /** Runs a command. */
  runInAsyncScope<T, A, R>(work: (this: T, a: A) => R, thisArg: T, a: A): R {
    const context = this.#async
    return context === null ? work.call(thisArg, a) : context.runInAsyncScope(work, thisArg, a)
  }

  // ---- Work

  /** The resolver of this name begins, in the scope of the operation. */
  begin(name: string): BulkPiece {
    // Nothing stands around the executor, or another one was put into its place: the first resolver is the earliest moment.
    if (this.roams && this.keeps) this.enter(host.captureContext(), this.context)
    return this.scope.begin(this.owner.server.plans.evidenceOf(name))
  }

  /** The loader at this place, for whoever loads by this `ctx.bulk`. */
  loader(place: number, prepared: PreparedLoader, bulk: Asking): AnyLoader {
    if (this.roams) this.#async = host.captureContext()
    if (prepared.shared !== null) return this.#ofPartition(prepared, prepared.shared, bulk)
    return this.#loaders[place] ?? this.#make(place, prepared)
  }

  #make(place: number, prepared: PreparedLoader): AnyLoader {
    const { command, options, make, makeForgetful } = prepared
    const { scope } = this
    const loader =
      this.tally === null
        ? (this.keeps ? make : makeForgetful)(this.#bind(command), scope, this)
        : this.#makeLoader(command, { ...options, ...(this.keeps ? {} : forgetful), scope, context: this })
    this.#loaders[place] = loader
    return loader
  }

  #makeLoader(command: BulkCommand, options: BulkLoaderOptions<any, any, any, any>): AnyLoader {
    if (this.tally === null) return new BulkLoader<any, any, any>(this.#bind(command), options)
    const tally = this.tally.of(options.name!)
    return new CountingLoader<any, any>(tally, this.#bind(command, tally), options)
  }

  /**
   * The loader of the partition that the context says now. No bulk has keys of another operation where it says none, or may
   * not say the right one yet.
   */
  #ofPartition(prepared: PreparedLoader, { loader, partitionOf }: Shared, bulk: Asking): AnyLoader {
    const { context } = this.isShared ? bulk : this
    const partition = partitionOf === null ? undefined : partitionOf(context)
    const alone = partitionOf !== null && (partition === undefined || !bulk.isFinished)
    this.#partitions ??= new Map()
    let all = this.#partitions.get(prepared)
    if (all === undefined) this.#partitions.set(prepared, (all = []))
    const same = all.filter(each => Object.is(each.partition, partition))
    const known = same.find(each => each.alone === alone)
    if (known !== undefined) return known.loader
    // An object that is made for each load, or the promise of an async function: no two loads would be in one bulk.
    const isStable = partitionOf === null || Object.is(partition, partitionOf(context))
    check(`the partition of ${prepared.property}`, isStable, 'the same value each time', partition)
    // What the same partition has shown before the context was finished is still known.
    const cacheMap = same[0]?.cacheMap ?? new Map()
    const kept = prepared.options.cache === false || !this.keeps ? forgetful : { cacheMap }
    const { scope } = this
    const own = loader.definition({ ...prepared.options, ...kept, scope, partition, alone })
    const made = this.#makeLoader(own.command as BulkCommand, own.options)
    all.push({ partition, alone, cacheMap, loader: made })
    return made
  }

  /** The bulk call of a field that is batched without a loader; named after the field if its options name none. */
  call(
    field: object,
    command: BulkCommand,
    options: BulkCallOptions,
    { parentType, fieldName }: GraphQLResolveInfo,
  ): AsyncBulkCall<any, any> {
    this.#calls ??= new Map()
    let call = this.#calls.get(field)
    if (call === undefined) {
      const { server } = this.owner
      call = new AsyncBulkCall<any, any>(this.#bind(command), {
        name: `${parentType.name}.${fieldName}`,
        ...server.fieldDefaults,
        ...given(options),
        concurrent: server.limitOf(field, options.concurrent),
        scope: this.scope,
        context: this,
      })
      this.#calls.set(field, call)
    }
    return call
  }

  // ---- Its end

  /** An execution has its result: shared bulks do not wait for what still runs of it. */
  executed(): void {
    if (--this.#executing === 0) this.scope.end()
  }

  /** Forgets all answers: what comes next must see fresh data. */
  clear(): void {
    for (const loader of this.#loaders) loader?.clearAll()
    for (const all of this.#partitions?.values() ?? []) for (const { loader } of all) loader.clearAll()
  }

  /** From now on it feeds a subscription: it keeps nothing, and begins anew with each event that has been answered. */
  feeds(): void {
    this.keeps = false
    this.roams = true
    this.#loaders = []
    this.#partitions = null
  }

  /** The next event begins. What is under way goes on with the loaders that it has. */
  renew(): void {
    this.scope.end()
    this.scope = this.#newScope(this.scope.name)
    if (this.aborted !== null) this.scope.abort(this.aborted.reason)
    this.#loaders = []
    this.#partitions = null
    this.#calls = null
    if (this.tally !== null) this.tally = new Tally(this.tally.request)
  }

  /** Nobody waits for it any more. */
  abort(reason: unknown): void {
    this.aborted ??= { reason }
    this.scope.abort(reason)
  }

  /** A command of the application, as the core calls it. */
  #bind(command: BulkCommand, tally?: LoaderTally): LoaderCommand<any, any> {
    return (keys, bulk) => {
      this.owner.look()
      if (this.aborted !== null) throw this.aborted.reason
      const came = tally?.begin() ?? (() => {})
      try {
        return unlocatedResults(command(keys, new BoundContext(this, bulk)), came) as never
      } catch (error) {
        return rethrow(error, came)
      }
    }
  }
}

const forgetful = { cache: false } as const

type Shared = NonNullable<PreparedLoader['shared']>

interface Partition {
  readonly partition: unknown
  readonly alone: boolean
  readonly cacheMap: Map<unknown, Promise<unknown>>
  readonly loader: AnyLoader
}

/** What a command gets beside its keys. The signal is passed on when it is asked for: it is expensive, and few ask. */
class BoundContext implements BulkCommandContext {
  readonly context: unknown
  readonly partition = undefined
  readonly #owner: UnitOwner
  readonly #bulk: CommandContext

  constructor({ owner, context }: Unit, bulk: CommandContext) {
    this.context = context
    this.#owner = owner
    this.#bulk = bulk
  }

  get name(): string {
    return this.#bulk.name
  }

  get signal(): AbortSignal {
    this.#owner.listen()
    return this.#bulk.signal
  }
}
