/**
 * An operation: the executions that one context has, and which unit of work a load is part of.
 *
 * As a rule it is one execution, and one unit. Each further execution with the same context begins with fresh loaders, and
 * so does each event of a subscription; those of one HTTP batch share theirs.
 * @module
 */

import { host, type AsyncContext } from '@bulkcall/core'
import type { Plan } from '@bulkcall/core/kit'
import type { DocumentNode, GraphQLResolveInfo, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import { asking, askingUnit } from './asking.ts'
import type { PreparedServer } from './definitions.ts'
import { Unit, type Asking, type RequestContext, type UnitOwner } from './unit.ts'

/** What is executed: an operation of a document. */
export type Executed = readonly [GraphQLSchema, DocumentNode, OperationDefinitionNode]

/** One execution. */
export class Execution {
  readonly operation: Operation
  /** Another one, when what is executed is executed again. */
  unit: Unit
  readonly executed: Executed
  /** Who loads in it, where it is the first one with its context. */
  readonly first: Asking | null
  /** In which its resolvers are called, once they are. */
  context: AsyncContext | null = null
  /** Whether it runs for the client of an HTTP request. */
  isAttended = false

  constructor(operation: Operation, unit: Unit, executed: Executed, first: Asking | null) {
    this.operation = operation
    this.first = first
    this.unit = unit
    this.executed = executed
  }

  /** The context that was built for it. */
  get built(): unknown {
    return (this.first ?? this.unit).context
  }

  get isMutation(): boolean {
    const kind: string = this.executed[2].operation
    return kind === 'mutation'
  }
}

export class Operation implements UnitOwner {
  readonly server: PreparedServer
  readonly context: unknown
  /** The unit of work of all that is not known to be of another. */
  #unit: Unit
  /** That of the next execution, while its context is built beside executions that go on. */
  #expected: Unit | null = null
  /** Those of events that have not been answered, in their order. */
  #events: Unit[] = []
  /** The executions that have not ended, in their order. */
  #executions: readonly Execution[] = []
  /** By what an executor makes anew each time; `null` where it is ours that is entered. */
  #runs: WeakMap<object, Unit> | null = null
  /** Whether there are several units of work, so that it is noted which one asks. */
  hasSeveral = false

  #aborted: { readonly reason: unknown } | null = null
  #lasting = false
  /** Ends listening to the signal of the request, where that has begun. */
  #unlisten: (() => void) | null = null

  /** @param plan that of an HTTP batch, whose executions share their loaders */
  constructor(server: PreparedServer, context: unknown, plan?: Plan) {
    this.server = server
    this.context = context
    this.#unit = new Unit(this, plan)
  }

  // ---- Executions

  /** Whether an execution goes on. */
  get isRunning(): boolean {
    return this.#executions.length > 0
  }

  /**
   * An execution begins. The context is finished.
   * @param first who loads, if it is the first one with its context, for which what was loaded until now counts
   */
  begin(executed: Executed, first: Asking | null): Execution {
    const unit = first === null ? this.#fresh() : (this.#expected ?? this.#unit)
    this.#expected = null
    // Where others go on, what is not known to be of this one is theirs.
    if (!this.isRunning && !this.#unit.isShared) this.#unit = unit
    else if (unit !== this.#unit) this.hasSeveral = true
    const execution = new Execution(this, unit, executed, first)
    if (execution.isMutation) this.#last(unit)
    unit.executes(...executed)
    this.#executions = [...this.#executions, execution]
    return execution
  }

  /** Another execution is about to begin with the same context, which is built first. */
  expect(): void {
    this.hasSeveral = true
    this.#expected = this.#fresh()
  }

  /** The operation of what loads for a context that is being built: of its own, where it runs in other stores than its batch. */
  fitting(context: unknown): Operation {
    const fits = !this.#unit.isShared || this.#unit.fits(host.captureContext())
    return fits ? this : new Operation(this.server, context)
  }

  /** The one that executes this document, or operation of one: rather one that has not been executed yet. */
  executionOf(node: DocumentNode | OperationDefinitionNode): Execution | undefined {
    const all = this.#executions.filter(({ executed }) => executed.includes(node as never))
    return all.find(({ context }) => context === null) ?? all.at(-1)
  }

  #fresh(): Unit {
    if (!this.isRunning) {
      this.#aborted = null
      this.#lasting = false
    }
    const unit = new Unit(this)
    if (this.#aborted !== null) unit.abort(this.#aborted.reason)
    return unit
  }

  /** What is executed is handed to the executor: its resolvers are called from here. */
  enter<R>(execution: Execution, context: unknown, work: () => R): R {
    const unit = this.#enter(execution, context)
    return this.hasSeveral ? asking(null, unit, work) : work()
  }

  #enter(execution: Execution, context: unknown): Unit {
    const now = host.captureContext()
    const fits = !execution.unit.isShared || execution.unit.roams || execution.unit.fits(now)
    if (execution.context !== null || !fits) this.#again(execution)
    if (execution.first !== null) execution.first.context = context
    const { unit } = execution
    unit.enter(now, context)
    execution.context = now
    return unit
  }

  /** It is executed once more, as live queries are, or in other stores than the others of its HTTP batch. */
  #again(execution: Execution): void {
    const { unit } = execution
    const next = this.#fresh()
    next.executes(...execution.executed)
    unit.executed()
    execution.unit = next
    if (unit.isShared) this.hasSeveral = true
    else if (this.#unit === unit) this.#unit = next
  }

  /** An execution has failed, perhaps because its client has gone. */
  fail(execution: Execution): void {
    this.look()
    this.end(execution)
  }

  /** An execution has ended. */
  end(execution: Execution): void {
    execution.unit.executed()
    this.#executions = this.#executions.filter(each => each !== execution)
    if (!this.#isAttended) {
      this.#unlisten?.()
      this.#unlisten = null
    }
    const latest = this.#executions.at(-1)
    // What is not known to be of any is of one that goes on. More operations of an HTTP batch may begin.
    const isOver = !this.#unit.isShared && !this.#executions.some(({ unit }) => unit === this.#unit)
    if (latest !== undefined && isOver) this.#unit = latest.unit
  }

  /** It goes on to its end, whoever waits: half of a mutation's writes would be worse than all of them. */
  #last(unit: Unit): void {
    this.#lasting = true
    if (this.#aborted === null) return
    // Its client went before it began, and took an earlier operation of the same HTTP batch with him.
    this.#aborted = null
    unit.aborted = null
    unit.renew()
  }

  // ---- Subscriptions

  /** The source of a subscription is open. What feeds it is another unit of work than its events. */
  opened(execution: Execution): void {
    execution.unit.feeds()
  }

  /** A source is open on a server that does not say so: its resolver has been seen to give it. */
  fed(): void {}

  /** The root field of an event is about to be resolved. */
  beginEvent(info: GraphQLResolveInfo, context: unknown): Unit {
    const known = this.#events.at(-1)
    if (known?.event === info) return known
    this.hasSeveral = true
    const source = this.#here()
    const event = new Unit(this, source.plan, source)
    event.event = info
    event.enter(host.captureContext(), context)
    this.#events.push(event)
    return event
  }

  /** The first of its events that has not been answered is. */
  answered({ unit }: Execution): void {
    const first = this.#events.find(({ source }) => source === unit)
    this.#events = this.#events.filter(event => event !== first)
    unit.renew()
  }

  // ---- Which unit

  /** The unit of a load. */
  get unit(): Unit {
    return this.hasSeveral ? this.#here() : this.#unit
  }

  /** The unit of a resolver that is called. */
  unitOf(info: GraphQLResolveInfo): Unit {
    const event = this.hasSeveral ? this.#events.findLast(each => isSame(each.event!, info)) : undefined
    if (event !== undefined) return event
    const unit = this.unit
    return this.#runs !== null || (unit.roams && unit.keeps) ? this.#guess(unit, info) : unit
  }

  /**
   * The unit of a resolver where a plugin has put another executor in the place of that in which ours is entered. It makes the
   * values of variables anew each time that it executes.
   */
  #guess(unit: Unit, { variableValues, operation }: Partial<GraphQLResolveInfo> = {}): Unit {
    if (variableValues === undefined || operation === undefined) return unit
    this.#runs ??= new WeakMap()
    let known = this.#runs.get(variableValues)
    if (known === undefined) {
      const execution = this.executionOf(operation)
      known = execution === undefined ? unit : this.#enter(execution, execution.built)
      this.#runs.set(variableValues, known)
    }
    return known
  }

  #here(): Unit {
    const unit = askingUnit()
    return unit instanceof Unit && unit.owner === this ? unit : (this.#expected ?? this.#unit)
  }

  // ---- The client

  /** An execution runs for the client of an HTTP request, who may go. */
  attend(execution: Execution): void {
    execution.isAttended = true
    // Others wait for it: that it is aborted must not become known only when it loads, since it may hang before.
    if (this.server.scope !== undefined) this.listen()
  }

  /** Those of one HTTP batch run for one client. */
  get #isAttended(): boolean {
    return this.#executions.some(({ isAttended }) => isAttended)
  }

  /** Looks whether the client has gone, since a bulk starts. Gives the signal that will tell, if one can. */
  look(): AbortSignal | null {
    if (!this.#isAttended || this.#aborted !== null) return null
    const { signal } = (this.context as RequestContext).request!
    if (signal.aborted) this.abort(signal.reason)
    return signal
  }

  /** A command has read its own signal, so it can be stopped: from now on that of the request is listened to. */
  listen(): void {
    const signal = this.look()
    if (signal === null || signal.aborted || this.#unlisten !== null) return
    const gone = (): void => this.abort(signal.reason)
    signal.addEventListener('abort', gone, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', gone)
  }

  /** Nobody waits for the operation any more. */
  abort(reason: unknown): void {
    if (this.#lasting || this.#aborted !== null) return
    this.#aborted = { reason }
    this.#unit.abort(reason)
    this.#expected?.abort(reason)
    for (const execution of this.#executions) this.give(execution, reason)
  }

  /** Nobody waits for an execution any more. */
  give({ unit }: Execution, reason: unknown): void {
    if (this.#lasting) return
    unit.abort(reason)
    for (const event of this.#events) if (event.source === unit) event.abort(reason)
  }
}

/** Whether two resolvers are of one event. Its payload may be a number, which another event has as well: then it is the latest. */
function isSame(a: GraphQLResolveInfo, b: GraphQLResolveInfo): boolean {
  return Object.is(a.rootValue, b.rootValue) && a.variableValues === b.variableValues
}
