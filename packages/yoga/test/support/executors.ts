/**
 * Executors that plugins put in the place of Yoga's.
 * @module
 */

import * as GraphQLJS from 'graphql'

/** Gets the arguments of an execution. */
type Execute = (args: any) => any

export const executors: Record<string, Execute> = {
  'graphql-js': args => GraphQLJS.execute(args),
  // It takes graphql up to 16.
  ...(GraphQLJS.versionInfo.major > 16 ? {} : { 'graphql-jit': executeCompiled }),
}

async function executeCompiled(args: any): Promise<unknown> {
  const { compileQuery, isCompiledQuery } = await import('graphql-jit')
  const compiled = compileQuery(args.schema, args.document, args.operationName)
  return isCompiledQuery(compiled)
    ? compiled.query(args.rootValue, args.contextValue, args.variableValues)
    : compiled
}
