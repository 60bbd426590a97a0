/**
 * `useBulk`: the plugin. Each hook says when; what happens then is in other files.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import type { AnyDefinitions, BulkDefinitions, Checked, TypedByCommand } from '@bulkcall/graphql'
import {
  contextClass,
  expect,
  extension,
  firstOf,
  isOriginal,
  mistakeIn,
  Operation,
  operationOf,
  fieldResolver,
  prepare,
  serverOf,
  withoutOld,
  wrapResolvers,
  type Execution,
  type Unit,
} from '@bulkcall/graphql/kit'
import type { ExecutionArgs } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { attended, gone, hasSignal, isAsyncIterable, type ClientContext } from './client.ts'
import { isShownAsItIs, presented, presentedBatch, presentedFailure } from './errors.ts'
import { entrance, executing, executionOf, exit } from './executor.ts'
import { logOnce, withoutRepeats, type Log } from './log.ts'
import type { BulkPlugin, UseBulkOptions } from './types.ts'

const ours = new WeakSet<object>()

/** What is done once an execution has begun. */
type Done = NonNullable<Exclude<Awaited<ReturnType<NonNullable<Plugin['onExecute']>>>, void>>

/**
 * A GraphQL Yoga plugin that gives each operation loaders, as `ctx.bulk.<name>`, or under another name than `bulk`.
 *
 * @param definitions the loaders, by name: a command, or a command with its settings
 * @param options the defaults of all loaders, and a limit for all of them together
 */
export function useBulk<
  const D extends AnyDefinitions & {
    // What the compiler cites where the type of a context stands in this place.
    readonly 'with the type of a context, definitions go into a second call: useBulk<Context>()({ ... })'?: never
  },
  const As extends string = 'bulk',
  C = unknown,
>(definitions: D & Checked<D> & TypedByCommand<C>, options?: UseBulkOptions<As>): BulkPlugin<D, As>
/** The same with the application's context type for all commands: `useBulk<AppContext>()({ … })`. */
export function useBulk<TContext>(): <
  const D extends AnyDefinitions<TContext>,
  const As extends string = 'bulk',
  C = unknown,
>(
  definitions: D & Checked<D> & TypedByCommand<C>,
  options?: UseBulkOptions<As>,
) => BulkPlugin<D, As>
export function useBulk(definitions?: BulkDefinitions, options: UseBulkOptions<string> = {}): unknown {
  return definitions === undefined && arguments.length === 0 ? create : create(definitions!, options)
}

function create(
  definitions: BulkDefinitions,
  options: UseBulkOptions<string> = {},
): BulkPlugin<BulkDefinitions, string> {
  const server = prepare(definitions, options, ['extensions'])
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

  function check(context: unknown): void {
    const mistake = mistakeIn(context, server.as)
    if (mistake === null) return
    logOnce(mistake, log)
    throw mistake
  }

  /** An executor may give anything, also nothing. */
  function show<R extends object>(result: R, { aborted, tally }: Unit, transport: boolean): R {
    if (typeof result !== 'object' || (result as unknown) === null) return result
    const shown = isShownAsItIs(result) ? result : presented(result, { aborted, log, transport })
    // Of a result in parts the last one tells.
    return tally === null || hasMore(result) ? shown : tally.told(shown)
  }

  /** What is done when an execution is done: made once, and not for each. */
  const done: Done = {
    onExecuteDone({ args, result: given, setResult: setGiven }) {
      const execution = executionOf(args)
      if (execution === undefined) return undefined
      const { operation } = execution
      if (!isAsyncIterable(given)) {
        const shown = show(given, execution.unit, isOverHttp(args.contextValue as ClientContext))
        operation.end(execution)
        if (shown !== given) setGiven(shown)
        return undefined
      }
      let whole = false
      return {
        onNext({ result, setResult }) {
          whole = !hasMore(result)
          setResult(show(result, execution.unit, false))
        },
        // Of all transports: who does not wait for the last part has gone.
        onEnd() {
          if (!whole) operation.give(execution, gone())
          operation.end(execution)
        },
      }
    },
  }

  const plugin: BulkPlugin<BulkDefinitions, string> = {
    ...serverOf(definitions, server),

    onPluginInit({ plugins, registerContextErrorHandler }) {
      const others = plugins.filter(other => typeof other === 'object' && other !== null && ours.has(other))
      if (others.length > 1)
        throw new BulkOptionError('the plugins of a server', 'with one useBulk at most', others.length)
      // Inserting moves this plugin on, so that it is initialized once more.
      if (plugins.includes(entrance)) return
      const engine = plugins.findIndex(other => other && 'onExecute' in other)
      if (plugins[engine] !== plugin) plugins.splice(engine + 1, 0, entrance)
      plugins.push(exit(check))
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
      const operation = operationOf(context)
      // One object may be the context of all that a socket asks. What goes on with it must keep its loaders.
      if (operation?.server === server && operation.isRunning && isOriginal(context)) expect(context)
      else extendContext(extension(server.as, new ContextBulk(operationFor(context), context, false)))
    },

    onExecute({ args, executeFn, setExecuteFn }) {
      const execution = begin(args)
      if (execution === undefined) return undefined
      const { operation, isMutation } = execution
      if (isMutation) return done
      if (hasSignal(args.contextValue)) operation.attend(execution)
      else setExecuteFn(attended(executeFn, args.contextValue, operation))
      return done
    },

    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      const execution = begin(args)
      if (execution === undefined) return undefined
      const { operation } = execution
      const overHttp = isOverHttp(args.contextValue)
      if (hasSignal(args.contextValue)) operation.attend(execution)
      else setSubscribeFn(attended(subscribeFn, args.contextValue, operation))
      return {
        onSubscribeResult({ result: opened, setResult: setOpened }) {
          if (!isAsyncIterable(opened)) {
            setOpened(show(opened, execution.unit, overHttp))
            operation.end(execution)
            return undefined
          }
          operation.opened(execution)
          return {
            onNext({ result, setResult }) {
              setResult(show(result, execution.unit, false))
              if (!hasMore(result)) operation.answered(execution)
            },
            onEnd() {
              operation.give(execution, gone())
              operation.end(execution)
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

/** What is to be executed is known now. */
function begin(args: ExecutionArgs): Execution | undefined {
  const { schema, document, operationName, contextValue } = args
  const operation = operationOf(contextValue)
  if (operation === undefined) return undefined
  args.fieldResolver = fieldResolver(args.fieldResolver) as never
  for (const definition of document.definitions) {
    if (!('operation' in definition) || !('selectionSet' in definition)) continue
    if (operationName && definition.name?.value !== operationName) continue
    return executing(args, operation.begin([schema, document, definition], firstOf(contextValue)))
  }
  return undefined
}

/**
 * Whether an operation is one of an HTTP batch. Yoga gives each of these a context that inherits from that of the request,
 * which is used as it is where there is one operation. A hook that says so would cost each request more than its scope does.
 * What inherits from a context that has loaders is that of an execution within another.
 */
function isOfBatch(context: ClientContext): boolean {
  return (
    context.request !== undefined &&
    'waitUntil' in context &&
    !Object.hasOwn(context, 'waitUntil') &&
    operationOf(Object.getPrototypeOf(context)) === undefined
  )
}

/** Whether there is a transport that takes a status. */
function isOverHttp(context: ClientContext): boolean {
  return context.request !== undefined
}

/** Whether more parts of the result come after this one. */
function hasMore(result: object): boolean {
  return 'hasNext' in result && result.hasNext === true
}
