/**
 * The executor: what stands around it, nearer than any other plugin, and so sees the async context that the resolvers of an
 * execution have in common; and when it is called again.
 * @module
 */

import { fieldResolver, operationOf, wrapEvents, type Execution } from '@bulkcall/graphql/kit'
import type { ExecutionArgs } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Plugins that execute hand on the arguments, or copies of them, which keep this. */
const key: unique symbol = Symbol('bulkcall execution')

type Marked = ExecutionArgs & { [key]?: Execution }
type Execute = (args: any) => any

/** Notes of which execution these are the arguments. */
export function executing(args: ExecutionArgs, execution: Execution): Execution {
  ;(args as Marked)[key] = execution
  return execution
}

export function executionOf(args: ExecutionArgs): Execution | undefined {
  return (args as Marked)[key]
}

/** By the function that it enters: made once, and not for each execution. */
const entering = new WeakMap<Execute, Execute>()

function enter(execute: Execute): Execute {
  let entered = entering.get(execute)
  if (entered === undefined) {
    entered = args => {
      const { contextValue, document } = args
      // A plugin may have handed on but what it knows of the arguments.
      const execution = executionOf(args) ?? operationOf(contextValue)?.executionOf(document)
      if (execution === undefined) return execute(args)
      args.fieldResolver = fieldResolver(args.fieldResolver)
      return execution.operation.enter(execution, contextValue, () => execute(args))
    }
    entering.set(execute, entered)
  }
  return entered
}

/** The plugin that stands next to the engine. */
export const entrance: Plugin = {
  onExecute({ executeFn, setExecuteFn }) {
    setExecuteFn(enter(executeFn))
  },
  onSubscribe({ subscribeFn, setSubscribeFn }) {
    setSubscribeFn(enter(subscribeFn))
  },
}

/** The plugin that stands after all others. */
export const wrapsEvents: Plugin = {
  onSchemaChange({ schema }) {
    wrapEvents(schema as never)
  },
}
