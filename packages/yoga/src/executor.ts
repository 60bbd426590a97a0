/**
 * The executor: what stands around it, nearer than any other plugin, and so sees the async context that the resolvers of an
 * execution have in common, and when it is called again; and what stands around all that others have put there.
 * @module
 */

import { isThenable } from '@bulkcall/core/kit'
import { fieldResolver, operationOf, wrapEvents, type Execution } from '@bulkcall/graphql/kit'
import type { ExecutionArgs } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Plugins that execute hand on the arguments, or copies of them, which keep this. */
const key: unique symbol = Symbol()

type Marked = ExecutionArgs & { [key]?: Execution }
/** What is done around an executor, or what opens the source of a subscription. */
type Wrapper = (execute: (args: any) => any, args: ExecutionArgs) => unknown

/** Notes of which execution these are the arguments. */
export function executing(args: ExecutionArgs, execution: Execution): Execution {
  ;(args as Marked)[key] = execution
  return execution
}

export function executionOf(args: ExecutionArgs): Execution | undefined {
  return (args as Marked)[key]
}

const enter: Wrapper = (execute, args) => {
  const { contextValue, document } = args
  // A plugin may have handed on but what it knows of the arguments.
  const execution = executionOf(args) ?? operationOf(contextValue)?.executionOf(document)
  if (execution === undefined) return execute(args)
  args.fieldResolver = fieldResolver(args.fieldResolver) as never
  return execution.operation.enter(execution, contextValue, () => execute(args))
}

/** The plugin that stands next to the engine. */
export const entrance: Plugin = wrapped(enter)

/**
 * The plugin that stands after all others. Who fails to execute has executed: nobody else hears of that.
 * @param check throws where the context, to which nothing is added any more, is not as it must be
 */
export function exit(check: (context: unknown) => void): Plugin {
  const leave: Wrapper = (execute, args) => {
    const fail = (): void => {
      const execution = executionOf(args)
      execution?.operation.fail(execution)
    }
    try {
      check(args.contextValue)
      const given = execute(args)
      if (isThenable(given)) void given.then(undefined, fail)
      return given
    } catch (error) {
      fail()
      throw error
    }
  }
  return {
    ...wrapped(leave),
    onSchemaChange({ schema }) {
      wrapEvents(schema as never)
    },
  }
}

function wrapped(wrapper: Wrapper): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(args => wrapper(executeFn, args) as never)
    },
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(args => wrapper(subscribeFn, args) as never)
    },
  }
}
