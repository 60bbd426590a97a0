/**
 * `useBulk`: the plugin. Each hook says when; what happens then is in other files.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import type { ExecutionArgs } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { attended, gone, hasSignal, isAsyncIterable, type ClientContext } from './client.ts'
import { contextClass, extension, mistakeIn, operationOf } from './context.ts'
import { prepare } from './definitions.ts'
import { isShownAsItIs, presented, presentedBatch, presentedFailure } from './errors.ts'
import { logOnce, withoutRepeats, type Log } from './log.ts'
import { Operation } from './operation.ts'
import { fieldResolver, wrapResolvers } from './resolvers.ts'
import { withoutOld } from './tally.ts'
import type { BulkDefinitions, BulkPlugin, UseBulkOptions, Checked } from './types.ts'

const ours = new WeakSet<object>()

/** What is done once an execution has begun. */
type Execution = NonNullable<Exclude<Awaited<ReturnType<NonNullable<Plugin['onExecute']>>>, void>>

/**
 * A GraphQL Yoga plugin that gives each operation bulk loaders, as `ctx.bulk.<name>`, or under another name than `bulk`.
 *
 * @param definitions the loaders, by name: a command, or a command with its settings
 * @param options the defaults of all loaders, and a limit over all of them
 */
export function useBulk<const D extends BulkDefinitions, const As extends string = 'bulk'>(
  definitions: D & Checked<D>,
  options?: UseBulkOptions<As>,
): BulkPlugin<D, As>
/** The same with the application's context type for all commands: `useBulk<AppContext>()({ … })`. */
export function useBulk<TContext>(): <
  const D extends BulkDefinitions<TContext>,
  const As extends string = 'bulk',
>(
  definitions: D & Checked<D>,
  options?: UseBulkOptions<As>,
) => BulkPlugin<D, As>
export function useBulk(definitions?: BulkDefinitions, options: UseBulkOptions<string> = {}): unknown {
  return definitions === undefined && arguments.length === 0 ? create : create(definitions!, options)
}

