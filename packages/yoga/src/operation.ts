/**
 * An operation: its scope, and its loaders, which are made when they are first touched.
 * @module
 */

import {
  AsyncBulkCall,
  BulkLoader,
  BulkScope,
  type BulkCallOptions,
  type BulkLoaderOptions,
  type BulkPiece,
  type Command,
  type CommandContext,
} from '@bulkcall/core'
import type { Plan } from '@bulkcall/core/kit'
import type { DocumentNode, GraphQLResolveInfo, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import { asker } from './asking.ts'
import type { ClientContext } from './client.ts'
import { given, type PreparedLoader, type PreparedServer } from './definitions.ts'
import { rethrow, unlocatedResults } from './errors.ts'
import { CountingLoader, Tally } from './tally.ts'
import type { BulkCommand, BulkCommandContext } from './types.ts'

type AnyLoader = BulkLoader<any, any, any>

export class Operation {
  readonly #server: PreparedServer
  readonly #context: unknown
  // Made with the operation, in the async context of the request: a resolver that runs elevated must not lend its own.
  #scope: BulkScope
  #plan: Plan | undefined
  #loaders: (AnyLoader | undefined)[] = []
  #calls: Map<unknown, AsyncBulkCall<any, any>> | null = null

  #aborted: { readonly reason: unknown } | null = null
  #lasting = false
  /** How many executions run for the client of an HTTP request; those of one HTTP batch do so together. */
  #attended = 0
  /** How many executions it is that have not ended. */
  #executing = 0
  /** Ends listening to the signal of the request, where that has begun. */
  #unlisten: (() => void) | null = null

  /** @param plan where it is known before what is executed */
  constructor(server: PreparedServer, context: unknown, plan?: Plan) {
    this.#server = server
    this.#context = context
    this.#scope = new BulkScope({ asker, within: server.scope, plan })
    this.#plan = plan
    const { request } = context as ClientContext
    this.tally = server.tells(request) ? new Tally(request) : null
  }

  /** What it has loaded, if its result is to tell. */
  tally: Tally | null

  /** Why nobody waits for it any more, or `null`. */
  get aborted(): { readonly reason: unknown } | null {
    return this.#aborted
  }

  /** Its scope; in a subscription, that of the event at hand. */
  get scope(): BulkScope {
    return this.#scope
  }

  /** What it executes: an operation of a document. Those of one HTTP batch have all their names, in events. */
  executes(schema: GraphQLSchema, document: DocumentNode, definition: OperationDefinitionNode): void {
    this.#executing++
    const { name: others } = this.#scope
    const name = definition.name?.value
    if (name !== undefined) this.#scope.name = others === undefined ? name : `${others}, ${name}`
    if (this.#plan !== undefined) return
    this.#plan = this.#server.plans.of(schema, document, definition)
    this.#scope.follow(this.#plan)
  }

  /** An execution has its result: shared bulks do not wait for what still runs of it. */
  executed(): void {
    if (--this.#executing === 0) this.#scope.end()
  }

  /** The resolver of this name begins, in the scope of the operation. */
  begin(name: string): BulkPiece {
    return this.#scope.begin(this.#server.plans.evidenceOf(name))
  }

  /** The loader at this place. */
  loader(place: number, prepared: PreparedLoader): AnyLoader {
    return (this.#loaders[place] ??= this.#prepare(prepared))
  }

  #prepare({ command, options, make, shared }: PreparedLoader): AnyLoader {
    const scope = this.#scope
    if (shared === null) {
      return this.tally === null
        ? make(this.#bind(command), scope)
        : this.#makeLoader(command, { ...options, scope })
    }
    const { loader, partitionOf } = shared
    const partition = partitionOf(this.#context)
    const own = loader.definition({ ...options, scope, partition })
    return this.#makeLoader(own.command as BulkCommand, own.options)
  }

  #makeLoader(command: BulkCommand, options: BulkLoaderOptions<any, any, any, any>): AnyLoader {
    if (this.tally === null) return new BulkLoader<any, any, any>(this.#bind(command), options)
    const tally = this.tally.of(options.name!)
    const counting: BulkCommand = (keys, context) => tally.counted(() => command(keys, context)) as never
    return new CountingLoader<any, any>(tally, this.#bind(counting), options)
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
      call = new AsyncBulkCall<any, any>(this.#bind(command), {
        name: `${parentType.name}.${fieldName}`,
        ...this.#server.fieldDefaults,
        ...given(options),
        concurrent: this.#server.limitOf(field, options.concurrent),
        scope: this.#scope,
      })
      this.#calls.set(field, call)
    }
    return call
  }

  /** Forgets all answers: what comes next must see fresh data. */
  clear(): void {
    for (const loader of this.#loaders) loader?.clearAll()
  }

  /** Starts anew, for the next event of a subscription. What is under way goes on with the loaders that it has. */
  renew(): void {
    const { name } = this.#scope
    this.#scope.end()
    this.#scope = new BulkScope({ name, asker, within: this.#server.scope, plan: this.#plan })
    if (this.#aborted !== null) this.#scope.abort(this.#aborted.reason)
    this.#loaders = []
    this.#calls = null
    if (this.tally !== null) this.tally = new Tally(this.tally.request)
  }

  /** From here until {@link Operation.leave} it runs for the client of an HTTP request, who may go. */
  attend(): void {
    this.#attended++
    // Others wait for it: that it is aborted must not become known only when it loads, since it may hang before.
    if (this.#server.scope !== undefined) this.listen()
  }

  leave(): void {
    if (--this.#attended > 0) return
    this.#unlisten?.()
    this.#unlisten = null
  }

  /** A bulk starts: whether the client has gone is looked at only now. Gives the signal that will tell, if one can. */
  #look(): AbortSignal | null {
    if (this.#attended === 0 || this.#aborted !== null) return null
    const { signal } = (this.#context as ClientContext).request!
    if (signal.aborted) this.abort(signal.reason)
    return signal
  }

  /** A command has read its own signal, so it can be stopped: from now on that of the request is listened to. */
  listen(): void {
    const signal = this.#look()
    if (signal === null || signal.aborted || this.#unlisten !== null) return
    const gone = (): void => this.abort(signal.reason)
    signal.addEventListener('abort', gone, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', gone)
  }

  /** Nobody waits for the operation any more. */
  abort(reason: unknown): void {
    if (this.#lasting || this.#aborted !== null) return
    this.#aborted = { reason }
    this.#scope.abort(reason)
  }

  /** It goes on to its end, whoever waits: half of a mutation's writes would be worse than all of them. */
  last(): void {
    this.#lasting = true
    if (this.#aborted === null) return
    // Its client went before it began, and took an earlier operation of the same HTTP batch with him.
    this.#aborted = null
    this.renew()
  }

  /** A command of the application, as the core calls it. */
  #bind(command: BulkCommand): Command<any, any> {
    return (keys, bulk) => {
      this.#look()
      if (this.#aborted !== null) throw this.#aborted.reason
      try {
        return unlocatedResults(command(keys, new BoundContext(this, this.#context, bulk))) as never
      } catch (error) {
        return rethrow(error)
      }
    }
  }
}

/** What a command gets beside its keys. The signal is passed on when it is asked for: it is expensive, and few ask. */
class BoundContext implements BulkCommandContext {
  readonly context: unknown
  readonly partition = undefined
  readonly #operation: Operation
  readonly #bulk: CommandContext

  constructor(operation: Operation, context: unknown, bulk: CommandContext) {
    this.context = context
    this.#operation = operation
    this.#bulk = bulk
  }

  get name(): string {
    return this.#bulk.name
  }

  get signal(): AbortSignal {
    this.#operation.listen()
    return this.#bulk.signal
  }
}