function create(
  definitions: BulkDefinitions,
  options: UseBulkOptions<string> = {},
): BulkPlugin<BulkDefinitions, string> {
  const server = prepare(definitions, options)
  const ContextBulk = contextClass(server.loaders)
  let log: Log | null = null
  /** The operation that all operations of one HTTP batch share: they are one request of one client. */
  const batches = new WeakMap<Request, Operation>()

  function operationFor(context: ClientContext): Operation {
    if (!isOfBatch(context)) return new Operation(server, context)
    const request = context.request!
    const operation = batches.get(request) ?? new Operation(server, context, server.plans.ofSeveral())
    batches.set(request, operation)
    return operation
  }

  function check(context: object): void {
    const mistake = mistakeIn(context, server.as)
    if (mistake === null) return
    logOnce(mistake, log)
    throw mistake
  }

  /** The operation that begins with a context, which is whole now. */
  function operationIn(context: unknown): Operation | undefined {
    if (typeof context === 'object' && context !== null) check(context)
    return operationOf(context)
  }

  /** An executor may give anything, also nothing. */
  function show<R extends object>(result: R, { aborted, tally }: Operation, transport: boolean): R {
    if (typeof result !== 'object' || (result as unknown) === null) return result
    const shown = isShownAsItIs(result) ? result : presented(result, { aborted, log, transport })
    // Of a result in parts the last one tells.
    return tally === null || hasMore(result) ? shown : tally.told(shown)
  }

  /** What is done when an execution is done: made once, and not for each. */
  const executions = (isAttended: boolean): Execution => ({
    onExecuteDone({ args, result: given, setResult: setGiven }) {
      const operation = operationOf(args.contextValue)
      if (operation === undefined) return undefined
      if (!isAsyncIterable(given)) {
        if (isAttended) operation.leave()
        operation.executed()
        const shown = show(given, operation, isOverHttp(args.contextValue as ClientContext))
        if (shown !== given) setGiven(shown)
        return undefined
      }
      let whole = false
      return {
        onNext({ result, setResult }) {
          whole = !hasMore(result)
          setResult(show(result, operation, false))
        },
        // Of all transports: who does not wait for the last part has gone.
        onEnd() {
          if (isAttended) operation.leave()
          operation.executed()
          if (!whole) operation.abort(gone())
        },
      }
    },
  })
  const attendedExecution = executions(true)
  const otherExecution = executions(false)

  const plugin: BulkPlugin<BulkDefinitions, string> = {
    '~definitions': definitions,
    create: (context = {}) => new ContextBulk(new Operation(server, context)) as never,
    '~as': server.as,

    onPluginInit({ plugins, registerContextErrorHandler }) {
      const others = plugins.filter(other => typeof other === 'object' && other !== null && ours.has(other))
      if (others.length > 1)
        throw new BulkOptionError('the plugins of a server', 'with one useBulk at most', others.length)
      // Masking comes later, and leaves alone what is an error of GraphQL already.
      registerContextErrorHandler(({ context, error, setError }) => {
        setError(presentedFailure(error, { log, transport: isOverHttp(context) }))
      })
    },

    onYogaInit({ yoga }) {
      log = yoga.logger = withoutRepeats(yoga.logger)
    },

    onSchemaChange({ schema }) {
      wrapResolvers(schema as never, server.plans, server.mutations)
    },

    // The first hook that sees the context: later ones, and the application's own `context()`, can load.
    onEnveloped({ context, extendContext }) {
      if (!context) return
      check(context)
      extendContext(extension(server.as, new ContextBulk(operationFor(context))))
    },

    onExecute({ args, executeFn, setExecuteFn }) {
      const operation = operationIn(args.contextValue)
      if (operation === undefined) return undefined
      const isMutation = begin(operation, args) === 'mutation'
      if (isMutation) operation.last()
      else if (hasSignal(args.contextValue)) {
        operation.attend()
        return attendedExecution
      } else setExecuteFn(attended(executeFn, args.contextValue, operation))
      return otherExecution
    },

    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      const operation = operationIn(args.contextValue)
      if (operation === undefined) return undefined
      const overHttp = isOverHttp(args.contextValue)
      const isAttended = hasSignal(args.contextValue)
      begin(operation, args)
      if (isAttended) operation.attend()
      else setSubscribeFn(attended(subscribeFn, args.contextValue, operation))
      return {
        onSubscribeResult({ result: opened, setResult: setOpened }) {
          if (!isAsyncIterable(opened)) {
            if (isAttended) operation.leave()
            setOpened(show(opened, operation, overHttp))
          }
          // Each event is a unit of its own: what an earlier one has loaded may have changed since.
          operation.renew()
          return {
            onNext({ result, setResult }) {
              setResult(show(result, operation, false))
              operation.renew()
            },
            onEnd() {
              if (isAttended) operation.leave()
              operation.abort(new DOMException('The subscription has ended.', 'AbortError'))
            },
          }
        },
      }
    },

    onResultProcess(process) {
      const { result, request } = process
      if (Array.isArray(result)) {
        const own = result.map(one => withoutOld(one, request))
        process.setResult(presentedBatch(own) ?? own)
      } else if (!isAsyncIterable(result)) {
        const own = withoutOld(result, request)
        if (own !== result) process.setResult(own)
      }
    },
  }
  ours.add(plugin)
  return plugin
}

/**
 * Whether an operation is one of an HTTP batch. Yoga gives each of these a context that inherits from that of the request,
 * which is used as it is where there is one operation. A hook that says so would cost each request more than its scope does.
 */
function isOfBatch(context: ClientContext): boolean {
  if (context.request === undefined || Object.hasOwn(context, 'waitUntil')) return false
  const prototype: unknown = Object.getPrototypeOf(context)
  return prototype !== Object.prototype && prototype !== null
}

/** Whether there is a transport that takes a status. */
function isOverHttp(context: ClientContext): boolean {
  return context.request !== undefined
}

/** What an operation executes is known now. Gives what kind of operation it is. */
function begin(operation: Operation, args: Executed): string | undefined {
  const { schema, document, operationName } = args
  args.fieldResolver = fieldResolver(args.fieldResolver)
  for (const definition of document.definitions) {
    if (!('operation' in definition) || !('selectionSet' in definition)) continue
    if (operationName && definition.name?.value !== operationName) continue
    operation.executes(schema, document, definition)
    return definition.operation
  }
  return undefined
}

type Executed = Pick<ExecutionArgs, 'schema' | 'document' | 'operationName' | 'fieldResolver'>

/** Whether more parts of the result come after this one. */
function hasMore(result: object): boolean {
  return 'hasNext' in result && result.hasNext === true
}
